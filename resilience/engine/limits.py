"""The limits of one call, given by a program as durations of the policy's form or as numbers of seconds."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, ParamSpec, TypeVar, cast

from attrs import evolve

from resilience.core.grammar.durations import meant, seconds
from resilience.core.policy import Limits

P = ParamSpec("P")
R = TypeVar("R")

OWN: Final[ContextVar[Mapping[str, Any] | None]] = ContextVar("resilience.limits", default=None)
"""The own limits of the present call of a wrapped client's method; None for those of the policy."""

ORIGIN: Final = "__resilience_origin__"
"""The attribute of a wrapped client with the client that was given to ``wrap_client``."""

_NONE: Final = "none"


def limited(
    method: Callable[P, R],
    *,
    deadline: float | str | None = None,
    attempt_timeout: float | str | None = None,
    max_attempts: int | None = None,
) -> Callable[P, R]:
    """
    Return a method of a wrapped client with other limits: ``limited(client.create_topic, max_attempts=1)(request)``.

    The client and the method do not change. A wrapped function has its own ``.limited``.

    Args:
        method: A method of a client that :func:`wrap_client` returned.
        deadline: ``"5s"``, a number of seconds, or ``"none"`` for no limit; None for the policy's deadline.
        attempt_timeout: In the same forms as ``deadline``; None for the policy's.
        max_attempts: At least 1, the first attempt included; None for the policy's.

    Raises:
        TypeError: ``method`` is not a method of a wrapped client.
        ValueError: A limit is not valid.
    """
    given = {"deadline": deadline, "attempt_timeout": attempt_timeout, "max_attempts": max_attempts}
    if ORIGIN not in getattr(getattr(method, "__self__", None), "__dict__", ()):
        name = getattr(method, "__qualname__", type(method).__name__)
        raise TypeError(
            f"limited: expected a method of a client of wrap_client, got {name}; a wrapped function has .limited itself"
        )
    limits_with(Limits(deadline=None), **given)  # type: ignore[arg-type]  # each has the type of its parameter
    call: Callable[..., Any] = method

    def limited_method(*args: Any, **kwargs: Any) -> Any:
        token = OWN.set(given)
        try:
            return call(*args, **kwargs)
        finally:
            OWN.reset(token)

    async def limited_async_method(*args: Any, **kwargs: Any) -> Any:
        token = OWN.set(given)
        try:
            return await call(*args, **kwargs)
        finally:
            OWN.reset(token)

    made: Any = limited_async_method if inspect.iscoroutinefunction(method) else limited_method
    functools.update_wrapper(made, method)
    return cast("Callable[P, R]", made)


def limits_with(
    base: Limits,
    *,
    deadline: float | str | None = None,
    attempt_timeout: float | str | None = None,
    max_attempts: int | None = None,
) -> Limits:
    """
    Return limits with some values replaced.

    Args:
        base: The limits to start from.
        deadline: ``"5s"``, a number of seconds, or ``"none"`` for no limit; None for that of ``base``.
        attempt_timeout: In the same forms as ``deadline``; None for that of ``base``.
        max_attempts: At least 1, the first attempt included; None for that of ``base``.

    Raises:
        ValueError: A limit is not valid.
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
