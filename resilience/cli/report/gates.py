"""The limits of a report: how long calls waited before attempts, for what, and at which rate requests were sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.report.calls import ReportedCall, bounded, by

_RATED: Final = frozenset({"rate", "concurrency"})
_WINDOW: Final = 1.0


@frozen(kw_only=True)
class GateWaits:
    """
    The waits for one thing.

    Attributes:
        gate: What the calls waited for, as the journal spells it.
        calls: How many calls waited for it.
        total: The sum of their waits, in seconds.
        longest: The longest wait of one call, in seconds.
    """

    gate: str
    calls: int
    total: float
    longest: float


@frozen(kw_only=True)
class SentRate:
    """
    The rate of an operation's attempts, by the instants at which they began.

    Attributes:
        operation: The operation.
        provider: Its provider.
        attempts: How many there were.
        mean: Attempts per second from the first to the last of each run; None where no time passed between them.
        peak: The most attempts that began within one second.
    """

    operation: str
    provider: str | None
    attempts: int
    mean: float | None
    peak: int


def gate_waits(calls: Iterable[ReportedCall]) -> tuple[GateWaits, ...]:
    """Return the waits by gate, the greatest sum first."""
    lengths: dict[str, list[float]] = {}
    for one in calls:
        for gate, length in one.call.gate_waits.items():
            lengths.setdefault(gate, []).append(bounded(length))
    found = [
        GateWaits(gate=gate, calls=len(each), total=bounded(sum(each)), longest=max(each))
        for gate, each in lengths.items()
    ]
    return tuple(sorted(found, key=lambda each: -each.total))


def sent_rates(calls: Iterable[ReportedCall]) -> tuple[SentRate, ...]:
    """Return the rates of the operations whose calls waited for a rate, or for attempts of other calls."""
    groups = by(calls, lambda each: (each.call.operation, each.call.provider))
    return tuple(
        _sent_rate(operation, provider, group)
        for (operation, provider), group in groups.items()
        if any(_RATED & each.call.gate_waits.keys() for each in group)
    )


def _sent_rate(operation: str, provider: str | None, calls: Sequence[ReportedCall]) -> SentRate:
    # Between two runs nothing is sent, so each run has a time of its own.
    runs = [
        sorted(attempt.started_at for one in its for attempt in one.call.attempts)
        for its in by(calls, lambda each: each.run).values()
    ]
    sent = [instants for instants in runs if instants]
    length = sum(instants[-1] - instants[0] for instants in sent)
    return SentRate(
        operation=operation,
        provider=provider,
        attempts=sum(map(len, sent)),
        mean=sum(len(instants) - 1 for instants in sent) / length if length > 0 else None,
        peak=max(map(_peak, sent), default=0),
    )


def _peak(instants: Iterable[float]) -> int:
    """Return the most of these instants, in their order, that lie within one second."""
    most, window = 0, deque[float]()
    for instant in instants:
        window.append(instant)
        while window[0] <= instant - _WINDOW:
            window.popleft()
        most = max(most, len(window))
    return most
