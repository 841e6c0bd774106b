"""The plots of a report's page that show how fast requests were sent, against their limit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.pages.shapes import HEIGHT, WIDTH
from resilience.cli.report.charts import LegendKey
from resilience.cli.report.drawing import Scale
from resilience.cli.report.labels import instant, shown
from resilience.cli.report.limits.rates import Level, RatePeriod
from resilience.cli.screen import seconds
from resilience.journal.model import RecordedBreakerChange

MOST_PLOTS: Final = 12
"""The most plots of a page; the JSON form has the numbers of all operations."""

_KEYS: Final = (
    LegendKey("rate-sent", "requests sent per second"),
    LegendKey("rate-limit", "limit in force"),
    LegendKey("rate-declared", "declared limit"),
)
_BREAKER_KEYS: Final = (
    LegendKey("b-open", "breaker open"),
    LegendKey("b-half_open", "breaker half-open"),
)

_SLICES: Final = 240
_HEADROOM: Final = 1.1


@frozen
class BreakerBand:
    """The time in which a breaker was not closed: its state, its left end and its width, and words for it."""

    state: str
    x: float
    width: float
    title: str


@frozen(kw_only=True)
class RatePlot:
    """
    The rate of one operation over time.

    Attributes:
        title: The operation, when it began and how long it took.
        sent: The area of the requests per second, as the points of an SVG polygon.
        limit: The line of the limit in force; empty where it is not known.
        declared: The height of the declared limit; None where it is not known.
        bands: When breakers were not closed.
        top: The requests per second at the upper edge.
        length: The length of the period, in seconds.
    """

    title: str
    sent: str
    limit: str
    declared: float | None
    bands: tuple[BreakerBand, ...]
    top: float
    length: float


def rate_plots(periods: Iterable[RatePeriod], breakers: Sequence[RecordedBreakerChange]) -> tuple[RatePlot, ...]:
    """Return the plots of periods of some length."""
    shown_periods = [each for each in periods if each.sent[-1] > each.sent[0]]
    return tuple(_plot(each, breakers) for each in shown_periods[:MOST_PLOTS])


def rate_keys(plots: Iterable[RatePlot]) -> tuple[LegendKey, ...]:
    """Return the legend of the plots."""
    return (*_KEYS, *_BREAKER_KEYS) if any(each.bands for each in plots) else _KEYS


def _plot(period: RatePeriod, breakers: Sequence[RecordedBreakerChange]) -> RatePlot:
    scale = Scale.of(period.sent[0], period.sent[-1])
    # A slice of less than a second would show the pace within a window, and not the rate.
    count = max(min(_SLICES, int(scale.length)), 1)
    width = scale.length / count
    edges = [bisect_left(period.sent, scale.start + number * width) for number in range(count)]
    counts = [after - before for before, after in zip(edges, [*edges[1:], len(period.sent)], strict=True)]
    rates = [each / width for each in counts]
    top = max(*rates, *(level for _, level in period.levels), period.declared or 0.0) * _HEADROOM
    points = [f"0,{HEIGHT}"]
    for number, rate in enumerate(rates):
        y = _height(rate, top)
        points += [f"{number * WIDTH / count:.1f},{y:.1f}", f"{(number + 1) * WIDTH / count:.1f},{y:.1f}"]
    names = {period.provider, f"{period.provider}:{period.operation}"}
    return RatePlot(
        title=f"{shown(period.operation)}: {instant(scale.start)} UTC, {seconds(scale.length)}",
        sent=" ".join([*points, f"{WIDTH},{HEIGHT}"]),
        limit=_line(period.levels, scale, top),
        declared=None if period.declared is None else _height(period.declared, top),
        bands=tuple(_bands([each for each in breakers if each.breaker in names], scale)),
        top=top,
        length=scale.length,
    )


def _height(rate: float, top: float) -> float:
    return HEIGHT - rate / top * HEIGHT


def _line(levels: Sequence[Level], scale: Scale, top: float) -> str:
    """Return a line that stays at each level until the next one."""
    points: list[str] = []
    ends = [*(at for at, _ in levels), scale.start + scale.length][1:]
    for (at, level), end in zip(levels, ends, strict=True):
        y = _height(level, top)
        points += [f"{_x(at, scale):.1f},{y:.1f}", f"{_x(end, scale):.1f},{y:.1f}"]
    return " ".join(points)


def _x(at: float, scale: Scale) -> float:
    return scale.place(at) / 100 * WIDTH


def _bands(changes: Sequence[RecordedBreakerChange], scale: Scale) -> Iterable[BreakerBand]:
    for number, change in enumerate(changes):
        if change.new == "closed":
            continue
        later = (
            each.at
            for each in changes[number + 1 :]
            if (each.process, each.breaker) == (change.process, change.breaker)
        )
        end = next(later, scale.start + scale.length)
        if end <= scale.start or change.at >= scale.start + scale.length:
            continue
        left = _x(change.at, scale)
        words = f"breaker of {shown(change.breaker)} {change.new.replace('_', '-')} from {instant(change.at)} UTC"
        yield BreakerBand(change.new, left, max(_x(end, scale) - left, 1.0), words)
