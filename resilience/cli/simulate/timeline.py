"""The steps of a simulated call in words, for terminals, pages and programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen

from resilience.cli.screen import seconds, times
from resilience.core.decision import Accept, Decision, Fail, Refresh, Rename, Verify, Wait
from resilience.core.fault import Origin
from resilience.core.plan import Plan
from resilience.core.words.stop_reasons import STOP_WORDS
from resilience.simulation.played import Activity, Played, SimulatedStep

_UNDER: Final = {"attempt": "attempt", "verify": "ask the verifier", "refresh": "new credentials", "rename": "rename"}


@frozen(kw_only=True)
class TimelineRow:
    """
    One step of a call.

    Attributes:
        did: The activity.
        at: Its start, in seconds.
        took: Its duration, in seconds.
        what: The activity, in words.
        result: Its result, in words.
        decision: The decision with the wait that follows; empty after a success.
        rule: The id of the rule that decided, or None.
        place: The place of that rule.
    """

    did: Activity
    at: float
    took: float
    what: str
    result: str
    decision: str
    rule: str | None
    place: Origin | None


def rows(steps: Iterable[SimulatedStep], plan: Plan) -> tuple[TimelineRow, ...]:
    """Return a row for each step of a call."""
    return tuple(_row(step, plan) for step in steps)


def _row(step: SimulatedStep, plan: Plan) -> TimelineRow:
    rule = None if step.decision is None else step.decision.rule
    what = f"attempt {step.number}" if step.did == "attempt" else _UNDER[step.did]
    return TimelineRow(
        did=step.did,
        at=step.began,
        took=step.ended - step.began,
        what=what,
        result=_result(step, plan),
        decision="" if step.decision is None else _decided(step.decision, plan),
        rule=None if rule is None else rule.id,
        place=None if rule is None else rule.origin,
    )


def _result(step: SimulatedStep, plan: Plan) -> str:
    if step.fault is not None and plan.effect(step.fault, plan.rule(step.fault)) == "unknown":
        return f"{step.result} (may have taken effect)"
    return step.result


def _decided(decision: Decision, plan: Plan) -> str:
    match decision:
        case Fail(reason=reason):
            return f"stop: {STOP_WORDS[reason].meaning}"
        case Accept(verified=True):
            return "success, verified"
        case Accept(dry_run=True):
            return "success: a dry run"
        case Accept():
            return "success, on belief"
        case Wait(action=action):
            is_named = action is not None and action.key in plan.policy.actions and action.key != action.do
            name = f" ({action.key})" if action is not None and is_named else ""
            text = f"retry{name}" if action is None or action.do == "retry" else "next attempt"
        case Verify():
            text = "ask the verifier"
        case Rename(number=number):
            text = f"take name {number}"
        case Refresh():
            text = decision.verb
    return f"{text} in {seconds(decision.delay)}" if decision.delay else text


def ending(played: Played, plan: Plan) -> str:
    """Return the end of a call in one sentence."""
    text: str = played.ended
    if played.stop_reason not in {"success", "accepted"}:
        text += f" ({played.stop_reason}: {STOP_WORDS[played.stop_reason].meaning})"
    if played.verified is not None and played.stop_reason == "accepted":
        text += ", verified" if played.verified else ", on belief"
    text += (
        f" after {seconds(played.duration)}: {times(played.attempts, 'request')}, {seconds(played.waited)} of waiting"
    )
    if played.may_exist:
        text += "; the resource may exist, unverified"
    if played.effects > 1 and plan.repeat == "duplicate":
        text += f"; done {played.effects} times"
    return text


def to_json(played: Played, plan: Plan) -> dict[str, Any]:
    """Return a call for JSON; times are in seconds."""
    return {
        "ended": played.ended,
        "stop_reason": played.stop_reason,
        "verified": played.verified,
        "duration": played.duration,
        "waited": played.waited,
        "attempts": played.attempts,
        "effects": played.effects,
        "may_exist": played.may_exist,
        "turns": [
            {
                "did": step.did,
                "number": step.number,
                "began": step.began,
                "ended": step.ended,
                "fault": None if step.fault is None else step.fault.label,
                "cut": step.cut,
                "result": row.result,
                "decision": None if step.decision is None else step.decision.verb,
                "delay": step.delay,
                "rule": row.rule,
                "at": None if row.place is None else str(row.place),
            }
            for step, row in zip(played.steps, rows(played.steps, plan), strict=True)
        ],
    }
