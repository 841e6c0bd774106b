"""How waits grow."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.backoff import BACKOFF_KINDS, JITTERS, Backoff

DRAWS = st.floats(0, 1, exclude_max=True)
SECONDS = st.floats(0, 1e6)
NUMBERS = st.integers(1, 10**6)
HINTS = st.none() | st.floats()


@st.composite
def backoffs(draw: st.DrawFn, /, **fixed: Any) -> Backoff:
    """Return any backoff, one whose base is above its cap too."""
    settings = {
        "kind": draw(st.sampled_from(BACKOFF_KINDS)),
        "jitter": draw(st.sampled_from(JITTERS)),
        "base": draw(SECONDS),
        "factor": draw(st.floats(1, 1e6)),
        "cap": draw(SECONDS),
        "server_hint": draw(st.booleans()),
        "delays": draw(st.lists(SECONDS, max_size=4)),
    }
    return Backoff(**{**settings, **fixed})


@pytest.mark.parametrize(
    ("settings", "waits"),
    [
        pytest.param({"kind": "constant", "base": 2.0}, [2, 2, 2, 2, 2, 2], id="constant"),
        pytest.param({"kind": "linear", "base": 2.0}, [2, 4, 6, 8, 10, 12], id="linear"),
        pytest.param({"kind": "exponential", "base": 2.0}, [2, 4, 8, 16, 32, 64], id="exponential"),
        pytest.param({"kind": "exponential", "base": 2.0, "factor": 3.0}, [2, 6, 18, 54, 99, 99], id="factor-and-cap"),
        pytest.param({"kind": "exponential", "base": 2.0, "factor": 1.0}, [2, 2, 2, 2, 2, 2], id="factor-one"),
        pytest.param({"kind": "fibonacci", "base": 2.0}, [2, 2, 4, 6, 10, 16], id="fibonacci"),
        pytest.param({"kind": "list", "delays": [1.0, 5.0, 30.0]}, [1, 5, 30, 30, 30, 30], id="list-repeats-its-last"),
        pytest.param({"kind": "list", "base": 2.0}, [2, 2, 2, 2, 2, 2], id="empty-list-is-its-base"),
    ],
)
def test_waits_grow_as_their_kind_says(settings: dict[str, Any], waits: list[float]) -> None:
    """Without jitter, the first six waits are those of the kind, none above the cap."""
    backoff = Backoff(jitter="none", cap=99.0, **settings)
    assert [backoff.delay(number, draw=0.7) for number in range(1, 7)] == waits


def test_the_default_is_the_documented_one() -> None:
    """A backoff of which nothing is said is exponential, from 500 ms by 2.0 up to 20 s, with full jitter."""
    assert [Backoff().longest(number) for number in range(1, 8)] == [0.5, 1, 2, 4, 8, 16, 20]
    assert Backoff().delay(3, draw=0.25) == 0.5


def test_fibonacci_waits_are_exact() -> None:
    """The first seventy waits are the Fibonacci numbers themselves."""
    backoff = Backoff(kind="fibonacci", base=1.0, cap=1e18, jitter="none")
    before, number = 0, 1
    for count in range(1, 71):
        assert backoff.delay(count, draw=0.0) == number
        before, number = number, before + number


@pytest.mark.parametrize(
    ("jitter", "draw", "wait"),
    [
        pytest.param("none", 0.0, 8.0, id="none-ignores-the-draw"),
        pytest.param("full", 0.0, 0.0, id="full-from-zero"),
        pytest.param("full", 0.25, 2.0, id="full-takes-its-share"),
        pytest.param("equal", 0.0, 4.0, id="equal-from-half"),
        pytest.param("equal", 0.25, 5.0, id="equal-takes-a-share-of-the-other-half"),
    ],
)
def test_jitter_takes_its_part_of_the_wait(jitter: Any, draw: float, wait: float) -> None:
    """Full jitter is anything up to the wait, equal jitter anything in its upper half."""
    assert Backoff(base=2.0, jitter=jitter).delay(3, draw=draw) == wait


def test_jitter_is_taken_from_the_capped_wait() -> None:
    """A wait far above the cap is still spread over all of [0, cap], and does not stick to the cap."""
    assert Backoff(base=1000.0, cap=10.0, jitter="full").delay(9, draw=0.5) == 5.0
    assert Backoff(base=1000.0, cap=10.0, jitter="equal").delay(9, draw=0.5) == 7.5


@pytest.mark.parametrize(
    ("previous", "draw", "wait"),
    [
        pytest.param(None, 0.0, 2.0, id="first-from-base"),
        pytest.param(None, 0.5, 4.0, id="first-to-three-times-base"),
        pytest.param(4.0, 0.0, 2.0, id="again-from-base"),
        pytest.param(4.0, 0.5, 7.0, id="to-three-times-the-previous"),
        pytest.param(0.0, 0.5, 2.0, id="never-below-base"),
        pytest.param(90.0, 0.9, 20.0, id="never-above-cap"),
    ],
)
def test_decorrelated_waits_depend_on_the_previous_one(previous: float | None, draw: float, wait: float) -> None:
    """A decorrelated wait lies between base and three times the previous wait, whatever its number."""
    backoff = Backoff(base=2.0, jitter="decorrelated")
    assert [backoff.delay(number, draw=draw, previous=previous) for number in (1, 7)] == [wait, wait]


@pytest.mark.parametrize(
    ("hint", "obeyed", "wait"),
    [
        pytest.param(None, True, 2.0, id="no-hint"),
        pytest.param(5.0, True, 5.0, id="longer-hint"),
        pytest.param(1.0, True, 2.0, id="shorter-hint"),
        pytest.param(3600.0, True, 20.0, id="hint-above-cap"),
        pytest.param(5.0, False, 2.0, id="hint-not-obeyed"),
        pytest.param(-5.0, True, 2.0, id="negative-hint"),
        pytest.param(math.nan, True, 2.0, id="no-number"),
        pytest.param(math.inf, True, 2.0, id="endless-hint"),
    ],
)
def test_a_hint_lengthens_a_wait_up_to_the_cap(hint: float | None, obeyed: bool, wait: float) -> None:  # noqa: FBT001  # a column of the table
    """The server's hint can make a wait longer, never shorter, and never longer than the cap."""
    assert Backoff(base=2.0, jitter="none", server_hint=obeyed).delay(1, draw=0.0, hint=hint) == wait


