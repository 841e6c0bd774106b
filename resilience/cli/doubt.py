"""What a fault leads to on an operation, also when it is unknown whether the request took effect."""

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
    One situation and what follows.

    Attributes:
        when: The situation.
        then: What follows, in words.
    """

    when: str
    then: str


def situations(plan: Plan, fault: Fault) -> tuple[Situation, ...]:
    """Return what a fault leads to, with and without a verifier, and after an attempt whose answer got lost."""
    found = [_first(evolve(plan, can_verify=verifier), fault, verifier=verifier) for verifier in (False, True)]
    after = [_after_lost(evolve(plan, can_verify=verifier), fault, verifier=verifier) for verifier in (False, True)]
    found += [situation for situation in after if situation is not None]
    return tuple(_merged(found))


def _merged(found: list[Situation]) -> list[Situation]:
    """Tell what does not depend on a verifier once."""
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
    """Return what follows where an attempt before this one got no answer; None where there is no such attempt."""
    if plan.must_verify_first and not verifier:
        # The lost attempt was the last one: nothing comes after it.
        return None
    lost, _ = step(begin(plan, now=0.0), Failed((_LOST,)), now=0.0, draw=_MIDDLE)
    if plan.must_verify_first:
        # It was verified in between, and was not there.
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
            return "success, whoever did it"
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
    """Tell what a verification leads to, whichever way it goes."""
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
