"""The breaker: what opens it, how it closes again, and that it never sticks."""

from __future__ import annotations

from typing import Any

import breaker_model
import pytest
from breaker_model import LEASE, RESULTS, Pair
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from resilience.core.admission.breaker import Breaker, BreakerChange, BreakerPass, BreakerRefusal, Breakers
from resilience.core.admission.limits import BreakerLimits
from resilience.core.admission.result import Result


def limits(**changes: Any) -> BreakerLimits:
    return BreakerLimits(**{"min_calls": 4, "open_for": 20.0, "window": 30.0, "probes": 1, **changes})


def breaker(**changes: Any) -> Breaker:
    return Breaker(limits(**changes), lease=LEASE)


def passed(found: BreakerPass | BreakerRefusal) -> BreakerPass:
    assert isinstance(found, BreakerPass)
    return found


def refused(found: BreakerPass | BreakerRefusal) -> BreakerRefusal:
    assert isinstance(found, BreakerRefusal)
    return found


def attempts(one: Breaker, now: float, *results: Result, times: int = 1) -> None:
    """Make attempts, one after the other, and the same again so many times."""
    for result in results * times:
        one.leave(passed(one.enter(now)), result, now)


def state(one: Breaker) -> str:
    """Return its state; type checkers take an attribute for what it was when it was last compared."""
    return one.state


def opened(now: float = 0.0, **changes: Any) -> Breaker:
    """Return a breaker that has opened at ``now``."""
    one = breaker(**changes)
    attempts(one, now, "failed", times=4)
    assert state(one) == "open"
    return one


def half_open(now: float = 0.0, **changes: Any) -> Breaker:
    """Return a breaker that is half-open at ``now``, whose only probe is to come."""
    one = opened(now - 20.0, **changes)
    attempts(one, now, "cancelled")
    assert state(one) == "half_open"
    return one


class Machine(RuleBasedStateMachine):
    """Any order of calls, ends, losses, waits, steps of the clock and changes by hand."""

    pair: Pair

    @initialize(
        rate=st.sampled_from([0.07, 0.5, 1.0]),
        window=st.sampled_from([(10.0, None), (None, 1), (None, 7)]),
        min_calls=st.integers(1, 4),
        probes=st.integers(1, 3),
        mode=st.sampled_from(["on", "shadow"]),
    )
    def begin(
        self, rate: float, window: tuple[float | None, int | None], min_calls: int, probes: int, mode: Any
    ) -> None:
        self.pair = Pair(
            BreakerLimits(
                failure_rate=rate,
                window=window[0],
                window_calls=window[1],
                min_calls=min_calls,
                open_for=20.0,
                probes=probes,
                mode=mode,
            )
        )

    @rule()
    def call(self) -> None:
        self.pair.call()

    @precondition(lambda self: self.pair.under_way)
    @rule(index=st.integers(0, 9), result=st.sampled_from(RESULTS))
    def end(self, index: int, result: Result) -> None:
        self.pair.end(index, result)

    @precondition(lambda self: self.pair.under_way)
    @rule(index=st.integers(0, 9))
    def lose(self, index: int) -> None:
        self.pair.lose(index)

    @rule(seconds=st.sampled_from([0.013, 3.7, 19.9, 20.1, LEASE + 0.1]))
    def wait(self, seconds: float) -> None:
        self.pair.pass_time(seconds)

    @rule(seconds=st.sampled_from([2.0, 1e6]))
    def step_back(self, seconds: float) -> None:
        self.pair.step_back(seconds)

    @rule(how=st.sampled_from(["open", "close", "reset"]))
    def by_hand(self, how: str) -> None:
        self.pair.set(how)

    @invariant()
    def is_like_its_model(self) -> None:
        self.pair.check()

    @invariant()
    def is_not_stuck(self) -> None:
        self.pair.check_not_stuck()


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestAnyOrder = Machine.TestCase


def test_many_random_steps() -> None:
    """In thousands of random steps it does what its model does, never sticks, and meets every change of state."""
    seen = breaker_model.run(30_000, seed=7)
    assert seen >= {
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "closed"),
        ("half_open", "open"),
        ("open", "closed"),
    }


def test_it_opens_at_the_declared_rate() -> None:
    """It opens with the failure that makes the rate, and not before there are enough results."""
    one = breaker(failure_rate=0.5, min_calls=4)
    attempts(one, 0.0, "failed", "failed", "succeeded")
    assert state(one) == "closed"
    attempts(one, 1.0, "failed")
    assert state(one) == "open"
    assert one.take_changes() == (BreakerChange(old="closed", new="open", failures=3, results=4),)
    assert one.take_changes() == ()


@pytest.mark.parametrize("failures", range(1, 100))
def test_a_rate_is_met_exactly(failures: int) -> None:
    """7 failures of 100 are a rate of 0.07, whatever the rounding: it opens with the seventh and not with the sixth."""
    for rate, opens in [(failures / 100, True), ((failures + 1) / 100, False)]:
        one = breaker(failure_rate=rate, min_calls=100)
        attempts(one, 0.0, "succeeded", times=100 - failures)
        attempts(one, 0.0, "failed", times=failures)
        assert (one.state == "open") is opens


