"""The demo, as a pipe sees it, and what it makes of broken promises."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from cli_processes import PLAIN, started
from click.testing import CliRunner

from resilience import Outcome
from resilience.cli.app import app
from resilience.cli.demo import rehearsal, results
from resilience.cli.demo.live import LiveDisplay
from resilience.cli.demo.rehearsal import PROMISES, DemoRun, ExpectedEnd
from resilience.core.decision import StopReason
from resilience.sandbox import Call, Sandbox

COMMAND = [sys.executable, "-m", "resilience", "demo"]


@pytest.fixture(scope="module")
def shown() -> subprocess.CompletedProcess[str]:
    """Run the demo once, into a pipe, 80 columns wide."""
    return subprocess.run(  # noqa: S603  # our own command
        COMMAND, env=PLAIN, capture_output=True, encoding="utf-8", check=False, timeout=120
    )


def test_the_demo_keeps_its_promises(shown: subprocess.CompletedProcess[str]) -> None:
    """All calls end as promised, everything is made exactly once, and the exit code says so."""
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "each of them was made once, and nothing else" in " ".join(shown.stdout.split())
    assert shown.stdout.endswith("All 16 calls ended as promised.\n")


@pytest.mark.parametrize(
    "line",
    [
        r"InvalidSecurityToken\.Expired: refresh",
        r"lost: retry +\n +GroupIdAlreadyExsited: verify +\n +verifier: it is there",
        r"GID_actuators -> GID_actuators-2 +\n +GroupIdAlreadyUsedByOtherUsers: rename",
        r"ApplyTokenOverFlow: retry",
        r"ModifyTopic alerts +accepted, dry run +1",
        r"DeviceCredentialNumExceed: fail",
        r"├── refresh_credentials alibaba \d",
        r"verify CreateInstance \S+ s answer there, so accept",
        r"answer not_there, so retry",
        r"── CreateTopic \S+ s success_after_retry, waited \S+ s *\n",
        r"── attempt CreateTopic \S+ s *\n",
        r"rule alibaba\.\"DeviceCredentialNumExceed\" at builtin:alibaba-mqtt:\d+:\d+",
    ],
)
def test_each_reaction_is_shown(shown: subprocess.CompletedProcess[str], line: str) -> None:
    """The table, the trace and the note tell what was decided, and by which rule."""
    assert re.search(line, shown.stdout)


def test_a_pipe_gets_plain_text(shown: subprocess.CompletedProcess[str]) -> None:
    """Into a pipe goes no colour and no progress, and no line of the table or the trace is longer than 80 columns."""
    assert "\x1b" not in shown.stdout
    assert "calls done" not in shown.stdout
    long = [line for line in shown.stdout.splitlines() if len(line) > 80]
    assert all("request id" in line for line in long), "only notes are left whole"


def test_an_interrupted_demo_leaves_quietly() -> None:
    """Ctrl-C ends the demo at once, with exit code 1 and without a traceback."""
    with started("demo") as running:
        assert running.stdout is not None
        while "This" not in running.stdout.readline():
            assert running.poll() is None
        time.sleep(1.5)  # somewhere in the middle of the calls
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert running.returncode == 1
    assert said.strip() == "Aborted!"


# What it makes of other days: outcomes and calls that did not happen.


def ended(promise: ExpectedEnd, reason: StopReason) -> Outcome[Any]:
    failed = reason not in {"success", "accepted", "dry_run"}
    return Outcome(
        operation=promise.operation,
        stop_reason=reason,
        error=LookupError() if failed else None,
        arguments={"instance_id": "i", "name": promise.resource},
    )


def told(provider: str, operation: str, **arguments: str) -> Call:
    return Call(
        number=1,
        provider=provider,
        operation=operation,
        arguments=arguments,
        at=0.0,
        applied=True,
        answer="ok",
        request_id="r",
        access_key_id="k",
    )


def played(calls: Sequence[Call], outcomes: Sequence[Outcome[Any]]) -> DemoRun:
    return DemoRun(outcomes={"alibaba": outcomes, "tencent": ()}, spans=(), calls=calls)


GROUP = told("alibaba", "CreateGroupId", GroupId="GID_sensors")
MADE = ended(PROMISES["alibaba"][0], "success")


@pytest.mark.parametrize(
    ("calls", "outcomes", "said"),
    [
        pytest.param([GROUP], [MADE], "Exactly once: 1 requests", id="once"),
        pytest.param([GROUP, GROUP], [MADE], "CreateGroupId GID_sensors: made 2 times, wanted 1", id="twice"),
        pytest.param([evolve(GROUP, applied=False)], [MADE], "made 0 times, wanted 1", id="never"),
        pytest.param([GROUP], [], "made 1 times, wanted 0", id="unwanted"),
        pytest.param([GROUP], [ended(PROMISES["alibaba"][0], "rule")], "made 1 times, wanted 0", id="told-it-failed"),
    ],
)
def test_the_call_log_is_the_witness(calls: list[Call], outcomes: list[Outcome[Any]], said: str) -> None:
    """What the script believes to have made is compared with what the service has made."""
    assert said in results.evidence(played(calls, outcomes)).plain


def test_broken_promises_are_told() -> None:
    """A call that ended otherwise is told from both sides: what was promised, and what happened."""
    broken = played([GROUP], [ended(PROMISES["alibaba"][0], "rule")]).broken()
    assert "promised, but did not happen: CreateGroupId GID_sensors: success_after_retry (success)" in broken
    assert "happened, but was not promised: CreateGroupId GID_sensors: failed (rule)" in broken


def test_a_broken_promise_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo whose calls end otherwise than promised fails, and says how."""

    async def other_day(sandbox: Sandbox, observer: LiveDisplay) -> DemoRun:  # noqa: ARG001  # as the real one
        return played([GROUP], [MADE])

    monkeypatch.setattr(rehearsal, "play", other_day)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "promised, but did not happen: CreateTopic commands" in " ".join(result.output.split())


def test_a_missing_sdk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the SDKs the demo says what to install, and exits with 2."""
    monkeypatch.setitem(sys.modules, "tencentcloud", None)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 2
    assert "the demo needs tencentcloud; install" in " ".join(result.output.split())
