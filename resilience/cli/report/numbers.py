"""The counts and sums of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen

from resilience.cli.report.calls import ReportedCall, by, ends_of
from resilience.cli.report.groups import Failure, Gap, Group, Refreshes, RuleUse, failures, gaps, refreshes, rules
from resilience.cli.report.labels import EndLabel
from resilience.cli.report.limits.changes import LimitChanges, Refusals, refusals
from resilience.cli.report.limits.gates import GateWaits, gate_waits
from resilience.cli.report.limits.rates import RatePeriod, SentRate, rate_periods, sent_rates

_SLOWEST: Final = 5


@frozen(kw_only=True)
class Times:
    """
    Sums of times, in seconds.

    The first five are sums over calls, so that calls at the same time count twice. The last three are times by the
    clock, where each second counts once.

    Attributes:
        calling: Attempts.
        waiting: Waits between attempts.
        queued: Waits before attempts: for a limit, a thread or another call.
        remedies: Refreshes and verifications, with waits for credentials.
        other: The rest: our own work.
        whole: The time from first start to last end of each run; runs at the same time count once.
        under_way: The part of ``whole`` with at least one call under way.
        out: The part of ``whole`` with at least one attempt under way.
    """

    calling: float
    waiting: float
    queued: float
    remedies: float
    other: float
    whole: float
    under_way: float
    out: float

    @property
    def total(self) -> float:
        """The sum over calls."""
        return self.calling + self.waiting + self.queued + self.remedies + self.other

    @classmethod
    def of(cls, calls: Iterable[ReportedCall]) -> Times:
        """Sum up."""
        all_calls = tuple(calls)
        return cls(
            calling=sum(each.calling for each in all_calls),
            waiting=sum(each.waiting for each in all_calls),
            queued=sum(each.queued for each in all_calls),
            remedies=sum(each.remedying for each in all_calls),
            other=sum(each.other for each in all_calls),
            whole=united(_span(run) for run in by(all_calls, lambda each: each.run).values()),
            under_way=united((each.call.started_at, each.finish) for each in all_calls),
            out=united(
                (each.started_at, each.started_at + (each.duration or 0.0))
                for one in all_calls
                for each in one.call.attempts
            ),
        )


def _span(calls: Sequence[ReportedCall]) -> tuple[float, float]:
    return min(each.call.started_at for each in calls), max(each.finish for each in calls)


def united(spans: Iterable[tuple[float, float]]) -> float:
    """Return the length of the union of spans, in seconds."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(end - max(start, reached), 0.0)
        reached = max(reached, end)
    return total


@frozen(kw_only=True)
class Summary:
    """The numbers of a report; its parts describe themselves."""

    calls: tuple[ReportedCall, ...]
    ends: Mapping[EndLabel, int]
    attempts: int
    times: Times
    operations: tuple[Group, ...]
    failures: tuple[Failure, ...]
    unfinished: tuple[ReportedCall, ...]
    rules: tuple[RuleUse, ...]
    gaps: tuple[Gap, ...]
    believed: tuple[ReportedCall, ...]
    renames: tuple[tuple[ReportedCall, str, tuple[str | None, str | None]], ...]
    refreshes: Refreshes
    gates: tuple[GateWaits, ...]
    periods: tuple[RatePeriod, ...]
    rates: tuple[SentRate, ...]
    changes: LimitChanges
    refusals: Refusals
    slowest: tuple[ReportedCall, ...]

    @property
    def failed(self) -> int:
        """The number of failed calls."""
        return sum(len(each.calls) for each in self.failures)


def summarised(calls: Sequence[ReportedCall], changes: LimitChanges) -> Summary:
    """
    Count and sum up.

    Args:
        calls: The calls.
        changes: How limits changed meanwhile.
    """
    periods = rate_periods(calls, changes)
    return Summary(
        calls=tuple(calls),
        ends=ends_of(calls),
        attempts=sum(len(each.call.attempts) for each in calls),
        times=Times.of(calls),
        operations=tuple(
            Group(operation=operation, provider=provider, calls=tuple(group))
            for (operation, provider), group in by(
                calls, lambda each: (each.call.operation, each.call.provider)
            ).items()
        ),
        failures=failures(calls),
        unfinished=tuple(each for each in calls if each.end == "unfinished"),
        rules=rules(calls),
        gaps=gaps(calls),
        believed=tuple(
            each
            for each in calls
            if each.end == "accepted" and not each.call.verified and each.call.stop_reason != "dry_run"
        ),
        renames=tuple((each, name, names) for each in calls for name, names in each.call.renamed.items()),
        refreshes=refreshes(calls),
        gates=gate_waits(calls),
        periods=periods,
        rates=sent_rates(periods, changes),
        changes=changes,
        refusals=refusals(calls),
        slowest=tuple(sorted(calls, key=lambda each: -each.took)[:_SLOWEST]),
    )
