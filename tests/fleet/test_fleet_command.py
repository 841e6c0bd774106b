"""``resilience fleet`` as a user runs it: in a process of its own, against the sandbox."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fleet_runs import PROGRAMS, Place, placed, until

from resilience.fleet import provision

CREATE = ("fleet_devices:create_group", "fleet.csv", "--policy", "fleet.toml")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as found:
        yield found


@pytest.mark.parametrize("function", ["create_group", "create_group_plainly"])
def test_each_row_is_one_call(place: Place, function: str) -> None:
    """200 rows make 200 groups, and the second run sends nothing at all; the journal has each call."""
    names = place.rows(200)
    words = (f"fleet_devices:{function}", *CREATE[1:])
    run = place.run(*words, "--journal", "calls.jsonl")
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    assert "200 rows of CreateGroupId: 200 done" in run.stderr
    assert sorted(place.groups()) == names
    assert "200 calls succeeded" in place.run("calls.jsonl", command="report").stdout
    again = place.run(*words, "--format", "json")
    told = json.loads(again.stdout)
    assert (again.returncode, told["done"], told["known"], told["left"]) == (0, 200, 200, 0)
    assert len(place.sandbox.calls) == place.sandbox.asked("CreateGroupId") == 200


@pytest.mark.parametrize("function", ["create_group", "create_group_plainly"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_goes_on_where_it_was(place: Place, number: int, code: int, function: str) -> None:
    """After a signal the calls under way end; a second run sends only the rest."""
    names = place.rows(120)
    place.policy(rate="60/s")
    words = (f"fleet_devices:{function}", *CREATE[1:])
    with place.started(*words, "--failed", "left.csv") as running:
        until(lambda: len(place.groups()) >= 30)
        running.send_signal(number)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == code, errors
    made = place.groups()
    assert 30 <= len(made) < 120
    assert f"{len(made)} of 120 rows have an outcome" in errors
    left = (place.folder / "left.csv").read_text(encoding="utf-8").splitlines()
    assert left == ["group_id", *(name for name in names if name not in made)]
    place.policy()
    run = place.run(*words)
    assert run.returncode == 0, run.stderr
    assert sorted(place.groups()) == names
    assert place.sandbox.asked("CreateGroupId") == 120


@pytest.mark.parametrize("function", ["create_group", "create_group_plainly"])
def test_a_call_that_waits_for_its_turn_is_not_sent_after_a_signal(place: Place, function: str) -> None:
    """Whoever presses Ctrl-C expects no new request; the rows that waited are left for the next run."""
    place.policy(rate="2/s")
    place.rows(40)
    with place.started(f"fleet_devices:{function}", *CREATE[1:]) as running:
        until(lambda: place.sandbox.asked("CreateGroupId") > 2)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        while "no further call begins" not in running.stderr.readline():
            pass
        time.sleep(0.3)
        asked = place.sandbox.asked("CreateGroupId")
        running.wait(timeout=30)
        # What has been read of the pipe is in here, and communicate does not know it.
        errors = running.stderr.read()
    assert running.returncode == 130, errors
    assert place.sandbox.asked("CreateGroupId") == asked
    assert f"{asked} of 40 rows have an outcome" in errors
    place.policy()
    run = place.run(f"fleet_devices:{function}", *CREATE[1:])
    assert f"40 done ({asked} by an earlier run)" in run.stderr


@pytest.mark.parametrize("function", ["create_group", "create_group_plainly"])
def test_a_second_signal_breaks_off(place: Place, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Calls that would take long are cancelled, and the run ends at once.

    A request in a thread cannot be cancelled; the run does not wait for it.
    """
    monkeypatch.setenv("READ_TIMEOUT", "60000")
    place.rows(40)
    place.sandbox.script("CreateGroupId", "hang 30s*")
    with place.started(f"fleet_devices:{function}", *CREATE[1:]) as running:
        until(lambda: place.sandbox.asked("CreateGroupId") > 0)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        while "no further call begins" not in running.stderr.readline():
            pass
        running.send_signal(signal.SIGINT)
        running.wait(timeout=10)
        errors = running.stderr.read()
    assert running.returncode == 130, errors
    # What was under way is not tried again.
    assert place.sandbox.asked("CreateGroupId") <= 40
    assert "0 of 40 rows have an outcome" in errors


def test_rows_that_failed_can_be_run_again(place: Place) -> None:
    """The file has the rows that failed; when they are done, it has none."""
    place.rows(20)
    place.sandbox.script("CreateGroupId", "PermissionDenied*3")
    run = place.run(*CREATE, "--failed", "left.csv")
    assert run.returncode == 1
    assert "17 done, 3 failed (PermissionDenied 3)" in run.stderr
    left = place.folder / "left.csv"
    assert len(left.read_text(encoding="utf-8").splitlines()) == 4
    again = place.run(CREATE[0], "left.csv", *CREATE[2:], "--failed", "left.csv")
    assert again.returncode == 0, again.stderr
    assert left.read_text(encoding="utf-8") == "group_id\n"
    assert len(place.groups()) == 20