@given(backoffs(), NUMBERS, DRAWS, st.none() | SECONDS, HINTS)
def test_every_delay_is_finite_and_in_range(
    backoff: Backoff, number: int, draw: float, previous: float | None, hint: float | None
) -> None:
    """Whatever the kind, jitter, number, draw and hint: a delay is finite and lies in [0, cap]."""
    delay = backoff.delay(number, draw=draw, previous=previous, hint=hint)
    assert math.isfinite(delay)
    assert 0 <= delay <= backoff.cap


@pytest.mark.parametrize("kind", BACKOFF_KINDS)
@pytest.mark.parametrize("jitter", JITTERS)
@pytest.mark.parametrize("number", [1, 2, 1025, 1476, 10**6, 10**400])
def test_the_millionth_wait_is_a_wait_like_any_other(kind: Any, jitter: Any, number: int) -> None:
    """No number is too large: where a float cannot hold the growth, the cap holds."""
    settings: dict[str, Any] = {"kind": kind, "jitter": jitter, "factor": 10.0, "delays": [1.0, 2.0]}
    backoff = Backoff(**settings)
    for draw in (0.0, math.nextafter(1.0, 0.0)):
        assert 0 <= backoff.delay(number, draw=draw) <= 20.0


@given(backoffs(jitter="none"), NUMBERS, DRAWS)
def test_growth_never_turns_back(backoff: Backoff, number: int, draw: float) -> None:
    """Except for a list, whose waits are what somebody wrote, no wait is shorter than the one before."""
    if backoff.kind != "list":
        assert backoff.delay(number, draw=draw) <= backoff.delay(number + 1, draw=draw)


@given(backoffs(), NUMBERS, DRAWS, st.none() | SECONDS)
def test_no_wait_is_longer_than_the_longest(backoff: Backoff, number: int, draw: float, previous: float | None) -> None:
    """What ``longest`` says is never exceeded without a hint."""
    first = number == 1 or backoff.jitter != "decorrelated"
    delay = backoff.delay(number, draw=draw, previous=None if first else previous)
    assert delay <= backoff.longest(number)


@given(backoffs(base=0.0), NUMBERS, DRAWS)
def test_a_base_of_zero_never_waits(backoff: Backoff, number: int, draw: float) -> None:
    """Nothing grows from nothing: with a base of zero every wait is zero, the ten-thousandth too."""
    if backoff.kind != "list":
        assert backoff.delay(number, draw=draw) == 0


@given(backoffs(), NUMBERS, DRAWS, st.none() | SECONDS, HINTS)
def test_a_delay_is_a_function_of_its_arguments(
    backoff: Backoff, number: int, draw: float, previous: float | None, hint: float | None
) -> None:
    """The same question gets the same answer."""
    first, second = (backoff.delay(number, draw=draw, previous=previous, hint=hint) for _ in range(2))
    assert first == second
