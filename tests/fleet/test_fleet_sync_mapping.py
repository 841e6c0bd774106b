"""``SyncExecutor.map``: the same in threads."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from contextvars import ContextVar
from typing import Any, Final

import pytest
from fleet_calls import INSTANCE, Load, Log, Source, policy

from resilience import Executor, Ledger, Outcome, ServiceError, SyncExecutor
from resilience.core.events import CallEnded
from resilience.core.policy import PolicyValues
from resilience.engine.bound_call import SyncBoundCall
from resilience.fleet.maps.mapped_outcome import SyncMappedOutcome

NAMES: Final = [f"g-{number}" for number in range(50)]


class Fleet:
    """An executor, a plain function under its policy, and what came of its calls."""

    def __init__(
        self, *, meanwhile: Callable[[str], object] = lambda _: None, values: PolicyValues | None = None, **more: Any
    ) -> None:
        self.load = load = Load()
        asked: dict[str, Any] = {"provider": "alibaba", "observers": ()} | more
        self.executor = SyncExecutor(values or policy(), **asked)
        lock = threading.Lock()

        @self.executor.wrap("CreateGroupId", accepted=lambda _, group_id: group_id.upper())
        def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
            with lock:
                load.begin(group_id)
            try:
                meanwhile(group_id)
            finally:
                with lock:
                    load.end()
            return group_id.upper()

        self.create_group = create_group

    def calls(self, names: Any) -> Iterator[SyncBoundCall[str]]:
        return (self.create_group.bind(INSTANCE, name) for name in names)

    def read_into(self, read: list[SyncMappedOutcome[str]], names: Any, **options: Any) -> None:
        for outcome in self.executor.map(self.calls(names), **options):
            read.append(outcome)  # noqa: PERF402  # what was read stays when the loop raises


def names_of(outcomes: Sequence[Outcome[str]]) -> list[str]:
    return [outcome.arguments["group_id"] for outcome in outcomes]


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("resilience-map")]


def test_every_call_is_made_once_some_at_a_time() -> None:
    """Never more than asked for, and as many; the threads end with the loop."""
    together = threading.Barrier(5)
    fleet = Fleet(meanwhile=lambda _: together.wait(30))
    outcomes = list(fleet.executor.map(fleet.calls(NAMES), concurrency=5))
    assert sorted(names_of(outcomes)) == sorted(fleet.load.made) == sorted(NAMES)
    assert fleet.load.most == 5
    assert {type(outcome.call) for outcome in outcomes} == {SyncBoundCall}
    assert workers() == []


def test_ordered_outcomes_come_in_the_order_of_the_calls() -> None:
    """What waits behind a slow call is bounded."""
    rest = threading.Event()

    def meanwhile(name: str) -> None:
        if name == "g-0":
            rest.wait(30)
        elif name == "g-5":
            # Time for more calls, if there were places for them.
            threading.Timer(0.1, rest.set).start()

    fleet = Fleet(meanwhile=meanwhile)
    source = Source(NAMES)
    reader = iter(fleet.executor.map(fleet.calls(source), concurrency=3, ordered=True))
    assert names_of([next(reader)]) == ["g-0"]
    assert source.pulled == 6
    assert names_of(list(reader)) == NAMES[1:]


@pytest.mark.parametrize("in_block", [False, True])
def test_leaving_the_loop_waits_for_what_is_under_way(in_block: bool) -> None:  # noqa: FBT001  # a test's parameter
    """No thread is left, the input is closed, and no call begins later."""
    fleet = Fleet()
    source = Source(NAMES)
    if in_block:
        with fleet.executor.map(fleet.calls(source), concurrency=4) as outcomes:
            for _ in outcomes:
                break
    else:
        for _ in fleet.executor.map(fleet.calls(source), concurrency=4):
            break
    assert workers() == []
    assert source.is_closed
    assert fleet.load.under_way == 0
    assert len(fleet.load.made) <= 12


def test_leaving_early_waits_for_no_wait() -> None:
    """Calls that wait for their next attempt end as cancelled ones, and make no other attempt."""
    log = Log()
    fleet = Fleet(values=policy(wait=600.0), observers=[log])
    names = ["busy-1", "busy-2", "g-0", *(f"busy-{number}" for number in range(3, 9))]
    began = time.monotonic()
    for outcome in fleet.executor.map(fleet.calls(names), concurrency=3):
        assert outcome.arguments["group_id"] == "g-0"
        break
    assert time.monotonic() - began < 60
    assert workers() == []
    assert len(fleet.load.made) == len(set(fleet.load.made))
    ends = sorted(event.ended or "" for event in log.events if isinstance(event, CallEnded))
    assert ends == ["cancelled", "cancelled", "success"]


def test_leaving_early_ends_maps_in_calls() -> None:
    """A call that reads outcomes itself ends with its thread, and so do the calls that it waits for."""
    inner = Fleet(values=policy(wait=600.0))
    is_inside = threading.Event()

    def nest(name: str) -> None:
        if name == "g-0":
            is_inside.wait(30)
            return
        inner_calls = inner.calls([f"g-{name}", f"busy-{name}", f"late-{name}"])
        for _ in inner.executor.map(inner_calls, concurrency=1):
            is_inside.set()

    outer = Fleet(meanwhile=nest)
    began = time.monotonic()
    for _ in outer.executor.map(outer.calls(NAMES[:3]), concurrency=3):
        break
    assert time.monotonic() - began < 60
    assert workers() == []
    assert not [name for name in inner.load.made if name.startswith("late")]


def test_the_input_is_read_in_the_thread_of_the_reader() -> None:
    """Rows of a database belong to the thread that asked for them."""
    fleet = Fleet()
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE device (name TEXT)")
        database.executemany("INSERT INTO device VALUES (?)", [(name,) for name in NAMES])
        names = (name for (name,) in database.execute("SELECT name FROM device"))
        outcomes = list(fleet.executor.map(fleet.calls(names), concurrency=4))
    assert sorted(names_of(outcomes)) == sorted(NAMES)


def test_a_call_sees_the_context_of_the_reader_alone() -> None:
    """What a call, or the input, sets in its context is not seen by the next call."""
    var: ContextVar[str] = ContextVar("var", default="")
    seen: set[str] = set()

    def meanwhile(name: str) -> None:
        seen.add(var.get())
        var.set(name)

    fleet = Fleet(meanwhile=meanwhile)
    var.set("reader")
    assert len(list(fleet.executor.map(fleet.calls(NAMES), concurrency=4))) == 50
    assert seen == {"reader"}


def test_errors_that_are_no_calls_own_leave_the_loop() -> None:
    """Of the input, and of the program; what was begun has ended."""
    for names, error in ((Source(NAMES, fails_after=7), LookupError), ([*NAMES[:7], "type-1", *NAMES[7:]], TypeError)):
        fleet = Fleet()
        read: list[SyncMappedOutcome[str]] = []
        with pytest.raises(error) as caught:
            fleet.read_into(read, names, concurrency=3)
        assert caught.value.__notes__ == [f"resilience: map has ended early: {len(read)} calls: {len(read)} succeeded"]
        assert set(names_of(read)) >= set(NAMES[:7])
        assert len(read) == fleet.load.ended <= 10
        assert workers() == []


def test_failures_are_outcomes_and_come_in_a_group_if_asked() -> None:
    """A refusal ends one call."""
    fleet = Fleet()
    read: list[SyncMappedOutcome[str]] = []
    with pytest.raises(ExceptionGroup, match="1 of 52 calls failed") as caught:
        fleet.read_into(read, ["deny-1", "busy-1", *NAMES], raise_failures=True)
    assert len(read) == 52
    assert [type(error) for error in caught.value.exceptions] == [ServiceError]


def test_a_fleet_can_be_stopped() -> None:
    """By the reader, or by the first failure if asked: what is under way is told."""
    fleet = Fleet()
    with fleet.executor.map(fleet.calls(NAMES), concurrency=4) as outcomes:
        read = []
        for outcome in outcomes:
            read.append(outcome)
            outcomes.stop()
        assert outcomes.tally.calls == len(read)
    assert sorted(names_of(read)) == sorted(fleet.load.made)
    assert len(read) <= 13
    other = Fleet()
    read = list(other.executor.map(other.calls(["deny-1", *NAMES]), concurrency=3, stop_on_failure=True))
    assert len(read) == len(other.load.made) <= 10


def test_a_second_run_sends_nothing_that_was_done(tmp_path: Any) -> None:
    """The ledger knows what the first run did."""
    first = Fleet(ledger=Ledger(tmp_path / "ledger.db"))
    assert len(list(first.executor.map(first.calls(NAMES[:20]), concurrency=3))) == 20
    second = Fleet(ledger=Ledger(tmp_path / "ledger.db"))
    assert len(list(second.executor.map(second.calls(NAMES), concurrency=3))) == 50
    assert sorted(first.load.made + second.load.made) == sorted(NAMES)


def test_what_is_no_call_is_refused() -> None:
    """With a sentence that says what was expected."""
    fleet = Fleet()

    async def create(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        return group_id

    mistakes: list[Any] = [fleet.create_group, Executor(policy()).wrap("alibaba:CreateGroupId", create).bind("i", "g")]
    for mistake in mistakes:
        with pytest.raises(TypeError, match="map: expected calls of type SyncBoundCall"):
            list(fleet.executor.map([mistake]))
    with pytest.raises(ValueError, match="expected a number from 1, got -1"):
        fleet.executor.map([], concurrency=-1)
    with pytest.raises(TypeError, match="is no method of a wrapped client"):
        fleet.executor.bind(len, "x")
