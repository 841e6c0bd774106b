"""The note on an exception that leaves: what was tried, what decided, and what may exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from resilience.core.policy import Rule
from resilience.core.words.stop_reasons import STOP_WORDS
from resilience.engine.call.progress import Made, Progress
from resilience.engine.errors import RemedyFailed

# A call with a patient rule can have hundreds of attempts; the first and the last ones say enough.
_SHOWN = 10

# An exception object that a program raises again and again must not grow; calls are rarely nested deeper.
_KEPT = 4
_BEGINNING = "resilience: "


_NEW_NAME_IS_THERE: Final = (
    "the new name was there before this call, which cannot have made what has it; a ledger knows what an earlier run "
    'made, if = "always" accepts a new name whose pattern has a {hash}, and a then that is a rename tries the next name'
)


def note(call: Progress, rule: Rule | None) -> str:
    """
    Say in a few lines how a failed call went; never a message, an argument or a credential.

    Args:
        call: The call, which has ended.
        rule: The rule that decided, if one did.
    """
    attempts, plan, advice = call.made, call.plan, call.advice
    tried = "1 attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
    lines = [f"{_BEGINNING}{plan.operation} stopped after {tried} (stop reason: {call.stop_reason})"]
    if not plan.enabled:
        lines.append("  the policy is switched off (RESILIENCE=off, or enabled=False): one attempt, and nothing else")
    elif isinstance(call.error, RemedyFailed) and call.error.remedy == "rename":
        lines.append(f"  {call.error.reason}")
    elif call.stop_reason == "not_ours" and call.renamed:
        lines.append(f"  {_NEW_NAME_IS_THERE}")
    elif advice is None and (meaning := STOP_WORDS[call.stop_reason].note) is not None:
        lines.append(f"  {meaning}")
    if call.no_name is not None:
        lines.append(f"  {call.no_name}")
    if advice is not None:
        lines.append(f"  {advice}")
    if call.waited:
        lines.append(f"  waited {call.waited:.2f} s in all")
    if rule is not None:
        origin = rule.origin
        lines.append(f"  rule {rule.id}" if origin is None else f"  rule {rule.id} at {origin}")
    _tell_attempts(attempts, lines)
    if call.history.may_exist:
        lines.append(f"  {_doubt(plan.operation, attempts, can_verify=plan.can_verify or advice is not None)}")
    return "\n".join(lines)


def left_in_doubt(operation: str, attempts: Sequence[Made]) -> str:
    """Say on a programming error, which ends a call at once, that something may exist."""
    return f"{_BEGINNING}{_doubt(operation, attempts, can_verify=True)}"


def attach(error: Exception, text: str) -> None:
    """Add a note to an exception that takes one, and drop our oldest where many calls have raised the same object."""
    # Frozen dataclass exceptions refuse notes, and the user's own exception matters more than ours on it.
    try:
        error.add_note(text)
        notes = error.__notes__
        if len(notes) > _KEPT:
            ours = [each for each in notes if each.startswith(_BEGINNING)]
            if len(ours) > _KEPT:
                notes.remove(ours[0])
    except Exception:  # noqa: BLE001, S110  # as above
        pass


def _tell_attempts(attempts: Sequence[Made], lines: list[str]) -> None:
    left_out = len(attempts) - _SHOWN
    for index, attempt in enumerate(attempts):
        if left_out > 0 and _SHOWN // 2 <= index < _SHOWN // 2 + left_out:
            if index == _SHOWN // 2:
                lines.append(f"  ... {left_out} more attempts")
            continue
        if attempt.met is None or attempt.decision is None:
            continue
        fault, delay = attempt.met.fault, attempt.decision.delay
        request = f", request id {fault.request_id}" if fault.request_id else ""
        wait = f", then waited {delay:.2f} s" if delay else ""
        lines.append(f"  attempt {attempt.number}: {fault.label}{request}{wait}")


def _doubt(operation: str, attempts: Sequence[Made], *, can_verify: bool) -> str:
    numbers = [str(each.number) for each in attempts if each.met is not None and each.met.effect == "unknown"]
    which = "an earlier run" if not numbers else f"attempt{'s' * (len(numbers) > 1)} {', '.join(numbers)}"
    said = f"{which} may have taken effect: what {operation} makes may exist; look before you run this again"
    return said if can_verify else f"{said}, or register a verifier for {operation}"
