"""Journals that were torn, mixed, written by others, or by a later version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_calls import Case, run

from resilience.journal.model import RecordsError
from resilience.journal.reader import read

PROCESS = {"record": "process", "at": 1000.0, "offset": 0.0, "format": 1, "run": "r1", "process": "p1", "pid": 7}
STARTED = {"record": "call_started", "call": "p1-1", "at": 1001.0, "offset": 1.0, "operation": "CreateGroupId"}
BEGUN = {"record": "attempt_started", "call": "p1-1", "at": 1001.0, "offset": 1.25, "number": 1}
SUCCEEDED = {
    "record": "attempt_succeeded",
    "call": "p1-1",
    "at": 1002.0,
    "offset": 2.0,
    "number": 1,
    "duration": 0.75,
}
ENDED = {
    "record": "call_ended",
    "call": "p1-1",
    "at": 1002.0,
    "offset": 2.0,
    "attempts": 1,
    "waited": 0.0,
    "duration": 1.0,
    "ended": "success",
    "stop_reason": "success",
}
WHOLE = (PROCESS, STARTED, BEGUN, SUCCEEDED, ENDED)


def written(path: Path, *records: dict[str, Any] | str, end: str = "\n") -> Path:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in records]
    path.write_text("\n".join(lines) + end, encoding="utf-8")
    return path


def test_a_call_is_read_with_its_run(tmp_path: Path) -> None:
    """Run, process, beginning and length of a call are what its records say."""
    recording = read(written(tmp_path / "j", *WHOLE))
    (call,), (run_,) = recording.calls, recording.runs
    assert (call.run, call.started_at, call.duration, call.ended) == ("r1", 1001.0, 1.0, "success")
    assert [(each.number, each.started_at, each.succeeded) for each in call.attempts] == [(1, 1001.25, True)]
    assert (run_.id, run_.started_at, run_.pids) == ("r1", 1000.0, (7,))
    assert recording.problems == ()


def test_a_call_that_never_ended_is_kept(tmp_path: Path) -> None:
    """Of a program that was killed the journal shows what was under way."""
    (call,) = read(written(tmp_path / "j", PROCESS, STARTED, BEGUN)).calls
    assert call.is_unfinished
    assert (call.ended, call.stop_reason, call.duration) == (None, None, None)
    assert [(each.number, each.duration, each.succeeded) for each in call.attempts] == [(1, None, False)]


def test_the_time_of_day_may_be_set_meanwhile(tmp_path: Path) -> None:
    """Inside of a call, instants follow the clock that nobody sets."""
    late = [dict(each, at=5.0) for each in (BEGUN, SUCCEEDED, ENDED)]
    (call,) = read(written(tmp_path / "j", PROCESS, STARTED, *late)).calls
    assert call.attempts[0].started_at == 1001.25


def test_a_rehearsals_fault_is_told_from_a_real_one(tmp_path: Path) -> None:
    """An attempt that failed by ``[chaos]`` names its entry, and the next attempt does not."""
    injected = {
        "record": "fault_injected",
        "call": "p1-1",
        "offset": 1.3,
        "number": 1,
        "chaos": "alibaba.X",
        "applied": True,
    }
    failed = {"record": "attempt_failed", "fault": {"code": "X"}, "decision": {"action": "retry"}}
    first = {**SUCCEEDED, **failed}
    second = [{**BEGUN, "number": 2}, {**SUCCEEDED, "number": 2}]
    (call,) = read(written(tmp_path / "j", PROCESS, STARTED, BEGUN, injected, first, *second, ENDED)).calls
    assert [(each.chaos, each.applied) for each in call.attempts] == [("alibaba.X", True), (None, None)]


def test_a_programming_error_is_no_fault(tmp_path: Path) -> None:
    """An attempt that ended with one was aborted, and its call has an end without a word for it."""
    aborted = {**SUCCEEDED, "record": "attempt_aborted", "error": "TypeError"}
    ended = {name: value for name, value in ENDED.items() if name not in {"ended", "stop_reason"}}
    (call,) = read(
        written(tmp_path / "j", PROCESS, STARTED, BEGUN, aborted, {**ended, "error_type": "TypeError"})
    ).calls
    (attempt,) = call.attempts
    assert (attempt.aborted, attempt.error, attempt.succeeded) == (True, "TypeError", False)
    assert (call.ended, call.is_unfinished, call.error_type) == (None, False, "TypeError")


def test_what_the_ledger_knew_is_read(tmp_path: Path) -> None:
    """A call that an earlier run had begun is told from a new one."""
    recalled = {"record": "recalled", "call": "p1-1", "offset": 1.0, "answer": "unfinished", "waited": 0.5}
    assert read(written(tmp_path / "j", PROCESS, STARTED, recalled, BEGUN)).calls[0].recalled == "unfinished"
    assert read(written(tmp_path / "k", *WHOLE)).calls[0].recalled is None


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_costs_only_itself(cut: int, tmp_path: Path) -> None:
    """After a power failure all whole lines are read, and the rest is a problem with its line."""
    last = json.dumps(ENDED)[:cut]
    recording = read(written(tmp_path / "j", *WHOLE[:-1], last, end=""))
    assert [call.is_unfinished for call in recording.calls] == [True]
    assert [each.line for each in recording.problems] == [5]
    assert "torn off" in recording.problems[0].message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("{not json", "this is no JSON", id="no-json"),
        pytest.param('"text"', "expected a journal", id="no-object"),
        pytest.param('{"level": "info"}', "expected a journal", id="another-log"),
        pytest.param({**ENDED, "ended": "exploded"}, "ended: unknown word 'exploded'", id="unknown-word"),
        pytest.param({**ENDED, "duration": "1 s"}, "duration: expected a number", id="text-for-number"),
        pytest.param({**ENDED, "duration": -1}, "duration: expected a finite number", id="negative"),
        pytest.param({**ENDED, "duration": 10**400}, "duration: expected a finite number", id="huge"),
        pytest.param({**BEGUN, "number": True}, "number: expected a whole number", id="truth-for-number"),
        pytest.param({**BEGUN, "number": None}, "number is missing", id="missing"),
        pytest.param({"record": "verify_ended", "call": "p1-1", "offset": 1}, "did not begin", id="end-only"),
        pytest.param({**BEGUN, "call": "p9-9"}, "the beginning of call p9-9 is not in this file", id="no-beginning"),
        pytest.param("[" * 100_000, "this is no JSON", id="deep"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_number(
    line: dict[str, Any] | str, message: str, tmp_path: Path
) -> None:
    """A line that cannot be understood is left out, and the others are read all the same."""
    recording = read(written(tmp_path / "j", *WHOLE[:3], line, *WHOLE[3:]))
    assert [each.line for each in recording.problems] == [4]
    assert message in str(recording.problems[0])
    assert [call.ended for call in recording.calls] == ["success"]


def test_a_lost_beginning_is_said_once(tmp_path: Path) -> None:
    """A journal whose first lines somebody cut off has one problem for each call that it tells the rest of."""
    recording = read(written(tmp_path / "j", BEGUN, SUCCEEDED, ENDED))
    assert recording.calls == ()
    assert [each.line for each in recording.problems] == [1]


def test_a_later_format_is_left_out_with_all_its_records(tmp_path: Path) -> None:
    """What a newer version wrote is not guessed at; what this one wrote in the same file is read."""
    newer = [{**each, "process": "p2", "call": "p2-1", "format": 2} for each in WHOLE]
    recording = read(written(tmp_path / "j", *newer, *WHOLE))
    assert [call.id for call in recording.calls] == ["p1-1"]
    (problem,) = recording.problems
    assert problem.line == 1
    assert "format 2" in problem.message


def test_a_record_of_a_later_version_does_no_harm(tmp_path: Path) -> None:
    """A kind of record that is not known yet is passed over; its call is read."""
    recording = read(written(tmp_path / "j", *WHOLE[:4], {**BEGUN, "record": "rate_waited"}, ENDED))
    assert recording.problems == ()
    assert recording.calls[0].ended == "success"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "got an empty file", id="empty"),
        pytest.param(b"\n\n", "got an empty file", id="blank"),
        pytest.param(b"schema = 1\n", "line 1: this is no JSON", id="policy"),
        pytest.param(b"\x00\xff\x80" * 10, "line 1: this is no JSON", id="binary"),
        pytest.param(b'{"a": 1}\n', "got something else", id="other-json"),
        pytest.param(b"[]", "got something else", id="empty-list"),
    ],
)
def test_a_foreign_file_is_an_error_that_says_what_was_expected(content: bytes, said: str, tmp_path: Path) -> None:
    """A file in which nothing is ours is no empty recording."""
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(RecordsError, match="expected a journal of resilience, or spans as OTLP JSON") as caught:
        read(tmp_path / "j")
    assert said in str(caught.value)
    assert str(caught.value).count("expected a journal") == 1
    assert caught.value.path == str(tmp_path / "j")


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_cannot_be_read_is_an_error(name: str, tmp_path: Path) -> None:
    """The error names the file, and why the system refused it."""
    with pytest.raises(RecordsError, match="cannot be read: "):
        read(tmp_path / name)


def test_any_damage_leaves_a_recording_or_an_error(tmp_path: Path) -> None:
    """Whatever is done to the bytes of a journal, reading it ends in values or in our own error."""
    path = tmp_path / "journal.jsonl"
    run(Case(script=("SystemOverFlow", "hang"), replies=("there",), refreshes=True), "asyncio", path)
    whole = path.read_bytes()

    @given(st.integers(0, len(whole) - 1), st.binary(max_size=3), st.integers(0, 40))
    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def damage(at: int, put: bytes, gone: int) -> None:
        path.write_bytes(whole[:at] + put + whole[at + gone :])
        try:
            recording = read(path)
        except RecordsError:
            return
        assert len(recording.calls) <= 1 + put.count(b"\n")

    damage()
