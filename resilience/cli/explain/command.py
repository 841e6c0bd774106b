"""``resilience explain``: shows a policy's answer to one code, with the place of each value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resilience.cli.explain.explanation import MOST_ANSWERS, MOST_WAITS, Explanation, by_message
from resilience.cli.explain.explanation import explain as explained
from resilience.cli.screen import as_json, console, format_option, load, policy_option, seconds, times
from resilience.cli.values import REPEATS, Value, label
from resilience.core.fault import Fault, Origin
from resilience.policyfile.messages.wording import quoted
from resilience.simulation.bounds import WorstCase


@click.command()
@click.argument("subject", metavar="[OPERATION/]CODE")
@policy_option
@click.option("--provider", metavar="NAME", help="The provider of the code, if several have it.")
@format_option
def explain(subject: str, policy: str, env: str | None, provider: str | None, form: str) -> None:
    """
    Explain a policy's answer to a code.

    The command shows the meaning of the code, the rule that answers and the reasons why others do not, every value of
    the action with its place and the values that it replaced, the waits, the worst case, and what follows after a lost
    answer. CODE may also be unsent, lost, garbled or a status such as 503.
    """
    found = explained(subject, load(policy, env), provider=provider)
    if form == "json":
        as_json(to_json(found))
    else:
        console().print(Group(*_parts(found)))


def _parts(found: Explanation) -> Iterator[RenderableType]:
    yield _policy(found)
    yield from _subject(found)
    yield from _heading("Rule")
    yield from _rule(found)
    for answer in found.answers:
        yield from _heading(f"If the message has {_condition(answer)}: {answer.named}")
        yield from _action(answer)
    yield from _heading(f"Action: {found.named}" + (", for every other message" if found.answers else ""))
    yield from _action(found)
    yield from _heading("Limits of the call")
    yield _values(found.limits)
    if found.shared:
        yield from _heading("Limits shared with other calls")
        yield _values(found.shared)
    yield from _heading("What follows")
    yield _situations(found)


def _condition(found: Explanation) -> str:
    return quoted("" if found.rule is None or found.rule.message is None else found.rule.message, is_understood=True)


def _action(found: Explanation) -> Iterator[RenderableType]:
    """Yield the values of an action, its waits, and the worst case."""
    yield _values(found.action)
    if found.then != ("fail",):
        yield Text(f"when that is used up or impossible: {' -> '.join(found.then)}")
    if found.is_paced:
        yield from _heading("Waits")
        yield Text("for its turn in the rate limits, which adapt, and as long as the service asks for; no backoff")
    if found.waits and any(wait.longest for wait in found.waits):
        yield from _heading("Waits")
        yield _waits(found)
    yield from _heading("If every attempt meets it")
    yield from _worst(found)


def _policy(found: Explanation) -> Text:
    env = found.policy.env
    chosen = f"environment {env}" if env else "no environment"
    return Text(f"policy {found.policy.name}, {chosen}", style="dim")


def _heading(text: str) -> Iterator[RenderableType]:
    yield Text()
    yield Text(text, style="bold underline")


def _subject(found: Explanation) -> Iterator[RenderableType]:
    fault, plan = found.fault, found.plan
    owner = f" ({plan.provider})" if plan.provider else ""
    title = Text(f"{fault.label}{owner}", style="bold")
    if found.code is not None:
        title.append(f": {found.code.meaning}", style="not bold")
        if found.code.code != fault.code:
            title.append(f" (as {found.code.code})", style="not bold")
    yield title
    facts = []
    if found.code is not None:
        facts.append(f"class {found.code.class_}")
    if fault.status is not None:
        facts.append(f"HTTP {fault.status}")
    facts.append(f"effect {found.effect} (says the {found.effect_by})")
    yield Text("  " + ", ".join(facts))
    if found.source is not None:
        yield Text(f"  {found.source}", style="dim")
    elif fault.code is not None:
        yield Text("  not in the catalogue" + (f'; did you mean "{found.near}"?' if found.near else ""))
    yield from _operation(found)


def _operation(found: Explanation) -> Iterator[RenderableType]:
    plan = found.plan
    if plan.operation:
        yield Text(f"on {plan.operation}, {plan.repeat}: {REPEATS[plan.repeat]}")
        if found.operation is not None and found.operation.read_back:
            yield Text(f"  {found.operation.read_back} reads it back", style="dim")
        if found.settles is not None:
            settle, source = found.settles
            yield Text(f"  a change may take {seconds(settle)} to show; {source}", style="dim")
        if found.operation is not None and found.operation.shown_once:
            named = ", ".join(found.operation.shown_once)
            yield Text(f"  its answer alone ever has {named}: lost with the answer, lost for good", style="dim")
        if found.documented is not None:
            yield Text("  documented limit {}; {}".format(*found.documented), style="dim")
        if found.declared:
            yield _values(found.declared)
        if found.advice is not None:
            yield Text(found.advice, style="yellow")
    else:
        yield Text("on any operation; name one, as in CreateGroupId/CODE, for what holds there")


def _rule(found: Explanation) -> Iterator[RenderableType]:
    for answer in found.answers:
        if answer.rule is not None:
            yield _line(Text(answer.rule.id, style="bold green"), answer.named, answer.at)
            yield Text(f"  if the message has {_condition(answer)}", style="dim")
    asked = by_message(found.plan, found.fault)
    if len(asked) > MOST_ANSWERS:
        more = (
            f"{times(len(asked) - MOST_ANSWERS, 'other')} by message; ask for one, as in {found.fault.label}(MESSAGE)"
        )
        yield Text(f"and {more}", style="dim")
    if found.rule is None:
        none = "no other rule matches" if found.answers else "none matches"
        yield _line(Text(none, style="bold"), f"unknown = {found.named}", found.at)
    else:
        yield _line(Text(found.rule.id, style="bold green"), found.named, found.at)
        if found.rule.message is not None:
            yield Text(f"  the message has {_condition(found)}", style="dim")
    for replaced in () if found.rule_value is None else found.rule_value.replaced:
        yield _line(Text("  overrides", style="dim"), replaced.value, replaced.at)
    answers = {id(rule) for rule in asked[MOST_ANSWERS:]} | {id(answer.rule) for answer in found.answers}
    for other in (each for each in found.others if id(each.rule) not in answers):
        action = label(found.policy, other.rule.action)
        yield _line(Text(f"not {other.rule.id}", style="dim"), action, other.rule.origin)
        yield Text(f"  {other.why}", style="dim")


def _line(what: Text, action: str, at: Origin | None) -> Text:
    what.append(f" -> {action}", style="not bold default" if "dim" not in str(what.style) else "")
    return what if at is None else what.append(f"  {at}", style="not bold dim default")


def _values(values: tuple[Value, ...]) -> Table:
    table = _table()
    for value in values:
        at = Text("default", style="dim") if value.at is None else _place(value.at)
        table.add_row(value.name, Text(value.value, style="bold"), at)
        for replaced in value.replaced:
            table.add_row(Text("  overrides", style="dim"), Text(replaced.value, style="dim"), _place(replaced.at))
    return table


def _table(*headers: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=bool(headers), header_style="dim")
    for header in headers or ("", "", ""):
        table.add_column(header, overflow="fold", justify="right" if headers else "left")
    return table


def _place(at: Origin | None) -> Text:
    return Text("" if at is None else str(at), style="dim")


def _waits(found: Explanation) -> Table:
    table = _table("wait", "at least", "middle", "at most", "all so far at most")
    total = 0.0
    for number, wait in enumerate(found.waits, start=1):
        total += wait.longest
        table.add_row(str(number), seconds(wait.shortest), seconds(wait.middle), seconds(wait.longest), seconds(total))
    if found.uses is None or found.uses > MOST_WAITS:
        rest = "and so on" if found.uses is None else f"and so on, {times(found.uses, 'time')} in all"
        table.add_row("...", "", "", "", rest)
    return table


def _worst(found: Explanation) -> Iterator[RenderableType]:
    cases: dict[tuple[WorstCase, WorstCase], list[str]] = {}
    for repeat, case in found.worst_by_repeat.items():
        cases.setdefault(case, []).append(repeat)
    for case, repeats in cases.items():
        yield Text(f"on operations whose repeat is {' or '.join(repeats)}:")
        yield from (Text(f"  {line}") for line in _bounds(*case, found.lasts))
    if not cases:
        yield from map(Text, _bounds(found.worst, found.worst_verified, found.lasts))
    yield from map(Text, _left_out(found))


def _left_out(found: Explanation) -> Iterator[str]:
    """Yield sentences about what the bounds do not say."""
    bounds = [found.worst, found.worst_verified, *(each for pair in found.worst_by_repeat.values() for each in pair)]
    left_out = {limit for each in bounds for limit in each.leaves_out}
    if "rate" in left_out:
        deadline = found.plan.limits.deadline
        until = "" if deadline is None else f", at most until the deadline of {seconds(deadline)}"
        yield f"waits for its turn in the rate limits come on top{until}"
    ending = [limit for limit in ("budget", "breaker") if limit in left_out]
    if ending:
        yield f"the {' and the '.join(ending)}, which other calls share, may end it earlier"


def _bounds(unverified: WorstCase, verified: WorstCase, lasts: float | None) -> Iterator[str]:
    if unverified == verified:
        yield _bound(unverified, lasts)
    else:
        yield f"without a verifier: {_bound(unverified, lasts)}"
        yield f"with a verifier: {_bound(verified, lasts)}"


def _bound(worst: WorstCase, lasts: float | None) -> str:
    if worst.attempts is None and worst.duration is None:
        return "it goes on for ever: neither a deadline nor a number of attempts ends it"
    if worst.attempts is None and worst.reason == "max" and lasts is not None:
        text = f"attempts for {seconds(lasts)}, and no other limit on their number"
    elif worst.attempts is None:
        text = "attempts until the deadline, and no other limit on their number"
    else:
        text = f"{times(worst.attempts, 'attempt')} at most, then it ends ({worst.reason})"
    if worst.duration is None:
        return f"{text}; nothing limits the time"
    text += f"; over after {seconds(worst.duration)} at the latest"
    if worst.by_deadline:
        return f"{text}, by the deadline"
    if worst.hinted is not None and worst.hinted > worst.duration:
        text += f", or {seconds(worst.hinted)} where the server asks for longer waits"
    return text


def _situations(found: Explanation) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(style="dim", ratio=2)
    table.add_column(ratio=3)
    for situation in found.situations:
        table.add_row(situation.when, situation.then)
    return table


def to_json(found: Explanation) -> dict[str, Any]:
    """Return an explanation for JSON; durations are in seconds."""
    return {
        "policy": found.policy.name,
        "digest": found.policy.digest,
        "env": found.policy.env,
        "fault": _fault(found.fault),
        "operation": found.plan.operation or None,
        "provider": found.plan.provider,
        "declared": [_value(each) for each in found.declared],
        "advice": found.advice,
        "repeat": found.plan.repeat if found.plan.operation else None,
        "meaning": None if found.code is None else found.code.meaning,
        "near": found.near,
        "class": None if found.code is None else found.code.class_,
        "source": found.source,
        "effect": found.effect,
        "effect_by": found.effect_by,
        "rule": None if found.rule is None else found.rule.id,
        "at": _at(found.at),
        "overrides": [] if found.rule_value is None else _value(found.rule_value)["overrides"],
        "message": None if found.rule is None else found.rule.message,
        "answers": [to_json(each) for each in found.answers],
        "others": [{"rule": each.rule.id, "at": _at(each.rule.origin), "why": each.why} for each in found.others],
        "action": {"name": found.named, "values": [_value(each) for each in found.action], "then": list(found.then)},
        "limits": [_value(each) for each in found.limits],
        "documented_limit": None if found.documented is None else found.documented[0],
        "settles": None if found.settles is None else found.settles[0],
        "shared_limits": [_value(each) for each in found.shared],
        "waits": [attrs.asdict(each) for each in found.waits],
        "is_paced": found.is_paced,
        "uses": found.uses,
        "worst": {"unverified": attrs.asdict(found.worst), "verified": attrs.asdict(found.worst_verified)},
        "worst_by_repeat": {
            repeat: {"unverified": attrs.asdict(unverified), "verified": attrs.asdict(verified)}
            for repeat, (unverified, verified) in found.worst_by_repeat.items()
        },
        "stories": [attrs.asdict(each) for each in found.situations],
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {"label": fault.label, "code": fault.code, "transport": fault.transport, "status": fault.status}


def _at(at: Origin | None) -> dict[str, Any] | None:
    return None if at is None else attrs.asdict(at)


def _value(value: Value) -> dict[str, Any]:
    return {
        "name": value.name,
        "value": value.value,
        "at": _at(value.at),
        "overrides": [{"value": each.value, "at": _at(each.at)} for each in value.replaced],
    }