def test_standard_input_and_a_bare_function(place: Place) -> None:
    """JSON lines are recognized; a function that no executor has wrapped needs its operation, and is told so."""
    rows = '{"group_id": "GID_fleet_a"}\n{"group_id": "GID_fleet_b"}\n'
    bare = ("fleet_devices:create_group_bare", "-", "--policy", "fleet.toml")
    run = place.run(*bare, stdin=rows)
    assert run.returncode == 2
    assert "--operation" in run.stderr
    run = place.run(*bare, "--operation", "alibaba:CreateGroupId", stdin=rows)
    assert run.returncode == 0, run.stderr
    assert sorted(place.groups()) == ["GID_fleet_a", "GID_fleet_b"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fleet_devices:create_grop", "fleet.csv"), 'did you mean "create_group"?'),
        (("fleet_devises:create_group", "fleet.csv"), "there is no module fleet_devises"),
        (("fleet_devices.py", "fleet.csv"), "expected MODULE:FUNCTION, such as fleet_devices:create_group"),
        (("fleet_devices.create_group", "fleet.csv"), "expected MODULE:FUNCTION, such as fleet_devices:create_group"),
        (("fleet_devices:INSTANCE", "fleet.csv"), "expected a function, found str"),
        (("fleet_devices:create_group", "other.csv"), "does not exist"),
        (("fleet_devices:create_group", "fleet.csv", "--failed", "no/left.csv"), "its folder is not there"),
        (("fleet_devices:create_group", "fleet.csv", "--operation", "CreateTopic"), "is wrapped as CreateGroupId"),
    ],
)
def test_wrong_use_sends_nothing(place: Place, words: tuple[str, ...], told: str) -> None:
    """The exit code is 2, and the message says what to write."""
    place.rows(2)
    run = place.run(*words, "--policy", "fleet.toml")
    assert (run.returncode, list(place.sandbox.calls)) == (2, [])
    assert told in " ".join(run.stderr.split())


def test_wrong_rows_send_nothing(place: Place) -> None:
    """A mistake in the last of many rows is told before the first one is sent."""
    names = place.rows(50)
    with (place.folder / "fleet.csv").open("a", encoding="utf-8") as file:
        file.write(f"{names[0]}\n")
    run = place.run(*CREATE)
    assert (run.returncode, list(place.sandbox.calls)) == (2, [])
    assert "fleet.csv:52: expected another GroupId and InstanceId in each row, found that of line 2 again" in run.stderr


def test_a_policy_without_a_ledger_is_told(place: Place) -> None:
    """A second run would send all rows again, so a line says it; with --quiet nothing is printed."""
    place.rows(2)
    place.policy(ledger=False)
    assert "the policy has no [ledger]" in place.run(*CREATE).stderr
    quiet = place.run("fleet_devices:create_group", "-", *CREATE[2:], "-q", stdin="group_id\nGID_fleet_x\n")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_terminal_shows_a_bar(place: Place) -> None:
    """The bar has the number of rows, the rate against the limit, and the time to go; it is gone at the end."""
    place.rows(60)
    place.policy(rate="40/s")
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "resilience", "fleet", *CREATE],
        cwd=place.folder,
        env={**place.environment, "TERM": "xterm", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as running:
        os.close(theirs)
        shown = b""
        with suppress(OSError), open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123  # a descriptor
            while piece := terminal.read(4096):
                shown += piece
    text = shown.decode()
    assert running.returncode == 0, text
    assert re.search(r"━.* of 60, 0 failed, [\d.]+/s of 40/s, [\d.]+ s to go", text)
    assert "\x1b[3" not in text
    assert "60 rows of CreateGroupId: 60 done" in text


def test_provision_is_the_command_in_python(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report has the same numbers; a generator is a source of rows."""
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(PROGRAMS)
    # Another test may have imported it for a service of its own.
    monkeypatch.delitem(sys.modules, "fleet_devices", raising=False)
    rows = ({"group_id": f"GID_fleet_{number}"} for number in range(30))
    report = provision("fleet_devices:create_group", rows, policy=place.folder / "fleet.toml")
    assert (report.rows, report.done, report.known, report.failed, report.left) == (30, 30, 0, 0, 0)
    assert str(report).startswith("30 rows of CreateGroupId: 30 done; ")
    assert len(place.groups()) == 30


@pytest.mark.parametrize("command", ["command", "plan"])
def test_the_help_imports_no_executor(command: str) -> None:
    """It is as quick as the help of a command that makes no calls."""
    code = f"import sys, resilience.cli.fleet.{command}; sys.exit('resilience.executors' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603  # our own code
