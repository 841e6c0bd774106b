"""Sentences of a report about limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from resilience.cli.report.labels import instant, shown
from resilience.cli.report.limits.changes import Refusals
from resilience.cli.report.limits.rates import SentRate
from resilience.cli.report.numbers import Summary
from resilience.cli.screen import seconds, times
from resilience.core.decision import StopReason
from resilience.journal.model import RecordedAdaptation, RecordedBreakerChange

# Rates from here on are shown without decimals.
_WHOLE: Final = 100

GATES: Final[Mapping[str, str]] = {
    "rate": "a rate limit",
    "concurrency": "attempts of other calls",
    "ledger": "another call on the resource",
    "credentials": "credentials",
    "thread": "a free thread",
}
"""What calls wait for, for people."""

_STOPPED: Final[Mapping[StopReason, str]] = {
    "rate": "refused, because the turn would come too late in the rate limits",
    "breaker": "refused by an open breaker",
    "budget": "not tried again, because the retry budget was used up",
    "state": "refused, because the store of the limits was away",
}
"""What became of calls that a shared limit stopped."""


def of_limits(summary: Summary) -> Iterator[str]:
    """Yield a sentence for each gate, each operation with a rate, each breaker, and what limits refused."""
    for waits in summary.gates:
        longest = f", the longest {seconds(waits.longest)}" if waits.calls > 1 else ""
        yield (
            f"{times(waits.calls, 'call')} waited for {GATES.get(waits.gate, shown(waits.gate))}: "
            f"{seconds(waits.total)}{longest}"
        )
    adapted = summary.changes.by_operation()
    for rate in summary.rates:
        yield _sent(rate)
        its = adapted.get((rate.operation, rate.provider))
        if its:
            yield _adapted(rate, its)
    for name, changes in summary.changes.by_breaker().items():
        yield _changed(name, changes)
    yield from _refused(summary.refusals)


def _sent(rate: SentRate) -> str:
    mean = "" if rate.mean is None else f"{per_second(rate.mean)} requests a second on average, "
    declared = "" if rate.declared is None else f"; {per_second(rate.declared)} a second are declared"
    return f"{shown(rate.operation)} sent {mean}at most {rate.peak:,} within one second{declared}"


def _adapted(rate: SentRate, changes: Sequence[RecordedAdaptation]) -> str:
    first = changes[0]
    lowest = "" if rate.lowest is None else f"; the lowest limit was {per_second(rate.lowest)} a second"
    last = "" if rate.last is None else f", the last one {per_second(rate.last)}"
    return (
        f"the limit of {shown(rate.operation)} adapted {times(rate.adapted, 'time')}, first at "
        f"{instant(first.at, date=False)} UTC, {why_adapted(first)}{lowest}{last}"
    )


def why_adapted(change: RecordedAdaptation) -> str:
    """Return why a limit changed."""
    if not change.refused:
        return "because nothing was throttled any more"
    return f"because {change.refused:,} of {times(change.answered, 'request')} were throttled"


def _changed(name: str, changes: Sequence[RecordedBreakerChange]) -> str:
    opened = [each for each in changes if each.new == "open"]
    shadow = ", as a shadow, which refuses nothing" if any(each.is_shadow for each in changes) else ""
    last = changes[-1].new.replace("_", "-")
    if not opened:
        return f"the breaker of {shown(name)} is {last} in the end{shadow}"
    first = opened[0]
    why = why_changed(first)
    return (
        f"the breaker of {shown(name)} opened {times(len(opened), 'time')}, first at "
        f"{instant(first.at, date=False)} UTC{f', {why}' if why else ''}; it is {last} in the end{shadow}"
    )


def why_changed(change: RecordedBreakerChange) -> str:
    """Return why a breaker changed; an empty text where that is clear from its states."""
    if change.by_hand:
        return "by hand"
    if change.results:
        return f"because {change.failures:,} of {times(change.results, 'attempt')} failed"
    return "because a probe failed" if (change.old, change.new) == ("half_open", "open") else ""


def _refused(counts: Refusals) -> Iterator[str]:
    if counts.paid:
        yield f"the retry budget paid for {counts.paid:,} {'retry' if counts.paid == 1 else 'retries'}"
    for reason, count in counts.stopped.items():
        yield f"{times(count, 'call')} {'was' if count == 1 else 'were'} {_STOPPED[reason]}"


def per_second(rate: float) -> str:
    """Return a rate in requests per second."""
    return f"{rate:,.0f}" if rate >= _WHOLE else f"{rate:.3g}"
