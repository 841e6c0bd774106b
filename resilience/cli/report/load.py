"""How busy a run was: calls under way and requests out, over its time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from attrs import frozen

from resilience.cli.report.calls import ReportedCall, bounded
from resilience.cli.report.drawing import Scale

_SLICES: Final = 240
"""Into how many equal parts a run's time is cut: as many as can be told apart in a drawing."""

_HEIGHT: Final = 100

Span = tuple[float, float]


@frozen
class RunLoad:
    """
    How busy a run was.

    Attributes:
        most: How many calls were under way at once, at most.
        under_way: The area of calls under way, as the points of an SVG polygon.
        out: That of calls with a request out.
    """

    most: int
    under_way: str
    out: str


def load(calls: Sequence[ReportedCall], scale: Scale) -> RunLoad:
    """Return a run's load, for the place above its bars; all of its calls count."""
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


def peak(spans: Iterable[Span]) -> int:
    """Return how many of these spans there are at once, at most; one that begins where another ends is not with it."""
    turns = sorted(turn for start, end in spans for turn in ((start, 1), (end, -1)) if end > start)
    return max(accumulate(turn for _, turn in turns), default=0)


def means_of(spans: Iterable[Span], scale: Scale) -> list[float]:
    """Return, for each slice of a scale, how many of these spans there are in it on average."""
    # Each span adds 1 from its beginning on and takes it away at its end: what is inside a slice adds its part at once,
    # and the rest to all that follow.
    steps = [0.0] * (_SLICES + 2)
    for span in spans:
        for at, sign in zip(span, (1.0, -1.0), strict=True):
            place = scale.place(at) / 100 * _SLICES
            whole = min(int(place), _SLICES)
            steps[whole] += sign * (whole + 1 - place)
            steps[whole + 1] += sign * (place - whole)
    return [max(value, 0.0) for value in accumulate(steps[:_SLICES])]
