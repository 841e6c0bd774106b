"""A replay as text: the decisions that differ, the calls with another end, and the saved requests and seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import frozen
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resilience.cli.replay.remarks import ReplayedRecording, RulePlace, Totals, notes, rule_place
from resilience.cli.screen import seconds, times
from resilience.core.decision import LEADS_ON, Accept, Decision, Fail, StopReason
from resilience.core.words.stop_reasons import STOP_WORDS
from resilience.journal.model import RecordedCall, RecordedDecision
from resilience.policyfile import Policy
from resilience.simulation.replayed import ASSUMPTIONS, Difference, Replayed

_MANY: Final = 5
_MANY_WORSE: Final = 20


@frozen
class _Kind:
    """The key of a group of differences: the same decision became the same other one."""

    operation: str
    fault: str
    before: str
    after: str
    rule_before: RulePlace
    rule_after: RulePlace


def parts(replays: ReplayedRecording, policy: Policy, *, everything: bool) -> Iterator[RenderableType]:
    """Yield the parts of the report; with ``everything`` it names all calls."""
    most = None if everything else _MANY
    yield from _decisions(replays.played, most)
    yield from _ends(replays.played, most)
    if replays.played:
        yield Text("\nRequests and seconds", style="bold underline")
        yield _table(replays)
    yield Text()
    for word, count in replays.assumptions:
        yield Text(f"assumed ({times(count, 'call')}): {ASSUMPTIONS[word]}")
    for reason, count in _reasons(replays.skipped):
        yield Text(f"not replayed ({times(count, 'call')}): {reason}")
    for reason, count in _reasons(replays.undecided):
        yield Text(f"undecided ({times(count, 'call')}): {reason}")
    for note in notes(replays, policy):
        yield Text(f"note: {note}")
    for call, reason in replays.endless:
        yield Text(f"{call.operation} {call.id} would never end: {reason}", style="bold red")
    yield _verdict(replays.total, is_sure=not replays.undecided)


def _decisions(played: Sequence[Replayed], most: int | None) -> Iterator[RenderableType]:
    groups: dict[_Kind, list[tuple[Replayed, Difference]]] = defaultdict(list)
    for each in played:
        for found in each.differences:
            groups[_kind(each, found)].append((each, found))
    if not groups:
        return
    yield Text("\nDecisions", style="bold underline")
    for kind, members in sorted(groups.items(), key=lambda group: -len(group[1])):
        line = Text(f"{kind.operation}, {kind.fault}: ", style="bold")
        line.append(kind.before, style="not bold red").append(" -> ", style="not bold")
        line.append(kind.after, style="not bold green")
        yield line.append(f"  {times(len(members), 'time')}", style="not bold dim")
        yield _indented(Text(_places(kind), style="dim"))
        shown = members[:most]
        for each, difference in shown:
            yield _indented(Text(_one(each, difference)))
        if len(members) > len(shown):
            yield _indented(Text(f"and {times(len(members) - len(shown), 'other')}; --all names them"))


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 2), expand=False)


def _kind(each: Replayed, found: Difference) -> _Kind:
    before, after = found.before, found.after
    fault = "success" if found.fault is None else found.fault.label
    if found.did == "verify":
        fault = "verifier's answer"
    if found.cut:
        fault += " (cut short now)"
    return _Kind(
        each.call.operation,
        fault,
        "success" if before is None else _word(before.action or "", before.stop_reason),
        "success" if after is None else _word(after.verb, after.reason if isinstance(after, Fail) else None),
        RulePlace(None, None) if before is None else RulePlace(before.rule_id, before.rule_origin),
        rule_place(after),
    )


def _word(action: str, reason: StopReason | None) -> str:
    return f"{action} ({STOP_WORDS[reason].meaning})" if action == "fail" and reason is not None else action


def _places(kind: _Kind) -> str:
    one, two = kind.rule_before, kind.rule_after
    if one == two:
        return _place(one)
    return f"{_place(one)} -> {_place(two)}"


def _place(at: RulePlace) -> str:
    return " ".join(filter(None, (at.rule, at.place))) or "no rule"


def _one(each: Replayed, found: Difference) -> str:
    delays = [_delay(found.before), _delay(found.after)]
    words = f", wait {delays[0]} -> {delays[1]}" if delays[0] != delays[1] and None not in delays else ""
    return f"{_when(each)}  {each.call.id}  attempt {found.number}{words}"


def _delay(decision: RecordedDecision | Decision | None) -> str | None:
    if decision is None or isinstance(decision, Accept | Fail):
        return None
    if isinstance(decision, RecordedDecision) and decision.action not in LEADS_ON:
        return None
    return seconds(decision.delay)


def _ends(played: Sequence[Replayed], most: int | None) -> Iterator[RenderableType]:
    otherwise = sorted(
        (each for each in played if each.ends_otherwise), key=lambda each: (not each.is_worse, not each.is_better)
    )
    if not otherwise:
        return
    yield Text("\nEnds", style="bold underline")
    # Worse calls are the most important ones, so more of them are named.
    worse = sum(each.is_worse for each in otherwise)
    shown = otherwise if most is None else otherwise[: max(min(worse, _MANY_WORSE), most)]
    for each in shown:
        style = "red" if each.is_worse else "green" if each.is_better else ""
        line = Text(f"{each.call.operation}  {_when(each)}  {each.call.id}\n  ")
        line.append(f"{_end(each.call.ended, each.call.stop_reason)} -> ")
        yield line.append(f"{_end(each.ended, each.stop_reason)}", style=style).append(_cost(each), style="dim")
    if len(otherwise) > len(shown):
        yield Text(f"and {times(len(otherwise) - len(shown), 'other call')}; --all names them")


def _end(ended: str | None, reason: StopReason | None) -> str:
    if ended is None:
        return "no end"
    if reason is None or ended.startswith(("success", reason)):
        return ended
    return f"{ended} ({STOP_WORDS[reason].meaning})"


def _cost(each: Replayed) -> str:
    sign = "+" if each.requests > 0 else "-"
    words = [f"{sign}{times(abs(each.requests), 'request')}"] if each.requests else []
    if each.seconds:
        words.append(_signed(each.seconds))
    if each.may_exist:
        words.append("the resource may exist, unverified")
    return f"  {', '.join(words)}" if words else ""


def _signed(number: float) -> str:
    return ("+" if number > 0 else "-") + seconds(abs(number))


def _when(each: Replayed) -> str:
    return datetime.fromtimestamp(each.call.started_at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _table(replays: ReplayedRecording) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("")
    for header in ("calls", "changed", "requests", "", "seconds", ""):
        table.add_column(header, justify="right", no_wrap=True)
    for provider, operation in replays.operations:
        table.add_row(*_row(operation, replays.of(operation, provider)))
    if len(replays.operations) > 1:
        table.add_row(*_row("all", replays.total), style="bold")
    return table


def _row(name: str, found: Totals) -> tuple[str, ...]:
    (requests, requests_now), (took, takes) = found.requests, found.seconds
    return (
        name,
        str(found.calls),
        str(found.changed or ""),
        f"{requests} -> {requests_now}",
        f"{requests_now - requests:+d}" if requests_now != requests else "",
        f"{took:.1f} -> {takes:.1f}",
        f"{takes - took:+.1f}" if abs(takes - took) >= 0.05 else "",  # noqa: PLR2004  # what is shown as 0.1
    )


def _reasons(calls: Sequence[tuple[RecordedCall, str]]) -> list[tuple[str, int]]:
    counted: dict[str, int] = defaultdict(int)
    for _, reason in calls:
        counted[reason] += 1
    return sorted(counted.items())


def _verdict(found: Totals, *, is_sure: bool) -> Text:
    if found.worse:
        word = "calls that succeeded would" if found.worse > 1 else "call that succeeded would"
        return Text(f"{found.worse} {word} have failed", style="bold red")
    if found.better:
        word = "calls that failed would" if found.better > 1 else "call that failed would"
        return Text(f"{found.better} {word} have succeeded, and none the other way", style="bold green")
    if found.changed:
        return Text("no call would have succeeded or failed otherwise", style="bold")
    return Text("no decision differs" + ("" if is_sure else ", as far as the recording tells"), style="bold")
