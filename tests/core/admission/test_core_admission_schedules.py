"""What a service counts, for any schedule of calls: late answers, many hosts, long windows, clocks that step back."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from functools import partial

import pytest
from admission_driver import STARTED, Attempt, Driver
from attrs import define, evolve, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience.core.admission.admission import Admission
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate

patient = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PER = 1.0
# By so much of a window round trips may differ, however long they are: lateness up to this is always paid for.
JITTER = 0.04


@define(eq=False)
class Trip(Attempt):
    """
    An attempt that reaches the service on its way.

    Attributes:
        way: The shortest way to the service, in seconds.
        late: How much longer the way takes, and the way back: the second is the rest of what the attempt takes.
    """

    way: float = 0.0
    late: float = 0.0


@define(eq=False)
class OtherClock(Driver):
    """A driver whose clock stands still, or steps back, now and then."""

    steps: Sequence[tuple[float, float]] = field(factory=list)

    @property
    def clock(self) -> float:
        shown = STARTED + self.now
        for at, back in self.steps:
            if self.now >= at:
                # For a while it shows what it showed before; a negative one is a step back that stays.
                shown = min(shown, STARTED + at) if 0 <= self.now - at < back else shown
                shown += min(back, 0.0)
        return shown


def arrivals(driver: Driver, **which: str) -> list[float]:
    """Return when attempts reached the service."""
    return sorted(
        each.admitted + (each.way + each.late if isinstance(each, Trip) else 0.0)
        for each in driver.admitted
        if each.admitted is not None and all(getattr(each, name) == value for name, value in which.items())
    )


def peak(times: Sequence[float], per: float) -> int:
    """Return the most in any window, but for what rounding does."""
    most, first = 0, 0
    for number, at in enumerate(times):
        while times[first] <= at - per + 1e-6:
            first += 1
        most = max(most, number - first + 1)
    return most


@st.composite
def schedules(draw: st.DrawFn) -> tuple[RateLimits, list[Trip]]:
    """Return limits, and calls of several operations and hosts, many of them at the same moment."""
    rates = st.builds(Rate, st.integers(1, 6), st.just(PER))
    declared = RateLimits(
        per_host=draw(st.none() | rates),
        default=draw(st.none() | rates),
        operations=draw(st.dictionaries(st.sampled_from(["Create", "Delete"]), rates)),
        adaptive=draw(st.booleans()),
        concurrency=draw(st.none() | st.integers(1, 5)),
    )
    there, back = draw(st.sampled_from([(0.0, 0.0), (0.02, 0.03), (0.3, 0.1), (0.1, 1.2), (3.0, 0.2)]))
    lateness = st.floats(0.0, JITTER * PER / 2)
    calls = draw(
        st.lists(
            st.builds(
                Trip,
                operation=st.sampled_from(["Create", "Delete", "List"]),
                host=st.sampled_from(["a", "b", "c"]),
                at=st.sampled_from([0.0, 0.0, 0.3, 1.1]) | st.floats(0.0, 4.0),
                way=st.just(there),
                late=lateness,
                takes=lateness,
                result=st.sampled_from(["succeeded", "succeeded", "succeeded", "throttled", "ignored"]),
                again=st.booleans(),
                gives_up=st.none() | st.none() | st.floats(0.0, 3.0),
                reacts=st.just(0.0) | st.floats(0.0, 0.1),
            ),
            max_size=60,
        )
    )
    return declared, [evolve(each, takes=there + each.late + back + each.takes) for each in calls]


def check(declared: RateLimits, driver: Driver) -> None:
    """See to it that the service counted no more than the limits, and that nothing is held any more."""
    for operation, rate in declared.operations.items():
        assert peak(arrivals(driver, operation=operation), rate.per) <= rate.count
    if declared.default is not None:
        assert peak(arrivals(driver), declared.default.per) <= declared.default.count
    if declared.per_host is not None:
        for host in ("a", "b", "c"):
            assert peak(arrivals(driver, host=host), declared.per_host.per) <= declared.per_host.count
    admission = driver.admission
    assert admission.under_way == 0
    assert not any(admission.levels().waiting.values())
    assert not admission._waiting


@patient
@given(schedules())
def test_the_service_counts_no_more_than_the_limits(schedule: tuple[RateLimits, list[Trip]]) -> None:
    """However long answers take, wherever in between requests arrive, and whatever is cancelled while it waits."""
    declared, calls = schedule
    driver = Driver(Admission(declared))
    # What is cancelled under way may reach the service all the same, when it would have.
    driver.make(*calls)
    check(declared, driver)


@patient
@given(schedules(), st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(-3.0, 3.0)), max_size=4))
def test_a_clock_that_stands_still_or_steps_back_lets_no_more_through(
    schedule: tuple[RateLimits, list[Trip]], steps: list[tuple[float, float]]
) -> None:
    """Calls wait longer than they must, and none for ever."""
    declared, calls = schedule
    driver = OtherClock(Admission(declared), steps=sorted(steps))
    driver.make(*(evolve(each, gives_up=None, takes=0.0, way=0.0, late=0.0) for each in calls))
    check(declared, driver)


@pytest.mark.parametrize(
    ("text", "at_once"), [pytest.param("1000/h", 1000, id="an-hour"), pytest.param("60/m", 60, id="a-minute")]
)
def test_a_long_window_is_used_from_its_beginning(text: str, at_once: int) -> None:
    """Its calls go within a second or so, and the next ones when the window has passed."""
    rate = Rate.of(text)
    driver = Driver(Admission(RateLimits(operations={"Create": rate}, adaptive=True)))
    calls = [Attempt(takes=0.02) for _ in range(2 * at_once)]
    driver.make(*calls)
    times = arrivals(driver)
    assert times[at_once - 1] < 1.0
    assert rate.per <= times[at_once] < 1.04 * rate.per
    assert peak(times, rate.per) == at_once


def test_a_host_that_calls_wait_for_is_not_forgotten() -> None:
    """Its limit holds for an operation that waits for another limit, and for one that comes later."""
    limits = RateLimits(per_host=Rate(5, PER), operations={"Slow": Rate(1, 3600.0), "Other": Rate(1, 3600.0)})
    admission = Admission(limits)
    assert admission.ask(admission.enter("Slow", "elsewhere", 0.0), 0.0) == 0.0
    waiting = admission.enter("Slow", "a", 0.0)
    assert admission.ask(waiting, 0.0) > 0.0
    for number in range(600):
        ticket = admission.enter("Create", f"host-{number}", 0.0)
        admission.ask(ticket, 0.0)
        admission.leave(ticket, 0.0, "succeeded")
    late = admission.enter("Create", "a", 0.0)
    assert late.queue.limiters[-1] is waiting.queue.limiters[-1]


@pytest.mark.parametrize("order", ["first-come", "last-come", "by-chance"])
@pytest.mark.parametrize(("operations", "hosts"), [(1, 1), (20, 1), (1, 1000)], ids=["one", "operations", "hosts"])
def test_ten_thousand_calls_leave_at_once(order: str, operations: int, hosts: int) -> None:
    """Each takes as long as any other, however many wait, and wakes no more than a few."""
    limits = RateLimits(default=Rate(1, 3600.0), per_host=Rate(5, 3600.0), concurrency=5)
    admission, woken = Admission(limits), list[int]()
    tickets = []
    for number in range(10_000):
        ticket = admission.enter(f"Create{number % operations}", f"host-{number % hosts}", 0.0)
        ticket.wake = partial(woken.append, number)
        admission.ask(ticket, 0.0)
        tickets.append(ticket)
    woken.clear()
    if order == "last-come":
        tickets.reverse()
    elif order == "by-chance":
        random.Random(1).shuffle(tickets)  # noqa: S311  # no secret
    began = time.process_time()
    for ticket in tickets:
        admission.leave(ticket, 1.0)
    # Of the processor: some microseconds for each, on any machine far less than a tenth of a millisecond.
    assert time.process_time() - began < 1.0
    assert len(woken) <= 2 * len(tickets)
    assert admission.under_way == 0
    assert not admission._waiting


def test_operations_that_share_a_limit_go_in_turn() -> None:
    """A call of a rare operation waits for those before it, and for none of the thousand after it."""
    driver = Driver(Admission(RateLimits(default=Rate(10, PER), operations={"Create": Rate(10, PER)}, concurrency=4)))
    flood = [Attempt(operation="Create", takes=0.01) for _ in range(50)]
    rare = Attempt(operation="Delete", host="other", at=0.001, takes=0.01)
    later = [Attempt(operation="Create", at=0.002, takes=0.01) for _ in range(1000)]
    driver.make(*flood, rare, *later)
    assert rare.admitted is not None
    before = sum(each.admitted is not None and each.admitted < rare.admitted for each in [*flood, *later])
    assert before <= 50
