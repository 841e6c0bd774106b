"""``resilience watch`` as a user types it."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from cli_processes import started
from click.testing import CliRunner, Result

from resilience.cli.app import app

START = 1_000_000.0


def records() -> list[dict[str, Any]]:
    """Return a run with a call that is done, one that failed, one that waits, and one in a request."""
    decided = {"action": "retry", "delay": 60.0, "rule": 'alibaba."Busy"', "origin": "policies/mqtt.toml:12"}
    refused = {"action": "fail", "stop_reason": "rule", "rule": 'alibaba."Bad"', "origin": "policies/mqtt.toml:14"}
    found: list[dict[str, Any]] = [{"record": "process", "format": 1, "run": "r", "process": "p", "pid": 1}]
    for name in ("done", "failed", "waits", "asks"):
        call = f"p-{name}"
        found.append(
            {"record": "call_started", "call": call, "operation": "CreateGroupId", "provider": "alibaba", "rate": 10}
        )
        found.append({"record": "attempt_started", "call": call, "number": 1})
        if name == "done":
            found.append({"record": "attempt_succeeded", "call": call, "number": 1, "duration": 0.1})
            found.append({"record": "call_ended", "call": call, "ended": "success", "attempts": 1})
        if name in {"failed", "waits"}:
            decision = refused if name == "failed" else decided
            code = "Bad" if name == "failed" else "Busy"
            found.append(
                {"record": "attempt_failed", "call": call, "fault": {"code": code, "status": 400}, "decision": decision}
            )
        if name == "failed":
            end = {"ended": "failed", "stop_reason": "rule", "attempts": 1, "error_type": "Bad"}
            found.append({"record": "call_ended", "call": call, **end})
    return [{"at": START + index / 10, **each} for index, each in enumerate(found)]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records()))


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80", "TZ": "UTC"}).invoke(app, ["watch", *arguments])


def test_the_screen_has_all_in_80_columns() -> None:
    """Numbers, operations, what calls wait for, decisions with their places, failures."""
    result = run("run.jsonl", "--once")
    assert result.exit_code == 0
    lines = [line.rstrip() for line in result.output.splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("run.jsonl  1 process, 1.3 s since the first record")
    assert lines[1] == "1 call done, 1 failed, 2 under way; 4 requests, 0.4/s"
    assert lines[4].split() == ["alibaba:CreateGroupId", "1", "1", "2", "1", "0.4", "10"]
    assert "1 before another attempt, the longest for 200 ms" in lines
    assert "1 in a request, the longest for 0 s" in lines
    decisions = lines[lines.index("Last decisions") + 1 :]
    assert decisions[0].endswith('CreateGroupId Bad -> fail: the rule says so  mqtt.toml:14 alibaba."Bad"')
    assert decisions[1].endswith('CreateGroupId Busy -> retry in 1 min  mqtt.toml:12 alibaba."Busy"')
    assert "Bad after 1 attempt: the rule says so  p-failed" in lines[lines.index("Failures") + 1]


def test_programs_get_the_same_as_an_object() -> None:
    """The numbers of the screen, and the last decisions and failures."""
    found = json.loads(run("run.jsonl", "--once", "--format", "json").stdout)
    assert found["calls"] == {"begun": 4, "good": 1, "failed": 1, "under_way": 2}
    assert [each["what"] for each in found["doing"]] == ["backoff", "attempt"]
    assert [each["operation"] for each in found["operations"]] == ["alibaba:CreateGroupId"]
    assert [each["action"] for each in found["decisions"]] == ["fail", "retry"]
    assert [each["call"] for each in found["failures"]] == ["p-failed"]
    assert found["broken"] == 0


def test_a_file_that_is_not_there_is_waited_for() -> None:
    """With --once it is a finding; lines that are no records are told."""
    Path("run.jsonl").write_text("nonsense\n" + Path("run.jsonl").read_text())
    result = run("run.jsonl", "later.jsonl", "--once")
    assert result.exit_code == 1
    assert "waiting for later.jsonl" in result.output
    assert "1 line could not be understood" in result.output
    assert run("--once").exit_code == 2
    assert run(".", "--once").exit_code == 2


def test_without_a_terminal_it_prints_a_line_from_time_to_time() -> None:
    """As long as there is something new; Ctrl-C ends the watching."""
    with started("watch", "run.jsonl", "--every", "100ms", "--format", "json") as watching:
        assert watching.stdout is not None
        first = json.loads(watching.stdout.readline())
        assert first["calls"]["under_way"] == 2
        with Path("run.jsonl").open("a") as file:
            file.write(json.dumps({"record": "call_ended", "at": START + 9, "call": "p-asks", "ended": "success"}))
            file.flush()
            time.sleep(0.5)
            file.write("\n")
        second = json.loads(watching.stdout.readline())
        assert second["calls"]["under_way"] == 1
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=30)
    assert watching.returncode == 0
    assert said == "stopped watching\n"
