"""The tables and plots of a report's page, as values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.pages.shapes import WIDTH, TimePlot, columns
from resilience.cli.plots import Bin
from resilience.cli.report.calls import ReportedCall, durations
from resilience.cli.report.groups import Failure, Gap, Group, RuleUse
from resilience.cli.report.labels import (
    COLUMNS,
    END_WORDS,
    counted,
    instant,
    meaning,
    met,
    place,
    service,
    shown,
    stopped,
)
from resilience.cli.report.numbers import Summary, Times
from resilience.cli.report.phrases import hint, met_by, stays
from resilience.cli.screen import times
from resilience.simulation import Spread

_BINS: Final = 30
_LINKS: Final = 12
_IDS: Final = 20
_LEAST_SHARE: Final = 0.005  # what would be shown as 0%

MOST_ROWS: Final = 200
"""The most rows of a table; the JSON form has all rows."""

PARTS: Final = ("calling", "waiting", "remedies", "other")
"""The parts of a call's time."""


@frozen(kw_only=True)
class FailureRow:
    """A row of calls with the same failure; ``links`` are the numbers of listed calls."""

    operation: str
    what: str
    meaning: str | None
    stopped: str
    rule: str | None
    stays: bool
    doubt: str
    service: str
    ids: tuple[str, ...]
    more_ids: int
    calls: int
    links: tuple[int, ...]


def failures(found: Sequence[Failure], listed: frozenset[int]) -> tuple[FailureRow, ...]:
    """Return the rows of failures; ``listed`` has the numbers of the listed calls."""
    return tuple(_failure(each, listed) for each in found[:MOST_ROWS])


def _failure(each: Failure, listed: frozenset[int]) -> FailureRow:
    code = None if each.fault is None else each.fault.code
    ids = each.request_ids
    doubt = f"{times(each.doubtful, 'call')} may have taken effect all the same: look before you repeat"
    return FailureRow(
        operation=each.operation,
        what=shown(each.what) if each.fault is None else met(each.fault),
        meaning=meaning(each.provider, code),
        stopped=stopped(each.stop_reason),
        rule=None if each.rule_id is None else place(each.rule_id, each.rule_origin),
        stays=stays(each),
        doubt=doubt if each.doubtful else "",
        service=service(each.provider),
        ids=tuple(map(shown, ids[:_IDS])),
        more_ids=max(len(ids) - _IDS, 0),
        calls=len(each.calls),
        links=tuple(one.number for one in each.calls[:_LINKS] if one.number in listed),
    )


@frozen(kw_only=True)
class UnfinishedRow:
    """A row for a call without an end."""

    number: int
    operation: str
    begun: str
    took: float
    attempts: int
    may_exist: bool


def unfinished(calls: Sequence[ReportedCall]) -> tuple[UnfinishedRow, ...]:
    """Return the rows of calls without an end."""
    return tuple(
        UnfinishedRow(
            number=each.number,
            operation=each.call.operation,
            begun=f"{instant(each.call.started_at)} UTC",
            took=each.took,
            attempts=len(each.call.attempts),
            may_exist=each.may_exist,
        )
        for each in calls[:MOST_ROWS]
    )


@frozen(kw_only=True)
class GapEntry:
    """A fault without a rule, with the lines of a policy for it, or no lines if no rule can name it."""

    what: str
    met_by: str
    lines: str


def gaps(found: Sequence[Gap]) -> tuple[GapEntry, ...]:
    """Return the faults without a rule."""
    return tuple(
        GapEntry(what=met(each.fault), met_by=met_by(each), lines="\n".join(hint(each))) for each in found[:MOST_ROWS]
    )


@frozen(kw_only=True)
class OperationRow:
    """A row for an operation; ``took`` is None if none of its calls has ended."""

    operation: str
    provider: str | None
    calls: int
    ends: Mapping[str, int]
    attempts: float
    took: Spread | None


def operations(groups: Sequence[Group]) -> tuple[OperationRow, ...]:
    """Return the rows of operations."""
    return tuple(_operation(each) for each in groups[:MOST_ROWS])


def _operation(each: Group) -> OperationRow:
    counts, took = each.ends, durations(each.calls)
    return OperationRow(
        operation=each.operation,
        provider=each.provider,
        calls=len(each.calls),
        ends={name: sum(counts.get(end, 0) for end in kinds) for name, kinds in COLUMNS.items()},
        attempts=each.attempts / len(each.calls),
        took=Spread.of(took) if took else None,
    )


@frozen(kw_only=True)
class RuleRow:
    """A row for a rule that decided."""

    rule: str
    place: str | None
    count: int
    calls: int
    to: str
    on: str
    operations: tuple[str, ...]


def rules(uses: Sequence[RuleUse]) -> tuple[RuleRow, ...]:
    """Return the rows of rules."""
    return tuple(
        RuleRow(
            rule="no rule" if each.rule_id is None else each.rule_id,
            place=each.rule_origin,
            count=each.count,
            calls=each.calls,
            to=counted(each.steps),
            on=counted(each.labels),
            operations=tuple(each.operations),
        )
        for each in uses[:MOST_ROWS]
    )


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
