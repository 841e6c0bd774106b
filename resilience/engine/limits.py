"""The limits of one call, as a program writes them: lengths of time as in a policy, or as numbers of seconds."""

from __future__ import annotations

import math
from typing import Final

from attrs import evolve

from resilience.core.durations import meant, seconds
from resilience.core.policy import Limits

_NONE: Final = "none"


def limits_with(
    base: Limits,
    *,
    deadline: float | str | None = None,
    attempt_timeout: float | str | None = None,
    max_attempts: int | None = None,
) -> Limits:
    """
    Return limits that differ from others where something is given.

    Args:
        base: The others.
        deadline: ``"5s"``, a number of seconds, or ``"none"`` for no limit; None for that of ``base``.
        attempt_timeout: Likewise.
        max_attempts: At least 1, the first attempt included; None for that of ``base``.

    Raises:
        ValueError: One of them is no such limit.
    """
    return evolve(
        base,
        deadline=base.deadline if deadline is None else _length("deadline", deadline),
        attempt_timeout=base.attempt_timeout
        if attempt_timeout is None
        else _length("attempt_timeout", attempt_timeout),
        max_attempts=base.max_attempts if max_attempts is None else _count("max_attempts", max_attempts),
    )


def _length(name: str, value: float | str) -> float | None:
    if value == _NONE:
        return None
    near = ""
    found: float | None = None
    if isinstance(value, str):
        found = seconds(value)
        near = "" if found is not None or (how := meant(value)) is None else f'; did you mean "{how}"?'
    elif type(value) in {int, float}:
        found = float(value)
    if found is None or not (math.isfinite(found) and found > 0):
        raise ValueError(f'{name}: expected a duration above 0 such as "5s", seconds, or "none", got {value!r}{near}')
    return found


def _count(name: str, value: int) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name}: expected 1 or more, got {value!r}; the first attempt counts, so 1 means no retry")
    return value
