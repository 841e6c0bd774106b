"""The plots of a report's page, as values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.pages.shapes import WIDTH, TimePlot, columns
from resilience.cli.plots import Bin
from resilience.cli.report.labels import END_WORDS
from resilience.cli.report.numbers import Summary, Times
from resilience.simulation import Spread

_BINS: Final = 30
_LEAST_SHARE: Final = 0.005  # what would be shown as 0%

MOST_ROWS: Final = 200
"""The most rows of a table; the JSON form has all rows."""

PARTS: Final = ("calling", "waiting", "queued", "remedies", "other")
"""The parts of a call's time."""


@frozen
class StackPart:
    """One part of a stacked bar: its class, its left end and its width."""

    kind: str
    x: float
    width: float


def stack(parts: Mapping[str, float], kind: str) -> tuple[StackPart, ...]:
    """Return the parts of a stacked bar; ``kind`` and a part's name give its class."""
    total = sum(parts.values()) or 1.0
    made, left = [], 0.0
    for name, size in parts.items():
        width = size / total * WIDTH
        made.append(StackPart(f"{kind}-{name}", left, width))
        left += width
    return tuple(made)


@frozen(kw_only=True)
class TimeShare:
    """The parts of some calls' time: as a bar, in seconds and in words."""

    name: str
    parts: tuple[StackPart, ...]
    total: float
    words: str


def shares(summary: Summary) -> Iterator[TimeShare]:
    """Yield the parts of the time of all calls, and of each operation."""
    everything = [("all operations", summary.times)] if len(summary.operations) > 1 else []
    of_each = [(group.operation, Times.of(group.calls)) for group in summary.operations[:MOST_ROWS]]
    for name, spent in [*everything, *of_each]:
        parts = {part: getattr(spent, part) for part in PARTS}
        total = spent.total or 1.0
        words = ", ".join(
            f"{part} {length / total:.0%}" for part, length in parts.items() if length / total >= _LEAST_SHARE
        )
        yield TimeShare(name=name, parts=stack(parts, "t"), total=spent.total, words=words)


def spread_of(values: Sequence[float], kind: str, label: str) -> TimePlot:
    """Return a histogram of lengths of time on a logarithmic scale."""
    spread = Spread.of(values)
    low = max(spread.least, 0.001)
    length = math.log(max(spread.greatest, low) / low)

    def at(value: float) -> float:
        return math.log(max(value, low) / low) / length if length else 0.0

    count = _BINS if length else 1
    counts = [0] * count
    for value in values:
        counts[min(int(at(value) * count), count - 1)] += 1
    edges = [low * math.exp(length * number / count) for number in range(count + 1)]
    bins = [Bin(edges[number], edges[number + 1], each) for number, each in enumerate(counts)]
    return columns(bins, kind, spread, label, at=at)


@frozen
class LegendKey:
    """The meaning of a class of shapes."""

    kind: str
    meaning: str


def end_keys(summary: Summary) -> tuple[LegendKey, ...]:
    """Return the legend of the bar of ends, with their numbers."""
    return tuple(LegendKey(f"e-fill-{end}", f"{END_WORDS[end]} {count:,}") for end, count in summary.ends.items())


def part_keys() -> tuple[LegendKey, ...]:
    """Return the legend of the bars of time."""
    return tuple(LegendKey(f"t-{part}", part) for part in PARTS)
