"""``SyncExecutor.map``: the same in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from fleet_calls import INSTANCE, Load, Source, policy

from resilience import Executor, Ledger, Outcome, ServiceError, SyncExecutor
from resilience.engine.bound_call import SyncBoundCall

NAMES: Final = [f"g-{number}" for number in range(50)]


class Fleet:
    """An executor, a plain function under its policy, and what came of its calls."""

    def __init__(self, *, meanwhile: Callable[[str], object] = lambda _: None, **more: Any) -> None:
        self.load = load = Load()
        self.executor = SyncExecutor(policy(), provider="alibaba", observers=(), **more)
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

    def read_into(self, read: list[Outcome[str]], names: Any, **options: Any) -> None:
        for outcome in self.executor.map(self.calls(names), **options):
            read.append(outcome)  # noqa: PERF402  # what was read stays when the loop raises


def names_of(outcomes: list[Outcome[str]]) -> list[str]:
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
    fleet = Fleet(meanwhile=lambda name: rest.wait(30) if name == "g-0" else None)
    source = Source(NAMES)
    with fleet.executor.map(fleet.calls(source), concurrency=3, ordered=True) as outcomes:
        reader = iter(outcomes)
        deadline = time.monotonic() + 30
        while len(fleet.load.made) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert source.pulled == 6
        rest.set()
        assert names_of(list(reader)) == NAMES


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


def test_errors_that_are_no_calls_own_leave_the_loop() -> None:
    """Of the input, and of the program; what was begun has ended."""
    for names, error in ((Source(NAMES, fails_after=7), LookupError), ([*NAMES[:7], "type-1", *NAMES[7:]], TypeError)):
        fleet = Fleet()
        read: list[Outcome[str]] = []
        with pytest.raises(error):
            fleet.read_into(read, names, concurrency=3)
        assert set(names_of(read)) >= set(NAMES[:7])
        assert len(read) == fleet.load.ended <= 10
        assert workers() == []


def test_failures_are_outcomes_and_come_in_a_group_if_asked() -> None:
    """A refusal ends one call."""
    fleet = Fleet()
    read: list[Outcome[str]] = []
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
