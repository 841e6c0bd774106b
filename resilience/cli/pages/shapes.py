"""Where the shapes of plots stand. The words beside them are HTML: they keep their size where a plot shrinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.plots import Bin
from resilience.simulation import Spread

HEIGHT: Final = 100
"""Of every plot, in its own units; it is drawn as high as its style says."""

WIDTH: Final = 1000
"""Likewise; it is drawn as wide as there is room."""

_POINTS: Final = 400


@frozen(kw_only=True)
class LabelledBar:
    """A row of a bar chart: its label, its class, and how much of the width it takes."""

    label: str
    kind: str
    count: int
    share: float
    width: float


@frozen(kw_only=True)
class HistogramColumn:
    """One column of a histogram: its place, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    bin: Bin


@frozen(kw_only=True)
class PercentileMark:
    """A percentile of lengths of time, in seconds, and where it lies on a plot; None where there is nothing to mark."""

    percent: int
    value: float
    x: float | None


@frozen(kw_only=True)
class TimePlot:
    """
    A plot of lengths of time.

    Attributes:
        label: What it shows, in words.
        kind: The class of its columns; empty for a curve.
        columns: The columns of a histogram.
        points: The points of a curve, as SVG has them.
        marks: The percentiles.
        least: The length at its left end, in seconds.
        greatest: The length at its right end, in seconds.
    """

    label: str
    kind: str = ""
    columns: tuple[HistogramColumn, ...] = ()
    points: str = ""
    marks: tuple[PercentileMark, ...]
    least: float
    greatest: float


def bars(rows: Sequence[tuple[str, int, str]]) -> tuple[LabelledBar, ...]:
    """Return a bar for each label, its count and its class."""
    total = sum(count for _, count, _ in rows)
    most = max(count for _, count, _ in rows)
    # What is more than nothing is seen.
    return tuple(
        LabelledBar(label=label, kind=kind, count=count, share=count / total, width=max(WIDTH * count / most, 5.0))
        for label, count, kind in rows
    )


def columns(
    bins: Sequence[Bin], kind: str, spread: Spread, label: str, *, at: Callable[[float], float] | None = None
) -> TimePlot:
    """
    Return a histogram of lengths of time with its percentiles.

    Args:
        bins: The columns, all drawn equally wide.
        kind: Their class.
        spread: Where the percentiles are.
        label: What it shows, in words.
        at: Where a length lies, from 0 to 1; by default in proportion between the least and the greatest.
    """
    most = max(each.count for each in bins)
    width = WIDTH / len(bins)
    drawn = []
    for number, each in enumerate(bins):
        # What is more than nothing is seen.
        height = max(HEIGHT * each.count / most, 1.0) if each.count else 0.0
        left = number * width + width * 0.06
        drawn.append(HistogramColumn(x=left, y=HEIGHT - height, width=width * 0.88, height=height, bin=each))
    return TimePlot(
        label=label,
        kind=kind,
        columns=tuple(drawn),
        marks=_marks(spread, at or _evenly(spread.least, spread.greatest)),
        least=spread.least,
        greatest=spread.greatest,
    )


def curve(values: Sequence[float], spread: Spread, label: str) -> TimePlot:
    """Return the share of lengths of time that are over, against time."""
    ordered = sorted(values)
    end = spread.greatest or 1.0
    points = [(0.0, 0.0)]
    count = len(ordered)
    # As many points as the eye can tell apart.
    for number in range(0, count, max(count // _POINTS, 1)):
        x = ordered[number] / end
        points += [(x, points[-1][1]), (x, (number + 1) / count)]
    points.append((1.0, 1.0))
    return TimePlot(
        label=label,
        points=" ".join(f"{x * WIDTH:.1f},{HEIGHT - y * HEIGHT:.2f}" for x, y in points),
        marks=_marks(spread, _evenly(0.0, spread.greatest)),
        least=0.0,
        greatest=spread.greatest,
    )


def _evenly(low: float, high: float) -> Callable[[float], float]:
    length = high - low
    return lambda value: (value - low) / length if length > 0 else 0.0


def _marks(spread: Spread, at: Callable[[float], float]) -> tuple[PercentileMark, ...]:
    """Return the percentiles; without places where all values are the least."""
    is_spread = at(spread.greatest) > 0
    return tuple(
        PercentileMark(percent=percent, value=value, x=at(value) * WIDTH if is_spread else None)
        for percent, value in spread.at.items()
    )
