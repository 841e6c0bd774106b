"""Time-outs of requests and httpx, arguments of each call (requests 2.34 and httpx 0.28, read 2026-11-21)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from inspect import unwrap
from typing import Any, Final

from resilience.clients.common.timeouts import AnyFunction, least, pair, twin

_VERBS: Final = frozenset({"request", "get", "options", "head", "post", "put", "patch", "delete"})

# The position of `timeout` among the arguments of requests.Session.request, counted without the session.
_REQUESTS_POSITION: Final = 8

_HTTPX_PARTS: Final = ("connect", "read", "write", "pool")


def within_requests(function: AnyFunction, session: Any, seconds: float) -> AnyFunction | None:
    """Return a method of a session, or a function of requests, that waits at most ``seconds``; None for others."""
    name = function.__name__
    if name not in _VERBS and not (name == "send" and session is not None):
        return None
    adapters = [] if session is None else session.adapters.values()
    if any(type(adapter).send.__module__ != "requests.adapters" for adapter in adapters):
        return None
    before = () if session is None else (session,)

    def call(*args: Any, **kwargs: Any) -> Any:
        if name == "request" and len(args) > _REQUESTS_POSITION:
            given = args[_REQUESTS_POSITION]
            args = (*args[:_REQUESTS_POSITION], pair(given, seconds), *args[_REQUESTS_POSITION + 1 :])
        else:
            kwargs["timeout"] = pair(kwargs.get("timeout"), seconds)
        return function(*before, *args, **kwargs)

    return call


def within_httpx(function: AnyFunction, client: Any, seconds: float) -> AnyFunction | None:
    """Return a method of a client, or a function of httpx, that waits at most ``seconds``; None for others."""
    default = (getattr(unwrap(function), "__kwdefaults__", None) or {}).get("timeout")
    before = () if client is None else (client,)
    if function.__name__ == "send" and client is not None:
        return partial(_send_httpx, function, client, seconds)
    if function.__name__ not in _VERBS or default is None:
        return None

    def call(*args: Any, **kwargs: Any) -> Any:
        value = kwargs.get("timeout", default)
        if type(value).__name__ == "UseClientDefault":
            value = client.timeout
        kwargs["timeout"] = tuple(_parts(value, seconds).values())
        given = kwargs.get("extensions")
        if isinstance(given, Mapping) and isinstance(own := given.get("timeout"), Mapping):
            # The time-out in the extensions overrides the argument.
            kwargs["extensions"] = {**given, "timeout": {name: least(own.get(name), seconds) for name in _HTTPX_PARTS}}
        return function(*before, *args, **kwargs)

    return call


def _send_httpx(function: AnyFunction, client: Any, seconds: float, request: Any, **kwargs: Any) -> Any:
    # A finished request has its own time-outs, or gets those of the client.
    own = request.extensions.get("timeout")
    parts = own if isinstance(own, Mapping) else _parts(client.timeout, seconds)
    bounded = twin(request)
    timeout = {name: least(parts.get(name), seconds) for name in _HTTPX_PARTS}
    bounded.extensions = {**request.extensions, "timeout": timeout}
    return function(client, bounded, **kwargs)


def _parts(value: Any, limit: float) -> dict[str, float]:
    """Return the parts of a time-out of httpx (a number, a tuple, or an object), each within a limit."""
    if isinstance(value, tuple):
        parts = dict(zip(_HTTPX_PARTS, value, strict=False))
    else:
        parts = {name: getattr(value, name, value) for name in _HTTPX_PARTS}
    return {name: least(parts.get(name), limit) for name in _HTTPX_PARTS}