@pytest.mark.parametrize("result", ["succeeded", "ignored", "throttled", "cancelled"])
def test_only_failures_open_it(result: Result) -> None:
    """A success, a refusal of the request, a throttled request and a cancellation never do, however many there are."""
    one = breaker(failure_rate=0.01, min_calls=1)
    attempts(one, 0.0, result, times=1000)
    assert state(one) == "closed"


def test_a_refused_request_shows_that_the_service_works() -> None:
    """Four failures among a hundred refusals of requests are a rate of 4 %; throttled requests count for nothing."""
    answered, throttled = breaker(), breaker()
    attempts(answered, 0.0, "ignored", times=96)
    attempts(throttled, 0.0, "throttled", times=96)
    for one in (answered, throttled):
        attempts(one, 0.0, "failed", times=4)
    assert (answered.state, throttled.state) == ("closed", "open")


def test_a_window_of_time_forgets() -> None:
    """Failures that are older than the window do not count, and those within it do."""
    one = breaker(window=30.0)
    attempts(one, 0.0, "failed", "failed", "failed")
    attempts(one, 32.0, "failed")
    assert state(one) == "closed"
    assert one.counts(32.0) == (1, 1)
    attempts(one, 61.9, "failed", "failed", "failed")
    assert state(one) == "open"


def test_a_window_of_calls_forgets() -> None:
    """Of the last 4 calls 2 must be failures, whatever came before them and however long ago."""
    one = breaker(window=None, window_calls=4)
    attempts(one, 0.0, "failed", "succeeded", "succeeded", "succeeded", "succeeded", "failed", "succeeded")
    assert state(one) == "closed"
    attempts(one, 1e9, "failed")
    assert state(one) == "open"


def test_an_open_breaker_says_when_to_ask_again() -> None:
    """It refuses, and says how long it still will; then a call is tried."""
    one = opened(100.0)
    assert refused(one.enter(105.0)).retry_after == pytest.approx(15.0)
    assert one.refusal(119.9) is not None
    assert one.refusal(120.0) is None
    assert passed(one.enter(120.0)).probe
    assert one.refused == 2


def test_only_so_many_probes_pass() -> None:
    """While the probes are under way, other calls are refused; no one knows for how long."""
    one = opened(probes=2)
    held = [passed(one.enter(20.0)), passed(one.enter(20.0))]
    assert refused(one.enter(20.0)).retry_after is None
    one.leave(held[0], "succeeded", 21.0)
    # Two were tried: the second one decides.
    assert isinstance(one.enter(21.0), BreakerRefusal)
    one.leave(held[1], "succeeded", 21.0)
    assert state(one) == "closed"


def test_a_probe_that_fails_opens_it_again() -> None:
    """One failure is enough, and its time begins anew."""
    one = opened(probes=3)
    attempts(one, 20.0, "succeeded", "failed")
    assert state(one) == "open"
    assert refused(one.enter(39.9)).retry_after == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("result", "after"),
    [
        ("succeeded", "closed"),
        ("ignored", "closed"),
        ("failed", "open"),
        ("throttled", "half_open"),
        ("cancelled", "half_open"),
    ],
)
def test_what_a_probe_comes_back_with(result: Result, after: str) -> None:
    """A place comes back with whatever the probe came to: another call passes at once, or after the usual time."""
    one = half_open(100.0)
    attempts(one, 100.0, result)
    assert state(one) == after
    assert isinstance(one.enter(120.0), BreakerPass)


def test_a_run_whose_resources_exist_already_closes_it() -> None:
    """A service that refuses each request because the thing is there already works: no call is refused for ever."""
    one = half_open(probes=2)
    attempts(one, 0.0, "ignored", "ignored")
    assert state(one) == "closed"


def test_a_probe_that_vanished_holds_no_place_for_ever() -> None:
    """After its lease another call is tried."""
    one = half_open(100.0)
    passed(one.enter(100.0))
    assert isinstance(one.enter(100.0 + LEASE - 1), BreakerRefusal)
    attempts(one, 100.0 + LEASE, "succeeded")
    assert state(one) == "closed"


def test_a_probe_that_takes_longer_than_its_lease_counts() -> None:
    """A service that answers slowly is there: else every probe would come too late, and it would never close."""
    one = half_open(100.0)
    slow = passed(one.enter(100.0))
    other = passed(one.enter(100.0 + LEASE))
    one.leave(slow, "succeeded", 101.0 + LEASE)
    assert state(one) == "closed"
    one.leave(other, "failed", 102.0 + LEASE)
    assert state(one) == "closed"


