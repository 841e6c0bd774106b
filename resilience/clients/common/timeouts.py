"""Shorten time-outs, on copies of the objects that have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from resilience.clients.common.fields import attribute

AnyFunction: TypeAlias = Callable[..., Any]
"""A function of an SDK that sends a request."""

_T = TypeVar("_T")


def twin(thing: _T) -> _T:
    """Return a shallow copy; ``copy.copy`` takes four times as long."""
    twin = object.__new__(type(thing))
    vars(twin).update(vars(thing))
    return twin


def least(value: object, limit: float) -> float:
    """Return the shorter of a time-out and a limit; a value that is no number counts as no time-out."""
    return min(value, limit) if isinstance(value, int | float) else limit


def pair(value: object, limit: float) -> object:
    """Return a time-out of requests (a number, a pair, or an object of urllib3) with both parts within a limit."""
    if isinstance(value, tuple):
        return tuple(least(part, limit) for part in value)
    if hasattr(value, "total") and hasattr(value, "_connect"):
        parts = {"total": value.total, "connect": value._connect, "read": attribute(value, "_read")}  # noqa: SLF001
        return type(value)(**{name: least(part, limit) for name, part in parts.items()})
    return least(value, limit), least(value, limit)
