"""The note on an exception that leaves: what was tried, what decided, and what may exist."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from resilience.core.policy import Rule
from resilience.engine.outcome import Attempt, Outcome

# A call with a patient rule can have hundreds of attempts; the first and the last ones tell the story.
_SHOWN = 10

# An exception object that a program raises again and again must not grow; calls are rarely nested deeper.
_KEPT = 4
_BEGINNING = "resilience: "


def note(outcome: Outcome[Any], rule: Rule | None, *, can_verify: bool) -> str:
    """Say in a few lines how a failed call went; never a message, an argument or a credential."""
    attempts = outcome.attempts
    tried = "1 attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
    lines = [f"{_BEGINNING}{outcome.operation} stopped after {tried} (stop reason: {outcome.stop_reason})"]
    if outcome.waited:
        lines.append(f"  waited {outcome.waited:.2f} s in all")
    if rule is not None:
        lines.append(f"  rule {rule.id}" + (f" at {rule.origin}" if rule.origin else ""))
    lines.extend(_told(attempts))
    if outcome.may_exist:
        lines.append(f"  {_doubt(outcome.operation, attempts, can_verify=can_verify)}")
    return "\n".join(lines)


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
    doubtful = ", ".join(str(each.number) for each in attempts if each.effect == "unknown")
    said = f"attempt {doubtful} may have taken effect: what {operation} makes may exist"
    return said if can_verify else f"{said}; look before you run this again, or register a verifier for {operation}"
