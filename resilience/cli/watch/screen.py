"""The screen of ``resilience watch``, for 80 columns and more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resilience.cli.screen import seconds, times
from resilience.core.words.stop_reasons import STOP_WORDS
from resilience.journal.live.tail import JournalTail
from resilience.journal.live.view import LiveDecision, LiveFailure, LiveOperation, LiveView

_FEW: Final = 6

# What calls under way are at, in words.
_DOING: Final = {
    "attempt": "in a request",
    "backoff": "before another attempt",
    "turn": "for their turn (limits, ledger, credentials)",
    "refresh": "for new credentials",
    "verify": "for a verifier",
}


def screen(tails: Sequence[JournalTail], view: LiveView, now: float, *, height: int | None) -> RenderableType:
    """
    Return all that is shown.

    Args:
        tails: The files.
        view: What they say.
        now: In seconds since the epoch.
        height: The lines of the terminal; None for any number.
    """
    few = _FEW if height is None else max(1, min(_FEW, (height - 12 - len(view.operations)) // 2))
    return Group(*_parts(tails, view, now, few))


def one_line(tails: Sequence[JournalTail], view: LiveView, now: float) -> str:
    """Return the most important numbers in one line."""
    missing = [tail.path for tail in tails if not tail.is_there]
    if missing and view.first is None:
        return f"{_clock(now)} waiting for {', '.join(missing)}"
    return f"{_clock(now)} {_numbers(view, now).plain}"


def _parts(tails: Sequence[JournalTail], view: LiveView, now: float, few: int) -> Iterator[RenderableType]:
    names = ", ".join(tail.path for tail in tails)
    head = Text(names, style="bold", no_wrap=True, overflow="ellipsis")
    if view.first is not None:
        since = "1 process" if len(view.processes) == 1 else f"{len(view.processes)} processes"
        head.append(f"  {since}, {seconds(max(now - view.first, 0.0))} since the first record", style="not bold dim")
    yield head
    if missing := [tail.path for tail in tails if not tail.is_there]:
        yield Text(f"waiting for {', '.join(missing)}", style="yellow")
    yield _numbers(view, now)
    yield Text()
    if view.operations:
        yield _operations(view, now)
        yield Text()
    yield from _waits(view, now)
    yield from _limits(view, now)
    yield from _last("Last decisions", [_decision(each) for each in list(view.decisions)[-few:]])
    yield from _last("Failures", [_failure(each) for each in list(view.failures)[-few:]])
    if broken := view.unread + sum(tail.broken for tail in tails):
        yield Text(f"{times(broken, 'line')} could not be understood", style="yellow")


def _numbers(view: LiveView, now: float) -> Text:
    operations = view.operations.values()
    good, failed = sum(each.good for each in operations), sum(each.failed for each in operations)
    requests, rate = sum(each.requests for each in operations), sum(each.rate(now) for each in operations)
    text = Text(f"{times(good, 'call')} done, ")
    text.append(f"{failed:,} failed", style="bold red" if failed else "")
    return text.append(f", {len(view.calls):,} under way; {requests:,} requests, {rate:.1f}/s")


def _operations(view: LiveView, now: float) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("operation", no_wrap=True, overflow="ellipsis", max_width=32)
    for header in ("done", "failed", "now", "again", "req/s", "limit"):
        table.add_column(header, justify="right", no_wrap=True)
    under_way = dict.fromkeys(view.operations, 0)
    for call in view.calls.values():
        under_way[call.operation] += 1
    for name, each in view.operations.items():
        table.add_row(
            name,
            f"{each.good:,}",
            Text(f"{each.failed:,}", style="red" if each.failed else ""),
            f"{under_way[name]:,}",
            f"{each.retries:,}",
            f"{each.rate(now):.1f}",
            _limit(each),
        )
    return table


def _limit(operation: LiveOperation) -> str:
    declared = "" if operation.declared is None else f"{operation.declared:g}"
    if operation.adapted is None or operation.adapted == operation.declared:
        return declared
    return f"{operation.adapted:.3g} of {declared}" if declared else f"{operation.adapted:.3g}"


def _waits(view: LiveView, now: float) -> Iterator[RenderableType]:
    for doing, count, longest in view.waiting(now):
        style = "yellow" if doing != "attempt" and longest > 10 else ""  # noqa: PLR2004  # worth a look
        yield Text(f"{count:,} {_DOING.get(doing, doing)}, the longest for {seconds(longest)}", style=style)
    if view.waited:
        told = [f"{gate} {times(count, 'time')}, {seconds(took)}" for gate, (count, took) in view.waited.items()]
        yield Text(f"waited so far: {'; '.join(told)}", style="dim")
    if view.calls or view.waited:
        yield Text()


def _limits(view: LiveView, now: float) -> Iterator[RenderableType]:
    for name, (state, at) in view.breakers.items():
        if state != "closed":
            yield Text(f"the breaker of {name} is {state} for {seconds(max(now - at, 0.0))}", style="bold red")
    if view.away is not None:
        yield Text(f"the store that processes share is away for {seconds(max(now - view.away, 0.0))}", style="bold red")


def _last(title: str, lines: Sequence[Text]) -> Iterator[RenderableType]:
    if lines:
        yield Text(title, style="bold underline")
        yield from lines


def _decision(each: LiveDecision) -> Text:
    text = Text(f"{_clock(each.at)} {_short(each.operation)} {each.fault}", no_wrap=True, overflow="ellipsis")
    said = each.action if each.stop_reason is None else f"{each.action}: {_why(each.stop_reason)}"
    text.append(f" -> {said}", style="red" if each.action == "fail" else "bold")
    if each.delay:
        text.append(f" in {seconds(each.delay)}")
    # The place first: on a narrow screen the end of the line is cut, and the rule's name says the code again.
    place = None if each.place is None else each.place.rpartition("/")[2]
    return text.append(f"  {' '.join(filter(None, (place, each.rule)))}", style="dim")


def _failure(each: LiveFailure) -> Text:
    text = Text(f"{_clock(each.at)} {_short(each.operation)} ", no_wrap=True, overflow="ellipsis")
    text.append(f"{each.error or each.stop_reason}", style="red")
    return text.append(f" after {times(each.attempts, 'attempt')}: {_why(each.stop_reason)}  {each.call}", style="dim")


def _why(reason: str) -> str:
    return next((words.meaning for name, words in STOP_WORDS.items() if name == reason), reason)


def _short(operation: str) -> str:
    return operation.rpartition(":")[2]


def _clock(at: float) -> str:
    """Return the local time of day, as the watcher's own clock has it."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
