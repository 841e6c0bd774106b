"""
Who retries, when a scheduler starts my job again by itself?

Both, each where it can judge. Within a run the policy does: it knows the codes. The scheduler starts the job again when
it has crashed, and later, when the service may have recovered. Two things make that work. The ledger tells a run what
those before it have done, so that nothing is made twice. The exit code tells the scheduler whether another run can
help; the outcome of a call knows. Offline, with a scheduler that is a loop, and a bad day::

    python examples/outer_scheduler.py

Run 1 is killed between the purchase of an instance and the answer. Run 2 finds that instance, but then the service is
busy for longer than a run waits. Run 3 does what is left. A second job asks for more topics than it may have.

A real scheduler is told ``NEVER`` like this: systemd by ``RestartPreventExitStatus=65``; Airflow by raising
``AirflowFailException``; Celery by an exception of ``dont_autoretry_for``; Temporal by
``ApplicationError(..., non_retryable=True)``.
Source: systemd.service(5); the API references of Airflow 2.11, Celery 5.3 and Temporal for Python; read 2026-11-21.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import field, frozen
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient

from resilience import Ledger, Outcome, Policy, SyncExecutor
from resilience.sandbox import Sandbox, without_proxies

# Exit codes of the job, the last two as in sysexits.h. Any other one is a crash, after which another run helps.
DONE, AGAIN, NEVER = 0, 75, 65

# Little patience, because there will be another run.
POLICY = """
schema = 1
name = "outer-scheduler"
extends = ["builtin:tencent-mqtt"]
[limits]
deadline = "3s"
settle = "1s"
"""


def exit_code(outcome: Outcome[Any]) -> int:
    """Return what the scheduler should know of a call."""
    if outcome.error is None:
        return DONE
    # We gave up or did not ask, so it may go better another time. Otherwise the answer was no, and stays no.
    is_open = outcome.ended in {"exhausted", "refused"} or outcome.stop_reason == "remedy"
    return AGAIN if is_open else NEVER


def job(environ: Mapping[str, str], name: str, *topics: str) -> int:
    """Buy an instance and make its topics, as if it were the first time; return the exit code."""
    http = HttpProfile(endpoint=environ["TENCENT_MQTT_ENDPOINT"], protocol="http", reqTimeout=10)
    keys = Credential(environ["TENCENTCLOUD_SECRET_ID"], environ["TENCENTCLOUD_SECRET_KEY"])
    client = MqttClient(keys, "ap-guangzhou", ClientProfile(httpProfile=http))
    executor = SyncExecutor(Policy.loads(POLICY), provider="tencent", ledger=Ledger(environ["LEDGER"]))
    executor.verify_with(client, unique_names=True)

    def told(outcome: Outcome[Any], resource: str) -> Outcome[Any]:
        by = f"attempts: {len(outcome.attempts)}" if outcome.attempts else "by an earlier run"
        print(f"    {outcome.operation:15} {resource:10} {outcome.ended}, {by}", flush=True)
        return outcome

    order = models.CreateInstanceRequest()
    order.Name, order.InstanceType, order.SkuCode = name, "BASIC", "basic_2k"
    bought = told(executor.outcome("CreateInstance", client.CreateInstance, order), name)
    if bought.value is None:
        return exit_code(bought)
    for topic in topics:
        request = models.CreateTopicRequest()
        request.InstanceId, request.Topic = bought.value.InstanceId, topic
        made = told(executor.outcome("CreateTopic", client.CreateTopic, request), topic)
        if made.error is not None:
            return exit_code(made)
    return DONE


@frozen
class Day:
    """What a run meets: faults by operation, and the operation after whose effect the machine loses its power."""

    faults: Mapping[str, str] = field(factory=dict)
    power_cut: str = ""


WEEK = (
    Day({"CreateInstance": "applied hang"}, power_cut="CreateInstance"),
    Day({"CreateTopic": "ok, RequestLimitExceeded*"}),
    Day(),
    Day(),
)
TOO_MUCH = Day({"CreateTopic": "LimitExceeded.TopicNum"})


def schedule(sandbox: Sandbox, ledger: Path, days: Sequence[Day], *job: str) -> int:
    """Run a job day after day, until it is done or never will be; return the number of runs."""
    service = sandbox.tencent
    environ = {
        "TENCENTCLOUD_SECRET_ID": service.secret_id,
        "TENCENTCLOUD_SECRET_KEY": service.secret_key,
        "TENCENT_MQTT_ENDPOINT": service.endpoint,
        "LEDGER": str(ledger),
    }
    for number, day in enumerate(days, 1):
        sandbox.clear_faults()
        for operation, faults in day.faults.items():
            sandbox.script(operation, faults)
        print(f"run {number} of {job[0]}", flush=True)
        command = [sys.executable, __file__, "--job", *job]
        with subprocess.Popen(command, env={**os.environ, **environ}) as run:  # noqa: S603  # this very script
            if day.power_cut:
                while run.poll() is None and not sandbox.applied(day.power_cut):
                    time.sleep(0.01)
                run.kill()
        meaning = {DONE: "done", AGAIN: "run it again later", NEVER: "do not run it again"}
        print(f"    exit code {run.returncode}: {meaning.get(run.returncode, 'a crash, run it again')}")
        if run.returncode in {DONE, NEVER}:
            return number
    return len(days)


def main() -> int:
    """Play the scheduler; return 0 if everything was made exactly once."""
    with without_proxies(), Sandbox() as sandbox, TemporaryDirectory() as folder:
        sandbox.tencent.boot_seconds = 0.0
        ledger = Path(folder, "ledger.db")
        runs = schedule(sandbox, ledger, WEEK, "plant-7", "telemetry", "commands")
        runs += schedule(sandbox, ledger, (TOO_MUCH, Day()), "plant-8", "alerts")
        bought, made = sandbox.applied("CreateInstance"), sandbox.applied("CreateTopic")
        print(f"{runs} runs of 2 jobs have bought {bought} instances and made {made} topics")
        return 0 if (runs, bought, made) == (4, 2, 2) else 1


if __name__ == "__main__":
    sys.exit(job(os.environ, *sys.argv[2:]) if sys.argv[1:2] == ["--job"] else main())
