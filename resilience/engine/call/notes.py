"""The note on the exception of a failed call: the attempts, the rule that decided, and what may exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from resilience.core.decision import Fail, StopReason
from resilience.core.fault import Fault
from resilience.core.policy import Rule
from resilience.core.words.stop_reasons import STOP_WORDS
from resilience.engine.call.progress import Made, Progress
from resilience.engine.errors import RemedyFailed

# A call under a patient rule may have hundreds of attempts; the note shows the first and the last ones.
_SHOWN = 10

# The most notes on one exception, because a program may raise one object again and again.
_KEPT = 4
_BEGINNING = "resilience: "


_NEW_NAME_IS_THERE: Final = (
    "the new name was there before this call, which cannot have made what has it; a ledger knows what an earlier run "
    'made, if = "always" accepts a new name whose pattern has a {hash}, and a then that is a rename tries the next name'
)


def note(call: Progress, rule: Rule | None) -> str:
    """
    Describe a failed call in a few lines, without messages, arguments and credentials.

    Args:
        call: The call, which has ended.
        rule: The rule that decided; None if none did.
    """
    plan, advice = call.plan, call.advice
    why: list[str] = []
    if not plan.enabled:
        why.append("the policy is switched off (RESILIENCE=off, or enabled=False): one attempt, and nothing else")
    elif isinstance(call.error, RemedyFailed) and call.error.remedy == "rename":
        why.append(call.error.reason)
    elif call.stop_reason == "not_ours" and call.renamed:
        why.append(_NEW_NAME_IS_THERE)
    elif advice is None and (meaning := STOP_WORDS[call.stop_reason].note) is not None:
        why.append(meaning)
    if call.no_name is not None:
        why.append(call.no_name)
    if advice is not None:
        why.append(advice)
    if call.waited:
        why.append(f"waited {call.waited:.2f} s in all")
    tried = "1 attempt" if len(call.made) == 1 else f"{len(call.made)} attempts"
    lines = [_head(plan.operation, tried, call.stop_reason), *why]
    if rule is not None:
        lines.append(_which(rule))
    lines += _attempts(call.made)
    lines += _discards(call.discarded)
    if call.history.may_exist:
        lines.append(_doubt(plan.operation, call.made, can_verify=plan.can_verify or advice is not None))
    return "\n  ".join(lines)


def _discards(discarded: Sequence[str]) -> Iterator[str]:
    if discarded:
        yield f"discarded, because the answer was lost: {', '.join(discarded)}"


def note_at_once(operation: str, decision: Fail, fault: Fault) -> str:
    """Describe in the same way a call that the policy alone ended after its first attempt."""
    rule, meaning = decision.rule, STOP_WORDS[decision.reason].note
    why = "" if meaning is None else f"\n  {meaning}"
    which = "" if rule is None else f"\n  {_which(rule)}"
    return f"{_head(operation, '1 attempt', decision.reason)}{why}{which}\n  {_attempt(1, fault, 0.0)}"


def left_in_doubt(operation: str, attempts: Sequence[Made]) -> str:
    """Return the note on a programming error that ends a call after a doubtful attempt."""
    return f"{_BEGINNING}{_doubt(operation, attempts, can_verify=True)}"


def attach(error: Exception, text: str) -> None:
    """Add a note to an exception; drop our oldest note if many calls have raised the same object."""
    # An exception that is a frozen dataclass refuses notes. It leaves without one.
    try:
        error.add_note(text)
        notes = error.__notes__
        if len(notes) > _KEPT:
            ours = [each for each in notes if each.startswith(_BEGINNING)]
            if len(ours) > _KEPT:
                notes.remove(ours[0])
    except Exception:  # noqa: BLE001, S110  # as above
        pass


def _head(operation: str, tried: str, reason: StopReason) -> str:
    return f"{_BEGINNING}{operation} stopped after {tried} (stop reason: {reason})"


def _which(rule: Rule) -> str:
    origin = rule.origin
    return f"rule {rule.id}" if origin is None else f"rule {rule.id} at {origin}"


def _attempts(attempts: Sequence[Made]) -> Iterator[str]:
    left_out = len(attempts) - _SHOWN
    for index, attempt in enumerate(attempts):
        if left_out > 0 and _SHOWN // 2 <= index < _SHOWN // 2 + left_out:
            if index == _SHOWN // 2:
                yield f"... {left_out} more attempts"
        elif attempt.met is not None and attempt.decision is not None:
            yield _attempt(attempt.number, attempt.met.fault, attempt.decision.delay)


def _attempt(number: int, fault: Fault, delay: float) -> str:
    request = f", request id {fault.request_id}" if fault.request_id else ""
    wait = f", then waited {delay:.2f} s" if delay else ""
    return f"attempt {number}: {fault.label}{request}{wait}"


def _doubt(operation: str, attempts: Sequence[Made], *, can_verify: bool) -> str:
    numbers = [str(each.number) for each in attempts if each.met is not None and each.met.effect == "unknown"]
    which = "an earlier run" if not numbers else f"attempt{'s' * (len(numbers) > 1)} {', '.join(numbers)}"
    said = f"{which} may have taken effect: what {operation} makes may exist; look before you run this again"
    return said if can_verify else f"{said}, or register a verifier for {operation}"
