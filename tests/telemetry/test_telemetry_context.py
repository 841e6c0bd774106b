from __future__ import annotations

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from opentelemetry import trace
from scripted_calls import Flight, Recorded, ended, failed, parent_id_of, span_id_of

from resilience.core.decision import Refresh, Verify
from resilience.core.events import (
    AttemptAborted,
    AttemptStarted,
    AttemptSucceeded,
    RefreshEnded,
    RefreshStarted,
    VerifyEnded,
    VerifyStarted,
)

pytestmark = pytest.mark.anyio


def _mark(trace_: Recorded, name: str) -> None:
    trace_.user.start_span(name).end()


async def test_what_an_attempt_does_is_its_child_wherever_it_runs() -> None:
    """Spans that are made in the attempt, in its task group and in its threads are children of the attempt."""
    trace_ = Recorded()
    sink = trace_.watch()
    sink(AttemptStarted(number=1))

    async def child(name: str) -> None:
        _mark(trace_, name)

    def thread() -> None:
        _mark(trace_, "thread")
        anyio.from_thread.run(child, "from thread")

    _mark(trace_, "task")
    async with anyio.create_task_group() as group:
        group.start_soon(child, "task group")
    await anyio.to_thread.run_sync(thread)
    sink(AttemptSucceeded(number=1, duration=0.1))
    _mark(trace_, "between")
    sink(ended())
    _mark(trace_, "after")
    attempt = span_id_of(trace_.span("attempt CreateGroupId"))
    for name in ("task", "task group", "thread", "from thread"):
        assert parent_id_of(trace_.span(name)) == attempt, name
    assert parent_id_of(trace_.span("between")) == span_id_of(trace_.operation())
    assert parent_id_of(trace_.span("after")) is None


async def test_a_remedy_is_current_while_it_runs() -> None:
    """What a refresher or a verifier does belongs to its span; what a waiter does belongs to its operation."""
    trace_, flight = Recorded(), Flight()
    sink = trace_.watch()
    for event in failed(1, Refresh(provider="alibaba")):
        sink(event)
    sink(RefreshStarted(provider="alibaba", flight=flight, leads=True, number=1))
    _mark(trace_, "AssumeRole")
    sink(RefreshEnded(flight=flight, duration=0.1))
    sink(RefreshStarted(provider="alibaba", flight=flight, leads=False, number=1))
    _mark(trace_, "waiting")
    sink(RefreshEnded(flight=flight, duration=0.1))
    for event in failed(2, Verify(delay=0.0)):
        sink(event)
    sink(VerifyStarted(number=2))
    _mark(trace_, "ListGroupId")
    sink(VerifyEnded(there=True, decision=None, duration=0.1))
    sink(ended())
    parents = {
        "AssumeRole": "refresh_credentials alibaba",
        "waiting": "CreateGroupId",
        "ListGroupId": "verify CreateGroupId",
    }
    for name, parent in parents.items():
        assert parent_id_of(trace_.span(name)) == span_id_of(trace_.span(parent)), name


async def test_calls_side_by_side_do_not_mix() -> None:
    """Each of many tasks has its own operation, and its attempts are children of that one."""
    trace_ = Recorded()

    async def call() -> None:
        sink = trace_.watch()
        for number in (1, 2):
            for event in failed(number):
                sink(event)
                await anyio.lowlevel.checkpoint()
        sink(ended("failed", "rule"))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(call)
    operations = [span_id_of(span) for span in trace_.spans() if span.name == "CreateGroupId"]
    parents = [parent_id_of(span) for span in trace_.spans() if span.name != "CreateGroupId"]
    assert len(operations) == 5
    assert sorted(parents, key=str) == sorted([*operations, *operations], key=str)


async def test_a_cancelled_task_leaves_its_context_as_it_was() -> None:
    """Cancellation in the middle of an attempt ends its spans, and the caller's own span is current again."""
    trace_ = Recorded()
    with trace_.user.start_as_current_span("script") as script:
        with anyio.CancelScope() as scope:
            sink = trace_.watch()
            sink(AttemptStarted(number=1))
            try:
                scope.cancel()
                await anyio.sleep_forever()
            finally:
                sink(AttemptAborted(number=1, duration=0.1, error=None))
                sink(ended("cancelled", "cancelled"))
        assert trace.get_current_span() is script
    assert trace_.counted.begun == trace_.counted.ended == 3
    assert parent_id_of(trace_.operation()) == span_id_of(trace_.span("script"))


async def test_a_nested_call_is_a_child_of_the_attempt_around_it() -> None:
    """A call that is made inside an attempt of another call has its place there."""
    trace_ = Recorded()
    outer = trace_.watch()
    outer(AttemptStarted(number=1))
    inner = trace_.watch()
    inner(AttemptStarted(number=1))
    inner(AttemptSucceeded(number=1, duration=0.1))
    inner(ended())
    outer(AttemptSucceeded(number=1, duration=0.1))
    outer(ended())
    names = {span_id_of(span): span.name for span in trace_.spans()}
    parents = [names.get(parent_id_of(span) or 0) for span in trace_.spans()]
    assert parents == [None, "CreateGroupId", "attempt CreateGroupId", "CreateGroupId"]
