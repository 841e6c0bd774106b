"""How shared limits changed during the calls of a report, and what they refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import field, frozen

from resilience.cli.report.calls import ReportedCall
from resilience.core.decision import StopReason
from resilience.journal.model import RecordedAdaptation, RecordedBreakerChange, Recording

_REFUSING: Final[tuple[StopReason, ...]] = ("rate", "breaker", "budget", "state")


@frozen(kw_only=True)
class LimitChanges:
    """
    How limits changed, in the order of time.

    Attributes:
        adaptations: The changes of rate limits.
        breakers: The changes of breakers.
    """

    adaptations: tuple[RecordedAdaptation, ...] = ()
    breakers: tuple[RecordedBreakerChange, ...] = ()

    @classmethod
    def of(cls, recordings: Iterable[Recording]) -> LimitChanges:
        """Return the changes of all recordings, each once: a file may be named twice."""
        known = tuple(recordings)
        adaptations = dict.fromkeys(each for one in known for each in one.adaptations)
        breakers = dict.fromkeys(each for one in known for each in one.breaker_changes)
        return cls(
            adaptations=tuple(sorted(adaptations, key=lambda each: each.at)),
            breakers=tuple(sorted(breakers, key=lambda each: each.at)),
        )

    def by_operation(self) -> Mapping[tuple[str, str | None], Sequence[RecordedAdaptation]]:
        """Return the changes of rate limits by operation and provider."""
        groups: dict[tuple[str, str | None], list[RecordedAdaptation]] = {}
        for each in self.adaptations:
            groups.setdefault((each.operation, each.provider), []).append(each)
        return groups

    def by_breaker(self) -> Mapping[str, Sequence[RecordedBreakerChange]]:
        """Return the changes of breakers by their names."""
        groups: dict[str, list[RecordedBreakerChange]] = {}
        for each in self.breakers:
            groups.setdefault(each.breaker, []).append(each)
        return groups


@frozen(kw_only=True)
class Refusals:
    """
    What shared limits let pass and what they stopped.

    Attributes:
        paid: The retries that budgets paid for.
        stopped: The calls that a shared limit stopped, by stop reason.
    """

    paid: int
    stopped: Mapping[StopReason, int] = field(factory=dict)


def refusals(calls: Iterable[ReportedCall]) -> Refusals:
    """Count what shared limits paid for and refused."""
    known = tuple(calls)
    counts = Counter(each.call.stop_reason for each in known)
    stopped = {reason: counts[reason] for reason in _REFUSING if counts[reason]}
    return Refusals(paid=sum(each.call.retries_paid for each in known), stopped=stopped)
