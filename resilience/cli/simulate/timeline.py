"""The course of a simulated call in words, the same for terminals, pages and programs."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

from resilience.cli.doubt import STOPS
from resilience.cli.screen import seconds, times
from resilience.core.decision import Accept, Decision, Fail, Refresh, Rename, Verified, Verify, Wait
from resilience.core.fault import Origin
from resilience.core.plan import Plan
from resilience.core.simulate import Deed, Played, Turn

_UNDER: Final = {"attempt": "attempt", "verify": "ask the verifier", "refresh": "new credentials", "rename": "rename"}


@frozen(kw_only=True)
class TimelineRow:
    """
    One turn of a call.

    Attributes:
        did: What was done.
        at: When it began, in seconds.
        took: How long it took, in seconds.
        what: What was done, in words.
        result: What came of it.
        decision: What was decided, and how long the wait is that follows; empty after a success.
        rule: The id of the rule that decided, or None.
        place: Where that rule stands.
    """

    did: Deed
    at: float
    took: float
    what: str
    result: str
    decision: str
    rule: str | None
    place: Origin | None


def rows(played: Played, plan: Plan) -> tuple[TimelineRow, ...]:
    """Return the turns of a call."""
    return tuple(_row(turn, plan) for turn in played.turns)


def _row(turn: Turn, plan: Plan) -> TimelineRow:
    rule = None if turn.decision is None else turn.decision.rule
    what = f"attempt {turn.number}" if turn.did == "attempt" else _UNDER[turn.did]
    return TimelineRow(
        did=turn.did,
        at=turn.began,
        took=turn.ended - turn.began,
        what=what,
        result=_result(turn, plan),
        decision="" if turn.decision is None else _decided(turn.decision, plan),
        rule=None if rule is None else rule.id,
        place=None if rule is None else rule.origin,
    )


def _result(turn: Turn, plan: Plan) -> str:
    if turn.fault is not None:
        effect = plan.effect(turn.fault, plan.rule(turn.fault))
        text = "cut short" if turn.cut else turn.fault.label
        return f"{text} (may have taken effect)" if effect == "unknown" else text
    if turn.cut:
        return "cut short"
    if isinstance(turn.event, Verified):
        return "it is there" if turn.event.there else "not there"
    if turn.event is None:
        return "success"
    return {"RefreshFailed": "failed", "RenameImpossible": "impossible"}.get(type(turn.event).__name__, "done")


def _decided(decision: Decision, plan: Plan) -> str:
    match decision:
        case Fail(reason=reason):
            return f"stop: {STOPS[reason]}"
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
    """Return how a call ended, in one sentence."""
    text: str = played.ended
    if played.stop_reason not in {"success", "accepted"}:
        text += f" ({played.stop_reason}: {STOPS[played.stop_reason]})"
    if played.verified is not None and played.stop_reason == "accepted":
        text += ", verified" if played.verified else ", on belief"
    text += (
        f" after {seconds(played.duration)}: {times(played.attempts, 'request')}, {seconds(played.waited)} of waiting"
    )
    if played.may_exist:
        text += "; it may exist, and nobody has looked"
    if played.effects > 1 and plan.repeat == "duplicate":
        text += f"; done {played.effects} times"
    return text


def to_json(played: Played, plan: Plan) -> dict[str, Any]:
    """Return a call as JSON has it; times are in seconds."""
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
                "did": turn.did,
                "number": turn.number,
                "began": turn.began,
                "ended": turn.ended,
                "fault": None if turn.fault is None else turn.fault.label,
                "cut": turn.cut,
                "result": row.result,
                "decision": None if turn.decision is None else turn.decision.verb,
                "delay": turn.delay,
                "rule": row.rule,
                "at": None if row.place is None else str(row.place),
            }
            for turn, row in zip(played.turns, rows(played, plan), strict=True)
        ],
    }
