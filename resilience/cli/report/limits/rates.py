"""How fast requests were sent, and how fast they might be sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.report.calls import ReportedCall, by
from resilience.cli.report.limits.changes import LimitChanges
from resilience.journal.model import RecordedAdaptation

_RATED: Final = frozenset({"rate", "concurrency"})
_WINDOW: Final = 1.0

Level = tuple[float, float]
"""An instant, and the requests per second that are sent at most from then on."""


@frozen(kw_only=True)
class RatePeriod:
    """
    The attempts of one operation in runs that were under way at the same time.

    Attributes:
        operation: The operation.
        provider: Its provider.
        sent: When each attempt began, in order.
        declared: The rate that the policy declares, in requests per second; None where it is not known.
        levels: The limit in force, of all processes together, from its first value on; empty where it is not known.
    """

    operation: str
    provider: str | None
    sent: Sequence[float]
    declared: float | None
    levels: tuple[Level, ...]


@frozen(kw_only=True)
class SentRate:
    """
    The rate of an operation's attempts, by the instants at which they began.

    Attributes:
        operation: The operation.
        provider: Its provider.
        attempts: How many there were.
        mean: Attempts per second from the first to the last of each period; None where no time passed between them.
        peak: The most attempts that began within one second.
        declared: The rate that the policy declares, in requests per second; None where it is not known.
        adapted: How often its limit changed.
        lowest: The lowest limit in force; None where it is not known.
        last: The limit in force at the end; likewise.
    """

    operation: str
    provider: str | None
    attempts: int
    mean: float | None
    peak: int
    declared: float | None
    adapted: int
    lowest: float | None
    last: float | None


def rate_periods(calls: Iterable[ReportedCall], changes: LimitChanges) -> tuple[RatePeriod, ...]:
    """Return the periods of the operations whose limits adapted, or whose calls waited for their turn."""
    adapted = changes.by_operation()
    found: list[RatePeriod] = []
    for (operation, provider), group in by(calls, lambda each: (each.call.operation, each.call.provider)).items():
        its = adapted.get((operation, provider), ())
        if its or any(_RATED & each.call.gate_waits.keys() for each in group):
            found += _periods(operation, provider, group, its)
    return tuple(found)


def sent_rates(periods: Iterable[RatePeriod], changes: LimitChanges) -> tuple[SentRate, ...]:
    """Return the rates of operations from their periods."""
    groups: dict[tuple[str, str | None], list[RatePeriod]] = {}
    for each in periods:
        groups.setdefault((each.operation, each.provider), []).append(each)
    adapted = changes.by_operation()
    return tuple(_sent_rate(key, its, len(adapted.get(key, ()))) for key, its in groups.items())


def _sent_rate(key: tuple[str, str | None], periods: Sequence[RatePeriod], adapted: int) -> SentRate:
    # Between two periods nothing is sent.
    sent = [each.sent for each in periods]
    length = sum(instants[-1] - instants[0] for instants in sent)
    levels = [level for each in periods for _, level in each.levels] if adapted else []
    return SentRate(
        operation=key[0],
        provider=key[1],
        attempts=sum(map(len, sent)),
        mean=sum(len(instants) - 1 for instants in sent) / length if length > 0 else None,
        peak=max(map(_peak, sent), default=0),
        declared=next((each.declared for each in periods if each.declared is not None), None),
        adapted=adapted,
        lowest=min(levels, default=None),
        last=levels[-1] if levels else None,
    )


def _periods(
    operation: str, provider: str | None, calls: Sequence[ReportedCall], adapted: Sequence[RecordedAdaptation]
) -> Iterator[RatePeriod]:
    """Yield the periods of one operation: runs that overlap, as those of a fleet's processes, are one."""
    runs: list[tuple[list[float], list[ReportedCall]]] = []
    for its in by(calls, lambda each: each.run).values():
        instants = sorted(attempt.started_at for one in its for attempt in one.call.attempts)
        if instants:
            runs.append((instants, its))
    runs.sort(key=lambda run: run[0][0])
    while runs:
        instants, its = runs.pop(0)
        while runs and runs[0][0][0] <= instants[-1]:
            more, others = runs.pop(0)
            instants, its = sorted([*instants, *more]), [*its, *others]
        declared = next((each.call.rate for each in its if each.call.rate is not None), None)
        processes = {each.call.process for each in its}
        yield RatePeriod(
            operation=operation,
            provider=provider,
            sent=instants,
            declared=declared,
            levels=_levels(instants[0], declared, processes, [each for each in adapted if each.process in processes]),
        )


def _levels(
    start: float, declared: float | None, processes: set[str], adapted: Sequence[RecordedAdaptation]
) -> tuple[Level, ...]:
    """
    Return the limit of all processes together over time.

    Each process has a part of what the policy declares, and adapts that part.
    """
    if declared is not None:
        parts = dict.fromkeys(processes, declared / len(processes))
        # A process may have another limit above that of the operation, which does not adapt.
        part_of = {each.process: declared / len(processes) / (each.declared or each.old) for each in adapted}
    else:
        parts = {each.process: each.old for each in reversed(adapted)}
        part_of = dict.fromkeys(parts, 1.0)
    levels = [(start, sum(parts.values()))] if parts else []
    for each in adapted:
        parts[each.process] = each.new * part_of[each.process]
        levels.append((each.at, sum(parts.values())))
    return tuple(levels)


def _peak(instants: Iterable[float]) -> int:
    """Return the most of these instants, in their order, that lie within one second."""
    most, window = 0, deque[float]()
    for instant in instants:
        window.append(instant)
        while window[0] <= instant - _WINDOW:
            window.popleft()
        most = max(most, len(window))
    return most
