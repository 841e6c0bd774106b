"""The note on an exception that leaves: what was tried, what decided, and what may exist."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from resilience.core.decision import StopReason
from resilience.core.plan import Plan
from resilience.core.policy import Rule
from resilience.engine.errors import RemedyFailed
from resilience.engine.outcome import Attempt, Outcome

# A call with a patient rule can have hundreds of attempts; the first and the last ones tell the story.
_SHOWN = 10

# An exception object that a program raises again and again must not grow; calls are rarely nested deeper.
_KEPT = 4
_BEGINNING = "resilience: "


# What a stop reason means, where the reason is not plain from the attempts, and what to do about it.
_MEANING: Final[Mapping[StopReason, str]] = {
    "unknown": "no rule matches: this code needs a rule in the policy before anything is done about it",
    "max": "the action of the rule has been used as often as it may be",
    "attempts": "max_attempts is used up",
    "deadline": "the next wait or attempt would not have ended before the deadline",
    "unverified": "it may have happened already, and a repeat would do it twice",
    "not_ours": (
        "it was there before this call, which cannot have made it; look whose it is. In the policy, "
        'if = "always" accepts it whoever made it, with the reason in [lint] if check asks for one'
    ),
    "inner": "a call inside this one has been decided by its own policy",
}


_NEW_NAME_IS_THERE: Final = (
    "the new name was there before this call, which cannot have made what has it; a ledger knows what an earlier run "
    'made, if = "always" accepts a new name whose pattern has a {hash}, and a then that is a rename tries the next name'
)


def note(
    outcome: Outcome[Any], rule: Rule | None, plan: Plan, *, no_name: str | None = None, advice: str | None = None
) -> str:
    """
    Say in a few lines how a failed call went; never a message, an argument or a credential.

    Args:
        outcome: How it ended.
        rule: The rule that decided, if one did.
        plan: What the call could do.
        no_name: Why a rename found no name, if one did not.
        advice: Why it could not be treated as its rule says, and what to write.
    """
    attempts = outcome.attempts
    tried = "1 attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
    lines = [f"{_BEGINNING}{outcome.operation} stopped after {tried} (stop reason: {outcome.stop_reason})"]
    if not plan.enabled:
        lines.append("  the policy is switched off (RESILIENCE=off, or enabled=False): one attempt, and nothing else")
    elif isinstance(outcome.error, RemedyFailed) and outcome.error.remedy == "rename":
        lines.append(f"  {outcome.error.reason}")
    elif outcome.stop_reason == "not_ours" and outcome.renamed:
        lines.append(f"  {_NEW_NAME_IS_THERE}")
    elif advice is None and outcome.stop_reason in _MEANING:
        lines.append(f"  {_MEANING[outcome.stop_reason]}")
    lines.extend(f"  {each}" for each in (no_name, advice) if each is not None)
    if outcome.waited:
        lines.append(f"  waited {outcome.waited:.2f} s in all")
    if rule is not None:
        origin = rule.origin
        lines.append(f"  rule {rule.id}" if origin is None else f"  rule {rule.id} at {origin}")
    lines.extend(_told(attempts))
    if outcome.may_exist:
        lines.append(f"  {_doubt(outcome.operation, attempts, can_verify=plan.can_verify or advice is not None)}")
    return "\n".join(lines)


def left_in_doubt(operation: str, attempts: Sequence[Attempt]) -> str:
    """Say on a programming error, which ends a call at once, that something may exist."""
    return f"{_BEGINNING}{_doubt(operation, attempts, can_verify=True)}"


def attach(error: Exception, text: str) -> None:
    """Add a note to an exception that takes one, and drop our oldest where many calls have raised the same object."""
    # Frozen dataclass exceptions refuse notes, and the user's own exception matters more than ours on it.
    with contextlib.suppress(Exception):
        error.add_note(text)
        ours = [each for each in error.__notes__ if each.startswith(_BEGINNING)]
        if len(ours) > _KEPT:
            error.__notes__.remove(ours[0])


def _told(attempts: Sequence[Attempt]) -> Iterator[str]:
    left_out = len(attempts) - _SHOWN
    for index, attempt in enumerate(attempts):
        if left_out > 0 and _SHOWN // 2 <= index < _SHOWN // 2 + left_out:
            if index == _SHOWN // 2:
                yield f"  ... {left_out} more attempts"
            continue
        if attempt.fault is None:
            continue
        request = f", request id {attempt.fault.request_id}" if attempt.fault.request_id else ""
        wait = f", then waited {attempt.delay:.2f} s" if attempt.delay else ""
        yield f"  attempt {attempt.number}: {attempt.fault.label}{request}{wait}"


def _doubt(operation: str, attempts: Sequence[Attempt], *, can_verify: bool) -> str:
    numbers = [str(each.number) for each in attempts if each.effect == "unknown"]
    which = "an earlier run" if not numbers else f"attempt{'s' * (len(numbers) > 1)} {', '.join(numbers)}"
    said = f"{which} may have taken effect: what {operation} makes may exist; look before you run this again"
    return said if can_verify else f"{said}, or register a verifier for {operation}"
