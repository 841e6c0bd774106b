"""
Runs a provisioning script, kills it again and again, and counts what the service has made.

The tests use it with few groups. The full proof, a thousand groups and fifty kills
(some minutes)::

    python tests/endtoend/ledger_crashes.py [--groups 1000] [--kills 50] [--rate 0.2] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field
from ledger_runs import INSTANCES, groups

from resilience import Ledger
from resilience.sandbox import Sandbox
from resilience.sandbox.service import Service

SCRIPT = Path(__file__).with_name("ledger_runs.py")
Running = subprocess.Popen[str]

# Faults before the request took effect and after it, throttling, and answers that nobody can read.
FAULTS = (
    "InternalError", "applied InternalError", "SystemOverFlow", "503", "reset", "applied reset",
    "hangup", "applied hangup", "applied truncated",
)  # fmt: skip
_EVERY = 10
"""Of so many groups one has a name that another account owns."""


@contextmanager
def running(folder: Path, service: Service, *arguments: str) -> Iterator[Running]:
    """Start the script in a folder; it is gone afterwards, whatever happens."""
    keys = {"KEY_ID": service.keys.key_id, "KEY_SECRET": service.keys.secret, "RUN_FOLDER": str(folder)}
    what, *rest = arguments
    with subprocess.Popen(  # noqa: S603  # our own script
        [sys.executable, str(SCRIPT), what, service.endpoint, *rest],
        cwd=folder,
        env={**os.environ, **keys},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def finished(started: Running) -> list[dict[str, Any]]:
    """Wait until the script has come to its end; return what it said of each resource."""
    said, errors = started.communicate(timeout=300)
    if started.returncode:
        raise AssertionError(f"the script failed:\n{errors}")
    return [json.loads(line) for line in said.splitlines()]


@define
class Report:
    """What came of a provisioning that was killed again and again."""

    kills: int = 0
    runs: int = 0
    problems: list[str] = field(factory=list)
    said: Counter[str] = field(factory=Counter)
    failures: int = 0
    calls: int = 0


def provision(folder: Path, *, count: int, kills: int, rate: float, seed: int) -> Report:
    """Provision ``count`` groups while the script is killed at random moments, then let it come to its end."""
    chance = random.Random(seed)  # noqa: S311  # a sequence, no secret
    report = Report()
    with Sandbox() as sandbox:
        for instance in INSTANCES:
            sandbox.alibaba.add_instance(instance)
        for _, name in list(groups(count))[::_EVERY]:
            sandbox.alibaba.add_foreign_group(name)
        sandbox.chaos(rate=rate, seed=seed, kinds=FAULTS, operation="alibaba:*")
        # Moments are told by the service: so many groups are there, and a little later the process is dead.
        for target in sorted(chance.sample(range(count - count // _EVERY), kills)):
            with running(folder, sandbox.alibaba, "groups", str(count), str(chance.random())[2:8]) as script:
                while len(sandbox.alibaba.tables()["groups"]) <= target and script.poll() is None:
                    time.sleep(0.001)
                time.sleep(chance.uniform(0, 0.02))
                script.kill()
                # A run that came to its end was not killed.
                report.kills += script.wait() < 0
            report.runs += 1
        while True:
            with running(folder, sandbox.alibaba, "groups", str(count), "0") as script:
                said = finished(script)
            report.runs += 1
            if all(each["error"] is None for each in said) or report.runs > kills + 10:
                break
        report.said = Counter(f"{each['ended']} ({each['stop_reason']})" for each in said)
        report.problems = list(_wrong(sandbox, folder, count, said))
        report.calls = len(sandbox.calls)
        report.failures = sum(call.answer != "ok" for call in sandbox.calls)
    return report


def _wrong(sandbox: Sandbox, folder: Path, count: int, said: list[dict[str, Any]]) -> Iterator[str]:
    """Yield everything that was made twice, lost, or made for nobody."""
    expected = {
        (instance, f"{name}-2" if number % _EVERY == 0 else name)
        for number, (instance, name) in enumerate(groups(count))
    }
    there = {(row["InstanceId"], row["GroupId"]) for row in sandbox.alibaba.groups}
    yield from (f"orphan: {each}" for each in sorted(there - expected))
    yield from (f"missing: {each}" for each in sorted(expected - there))
    applied = Counter(
        call.arguments["GroupId"] for call in sandbox.calls if call.operation == "CreateGroupId" and call.applied
    )
    yield from (f"made {times} times: {name}" for name, times in applied.items() if times != 1)
    yield from (f"failed: {each}" for each in said if each["error"] is not None)
    with Ledger(folder / "ledger.db", create=False) as ledger:
        entries = ledger.entries()
    known = {
        (each.resource["InstanceId"], each.renamed.get("GroupId", ("", each.resource["GroupId"]))[1])
        for each in entries
    }
    if known != expected or len(entries) != count:
        yield f"the ledger knows {len(entries)} resources, {len(known & expected)} of them rightly"
    yield from (f"not done in the ledger: {each.key}" for each in entries if each.state != "done")


def main() -> None:
    """Run the full proof and print what came of it."""
    parser = argparse.ArgumentParser(description="kill a provisioning script again and again, and count")
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = provision(Path(folder), count=wanted.groups, kills=wanted.kills, rate=wanted.rate, seed=wanted.seed)
    lines = [
        f"{wanted.groups} groups, {report.runs} runs, {report.kills} killed, {time.monotonic() - began:.0f} s",
        f"{report.calls} calls of the service, {report.failures} of them without a good answer",
        f"the last run: {', '.join(f'{times} {ended}' for ended, times in sorted(report.said.items()))}",
        *(report.problems or ["each group was made exactly once, and the ledger knows every one of them"]),
    ]
    print("\n".join(lines))  # noqa: T201  # a report
    sys.exit(bool(report.problems))


if __name__ == "__main__":
    main()
