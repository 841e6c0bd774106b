"""Plays a scenario, and compares what came of it with what is expected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Final

from resilience.core.decision import Decision
from resilience.core.machine import begin, step
from resilience.scenarios.model import ComparedRow, Exactly, Mismatch, Scenario, ScenarioResult, ScenarioStep
from resilience.scenarios.words import event_in_words, in_words, is_as, seconds_in_words
from resilience.simulation import EndlessError, Played, meetings
from resilience.simulation.play import play

# A number on the driver's clock that no story begins at, so that a story cannot depend on it.
_START: Final = 1000.0


def check(scenario: Scenario) -> ScenarioResult:
    """Play a scenario; return what is not as expected."""
    return _told(scenario) if scenario.steps else _played(scenario)


def _played(scenario: Scenario) -> ScenarioResult:
    draws = chain(scenario.draws, repeat(scenario.draws[-1]))
    met = meetings(scenario.script, latency=scenario.latency)
    path = (*scenario.path, "expect")
    try:
        played = play(
            scenario.plan,
            met.__next__,
            scenario.environment,
            draw=draws.__next__,
            ours=scenario.ours,
        )
    except EndlessError as error:
        endless = Mismatch(what="the call", expected="an end", found=str(error), path=path)
        return ScenarioResult(scenario=scenario, differences=(endless,))
    differences = []
    for key, expected in scenario.expected.items():
        found = _FOUND[key](played)
        if not is_as(expected, found):
            differences.append(
                Mismatch(what=key, expected=in_words(expected), found=in_words(found), path=(*path, key))
            )
    return ScenarioResult(
        scenario=scenario,
        differences=tuple(differences),
        played=played,
        decisions=_decisions(played),
        table=tuple(_rows(played, scenario.expected)),
    )


def _decisions(played: Played) -> tuple[Decision, ...]:
    return tuple(each.decision for each in played.steps if each.decision is not None)


def _waits(played: Played) -> tuple[float, ...]:
    return tuple(each.delay for each in _decisions(played) if each.leads_on)


def _rules(played: Played) -> tuple[str, ...]:
    return tuple("" if each.rule is None else each.rule.id for each in _decisions(played))


_FOUND: Final[Mapping[str, Callable[[Played], Any]]] = {
    "ended": lambda played: played.ended,
    "reason": lambda played: played.stop_reason,
    "requests": lambda played: played.attempts,
    "decisions": lambda played: tuple(each.verb for each in _decisions(played)),
    "waits": _waits,
    "waited": lambda played: played.waited,
    "took": lambda played: played.duration,
    "rules": _rules,
    "rule": lambda played: (_rules(played) or ("",))[-1],
    "verified": lambda played: bool(played.verified),
    "may_exist": lambda played: played.may_exist,
    "effects": lambda played: played.effects,
}
"""What is found, by the keys of expectations."""


def _rows(played: Played, expected: Mapping[str, Any]) -> Iterator[ComparedRow]:
    """Yield each decision beside the expected one, as far as the expectation is about single decisions."""
    verbs: Sequence[str] | None = expected.get("decisions")
    waits: Sequence[Exactly] | None = expected.get("waits")
    number = led_on = 0
    for each in played.steps:
        decision = each.decision
        result = event_in_words(each)
        if decision is None:
            yield ComparedRow(at=each.ended, met=result)
            continue
        told: list[str] = []
        found: list[str] = [decision.verb]
        if verbs is not None:
            told.append(verbs[number] if number < len(verbs) else "no decision")
        if decision.leads_on:
            if waits is not None:
                is_told = led_on < len(waits)
                is_right = is_told and is_as(waits[led_on], decision.delay)
                wait = decision.delay if is_right else waits[led_on].seconds if is_told else None
                told = told or [decision.verb]
                told.append("no wait" if wait is None else f"wait {seconds_in_words(wait)}")
            found.append(f"wait {seconds_in_words(decision.delay)}")
            led_on += 1
        number += 1
        if waits is None and told:
            found = found[:1]
        yield ComparedRow(
            at=each.ended, met=result, expected=", ".join(told), found=", ".join(found), rule=_place(decision)
        )
    for verb in (verbs or ())[number:]:
        yield ComparedRow(at=played.duration, met="the call has ended", expected=verb, found="nothing")


def _told(scenario: Scenario) -> ScenarioResult:
    """Tell a story event by event."""
    history = begin(scenario.plan, now=_START, ours=scenario.ours)
    earliest, decision = _START, None
    differences: list[Mismatch] = []
    decisions: list[Decision] = []
    rows: list[ComparedRow] = []
    for number, entry in enumerate(scenario.steps, 1):
        path = (*scenario.path, "steps", number - 1)
        now = _START + entry.at
        if decision is not None and not decision.leads_on:
            differences.append(
                Mismatch(what="event", expected="none, as the call has ended", found="one", path=path, step=number)
            )
            break
        if now < earliest:
            soonest = f"{seconds_in_words(earliest - _START)} or later, when the wait is over"
            found_at = seconds_in_words(entry.at)
            differences.append(Mismatch(what="at", expected=soonest, found=found_at, path=(*path, "at"), step=number))
        try:
            history, decision = step(history, entry.event, now=now, draw=entry.draw)
        except ValueError:
            asked = "one that answers the decision before it"
            found_event = type(entry.event).__name__
            differences.append(Mismatch(what="event", expected=asked, found=found_event, path=path, step=number))
            break
        decisions.append(decision)
        found = _said_of(decision)
        differs = [key for key, expected in entry.expected.items() if not is_as(expected, found.get(key))]
        differences.extend(
            Mismatch(
                what=key,
                expected=in_words(entry.expected[key]),
                found=in_words(found.get(key)),
                path=(*path, "expect", key),
                step=number,
            )
            for key in differs
        )
        rows.append(_row(entry, found, decision))
        earliest = now + decision.delay
    return ScenarioResult(
        scenario=scenario, differences=tuple(differences), decisions=tuple(decisions), table=tuple(rows)
    )


def _said_of(decision: Decision) -> dict[str, Any]:
    """Return all that an expectation of a step can be about."""
    said: dict[str, Any] = {"decision": type(decision).__name__.lower()}
    said["rule"] = None if decision.rule is None else decision.rule.id
    said["action"] = None if decision.action is None else decision.action.key
    for name in ("delay", "reason", "provider", "number", "verified", "dry_run", "by_remedy"):
        if hasattr(decision, name):
            said[name] = getattr(decision, name)
    return said


def _row(entry: ScenarioStep, found: Mapping[str, Any], decision: Decision) -> ComparedRow:
    return ComparedRow(
        at=entry.at,
        met=type(entry.event).__name__,
        expected=", ".join(_pairs(entry.expected, entry.expected)),
        found=", ".join(_pairs(entry.expected, found, like=entry.expected)),
        rule=_place(decision),
    )


def _pairs(keys: Iterable[str], values: Mapping[str, Any], like: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Yield each key with its value; a found number that is as expected has the words of the expected one."""
    for key in keys:
        value = values.get(key)
        if like is not None and is_as(like[key], value):
            value = like[key]
        yield in_words(value) if key == "decision" else f"{key} {in_words(value)}"


def _place(decision: Decision) -> str:
    rule = decision.rule
    if rule is None:
        return ""
    return rule.id if rule.origin is None else f"{rule.id}  {rule.origin}"
