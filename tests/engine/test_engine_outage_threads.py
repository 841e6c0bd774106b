"""Retry budgets and breakers without an event loop: the same, and in many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve
from engine_calls import AT_ONCE, FAIL, policy, refused

from resilience import BreakerOpen, BudgetExhausted, ServiceError, SyncExecutor
from resilience.core.admission.limits import BreakerLimits, BudgetLimits
from resilience.testing import VirtualTime, virtual_time

RULES = {"Down": AT_ONCE, "Broken": FAIL}


@pytest.fixture
def clock() -> Iterator[VirtualTime]:
    with virtual_time() as virtual:
        yield virtual


def executor(budget: BudgetLimits | None = None, breaker: BreakerLimits | None = None) -> SyncExecutor:
    values = evolve(
        policy(RULES, max_attempts=1000, deadline=None, repeats={"CreateGroupId": "safe"}),
        budgets={} if budget is None else {"alibaba": budget},
        breakers={} if breaker is None else {"alibaba": breaker},
    )
    return SyncExecutor(values, provider="alibaba", observers=(), draw=lambda: 0.5)


def failing(code: str = "Broken") -> Callable[[], Any]:
    def function() -> Any:
        raise refused(code, status=500)

    return function


def in_threads(count: int, function: Callable[[], None]) -> None:
    threads = [threading.Thread(target=function) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_breaker_opens_and_closes_again(clock: VirtualTime) -> None:
    """Failures open it, time lets a call be tried, and a success closes it."""
    running = executor(breaker=BreakerLimits(min_calls=2, open_for=20.0, probes=1))
    for _ in range(2):
        with pytest.raises(ServiceError):
            running.call("CreateGroupId", failing())
    with pytest.raises(BreakerOpen) as caught:
        running.call("CreateGroupId", lambda: "made")
    assert caught.value.retry_after == pytest.approx(20.0)
    clock.sleep(20.0)
    assert running.call("CreateGroupId", lambda: "made") == "made"
    assert running.breaker().state == "closed"


def test_a_probe_that_is_interrupted_gives_its_place_back(clock: VirtualTime) -> None:
    """Ctrl-C in a probe leaves at once, and the next call is tried."""
    running = executor(breaker=BreakerLimits(min_calls=1, open_for=20.0, probes=1))
    with pytest.raises(ServiceError):
        running.call("CreateGroupId", failing())
    clock.sleep(20.0)

    def interrupted() -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            running.call("CreateGroupId", interrupted)
    assert running.breaker().state == "half_open"
    assert running.call("CreateGroupId", lambda: "made") == "made"


def test_threads_share_a_budget() -> None:
    """However many threads retry at once, no retry is made that is not paid for."""
    running = executor(BudgetLimits(capacity=500, cost=1, deposit=0))
    attempts = list[int]()

    def function() -> Any:
        attempts.append(1)
        raise refused("Down")

    def call() -> None:
        with pytest.raises(BudgetExhausted):
            running.call("CreateGroupId", function)

    in_threads(8, call)
    assert len(attempts) == 500 + 8


def test_threads_share_the_places_of_a_half_open_breaker() -> None:
    """Of many threads at once only so many are tried as there are probes."""
    running = executor(breaker=BreakerLimits(min_calls=1, open_for=0.01, probes=2))
    with pytest.raises(ServiceError):
        running.call("CreateGroupId", failing())
    threading.Event().wait(0.05)
    begun, done = list[int](), threading.Event()
    refusals = list[int]()

    def function() -> None:
        begun.append(1)
        done.wait(10)

    def call() -> None:
        try:
            running.call("CreateGroupId", function)
        except BreakerOpen:
            refusals.append(1)
            if len(refusals) == 6:
                done.set()

    in_threads(8, call)
    assert (len(begun), len(refusals)) == (2, 6)
    assert running.breaker().state == "closed"
