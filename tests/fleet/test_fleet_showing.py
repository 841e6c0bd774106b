"""What is shown while a fleet runs: its pace, the limit in force, and how long the rest takes."""

from __future__ import annotations

from typing import Any

import pytest

from resilience.cli.fleet.pace import Pace
from resilience.cli.fleet.showing import Screen
from resilience.core.admission.rate import Rate


class Shown:
    """A fleet as far as the screen asks for it."""

    def __init__(self, rows: int, in_force: float | None) -> None:
        self.rows = rows
        self.in_force = in_force
        self.done = self.failed = self.known = 0
        self.seconds = 0.0


def words(fleet: Any, rate: Rate | None, width: int | None = None) -> str:
    """Return the words after so many seconds, of which the screen saw each."""
    screen = Screen(rate, quiet=False)
    seconds, ended = fleet.seconds, fleet.done + fleet.failed
    for second in range(1, int(seconds) + 1):
        fleet.done, fleet.seconds = round(ended * second / seconds) - fleet.failed, float(second)
        screen.words(fleet)
    return screen.words(fleet, width)


def fleet(**fields: Any) -> Shown:
    """Return a fleet of a thousand rows, half done in 50 seconds."""
    made = Shown(1000, 10.0)
    for name, value in ({"done": 498, "failed": 2, "seconds": 50.0} | fields).items():
        setattr(made, name, value)
    return made


def test_the_rate_is_shown_against_the_declared_limit() -> None:
    """Rows, failures so far, the rate of the last seconds, and the time to go."""
    assert words(fleet(), Rate(10.0, 1.0)) == "500 of 1,000, 2 failed, 10.0/s of 10/s, 50 s to go"


def test_a_limit_that_has_adapted_is_shown_with_the_declared_one() -> None:
    """The limit in force comes first."""
    told = words(fleet(done=298, in_force=6.0), Rate(10.0, 1.0))
    assert told == "300 of 1,000, 2 failed, 6.0/s of 6/s (10/s declared), 1 min 57 s to go"


def test_a_limit_that_was_found_is_shown_where_none_is_declared() -> None:
    """Without any limit there is only the rate."""
    assert ", 10.0/s of 14.5/s, " in words(fleet(in_force=14.5), None)
    assert ", 10.0/s, " in words(fleet(in_force=None), None)


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (80, "300 of 1,000, 2 failed, 6.0/s of 6/s (10/s declared), 1 min 57 s to go"),
        (60, "300 of 1,000, 2 failed, 6.0/s of 6/s, 1 min 57 s to go"),
        (44, "300 of 1,000, 2 failed, 1 min 57 s to go"),
        (30, "300/1,000, 2 failed"),
        (5, "300/1,000, 2 failed"),
    ],
)
def test_where_there_is_less_room_less_is_told(width: int, told: str) -> None:
    """The declared limit goes first, then the rate, then the time; rows and failures stay."""
    assert words(fleet(done=298, in_force=6.0), Rate(10.0, 1.0), width) == told


def test_the_time_to_go_follows_the_pace_of_the_last_seconds() -> None:
    """After a change from 10 to 2 in a second, the rest is reckoned with 2 as soon as the window has passed."""
    pace = Pace()
    for second in range(1, 101):
        pace.add(float(second), 10 * second, 10 * second)
    for second in range(1, 13):
        pace.add(100.0 + second, 1000 + 2 * second, 1000 + 2 * second)
    assert pace.per_second == pytest.approx(2.0)
    assert pace.seconds_for(100, 2.0) == pytest.approx(50.0)


def test_a_burst_at_the_beginning_makes_no_promise() -> None:
    """Of a limit of 60 a minute all may go at once; the rest takes a minute for each 60 all the same."""
    pace = Pace(window=120.0)
    pace.add(1.0, 60, 60)
    assert pace.seconds_for(600, 1.0) == pytest.approx(600.0)


def test_rows_that_are_known_take_no_part_in_the_rate() -> None:
    """A second run passes over them quickly, and the rate is that of the calls that are sent."""
    pace = Pace()
    pace.add(1.0, 910, 10)
    assert pace.per_second == pytest.approx(10.0)
    assert pace.seconds_for(91, 10.0) == pytest.approx(0.1)
    for second in range(2, 13):
        pace.add(float(second), 900 + 10 * second, 10 * second)
    assert pace.seconds_for(100, 10.0) == pytest.approx(10.0)


def test_a_fleet_that_stands_still_has_no_time_to_go() -> None:
    """Nothing ended within the window: what the rest takes is not known."""
    pace = Pace()
    pace.add(1.0, 10, 10)
    for second in range(2, 20):
        pace.add(float(second), 10, 10)
    assert pace.seconds_for(10, 5.0) is None
    assert pace.per_second == 0.0


def test_frequent_samples_take_no_memory() -> None:
    """However often it is drawn, the window has a bounded number of samples."""
    pace = Pace()
    for number in range(10_000):
        pace.add(number / 100, number, number)
    assert len(pace._samples) < 30
    assert pace.per_second == pytest.approx(100.0)
