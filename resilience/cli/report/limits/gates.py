"""How long calls waited before attempts, and for what."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from resilience.cli.report.calls import ReportedCall, bounded


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