@pytest.mark.parametrize("result", RESULTS)
def test_a_result_of_an_earlier_state_says_nothing(result: Result) -> None:
    """What was sent before it opened neither closes nor opens it, nor gives a place back."""
    one = breaker()
    early = passed(one.enter(0.0))
    attempts(one, 0.0, "failed", times=4)
    probe = passed(one.enter(20.0))
    one.leave(early, result, 20.0)
    assert state(one) == "half_open"
    assert isinstance(one.enter(20.0), BreakerRefusal)
    one.leave(probe, "succeeded", 20.0)
    one.leave(passed(one.enter(20.0)), "failed", 20.0)
    assert one.counts(20.0) == (1, 1)


def test_a_clock_that_steps_back_does_no_harm() -> None:
    """It is open for as long as it was to be, and no longer, whatever the clock says meanwhile."""
    one = opened(1e9)
    assert refused(one.enter(1e9 + 5)).retry_after == pytest.approx(15)
    assert refused(one.enter(50.0)).retry_after == pytest.approx(15)
    assert refused(one.enter(60.0)).retry_after == pytest.approx(5)
    attempts(one, 65.0, "succeeded")
    assert state(one) == "closed"


def test_readings_in_another_order_are_no_step() -> None:
    """Threads that read the clock one after the other may arrive the other way round: no time is counted twice."""
    one = opened(0.0)
    for number in range(1000):
        one.counts(number * 1e-3)
        one.counts(number * 1e-3 - 0.5)
    assert refused(one.enter(1.0)).retry_after == pytest.approx(19)


def test_a_shadow_refuses_nothing() -> None:
    """It has the same states at the same times, counts what it would refuse, and lets everything pass."""
    one = opened(mode="shadow")
    shadowed = passed(one.enter(10.0))
    assert shadowed.is_shadowed
    assert one.refusal(10.0) is None
    assert one.refused == 1
    probe, other = passed(one.enter(20.0)), passed(one.enter(20.0))
    assert probe.probe
    assert other.is_shadowed
    one.leave(other, "failed", 20.0)
    one.leave(shadowed, "failed", 20.0)
    assert state(one) == "half_open"
    one.leave(probe, "succeeded", 20.0)
    assert state(one) == "closed"


def test_by_hand() -> None:
    """Open and close hold whatever comes of calls and however long it takes; reset lets results count again."""
    one = breaker()
    one.open()
    assert refused(one.enter(1e6)) == BreakerRefusal(None)
    one.close()
    attempts(one, 1e6, "failed", times=100)
    assert (one.state, one.by_hand) == ("closed", True)
    one.reset()
    attempts(one, 1e6, "failed", times=4)
    assert (one.state, one.by_hand) == ("open", False)
    assert [(each.old, each.new, each.by_hand) for each in one.take_changes()] == [
        ("closed", "open", True),
        ("open", "closed", True),
        ("closed", "open", False),
    ]


def test_to_ask_takes_no_place() -> None:
    """A call that asks before it waits for something else is refused and counted, or goes on and has no place yet."""
    one = opened()
    assert one.refusal(19.0) == BreakerRefusal(1.0)
    for _ in range(10):
        assert one.refusal(20.0) is None
    assert state(one) == "open"
    passed(one.enter(20.0))
    assert one.refusal(20.0) == BreakerRefusal(None)
    assert one.refused == 2


def test_a_wait_in_vain_is_refused_before_it() -> None:
    """A call that would wait for a retry is refused at once if the breaker is still open then, and only then."""
    one = opened(100.0)
    assert one.refusal_after(19.0, 100.0) == BreakerRefusal(20.0)
    assert one.refused == 1
    assert one.refusal_after(20.0, 100.0) is None
    for other in (breaker(), half_open(), opened(mode="shadow")):
        assert other.refusal_after(0.0, 0.0) is None
    one.open()
    assert one.refusal_after(0.0, 100.0) is None, "a person may close it meanwhile"


def test_memory_is_bounded() -> None:
    """However many calls come, change its state and vanish: what it keeps does not grow."""
    one = breaker(probes=3, min_calls=1, window=None, window_calls=50)
    for number in range(5000):
        now = number * 150.0
        one.enter(now)
        attempts(one, now, "failed")
    assert len(one._leases) <= 3
    assert len(one._changes) <= 16


def test_operations_share_a_breaker_or_not() -> None:
    """All operations of a provider meet one, or each its own."""
    shared, own = Breakers(limits()), Breakers(limits(per="operation"))
    assert shared.of("CreateGroupId") is shared.of("ListGroupId")
    assert own.of("CreateGroupId") is not own.of("ListGroupId")
    assert own.of("CreateGroupId") is own.of("CreateGroupId")


def test_a_lease_outlasts_the_attempt() -> None:
    """A probe has its place for at least a minute, and for as long as an attempt of the policy may take."""
    assert Breakers(limits()).of("").lease == 60.0
    assert Breakers(limits(open_for=300.0)).of("").lease == 300.0
    assert Breakers(limits(), lease=600.0).of("").lease == 600.0
