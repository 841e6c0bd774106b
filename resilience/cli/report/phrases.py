"""Sentences for reports on a terminal and on a page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

from resilience.catalog import code_facts
from resilience.cli.report.calls import ReportedCall, by
from resilience.cli.report.groups import Failure, Gap, injected
from resilience.cli.report.labels import counted, instant, shown
from resilience.cli.report.numbers import Summary, Times
from resilience.cli.screen import seconds, times

_NAMES: Final = 5


def verdict(summary: Summary) -> str:
    """Return the result in one line."""
    count, failed, unfinished = len(summary.calls), summary.failed, len(summary.unfinished)
    if not count:
        return "no call was recorded"
    if failed or unfinished:
        parts = [f"{failed:,} of {times(count, 'call')} failed"] if failed else []
        of_all = "" if failed else f" of {times(count, 'call')}"
        parts += [f"{unfinished:,}{of_all} never ended"] if unfinished else []
        return ", ".join(parts)
    cancelled = summary.ends.get("cancelled", 0)
    if cancelled:
        return f"{cancelled:,} of {times(count, 'call')} cancelled, none failed"
    return f"all {count:,} calls succeeded" if count > 1 else "the only call succeeded"


def policies(summary: Summary) -> tuple[str, ...]:
    """Return the policies of the calls: name, environment and the beginning of the digest."""
    return tuple(by(summary.calls, policy_of))


def policy_of(one: ReportedCall) -> str:
    """Return the name of a call's policy, with environment and digest."""
    call = one.call
    name = shown(call.policy or "a policy without a name")
    environment = f" ({shown(call.env)})" if call.env else ""
    return f"{name}{environment}" + (f" {shown(call.policy_hash)}" if call.policy_hash else "")


def period(summary: Summary) -> str:
    """Return the time of the calls, in UTC."""
    first = min(each.call.started_at for each in summary.calls)
    last = max(each.finish for each in summary.calls)
    start, end = instant(first), instant(last)
    return f"{start} to {end.removeprefix(start[:11])} UTC"


def runs(summary: Summary) -> int:
    """Return the number of runs."""
    return len({each.run for each in summary.calls})


def by_the_clock(spent: Times) -> str:
    """Return a sentence about the time by the clock, which sums over calls do not show."""
    share = f" ({spent.out / spent.under_way:.0%})" if spent.under_way else ""
    return (
        f"by the clock: {seconds(spent.under_way)} with calls under way, a request out in {seconds(spent.out)}{share}"
    )


def stays(failure: Failure) -> bool:
    """Tell whether the catalogue says that only a person can change the answer."""
    facts = code_facts(failure.provider, None if failure.fault is None else failure.fault.code)
    return facts is not None and facts.is_lasting


def doubt(failure: Failure) -> str:
    """Return the warning about calls that may have taken effect; an empty text for none."""
    count = failure.doubtful
    return f"{times(count, 'call')} may have taken effect all the same: look before you repeat" if count else ""


def remarks(summary: Summary) -> Iterator[str]:
    """Yield a sentence for each fact without a table of its own."""
    count = len(summary.calls)
    yield (
        f"{summary.attempts / count:.2f} attempts per call: "
        f"{times(summary.attempts, 'attempt')} for {times(count, 'call')}"
    )
    made = summary.refreshes
    made_up = injected(summary.calls)
    if made_up:
        yield f"{times(made_up, 'fault')} made by [chaos]: a rehearsal"
    if made.led or made.joined:
        failed = f", {made.failed:,} failed" if made.failed else ""
        joined = f"; {times(made.joined, 'time')} a call waited for another's" if made.joined else ""
        yield f"new credentials fetched {times(made.led, 'time')}{failed}{joined}"
    renames = Counter(_renamed(*each) for each in summary.renames)
    for text, count in list(renames.items())[:_NAMES]:
        yield text if count == 1 else f"{text}, {times(count, 'time')}"
    if len(renames) > _NAMES:
        yield f"and {len(renames) - _NAMES:,} further renames"
    if summary.believed:
        operations = {name: len(its) for name, its in by(summary.believed, lambda each: each.call.operation).items()}
        yield f"accepted on belief, not verified: {times(len(summary.believed), 'call')} ({counted(operations)})"


def _renamed(one: ReportedCall, name: str, names: tuple[str | None, str | None]) -> str:
    old, new = names
    text = f"renamed {shown(name)} of {shown(one.call.operation)}"
    if new is None:
        return text
    return f"{text} to {shown(new)}" if old is None else f"{text}: {shown(old)} -> {shown(new)}"


def met_by(gap: Gap) -> str:
    """Return the number of calls with a fault without a rule, by operation."""
    return f"{times(sum(gap.operations.values()), 'call')}: {counted(gap.operations)}"


def hint(gap: Gap) -> tuple[str, ...]:
    """Return the lines of a policy for a fault without a rule; none if no rule can name it."""
    if gap.key is None:
        return ()
    # The key may need quotes. A JSON string without control characters is a TOML string too.
    return f"[{shown(gap.table)}]", f'{json.dumps(shown(gap.key), ensure_ascii=False)} = "fail"  # or what fits'
