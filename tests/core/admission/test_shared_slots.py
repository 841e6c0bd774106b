"""Rate limits that several processes share: never over the limit, hardly under it, and with few questions."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_processes import World, peak

from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.admission.shared.reservation import GivenSlots, shared_limit
from resilience.core.admission.shared.server_clock import ServerClock
from resilience.core.admission.shared.slot_pool import SlotPool


def one(count: float, per: float = 1.0) -> RateLimits:
    return RateLimits(operations={"Make": Rate(count, per)})


@pytest.mark.parametrize("late", [0.0, 0.01, 0.03])
@pytest.mark.parametrize(("processes", "count"), [(1, 100), (4, 100), (16, 100), (4, 10), (4, 1), (3, 280)])
def test_processes_use_a_limit_together_and_never_exceed_it(processes: int, count: int, late: float) -> None:
    """However many processes there are, no second holds too many, and a longer time has at least 95 % of the limit."""
    world = World(one(count), processes=processes, late=late)
    # At the end a process may have slots that another could use.
    total = max(10, 2 * processes) * count
    for number in range(total):
        world.call(number % processes)
    world.run()
    assert len(world.arrivals) == total
    assert peak(world.arrivals) <= (count if late <= 0.01 else count * 1.02)
    took = max(world.arrivals) - min(world.arrivals)
    assert (total - 1) / took >= 0.95 * count


@pytest.mark.parametrize("processes", [1, 4])
def test_the_store_is_asked_once_for_ten_calls(processes: int) -> None:
    """At 100/s, one question brings ten slots or more."""
    world = World(one(100), processes=processes, late=0.005)
    for number in range(1000):
        world.call(number % processes)
    world.run()
    assert world.questions <= 100


def test_a_process_with_one_call_at_a_time_asks_seldom_too() -> None:
    """A loop of calls, each after the one before, gets slots for its next calls as well."""
    world = World(one(100), processes=1, takes=0.005)
    left = iter(range(500))

    def following() -> None:
        if next(left, None) is not None:
            world.call(0, world.now, then=following)

    following()
    world.run()
    assert len(world.arrivals) == 500
    assert world.questions <= 75
    assert peak(world.arrivals) <= 100


@pytest.mark.parametrize("trip", [0.05, 0.2])
def test_a_slow_store_costs_little(trip: float) -> None:
    """A process asks before its slots are used up, so early that a slow store delays only the first of them."""
    world = World(one(100), processes=2, trip=trip)
    for number in range(1000):
        world.call(number % 2)
    world.run()
    took = max(world.arrivals) - min(world.arrivals)
    assert 999 / took >= 94
    assert peak(world.arrivals) <= 100


def test_all_limits_hold_at_once() -> None:
    """Each operation has its own limit, and all of them together that of the account."""
    limits = RateLimits(operations={"Make": Rate(10, 1.0)}, default=Rate(50, 1.0))
    world = World(limits, processes=2)
    made: dict[str, list[float]] = {"Make": [], "List": []}

    def noting(operation: str) -> Callable[[], None]:
        return lambda: made[operation].append(world.now - world.takes)

    for number in range(100):
        world.call(number % 2, operation="Make", then=noting("Make"))
    for number in range(400):
        world.call(number % 2, operation="List", then=noting("List"))
    world.run()
    assert peak(made["Make"]) <= 10
    assert peak(made["Make"] + made["List"]) <= 50
    assert max(made["Make"]) == pytest.approx(10, abs=0.6)
    assert max(made["List"]) <= 400 / 40 * 1.06


def test_what_is_not_used_is_given_back() -> None:
    """A process that has stopped leaves its slots to the others within a window."""
    world = World(one(20), processes=2)
    for number in range(3):
        world.call(0, number * 0.001)
    for _ in range(100):
        world.call(1, 0.5)
    world.run()
    later = [each for each in world.arrivals if each >= 0.5]
    assert 99 / (max(later) - min(later)) >= 0.95 * 20


@settings(max_examples=60, deadline=None)
@given(
    processes=st.integers(1, 5),
    count=st.integers(1, 30),
    trip=st.floats(0.0005, 0.1),
    late=st.floats(0.0, 0.02),
    seed=st.integers(0, 1000),
)
def test_no_schedule_exceeds_a_limit_or_stands_still(
    processes: int, count: int, trip: float, late: float, seed: int
) -> None:
    """Whenever calls come, all of them are made, and a window never holds more than the limit."""
    random = Random(seed)  # noqa: S311  # a simulation
    world = World(one(count), processes=processes, trip=trip, late=late, random=random, takes=random.random() / 10)
    total = 4 * count
    for _ in range(total):
        world.call(random.randrange(processes), random.choice([0.0, random.random() * 5]))
    world.run(until=200)
    assert len(world.arrivals) == total
    assert peak(world.arrivals) <= count
    assert all(admission.under_way == 0 for admission in world.admissions)


def test_the_clock_of_a_store_may_be_set_anew() -> None:
    """A store whose clock is set back or ahead by an hour delays calls by two windows at most."""
    for step in (-3600.0, 3600.0):
        world = World(one(20), processes=2)
        for number in range(200):
            world.call(number % 2)
        world.at(3.0, lambda world=world, step=step: setattr(world, "ahead", world.ahead + step))  # type: ignore[misc]
        world.run(until=60)
        assert len(world.arrivals) == 200
        assert max(world.arrivals) <= 200 / 20 + 3
        assert peak(world.arrivals) <= (20 if step < 0 else 40)


def test_a_clock_is_known_to_the_quickest_answer() -> None:
    """An answer that was long under way says less of the store's clock than a quick one."""
    clock = ServerClock()
    clock.learn(100.0, asked=0.0, received=0.5)
    clock.learn(101.0, asked=1.0, received=1.01)
    assert clock.local(102.0) == pytest.approx(2.01, abs=0.01)
    clock.learn(103.0, asked=3.0, received=3.4)
    assert clock.local(104.0) == pytest.approx(4.01, abs=0.02)


