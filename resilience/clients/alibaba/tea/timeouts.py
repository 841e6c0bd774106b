"""
Time-outs of Alibaba's present SDK.

A client has two attributes for them, in milliseconds. The runtime options of one call may set others
(alibabacloud_tea_openapi 0.4.6 and 0.3.16, read 2026-11-21).
"""

from __future__ import annotations

from typing import Any, Final

from resilience.clients.common.fields import attribute
from resilience.clients.common.timeouts import AnyFunction, twin

# The defaults of both versions of the SDK, in milliseconds:
# darabonba/core.py 1.0.9 and Tea/core.py 0.4.3, DEFAULT_CONNECT_TIMEOUT and DEFAULT_READ_TIMEOUT.
_DEFAULTS: Final = {"connect_timeout": 5_000, "read_timeout": 10_000}


def within(function: AnyFunction, client: Any, seconds: float) -> AnyFunction | None:
    """Return a method that waits at most ``seconds``, on a copy of its client; None for other clients."""
    if client is None or not _has_timeouts(client):
        return None
    limit = max(1, int(seconds * 1000))
    copied = twin(client)
    _lower(copied, limit)

    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs = {name: _shorter_options(value, limit) for name, value in kwargs.items()}
        return function(copied, *(_shorter_options(value, limit) for value in args), **kwargs)

    return call


def lower(client: Any, seconds: float) -> bool:
    """Make a client wait at most ``seconds`` in all its calls; return whether that was possible."""
    if not _has_timeouts(client):
        return False
    _lower(client, int(seconds * 1000))
    return True


def _has_timeouts(client: object) -> bool:
    return {"_read_timeout", "_connect_timeout"} <= vars(client).keys()


def _lower(client: Any, limit: int) -> None:
    for name, default in _DEFAULTS.items():
        setattr(client, f"_{name}", min(_milliseconds(getattr(client, f"_{name}")) or default, limit))


def _shorter_options(value: Any, limit: int) -> Any:
    """Return runtime options with time-outs of at most ``limit``, copied if they change; any other value unchanged."""
    if type(value).__name__ != "RuntimeOptions":
        return value
    long = [name for name in _DEFAULTS if (_milliseconds(attribute(value, name)) or 0) > limit]
    if long:
        value = twin(value)
        for name in long:
            setattr(value, name, limit)
    return value


def _milliseconds(value: object) -> int | None:
    """Return a time-out as the SDK reads it; None for zero or no number, where the SDK takes its next default."""
    try:
        return int(value) or None  # type: ignore[call-overload]  # the SDK too calls int() with any object
    except (TypeError, ValueError):
        return None
