"""What holds for any limits and any stream of calls: no limit is exceeded, and no call waits for ever."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from admission_driver import Attempt, Driver
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience.core.admission.admission import Admission
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate

OPERATIONS = ("Create", "Delete", "List")

patient = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

rates = st.builds(Rate, st.integers(1, 8), st.sampled_from([0.5, 1.0, 3.0]))
limits = st.builds(
    RateLimits,
    per_host=st.none() | rates,
    default=st.none() | rates,
    operations=st.dictionaries(st.sampled_from(OPERATIONS), rates),
    adaptive=st.booleans(),
    concurrency=st.none() | st.integers(1, 4),
)
moments = st.floats(0.0, 3.0)
attempts = st.lists(
    st.builds(
        Attempt,
        operation=st.sampled_from(OPERATIONS),
        host=st.sampled_from(["a", "b"]),
        at=moments,
        takes=st.just(0.0) | st.floats(0.0, 0.1) | moments,
        result=st.sampled_from(["succeeded", "succeeded", "throttled", "failed", "ignored", "cancelled"]),
        again=st.booleans(),
        gives_up=st.none() | moments,
        reacts=st.just(0.0) | st.floats(0.0, 0.2),
    ),
    max_size=40,
)


def peak(times: Sequence[float], per: float) -> int:
    """Return the most in any window, but for what rounding does."""
    return max((bisect_left(times, time + per - 1e-6) - number for number, time in enumerate(times)), default=0)


def admitted(driver: Driver, *, operation: str | None = None, host: str | None = None) -> list[float]:
    """Return when the attempts of an operation or at a host were admitted, or all of them."""
    return sorted(
        each.admitted
        for each in driver.admitted
        if each.admitted is not None and operation in {None, each.operation} and host in {None, each.host}
    )


@patient
@given(limits, attempts)
def test_no_limit_is_exceeded_and_no_call_waits_for_ever(declared: RateLimits, calls: list[Attempt]) -> None:
    """Whatever is cancelled, late, refused or slow."""
    driver = Driver(Admission(declared))
    driver.make(*calls)
    for operation, rate in declared.operations.items():
        assert peak(admitted(driver, operation=operation), rate.per) <= rate.count
    if declared.default is not None:
        assert peak(admitted(driver), declared.default.per) <= declared.default.count
    if declared.per_host is not None:
        for host in ("a", "b"):
            assert peak(admitted(driver, host=host), declared.per_host.per) <= declared.per_host.count
    assert declared.concurrency is None or driver.most_under_way <= declared.concurrency


@patient
@given(limits, attempts)
def test_calls_of_one_operation_and_host_go_in_turn(declared: RateLimits, calls: list[Attempt]) -> None:
    """None is admitted while one waits that was there before it and is no less urgent."""
    driver = Driver(Admission(declared))
    driver.make(*calls)
    for number, each in enumerate(driver.admitted):
        for later in driver.admitted[number + 1 :]:
            is_same = (each.operation, each.host) == (later.operation, later.host)
            if is_same and later.joined is not None and each.admitted is not None and each.ticket and later.ticket:
                was_there = later.joined < each.admitted
                assert not was_there or each.ticket.rank < later.ticket.rank


@patient
@given(limits, attempts)
def test_what_is_promised_about_waits_is_true(declared: RateLimits, calls: list[Attempt]) -> None:
    """No call is admitted before the instant that it was told, if those before it do not give up waiting."""
    driver = Driver(Admission(declared))
    driver.make(*(evolve(each, gives_up=None) for each in calls))
    for each in driver.admitted:
        assert each.admitted is not None
        assert each.admitted >= each.not_before - 1e-6
