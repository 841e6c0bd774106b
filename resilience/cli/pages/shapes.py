"""The shapes of plots. Labels are HTML beside them, and keep their size when a plot shrinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.plots import Bin
from resilience.simulation import Spread

HEIGHT: Final = 100
"""The height of every plot in its own units; the style sets the height on the page."""

WIDTH: Final = 1000
"""The width of every plot in its own units; a plot takes the whole width of the page."""

_POINTS: Final = 400


@frozen(kw_only=True)
class LabelledBar:
    """A row of a bar chart: its label, its class, and its part of the width."""

    label: str
    kind: str
    count: int
    share: float
    width: float


@frozen(kw_only=True)
class HistogramColumn:
    """One column of a histogram: its place, and its bin."""

    x: float
    y: float
    width: float
    height: float
    bin: Bin


@frozen(kw_only=True)
class PercentileMark:
    """A percentile of lengths of time, in seconds, with its place on a plot; None for no mark."""

    percent: int
    value: float
    x: float | None


@frozen(kw_only=True)
class TimePlot:
    """
    A plot of lengths of time.

    Attributes:
        label: Its subject, in words.
        kind: The class of its columns; empty for a curve.
        columns: The columns of a histogram.
        points: The points of a curve, for SVG.
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
    """Return a bar for each row: a label, a count and a class."""
    total = sum(count for _, count, _ in rows)
    most = max(count for _, count, _ in rows)
    # Every bar is visible.
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
        bins: The bins; all columns have the same width.
        kind: The class of the columns.
        spread: The percentiles.
        label: The subject of the plot, in words.
        at: Returns the place of a length, from 0 to 1; by default in proportion between the least and the greatest.
    """
    most = max(each.count for each in bins)
    width = WIDTH / len(bins)
    drawn = []
    for number, each in enumerate(bins):
        # Every column with a value is visible.
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
    """Return the curve of the share of lengths up to each time."""
    ordered = sorted(values)
    end = spread.greatest or 1.0
    points = [(0.0, 0.0)]
    count = len(ordered)
    # More points would make no visible difference.
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
    """Return the percentiles; without places if all values are equal."""
    is_spread = at(spread.greatest) > 0
    return tuple(
        PercentileMark(percent=percent, value=value, x=at(value) * WIDTH if is_spread else None)
        for percent, value in spread.at.items()
    )
