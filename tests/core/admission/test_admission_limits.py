"""Limits that calls share, as values: rates as they are written, and what cannot be built."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.admission.rate import MOST_CALLS, Rate, meant_rate, parsed


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        pytest.param("280/s", Rate(280, 1), id="seconds"),
        pytest.param("60/m", Rate(60, 60), id="minutes"),
        pytest.param("1000/h", Rate(1000, 3600), id="hours"),
        pytest.param("1000000/s", Rate(MOST_CALLS, 1), id="the-most"),
    ],
)
def test_a_rate_is_read_and_written_alike(text: str, rate: Rate) -> None:
    """A rate is a number of calls and a window, and says itself as it was written."""
    assert parsed(text) == rate
    assert str(rate) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "10", "/s", "10/", "0/s", "-1/s", "1.5/s", "010/s", "10 / s", "10/s ", "10/s\n", "1000001/s"),
        *("10/S", "10/d", "10/sec", "10/10s", "1e3/s", "99999999999/s", "\u0661\u0660/s"),
    ],
)
def test_what_is_no_rate(text: str) -> None:
    """Anything else is none, and the error says what a rate looks like."""
    assert parsed(text) is None
    with pytest.raises(ValueError, match="expected a rate such as") as caught:
        Rate.of(text)
    assert f'got "{text}"' in str(caught.value)


def test_a_minute_is_no_sixty_seconds_of_one_call() -> None:
    """60/m and 1/s are as fast on average, and are not equal: one allows 60 calls at once."""
    assert Rate.of("60/m").per_second == Rate.of("1/s").per_second
    assert Rate.of("60/m") != Rate.of("1/s")


@given(st.integers(1, MOST_CALLS), st.sampled_from("smh"))
def test_any_whole_number_of_calls(count: int, unit: str) -> None:
    """Whatever the number, the text comes back."""
    assert str(Rate.of(f"{count}/{unit}")) == f"{count}/{unit}"


@pytest.mark.parametrize(
    ("text", "seconds", "most"),
    [
        pytest.param("10/s", 1, 10, id="its-own-window"),
        pytest.param("10/s", 0.1, 10, id="all-at-once"),
        pytest.param("10/s", 1.5, 20, id="two-windows-begun"),
        pytest.param("60/m", 1, 60, id="a-minute-in-a-second"),
        pytest.param("60/m", 3600, 3600, id="an-hour"),
    ],
)
def test_the_most_calls_of_some_time(text: str, seconds: float, most: float) -> None:
    """All calls of a window may begin at once, at its end, and those of the next one right after them."""
    assert Rate.of(text).most_within(seconds) == most


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("0.5/s", "30/m", id="a-fraction"),
        pytest.param("1.5 / min", "90/h", id="a-fraction-of-a-minute"),
        pytest.param("10 per second", "10/s", id="in-words"),
        pytest.param("10rps", "10/s", id="rps"),
        pytest.param("100 QPS", "100/s", id="qps"),
        pytest.param("24/day", "1/h", id="a-day"),
        pytest.param("1/day", None, id="less-than-one-an-hour"),
        pytest.param("10", None, id="no-unit"),
        pytest.param("fast", None, id="no-number"),
    ],
)
def test_what_people_write_instead_of_a_rate(text: str, meant: str | None) -> None:
    """The rate that is meant is known where it can be said here with a whole number of calls."""
    assert meant_rate(text) == meant
    assert meant is None or str(Rate.of(meant)) == meant


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param(Rate, {"count": 0, "per": 1}, id="no-calls"),
        pytest.param(Rate, {"count": 1, "per": 0}, id="no-window"),
        pytest.param(RateLimits, {"concurrency": 0}, id="no-attempt"),
        pytest.param(RateLimits, {"share": 0}, id="no-process"),
        pytest.param(RateLimits, {"share": 4, "part": 4}, id="a-part-too-many"),
        pytest.param(RateLimits, {"share": 4, "part": -1}, id="a-part-below-zero"),
        pytest.param(BudgetLimits, {"capacity": 0}, id="no-token"),
        pytest.param(BudgetLimits, {"cost": 0}, id="free-retries"),
        pytest.param(BudgetLimits, {"deposit": -1}, id="a-fine-for-success"),
        pytest.param(BudgetLimits, {"ratio": 1.1}, id="more-retries-than-calls"),
        pytest.param(BudgetLimits, {"floor": -1}, id="floor-below-zero"),
        pytest.param(BreakerLimits, {"failure_rate": 0}, id="opens-without-a-failure"),
        pytest.param(BreakerLimits, {"failure_rate": 1.1}, id="never-opens"),
        pytest.param(BreakerLimits, {"min_calls": 0}, id="no-results"),
        pytest.param(BreakerLimits, {"probes": 0}, id="no-probe"),
        pytest.param(BreakerLimits, {"open_for": 0}, id="never-open"),
        pytest.param(BreakerLimits, {"window": None}, id="no-window-at-all"),
        pytest.param(BreakerLimits, {"window_calls": 10}, id="two-windows"),
    ],
)
def test_what_cannot_be_built(kind: type[Any], values: dict[str, Any]) -> None:
    """A value is built valid, or not at all."""
    with pytest.raises(ValueError, match=r"must be|expected a"):
        kind(**values)


@pytest.mark.parametrize(
    ("rate", "share", "count", "per"),
    [
        pytest.param(Rate(10, 1.0), 1, 10, 1.0, id="whole"),
        pytest.param(Rate(10, 1.0), 2, 5, 1.0, id="half"),
        pytest.param(Rate(10, 1.0), 4, 2, 1.0, id="no-half-requests"),
        pytest.param(Rate(1, 1.0), 4, 1, 4.0, id="less-than-one"),
        pytest.param(Rate(3, 60.0), 4, 1, 80.0, id="less-than-one-in-a-minute"),
        pytest.param(Rate(60, 60.0), 3, 20, 60.0, id="a-minute"),
        pytest.param(Rate(0.5, 1.0), 1, 1, 2.0, id="a-part-of-a-request"),
    ],
)
def test_equal_processes_divide_a_limit(rate: Rate, share: int, count: float, per: float) -> None:
    """Each of them sends its part, rounded down, and at least one request in a longer window."""
    assert RateLimits(share=share).own_rate(rate) == Rate(count, per)


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("count", [1, 3, 4, 10, 100, 281])
def test_processes_that_know_their_numbers_divide_the_whole(count: int, processes: int) -> None:
    """Their parts are whole requests, differ by one at most, and make up the limit."""
    limits = RateLimits(default=Rate(count, 1.0), concurrency=count)
    parts = [limits.parted(part, processes) for part in range(processes)]
    own = [each.own_rate(Rate(count, 1.0)) for each in parts]
    if processes <= count:
        assert sum(each.count for each in own) == count
        assert {each.per for each in own} == {1.0}
        assert max(each.count for each in own) - min(each.count for each in own) <= 1
        assert sum(each.own_concurrency or 0 for each in parts) == count
    else:
        assert sum(each.per_second >= 1 / processes for each in own) == processes


def test_processes_that_know_their_numbers_divide_a_part() -> None:
    """The policy says that two runs share a limit, and one of them has four processes."""
    limits = RateLimits(
        per_host=Rate(280, 1.0),
        default=Rate(1, 1.0),
        operations={"CreateGroupId": Rate(10, 1.0)},
        adaptive=True,
        concurrency=9,
        share=2,
    )
    parts = [limits.parted(part, 4) for part in range(4)]
    assert [each.own_rate(each.operations["CreateGroupId"]).count for each in parts] == [1, 1, 1, 2]
    assert [each.own_rate(each.per_host or Rate(1, 1.0)).count for each in parts] == [35] * 4
    assert {each.own_rate(each.default or Rate(1, 1.0)) for each in parts} == {Rate(1, 8.0)}
    assert [each.own_concurrency for each in parts] == [1] * 4
    assert all(each.adaptive for each in parts)


def test_limits_can_be_copied_and_sent_but_not_changed() -> None:
    """What operations may do is fixed, and travels to another process."""
    limits = RateLimits(operations={"CreateGroupId": Rate.of("10/s")}, adaptive=True, share=2)
    assert copy.deepcopy(limits) == limits
    assert pickle.loads(pickle.dumps(limits)) == limits  # noqa: S301  # its own bytes
    with pytest.raises(TypeError, match="does not support item assignment"):
        limits.operations["CreateGroupId"] = Rate.of("100/s")  # type: ignore[index]
