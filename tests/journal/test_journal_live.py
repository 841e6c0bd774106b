"""Journals that are still written: torn lines, replaced files, anything in a line, and what they say about now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience import Executor, Journal, Policy, ServiceError
from resilience.journal.live.tail import JournalTail
from resilience.journal.live.view import LiveView
from resilience.testing import virtual_backend


def line(record: str, **fields: Any) -> bytes:
    return json.dumps({"record": record, **fields}).encode() + b"\n"


def test_a_line_counts_when_it_is_complete(tmp_path: Path) -> None:
    """Records come once each, in any pieces, and a file need not be there yet."""
    path = tmp_path / "run.jsonl"
    tail = JournalTail(str(path))
    assert list(tail.records()) == []
    assert not tail.is_there
    text = line("a") + line("b") + b"\n" + line("c")
    found = []
    with path.open("wb") as file:
        for index in range(len(text)):
            file.write(text[index : index + 1])
            file.flush()
            found += [each["record"] for each in tail.records()]
    assert found == ["a", "b", "c"]
    assert (tail.is_there, tail.broken) == (True, 0)


def test_a_replaced_or_shortened_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    """Somebody may begin a new run under the same name."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(line("a") + line("b"))
    tail = JournalTail(str(path))
    assert len(list(tail.records())) == 2
    path.write_bytes(line("c"))
    assert [each["record"] for each in tail.records()] == ["c"]
    other = tmp_path / "other.jsonl"
    other.write_bytes(line("d") + line("e") + line("f"))
    other.replace(path)
    assert [each["record"] for each in tail.records()] == ["d", "e", "f"]
    path.unlink()
    assert list(tail.records()) == []
    path.write_bytes(line("g"))
    assert [each["record"] for each in tail.records()] == ["g"]


def test_what_is_no_record_is_counted(tmp_path: Path) -> None:
    """A broken line hides no record after it, and a line without an end takes no memory for ever."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'nonsense\n[1]\n{"record": 7}\n\xff\xfe\n' + b"[" * 100_000 + b"\n" + line("a"))
    tail = JournalTail(str(path))
    assert [each["record"] for each in tail.records()] == ["a"]
    assert tail.broken == 5
    path.write_bytes(b"x" * 9_000_000)
    assert list(tail.records()) == []
    assert tail.broken >= 6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(
    [
        "process",
        "call_started",
        "attempt_started",
        "attempt_failed",
        "verify_ended",
        "waited",
        "rate_adapted",
        "breaker_changed",
        "state_changed",
        "call_ended",
    ]
)
FIELDS = st.sampled_from(["at", "call", "operation", "fault", "decision", "duration", "gate", "away", "new", "adapted"])


@given(st.lists(st.tuples(KINDS, st.dictionaries(FIELDS, JSON, max_size=6)), max_size=12))
def test_no_record_breaks_the_view(records: list[tuple[str, dict[str, Any]]]) -> None:
    """A file may have been written by anyone: what cannot be understood is counted."""
    view = LiveView()
    view.add({"record": "call_started", "at": 1.0, "call": "a-1", "operation": "X\x1b[31m\n"})
    for kind, fields in records:
        view.add({"call": "a-1", "at": 2.0, **fields, "record": kind})
    list(view.waiting(3.0))
    assert all(each.isprintable() for each in view.operations)


POLICY = """
schema = 1
limits = { deadline = "10m" }
backoff.default = { kind = "constant", base = "15s", jitter = "none" }
rate.alibaba.operations.CreateGroupId = "2/s"
[rules.alibaba]
InternalError = "retry"
InvalidParameter = "fail"
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_real_run_is_seen_as_it_is(tmp_path: Path, backend: Any) -> None:
    """In the middle of a run: calls in a request, before another attempt and waiting for a turn; at its end: none."""
    path = tmp_path / "run.jsonl"
    seen: dict[str, LiveView] = {}

    def look() -> LiveView:
        view = LiveView()
        for record in JournalTail(str(path)).records():
            view.add(record)
        return view

    answers = {"refused": ["InvalidParameter"], "slow": [], "busy": ["InternalError"]}

    async def create(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        left = answers.get(group_id)
        if left:
            raise ServiceError(left.pop(), status=500)
        await anyio.sleep(20 if group_id == "slow" else 0)
        return group_id

    async def main() -> None:
        executor = Executor(Policy.loads(POLICY), provider="alibaba", observers=[Journal(str(path))])
        wrapped = executor.wrap("CreateGroupId")(create)
        async with anyio.create_task_group() as tasks:
            for name in ("refused", "slow", "busy", "late"):
                tasks.start_soon(wrapped.outcome, "i", name)
            await anyio.sleep(5)
            seen["middle"] = look()
        seen["end"] = look()

    name, options = virtual_backend(backend)
    anyio.run(main, backend=name, backend_options=options)
    middle, end = seen["middle"], seen["end"]
    assert sorted(call.doing for call in middle.calls.values()) == ["attempt", "backoff"]
    [operation] = middle.operations.values()
    assert (operation.begun, operation.good, operation.failed, operation.requests) == (4, 1, 1, 4)
    assert (operation.declared, operation.retries) == (2.0, 1)
    assert middle.waited["rate"][0] == 3
    # Tasks may begin in any order.
    assert sorted((each.fault, each.action, each.delay) for each in middle.decisions) == [
        ("InternalError", "retry", 15.0),
        ("InvalidParameter", "fail", 0.0),
    ]
    assert [(each.error, each.stop_reason, each.attempts) for each in middle.failures] == [
        ("InvalidParameter", "rule", 1)
    ]
    assert end.calls == {}
    [operation] = end.operations.values()
    assert (operation.good, operation.failed, operation.requests) == (3, 1, 5)
    assert end.unread == 0


def test_a_rate_is_that_of_the_last_ten_seconds() -> None:
    """It falls to nothing when nothing is sent any more."""
    view = LiveView()
    view.add({"record": "call_started", "at": 100.0, "call": "a-1", "operation": "X", "rate": 5})
    for number in range(30):
        view.add({"record": "attempt_started", "at": 100.0 + number / 2, "call": "a-1", "number": number + 1})
    [operation] = view.operations.values()
    assert operation.rate(114.5) == 2.0
    assert operation.rate(120.0) == pytest.approx(0.9)
    assert operation.rate(125.0) == 0.0


def test_limits_that_calls_share_are_seen() -> None:
    """An adapted limit, an open breaker, and a store that is away."""
    view = LiveView()
    for record, fields in (
        ("process", {"process": "a", "run": "r", "format": 1}),
        ("call_started", {"operation": "X", "provider": "p", "rate": 5}),
        ("rate_adapted", {"adapted": "X", "old": 5, "new": 3.5}),
        ("breaker_changed", {"breaker": "p", "old": "closed", "new": "open"}),
        ("state_changed", {"away": True}),
    ):
        view.add({"record": record, "at": 7.0, "call": "a-1", **fields})
    assert view.operations["p:X"].adapted == 3.5
    assert view.breakers == {"p": ("open", 7.0)}
    assert view.away == 7.0
    view.add({"record": "state_changed", "at": 9.0, "call": "a-1", "away": False})
    assert view.away is None
