"""A report on a terminal: operations, failures, times, rules and the slowest calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group as RenderGroup
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resilience.cli.plots import bar
from resilience.cli.report.calls import ReportedCall
from resilience.cli.report.groups import Failure, Gap, Group, RuleUse
from resilience.cli.report.labels import (
    COLUMNS,
    END_WORDS,
    counted,
    instant,
    met,
    place,
    service,
    shown,
    stopped,
)
from resilience.cli.report.limits.phrases import of_limits
from resilience.cli.report.numbers import Summary, Times
from resilience.cli.report.phrases import (
    by_the_clock,
    doubt,
    hint,
    met_by,
    period,
    policies,
    remarks,
    runs,
    stays,
    verdict,
)
from resilience.cli.screen import seconds, times

_IDS: Final = 3
_LINES: Final = 8
_BAR: Final = 30
_INDENT: Final = "  "
_PARTS: Final = {"calling": "cyan", "waiting": "yellow", "queued": "blue", "remedies": "magenta", "other": "dim"}


def report(summary: Summary, *, plain: bool) -> Iterator[RenderableType]:
    """
    Yield the parts of the report.

    Args:
        summary: The numbers.
        plain: Use ASCII for bars, for terminals without Unicode.
    """
    is_good = not summary.failed and not summary.unfinished
    yield Text(verdict(summary), style="bold green" if is_good else "bold red")
    if not summary.calls:
        return
    yield Text(", ".join(policies(summary)), style="dim")
    yield Text(f"{times(runs(summary), 'run')}, {period(summary)}", style="dim")
    yield from _section("Operations", _operations(summary.operations))
    if summary.failures:
        yield from _section("What failed", *map(_failure, summary.failures[:_LINES]), _rest(summary.failures))
    if summary.unfinished:
        yield from _section(
            "What never ended", *map(_unfinished, summary.unfinished[:_LINES]), _rest(summary.unfinished)
        )
    if summary.gaps:
        yield from _section("What no rule matched", *map(_gap, summary.gaps[:_LINES]), _rest(summary.gaps))
    yield from _section("Where the time went", *_times(summary.times, plain=plain))
    limits = tuple(of_limits(summary))
    if limits:
        yield from _section("Limits", *map(_line, limits))
    if summary.rules:
        yield from _section("Which rules decided", *map(_rule, summary.rules[:_LINES]), _rest(summary.rules))
    yield from _section("The slowest calls", *map(_slow, summary.slowest))
    yield from _section("And", *(_line(remark) for remark in remarks(summary)))


def _section(title: str, *parts: RenderableType | None) -> Iterator[RenderableType]:
    yield Text(f"\n{title}", style="bold underline")
    yield from (part for part in parts if part is not None)


def _line(text: str, style: str = "", *, deep: bool = False) -> RenderableType:
    """Return a line that keeps its indent when it is folded."""
    return Padding(Text(text, style=style), (0, 0, 0, 4 if deep else 2), expand=False)


def _rest(all_of_them: Sequence[object]) -> RenderableType | None:
    more = len(all_of_them) - _LINES
    return _line(f"and {more:,} more: see --html or --format json", "dim") if more > 0 else None


def _operations(groups: Sequence[Group]) -> Table:
    counts = [group.columns for group in groups]
    used = [name for name in COLUMNS if any(count[name] for count in counts)]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold", min_width=20)
    for header in ("calls", *used, "attempts"):
        table.add_column(header, justify="right", no_wrap=True)
    for group, count in zip(groups, counts, strict=True):
        cells = [
            Text(f"{count[name]:,}", style="red" if name in {"failed", "no end"} else "") if count[name] else ""
            for name in used
        ]
        table.add_row(f"{_INDENT}{shown(group.operation)}", f"{len(group.calls):,}", *cells, f"{group.attempts:,}")
    return table


def _failure(failure: Failure) -> RenderableType:
    head = Text(f"{_INDENT}{shown(failure.operation)}  ", style="bold").append(failure.label, style="red")
    if len(failure.calls) > 1:
        head.append(f"  {times(len(failure.calls), 'call')}", style="not bold")
    lines = [] if failure.meaning is None else [_line(failure.meaning, deep=True)]
    if stays(failure):
        lines.append(_line("the same call gets the same answer until a person changes something", deep=True))
    lines.append(_line(f"stop: {stopped(failure.stop_reason)}", deep=True))
    if failure.rule_id is not None:
        lines.append(_line(place(failure.rule_id, failure.rule_origin), "dim", deep=True))
    if failure.doubtful:
        lines.append(_line(doubt(failure), "yellow", deep=True))
    ids = failure.request_ids
    if ids:
        lines.append(_line(f"for the support of {service(failure.provider)}, request id", deep=True))
        lines += [_line(f"  {shown(each)}", deep=True) for each in ids[:_IDS]]
    if len(ids) > _IDS:
        lines.append(_line(f"  and {len(ids) - _IDS:,} more", "dim", deep=True))
    return RenderGroup(head, *lines)


def _unfinished(one: ReportedCall) -> RenderableType:
    head = Text(f"{_INDENT}{shown(one.call.operation)}", style="bold")
    head.append(f"  begun {instant(one.call.started_at)} UTC", style="not bold")
    heard = f"last heard of after {seconds(one.took)}, {times(len(one.call.attempts), 'attempt')}"
    lines = [_line(heard, deep=True)]
    if one.may_exist:
        lines.append(_line("may have taken effect: look before you repeat", "yellow", deep=True))
    return RenderGroup(head, *lines)


def _gap(gap: Gap) -> RenderableType:
    head = Text(f"{_INDENT}{met(gap.fault)}", style="bold").append(f"  {met_by(gap)}", style="not bold")
    lines = [_line(each, deep=True) for each in hint(gap)]
    return RenderGroup(head, *lines)


def _times(spent: Times, *, plain: bool) -> Iterator[RenderableType]:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for justify in ("left", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for name, style in _PARTS.items():
        length = getattr(spent, name)
        share = length / spent.total if spent.total else 0.0
        drawn = Text(f"{bar(share, _BAR, plain=plain):{_BAR}}", style=style)
        # Less than a millisecond is a rounding error.
        table.add_row(f"{_INDENT}{name}", drawn, seconds(round(length, 3)), f"{share:.0%}")
    yield table
    yield _line("sums over calls: calls at the same time are added up", "dim")
    yield _line(by_the_clock(spent))


def _rule(use: RuleUse) -> RenderableType:
    head = Text(f"{_INDENT}{use.count:,} x {counted(use.steps)}", style="bold")
    most = dict(list(use.labels.items())[:_IDS])
    head.append(f"  on {counted(most)}", style="not bold")
    return RenderGroup(head, _line(place(use.rule_id, use.rule_origin), "dim", deep=True))


def _slow(one: ReportedCall) -> RenderableType:
    parts = {"waiting": one.waiting, "queued": one.queued}
    told = " and ".join(f"{seconds(length)} {name}" for name, length in parts.items() if length)
    waited = f", {told} of it" if told else ""
    attempts = times(len(one.call.attempts), "attempt")
    return _line(f"{seconds(one.took):>8}  {shown(one.call.operation)}: {END_WORDS[one.end]}, {attempts}{waited}")
