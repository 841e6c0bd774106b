"""Attempts under way that several processes limit together: never too many, hardly too few, and with few questions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_processes import World, peak

from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.admission.shared.permit_pool import PermitPool
from resilience.core.admission.shared.permits import REVIEW, GivenPermits


def loops(world: World, process: int, tasks: int, calls: int, begins: float = 0.0) -> None:
    """Let a process make calls, so many at a time, each after the one before."""
    left = iter(range(calls))

    def following() -> None:
        if next(left, None) is not None:
            world.call(process, max(world.now, begins), then=following)

    for _ in range(tasks):
        following()


@pytest.mark.parametrize(("processes", "count", "least"), [(1, 16, 0.98), (4, 16, 0.95), (4, 1, 0.9), (50, 16, 0.85)])
def test_processes_use_a_limit_of_attempts_under_way_together(processes: int, count: int, least: float) -> None:
    """However many processes there are, no moment has too many attempts under way, and most have as many as may be."""
    world = World(RateLimits(concurrency=count), processes=processes, takes=0.1)
    total = max(400, 2000 // max(1, 16 // count))
    for process in range(processes):
        loops(world, process, 16, total // processes)
    world.run()
    assert len(world.arrivals) == total // processes * processes
    assert world.most_under_way == count
    took = max(world.arrivals) - min(world.arrivals)
    # At the end some processes have fewer calls left than they could make.
    busy = sum(each < took * 0.9 for each in world.arrivals) * world.takes
    assert busy / (took * 0.9 * count) >= least


def test_a_rate_and_permits_come_with_one_question() -> None:
    """With both limits the store is asked as seldom as with the rate alone."""
    limits = RateLimits(operations={"Make": Rate(100, 1.0)}, concurrency=16)
    world = World(limits, processes=4, takes=0.02, late=0.005)
    for process in range(4):
        loops(world, process, 16, 500)
    world.run()
    assert world.most_under_way <= 16
    assert peak(world.arrivals) <= 100
    assert 2000 / (max(world.arrivals) - min(world.arrivals)) >= 95
    assert world.questions <= 0.1 * 2000


def test_a_process_with_few_calls_leaves_the_permits_to_the_other() -> None:
    """Where one process has one call at a time, the other has the other permits."""
    world = World(RateLimits(concurrency=8), processes=2, takes=0.1)
    loops(world, 0, 1, 60)
    loops(world, 1, 16, 400)
    world.run()
    assert world.most_under_way == 8
    assert max(world.arrivals) <= 400 / 7 * 0.1 * 1.1


def test_a_process_that_has_nothing_to_do_gives_its_permits_away() -> None:
    """The other has all of them at the latest when it asks again, although the lease goes on for an hour."""
    world = World(RateLimits(concurrency=4), processes=2, takes=0.1)
    loops(world, 0, 4, 8)
    loops(world, 1, 4, 400, begins=0.05)
    world.run()
    assert world.most_under_way == 4
    assert max(world.arrivals) <= 0.3 + 400 / 4 * 0.1 + 1.2


def test_a_late_comer_gets_its_part() -> None:
    """A process that comes when all permits are in use gets half of them as attempts end."""
    world = World(RateLimits(concurrency=8), processes=2, takes=0.1)
    loops(world, 0, 16, 800)
    loops(world, 1, 16, 400, begins=3.0)
    world.run()
    assert world.most_under_way == 8
    assert max(world.arrivals) <= 1200 / 8 * 0.1 * 1.1


def test_permits_of_a_process_that_died_come_back_after_the_lease() -> None:
    """What it holds is lost until then, and all of it is there afterwards."""
    world = World(RateLimits(concurrency=4), processes=2, takes=0.1, longest=5.0)
    loops(world, 0, 8, 10_000)
    loops(world, 1, 8, 400, begins=0.5)
    world.at(2.0, lambda: world.dead.add(0))
    world.run()
    assert world.most_under_way == 4
    late = [each for each in world.arrivals if each >= 2.0 + 6.0 + 1.1]
    assert len(late) / (max(late) - min(late)) >= 4 / 0.1 * 0.95


@pytest.mark.parametrize("trip", [0.001, 0.05, 0.4])
@pytest.mark.parametrize("count", [1, 3])
def test_a_slow_store_makes_no_attempt_too_many(count: int, trip: float) -> None:
    """However long an answer takes, it counts only what is true when it was made."""
    world = World(RateLimits(concurrency=count), processes=3, takes=0.03, trip=trip, late=0.02)
    for process in range(3):
        loops(world, process, 4, 60)
    world.run()
    assert len(world.arrivals) == 180
    assert world.most_under_way == count


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 5),
    trip=st.sampled_from([0.001, 0.03, 0.3]),
    takes=st.sampled_from([0.001, 0.05, 1.5]),
    plan=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 5)), min_size=1, max_size=60),
    killed=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 5)), max_size=2),
)
def test_no_schedule_has_too_many_under_way(
    count: int, trip: float, takes: float, plan: list[tuple[int, float]], killed: list[tuple[int, float]]
) -> None:
    """Whenever calls come, and whichever process dies: never more than the limit, and every other call is made."""
    world = World(RateLimits(concurrency=count), processes=4, trip=trip, takes=takes, longest=2.0, late=0.01)
    for process, at in killed:
        world.at(at, lambda process=process: world.dead.add(process))  # type: ignore[misc]  # no parameter of its own
    for process, at in plan:
        world.call(process, at)
    world.run()
    assert world.most_under_way <= count
    dead = {process for process, _ in killed}
    assert len(world.arrivals) >= sum(process not in dead for process, _ in plan)


def pool_with(granted: int, *, longest: float = 5.0) -> PermitPool:
    """Return a pool that has asked at 0 and got so many permits."""
    pool = PermitPool("key", 8, "p")
    pool.may_take(longest)
    assert pool.reserve()
    pool.ask(0, granted, 0.0)
    pool.add(GivenPermits(granted=granted, target=granted, spare=0), asked=0.0)
    return pool


def test_while_a_question_is_under_way_nothing_begins_that_it_does_not_tell() -> None:
    """The store may give to others what the question has not said to be in use."""
    pool = pool_with(3)
    assert pool.may_begin(2, 0.5)
    assert pool.reserve()
    assert not pool.reserve()
    assert pool.ask(1, 1, 0.5).held == 1
    assert pool.may_begin(0, 0.5)
    assert not pool.may_begin(1, 0.5)
    pool.give_up()
    assert not pool.may_begin(0, 0.5)


def test_an_attempt_that_may_take_longer_than_the_lease_waits_for_a_longer_one() -> None:
    """What a lease was not asked for begins only when the store has given it."""
    pool = pool_with(1, longest=5.0)
    assert pool.may_begin(0, 0.1)
    pool.may_take(50.0)
    assert not pool.may_begin(0, 0.1)
    assert pool.due_at(0, 1, 0.1, 0.0) == 0.1
    assert pool.reserve()
    assert pool.ask(0, 1, 0.1).lasts == 50.0 + REVIEW
    assert not pool.may_begin(0, 0.2)
    pool.add(GivenPermits(granted=1, target=1, spare=0), asked=0.1)
    assert pool.may_begin(0, 0.2)
    assert not pool.may_begin(0, 0.1 + REVIEW)
