"""The example of who retries when others do too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from example_runs import run

from resilience import Outcome, ServiceError
from resilience.cli.demo.examples import load
from resilience.core.decision import StopReason
from resilience.policyfile import Policy


def test_an_outer_scheduler_makes_nothing_twice() -> None:
    """A job that is killed, gives up and is run again has bought one instance, and a hopeless one is run once."""
    shown = run("outer_scheduler.py")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.sub(r"attempts: \d+", "attempts: N", shown.stdout).splitlines() == [
        "run 1 of plant-7",
        "    exit code -9: a crash, run it again",
        "run 2 of plant-7",
        "    CreateInstance  plant-7    accepted, by an earlier run",
        "    CreateTopic     telemetry  success, attempts: N",
        "    CreateTopic     commands   refused, attempts: N",
        "    exit code 75: run it again later",
        "run 3 of plant-7",
        "    CreateInstance  plant-7    accepted, by an earlier run",
        "    CreateTopic     telemetry  accepted, by an earlier run",
        "    CreateTopic     commands   success, attempts: N",
        "    exit code 0: done",
        "run 1 of plant-8",
        "    CreateInstance  plant-8    success, attempts: N",
        "    CreateTopic     alerts     failed, attempts: N",
        "    exit code 65: do not run it again",
        "4 runs of 2 jobs have bought 2 instances and made 2 topics",
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("success", "DONE"),
        ("accepted", "DONE"),
        ("deadline", "AGAIN"),
        ("attempts", "AGAIN"),
        ("max", "AGAIN"),
        ("breaker", "AGAIN"),
        ("remedy", "AGAIN"),
        ("rule", "NEVER"),
        ("unknown", "NEVER"),
        ("unverified", "NEVER"),
        ("not_ours", "NEVER"),
    ],
)
# The SDK switches this warning of its own off when it is imported, which pytest undoes.
@pytest.mark.filterwarnings("ignore:.* fileds are useless:UserWarning")
def test_the_outcome_says_whether_another_run_can_help(reason: StopReason, expected: str) -> None:
    """Where we gave up or did not ask, another run may help; what was refused or must be looked into, no run mends."""
    example = load("outer_scheduler")
    error = None if expected == "DONE" else ServiceError("Any")
    outcome: Outcome[None] = Outcome(operation="CreateTopic", stop_reason=reason, error=error)
    assert example.exit_code(outcome) == getattr(example, expected)


# As above.
@pytest.mark.filterwarnings("ignore:.* fileds are useless:UserWarning")
def test_the_policy_of_the_job_has_no_findings() -> None:
    """The policy that people will copy is one that has nothing to warn of."""
    assert not Policy.loads(load("outer_scheduler").POLICY).warnings()


def test_pods_of_a_job_share_a_fleet_and_one_that_is_started_again_makes_nothing(tmp_path: Path) -> None:
    """Each takes the chunks of its index. The other engines: ``python tests/examples/engines.py``."""
    made = tmp_path / "bridges"
    told = [
        run("engines/kubernetes_job.py", PODS="2", JOB_COMPLETION_INDEX=index, BRIDGES=str(made)).stdout
        for index in ("0", "1", "0")
    ]
    assert told == ["pod 0: 24 done, 0 failed\n", "pod 1: 16 done, 0 failed\n", "pod 0: 24 done, 0 failed\n"]
    lines = made.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(set(lines)) == 40
