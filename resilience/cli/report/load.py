"""The load of a run over time: calls and requests under way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from attrs import frozen

from resilience.cli.report.calls import ReportedCall, bounded
from resilience.cli.report.drawing import Scale

_SLICES: Final = 240
"""The number of equal parts of a run's time; more would not be visible in a drawing."""

_HEIGHT: Final = 100

Period = tuple[float, float]


@frozen
class RunLoad:
    """
    The load of a run.

    Attributes:
        most: The greatest number of calls at once.
        under_way: The area of calls, as the points of an SVG polygon.
        out: The area of requests, as the points of an SVG polygon.
    """

    most: int
    under_way: str
    out: str


def load(calls: Sequence[ReportedCall], scale: Scale) -> RunLoad:
    """Return the load of a run by all of its calls."""
    under_way = [(each.call.started_at, each.finish) for each in calls]
    out = [(each.started_at, each.started_at + bounded(each.duration)) for one in calls for each in one.call.attempts]
    means = means_of(under_way, scale)
    top = max(*means, 1.0)
    return RunLoad(peak(under_way), _area(means, top), _area(means_of(out, scale), top))


def _area(values: Sequence[float], top: float) -> str:
    points = [f"0,{_HEIGHT}"]
    for place, value in enumerate(values):
        y = _HEIGHT - min(value / top, 1.0) * _HEIGHT
        points += [f"{place},{y:.1f}", f"{place + 1},{y:.1f}"]
    points.append(f"{_SLICES},{_HEIGHT}")
    return " ".join(points)


def peak(spans: Iterable[Period]) -> int:
    """Return the greatest number of spans at once; a span does not overlap one that begins at its end."""
    turns = sorted(turn for start, end in spans for turn in ((start, 1), (end, -1)) if end > start)
    return max(accumulate(turn for _, turn in turns), default=0)


def means_of(spans: Iterable[Period], scale: Scale) -> list[float]:
    """Return the average number of spans in each slice of a scale."""
    # Each span adds 1 at its beginning and subtracts it at its end. Within a slice the step counts in proportion, and
    # the rest of it is added to the next slice.
    steps = [0.0] * (_SLICES + 2)
    for span in spans:
        for at, sign in zip(span, (1.0, -1.0), strict=True):
            place = scale.place(at) / 100 * _SLICES
            whole = min(int(place), _SLICES)
            steps[whole] += sign * (whole + 1 - place)
            steps[whole + 1] += sign * (place - whole)
    return [max(value, 0.0) for value in accumulate(steps[:_SLICES])]
