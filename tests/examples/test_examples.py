"""The examples do what they say, offline."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from example_runs import EXAMPLES, run

from resilience import Executor, Policy
from resilience.cli.demo.examples import load
from resilience.sandbox import Sandbox

POLICY = Policy.load("builtin:provisioning", env="dev")

pytestmark = pytest.mark.anyio


def test_all_examples_are_tested_here() -> None:
    """A new example needs a test: this list is all there are."""
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "alibaba_groups",
        "aws_certificates",
        "aws_things",
        "azure_devices",
        "connect_device",
        "emqx_users",
        "existing_script",
        "many_calls",
        "mosquitto_dynsec",
        "outage",
        "outer_scheduler",
        "plain_coroutines",
        "rabbitmq_broker",
        "tencent_topics",
        "trace_tree",
        "wrapped_client",
    }


def test_a_fleet_of_devices_is_provisioned_once() -> None:
    """The folder with ten thousand devices, with a few of them: planned, made, known by the second run, reported."""
    assert {path.name for path in (EXAMPLES / "fleet").iterdir()} - {"__pycache__"} == {
        "devices.py",
        "fleet.toml",
        "ten_thousand.py",
    }
    shown = run("fleet/ten_thousand.py", "--devices", "40")
    assert shown.returncode == 0, shown.stderr
    assert "40 rows of RegisterDeviceCredential: 0 there, 40 to make; 40 calls, " in shown.stdout
    assert "40 there (40 done by an earlier run), 0 to make; 0 calls" in shown.stdout
    assert "all 40 calls succeeded" in shown.stdout
    assert shown.stdout.endswith("\n40 devices have a credential\n")
    assert "40 rows of RegisterDeviceCredential: 40 done; " in shown.stderr
    assert "40 rows of RegisterDeviceCredential: 40 done (40 by an earlier run); " in shown.stderr
    checked = run("-m", "resilience", "check", "fleet/fleet.toml", "--strict")
    assert checked.returncode == 0, checked.stdout


def test_plain_coroutines_print_three_days() -> None:
    """The example without an SDK waits while busy, stops when in doubt, and is sure with a verifier."""
    shown = run("plain_coroutines.py")
    lines = [line for line in shown.stdout.splitlines() if not line.startswith(" ")]
    assert shown.stderr == ""
    assert lines == [
        "busy: success_after_retry (success), attempts: 3, made: 1",
        "answer lost, and no verifier: failed (unverified), attempts: 1, made: 1",
        "answer lost, and a verifier looks: accepted (accepted), attempts: 1, made: 1",
    ]
    assert "register a verifier for CreateBridge" in shown.stdout


def test_many_calls_go_on_where_they_were_broken_off() -> None:
    """The example makes everything once in two runs, and never more than the policy's rate allows."""
    shown = run("many_calls.py")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == [
        "  bridge-13: rule",
        "first run: 100 calls: 99 succeeded, 1 failed (NameReserved 1)",
        "  bridge-13: rule",
        "second run: 300 calls: 299 succeeded, 1 failed (NameReserved 1)",
        "299 bridges, 0 of them twice; 0 requests came too fast",
    ]
    checked = run("-m", "resilience", "check", "many_calls.toml", "--strict")
    assert checked.returncode == 0, checked.stdout


def test_an_outage_is_amplified_until_limits_bound_it() -> None:
    """Forty calls of four attempts are 160 requests, 50 with ten paid retries, and 10 where the breaker opens."""
    shown = run("outage.py")
    assert shown.stderr == ""
    assert shown.stdout.splitlines() == [
        "no limits: 40 calls, 160 requests (40 attempts)",
        "    the service is back, and so are the calls",
        "budget: 40 calls, 50 requests (3 attempts, 37 budget)",
        "    the service is back, and so are the calls",
        "both: 40 calls, 10 requests (2 attempts, 38 breaker)",
        "    the service is back, and the breaker is open",
        "    later: 2 bridges, and the breaker is closed",
    ]
    for env in ("budget", "both"):
        checked = run("-m", "resilience", "check", "outage.toml", "--strict", "--env", env)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_trace_tree_draws_the_spans() -> None:
    """The tracing example draws our span, the call and both attempts, with the rule that decided."""
    shown = run("trace_tree.py")
    assert shown.stderr == ""
    spans = [
        line.rpartition("  ")[0] if "ERROR" in line else line
        for line in shown.stdout.splitlines()
        if "  - " not in line
    ]
    assert [re.sub(r"  \d\.\d\d s$", "", line) for line in spans] == [
        "provision",
        "    ApplyToken",
        "        attempt ApplyToken",
        "        attempt ApplyToken",
    ]
    assert '- by alibaba."ApplyTokenOverFlow"' in shown.stdout


