"""
Tell whether a request is sent within an attempt of a call.

An SDK's methods call one another, a session calls its adapters, and a client calls a token
service while it signs. All of these requests belong to the attempt that is under way, so the
policy applies once, to the outermost method.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import FrameType
from typing import Any


class _Attempt:
    """An attempt that has begun; a task that it started still refers to it after its end."""

    __slots__ = ("is_open",)

    def __init__(self) -> None:
        self.is_open = True


_CURRENT: ContextVar[_Attempt | None] = ContextVar("resilience_attempt", default=None)


def is_under_way() -> bool:
    """Tell whether an attempt is under way in this task or thread."""
    attempt = _CURRENT.get()
    return attempt is not None and attempt.is_open


def is_telemetry() -> bool:
    """Tell whether an exporter of OpenTelemetry is sending; its collector may be on the host of an API."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  # the documented way to the frames of this thread
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("opentelemetry.exporter."):
            return True
        frame = frame.f_back
    return False


def as_attempt(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same function, so that the requests that it sends belong to an attempt."""
    # No context manager: it would take three times as long as the rest, in every attempt.
    from inspect import iscoroutinefunction  # noqa: PLC0415  # most processes only call is_under_way

    if iscoroutinefunction(function):

        @functools.wraps(function)
        async def attempt_async(*args: Any, **kwargs: Any) -> Any:
            attempt = _Attempt()
            token = _CURRENT.set(attempt)
            try:
                return await function(*args, **kwargs)
            finally:
                _end(attempt, token)

        return attempt_async

    @functools.wraps(function)
    def attempt_here(*args: Any, **kwargs: Any) -> Any:
        attempt = _Attempt()
        token = _CURRENT.set(attempt)
        try:
            return function(*args, **kwargs)
        finally:
            _end(attempt, token)

    return attempt_here


def _end(attempt: _Attempt, token: Token[_Attempt | None]) -> None:
    attempt.is_open = False
    try:
        _CURRENT.reset(token)
    except ValueError:
        return  # the coroutine was closed in another context