def test_a_late_slot_is_told_and_a_missed_one_is_given_back() -> None:
    """The next question says of late slots when they would have been in time, and which were not used at all."""
    pool = SlotPool((shared_limit("key", Rate(10, 1.0)),), "p")
    request = pool.ask(3)
    pool.add(request, GivenSlots(now=50.0, slots=(50.0, 50.1, 50.2)), asked=0.0, received=0.0)
    assert pool.ready_at(0.03) == 0.03
    pool.take(0.03)
    assert pool.ready_at(0.18) == pytest.approx(0.2)
    following = pool.ask(1)
    assert dict(following.late) == {"p:1:0": pytest.approx(50.01)}
    assert following.unused == ("p:1:1",)


def one_after_the_other(world: World, process: int, number: int) -> None:
    """Make calls, each when the one before has ended."""
    left = iter(range(number))

    def following() -> None:
        if next(left, None) is not None:
            world.call(process, world.now, then=following)

    following()


@pytest.mark.parametrize("declared", [100, None])
def test_a_throttled_request_of_one_process_slows_all(declared: int | None) -> None:
    """Where the service takes less than is declared, or nothing is declared, all find what it takes together."""
    limits = RateLimits(operations={} if declared is None else {"Make": Rate(declared, 1.0)}, adaptive=True)
    world = World(limits, processes=4, capacity=40, takes=0.02)
    for process in range(4):
        for _ in range(8):
            one_after_the_other(world, process, 1000)
    world.run(until=60.0)
    taken, sent = ([at for at in times if 20.0 <= at < 60.0] for times in (world.taken, world.arrivals))
    assert len(taken) >= 0.95 * 40 * 40
    assert len(sent) <= 1.1 * len(taken)
    for admission in world.admissions:
        (level,) = admission.levels().rates
        assert 38 <= level.per_second <= 50
        assert level.declared == declared


def test_a_limit_that_adapts_is_told_by_each_process() -> None:
    """Each process tells that the limit of all of them has changed, and what it is."""
    world = World(RateLimits(operations={"Make": Rate(100, 1.0)}, adaptive=True), processes=2, capacity=20, takes=0.02)
    for process in range(2):
        for _ in range(8):
            one_after_the_other(world, process, 1000)
    world.run(until=8.0)
    for admission in world.admissions:
        changes = admission.take_changes()
        assert changes
        assert changes[0].old == 100
        assert changes[-1].new <= 45
        assert {change.operation for change in changes} == {"Make"}
