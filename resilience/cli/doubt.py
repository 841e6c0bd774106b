"""What a fault leads to on an operation, as a first fault and after a lost answer."""

from __future__ import annotations

from typing import Final

from attrs import evolve, frozen

from resilience.cli.screen import seconds
from resilience.core.decision import Accept, Decision, Fail, Failed, Refresh, Rename, Verified, Verify, Wait
from resilience.core.fault import Fault
from resilience.core.history import History
from resilience.core.machine import begin, step
from resilience.core.plan import Plan
from resilience.core.words.stop_reasons import STOP_WORDS

_LOST: Final = Fault(transport="lost", effect="unknown")
_MIDDLE: Final = 0.5


@frozen(kw_only=True)
class Situation:
    """
    A situation and its consequence.

    Attributes:
        when: The situation.
        then: The consequence, in words.
    """

    when: str
    then: str


def situations(plan: Plan, fault: Fault) -> tuple[Situation, ...]:
    """Return the consequences of a fault: with and without a verifier, first and after a lost answer."""
    found = [_first(evolve(plan, can_verify=verifier), fault, verifier=verifier) for verifier in (False, True)]
    after = [_after_lost(evolve(plan, can_verify=verifier), fault, verifier=verifier) for verifier in (False, True)]
    found += [situation for situation in after if situation is not None]
    return tuple(_merged(found))


def _merged(found: list[Situation]) -> list[Situation]:
    """Merge situations that differ only in the verifier."""
    merged: list[Situation] = []
    for situation in found:
        if (
            merged
            and merged[-1].then == situation.then
            and merged[-1].when.split(", ")[0] == situation.when.split(", ")[0]
        ):
            merged[-1] = evolve(situation, when=situation.when.split(", ")[0])
        else:
            merged.append(situation)
    return merged


def _first(plan: Plan, fault: Fault, *, verifier: bool) -> Situation:
    history, decision = step(begin(plan, now=0.0), Failed((fault,)), now=0.0, draw=_MIDDLE)
    return Situation(when=f"as the first fault, {_with(verifier)}", then=_consequence(history, decision))


def _after_lost(plan: Plan, fault: Fault, *, verifier: bool) -> Situation | None:
    """Return the consequence after a lost answer; None if no attempt can follow one."""
    if plan.must_verify_first and not verifier:
        # Without a verifier the lost attempt is the last one.
        return None
    lost, _ = step(begin(plan, now=0.0), Failed((_LOST,)), now=0.0, draw=_MIDDLE)
    if plan.must_verify_first:
        # The verifier did not find the resource after the lost attempt.
        lost.unresolved = False
    history, decision = step(lost, Failed((fault,)), now=0.0, draw=_MIDDLE)
    return Situation(when=f"after a lost answer, {_with(verifier)}", then=_consequence(history, decision))


def _with(verifier: bool) -> str:  # noqa: FBT001  # a word for it
    return "with a verifier" if verifier else "without a verifier"


def _consequence(history: History, decision: Decision) -> str:
    match decision:
        case Verify(delay=delay):
            return _verified(history, delay)
        case Accept(dry_run=True):
            return "success, a dry run that created nothing"
        case Accept(action=action) if action is not None and action.condition == "always":
            return "success, also if another program did it"
        case Accept():
            return "success, on the belief that it is ours"
        case Fail(reason=reason):
            return f"stop ({reason}): {STOP_WORDS[reason].meaning}"
        case Refresh(provider=provider):
            return f"new credentials of {provider}, then another attempt"
        case Rename():
            return "another name, then another attempt"
        case Wait():
            return "another attempt" + (" after a wait" if decision.delay else "")


def _verified(history: History, delay: float) -> str:
    """Return the consequences of both answers of a verifier."""
    settle = history.plan.settle
    _, early = step(history, Verified(there=False), now=0.0, draw=_MIDDLE)
    _, late = step(history, Verified(there=False), now=settle, draw=_MIDDLE)
    text = "ask the verifier" + (" after a wait" if delay else "") + ": there - success with its value; "
    if isinstance(early, Verify) and settle:
        return text + f"not there - ask again until {seconds(settle)} have passed, then {_in_short(late)}"
    return text + f"not there - {_in_short(late)}"


def _in_short(decision: Decision) -> str:
    if isinstance(decision, Fail):
        return f"stop ({decision.reason})"
    return "another name" if isinstance(decision, Rename) else "another attempt"