def test_alibaba_groups_end_well_on_a_bad_day() -> None:
    """The Alibaba example, run as its docstring says, makes everything and tells the new name."""
    shown = run("alibaba_groups.py", "--sandbox")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "GID_actuators was taken by another account: the group is GID_actuators-2" in shown.stdout
    assert [line.split()[2] for line in shown.stdout.splitlines() if not line.startswith(" ")] == [
        "success_after_retry",
        "accepted",
        "success_after_retry",
        "success_after_retry",
        "accepted",
        "accepted",
        "success",
        "success",
    ]


@pytest.mark.parametrize(
    "name", ["alibaba_groups", "azure_devices", "emqx_users", "rabbitmq_broker", "tencent_topics", "wrapped_client"]
)
def test_without_an_environment_nothing_is_done(name: str) -> None:
    """An example that could cost money says which variables are missing, and exits with 2."""
    shown = run(f"{name}.py")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.startswith("give --sandbox to try this offline, or set ")


# The SDK switches this warning of its own off when it is imported, which pytest undoes.
@pytest.mark.filterwarnings("ignore:.* fileds are useless:UserWarning")
@pytest.mark.parametrize("name", ["alibaba_groups", "tencent_topics", "wrapped_client"])
def test_the_documented_variables_are_those_that_are_read(name: str) -> None:
    """The docstring names each variable, and a rehearsal sets exactly these."""
    example = load(name)
    with Sandbox() as sandbox:
        environ = example.rehearse(sandbox)
    assert set(environ) == set(example.VARIABLES)
    assert all(f"``{variable}``" in (example.__doc__ or "") for variable in environ)


# The SDK switches this warning of its own off when it is imported, which pytest undoes.
@pytest.mark.filterwarnings("ignore:.* fileds are useless:UserWarning")
async def test_tencent_topics_work_on_both_loops() -> None:
    """The Tencent example makes each thing once although answers get lost, on asyncio and trio."""
    example = load("tencent_topics")
    with Sandbox() as sandbox:
        environ = example.rehearse(sandbox)
        # The example's own day takes 15 seconds; this one has the same doubts and no long waits.
        sandbox.clear_faults()
        sandbox.tencent.boot_seconds = 0.0
        for operation in ("CreateInstance", "CreateTopic", "CreateUser", "CreateAuthorizationPolicy"):
            sandbox.script(f"tencent:{operation}", "applied lost")
        executor = Executor(POLICY, provider="tencent", draw=lambda: 0.0)
        async with example.connect(environ) as client:
            outcomes: list[Any] = await example.provision(executor, client)
        assert Counter(outcome.ended for outcome in outcomes) == {"accepted": 5, "success": 3}
        assert all(
            outcome.verified for outcome in outcomes if outcome.operation.startswith("Create") and outcome.verified
        )
        assert len(sandbox.tencent.instances) == 2, "the one that was there, and the one that was bought"
        assert [row["Topic"] for row in sandbox.tencent.topics] == list(example.TOPICS)
        assert (len(sandbox.tencent.users), len(sandbox.tencent.policies)) == (1, 1)


def test_an_example_that_is_not_there_is_named() -> None:
    """Loading an unknown example says where it was looked for."""
    with pytest.raises(ImportError, match="no example 'missing' in"):
        load("missing")


def test_examples_are_found_beside_the_package() -> None:
    """In a checkout the examples are those of the repository."""
    assert (Path(__file__).parents[2] / "examples").samefile(EXAMPLES)
