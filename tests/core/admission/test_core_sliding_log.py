"""A sliding log holds a place until a window after its request has surely reached the service."""

from __future__ import annotations

import random
from bisect import bisect_left

import pytest

from resilience.core.admission.admission import Admission
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.admission.rate_limiter import RateLimiter
from resilience.core.admission.sliding_log import LogPlace, SlidingLog


def known(log: SlidingLog, trip: float) -> SlidingLog:
    """Return a log that has seen enough answers to know the quickest."""
    for number in range(2000):
        now = -1e6 + number * log.per
        log.answered(log.take(now), now + trip)
    return log


def test_a_window_holds_no_more_than_the_limit() -> None:
    """The request after the last place waits for a window."""
    log = known(SlidingLog(2, 1.0), 0.0)
    for now in (0.0, 0.5):
        assert log.free_at(now) == now
        log.answered(log.take(now), now)
    assert log.free_at(0.6) == pytest.approx(1.0, abs=0.001)
    assert log.free_at(1.001) == 1.001
    assert log.held(1.001) == 1


def test_a_late_request_holds_its_place_for_longer() -> None:
    """What was answered 40 ms later than usual may have reached the service 40 ms later."""
    log = known(SlidingLog(1, 1.0), 0.02)
    log.answered(log.take(0.0), 0.06)
    assert log.free_at(0.1) == pytest.approx(1.046, abs=0.001)


def test_a_service_that_thinks_does_not_hold_places_for_as_long() -> None:
    """Where answers take between 20 ms and 2 s, a place is kept for 4 % of the window."""
    log = SlidingLog(10, 1.0)
    chance = random.Random(1)  # noqa: S311  # no secret
    for number in range(1000):
        now = number * 10.0
        log.answered(log.take(now), now + chance.uniform(0.02, 2.0))
    place = log.take(20_000.0)
    log.answered(place, 20_001.5)
    assert log.held(20_001.039) == 1
    assert log.held(20_001.041) == 0


def test_a_request_without_an_answer_does_not_hold_its_place_for_ever() -> None:
    """The place of an attempt that hangs is free when it can be late no more; its answer then changes nothing."""
    log = SlidingLog(1, 1.0)
    place = log.take(0.0)
    assert log.held(1.1) == 1
    assert log.held(2.9) == 1
    assert log.held(3.1) == 0
    assert log.answered(place, 9.0) is False
    assert log.held(9.0) == 0


def test_an_answer_may_make_room_at_once() -> None:
    """Where a request takes a window and longer, its answer is what is waited for, and says so."""
    log = known(SlidingLog(1, 1.0), 1.2)
    place = log.take(0.0)
    assert log.free_at(1.1) == pytest.approx(3.0)
    assert log.answered(place, 1.1) is True
    assert log.held(1.1) == 0


def test_what_was_cancelled_says_nothing_about_how_quick_the_service_is() -> None:
    """An attempt that ended without an answer holds its place as long as one that hangs."""
    admission = Admission(RateLimits(default=Rate(1, 1.0)))
    first, then = (admission.enter("Create", "", 0.0) for _ in range(2))
    assert admission.ask(first, 0.0) == 0.0
    admission.leave(first, 0.001, "cancelled")
    assert admission.ask(then, 1.1) > 0.9


def test_an_answer_that_makes_room_wakes_who_waits_for_it() -> None:
    """A call that was told to ask in seconds is woken when the answer of a slow attempt has come."""
    admission = Admission(RateLimits(default=Rate(1, 1.0)))
    for number in range(2000):
        ticket = admission.enter("Create", "", number * 10.0)
        assert admission.ask(ticket, number * 10.0) == 0.0
        admission.leave(ticket, number * 10.0 + 1.2, "succeeded")
    slow, waits = (admission.enter("Create", "", 30_000.0) for _ in range(2))
    assert admission.ask(slow, 30_000.0) == 0.0
    woken: list[bool] = []
    assert admission.ask(waits, 30_001.02, lambda: woken.append(True)) > 0.0
    admission.leave(slow, 30_001.02, "succeeded")
    assert woken


@pytest.mark.parametrize("count", [5, 40, 280])
@pytest.mark.parametrize("seed", range(5))
def test_no_window_of_arrivals_holds_more_than_the_limit(count: int, seed: int) -> None:
    """Requests that take 10 to 30 ms each way reach the service within the limit, and use 95 % of it."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    log = SlidingLog(count, 1.0)
    under_way: list[tuple[float, LogPlace]] = []
    arrivals: list[float] = []
    now, windows = 0.0, 30
    while now < windows:
        at = log.free_at(now)
        if at > now and (not under_way or under_way[0][0] > at):
            now = at
        elif at > now:
            now, place = max(now, under_way[0][0]), under_way[0][1]
            del under_way[0]
            log.answered(place, now)
        else:
            place, there = log.take(now), chance.uniform(0.01, 0.03)
            arrivals.append(now + there)
            under_way.append((now + there + chance.uniform(0.01, 0.03), place))
            under_way.sort(key=lambda each: each[0])
    arrivals.sort()
    peak = max(bisect_left(arrivals, each + 1.0) - number for number, each in enumerate(arrivals))
    assert peak <= count
    assert len(arrivals) >= 0.95 * windows * count


def test_the_places_of_a_window_are_given_out_one_after_the_other() -> None:
    """A tenth goes at once, and the rest three times as quickly as the limit."""
    limiter = RateLimiter.of(Rate(100, 1.0))
    times = []
    now = 0.0
    for _ in range(100):
        now = max(now, limiter.ready_at(now))
        limiter.take(now)
        times.append(now)
    assert times[9] == 0.0
    assert times[10] > 0.0
    assert times[99] == pytest.approx(0.3, abs=0.01)


def test_a_long_window_is_no_reason_to_wait() -> None:
    """Of ``60/m`` all may go in the same second."""
    limiter = RateLimiter.of(Rate(60, 60.0))
    now = 0.0
    for _ in range(60):
        now = max(now, limiter.ready_at(now))
        limiter.take(now)
    assert now < 0.35
    assert limiter.ready_at(now) >= 60.0


def test_a_place_in_the_queue_says_how_long_it_takes_at_least() -> None:
    """With 250 others before it and 100 in a second, none is sent before the third window."""
    limiter = RateLimiter.of(Rate(100, 1.0))
    assert limiter.not_before(99, 0.0) == 0.0
    assert limiter.not_before(100, 0.0) == 1.0
    assert limiter.not_before(250, 0.0) == 2.0
    limiter.answered(limiter.take(0.0), 0.0)
    assert limiter.not_before(99, 0.5) == pytest.approx(1.0)
