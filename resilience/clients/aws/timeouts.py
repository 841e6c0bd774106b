"""
Time-outs of botocore's synchronous clients (1.43.117, httpsession.py, read 2026-11-28).

A client's session has pools of connections, and each pool has the time-outs. A copy of a pool has time-outs of its own
and the same connections, so that other threads keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import frozen

from resilience.clients.common.fields import attribute
from resilience.clients.common.timeouts import AnyFunction, least, pair, twin


def within(function: AnyFunction, client: Any, seconds: float) -> AnyFunction | None:
    """Return a method that waits at most ``seconds``, on a copy of its client; None for other clients."""
    if not _has_pools(client):
        return None
    copied = twin(client)
    _lower(copied, seconds)
    return partial(function, copied)


def lower(client: Any, seconds: float) -> bool:
    """Make a client wait at most ``seconds`` in all its calls; return whether that was possible."""
    if not _has_pools(client):
        return False
    _lower(client, seconds)
    return True


def _has_pools(client: object) -> bool:
    # The asynchronous client has no pools: an attempt on an event loop is cancelled when its time is over.
    session = attribute(attribute(client, "_endpoint"), "http_session")
    return hasattr(session, "_manager") and callable(attribute(session, "_get_connection_manager"))


def _lower(client: Any, seconds: float) -> None:
    client._endpoint = twin(client._endpoint)  # noqa: SLF001  # no public name leads to it
    session = client._endpoint.http_session  # noqa: SLF001
    client._endpoint.http_session = bounded = twin(session)  # noqa: SLF001
    manager_of, timeout_of = session._get_connection_manager, attribute(session, "_get_request_timeout")  # noqa: SLF001
    bounded._get_connection_manager = lambda *args, **kwargs: _Manager(manager_of(*args, **kwargs), seconds)  # noqa: SLF001
    if callable(timeout_of):
        # Newer versions take a time-out of one request from its context.
        bounded._get_request_timeout = _bounded(timeout_of, seconds)  # noqa: SLF001


def _bounded(timeout_of: Callable[[Any], Any], seconds: float) -> Callable[[Any], Any]:
    def bounded(request: Any) -> Any:
        timeout = timeout_of(request)
        return None if timeout is None else pair(timeout, seconds)

    return bounded


@frozen(eq=False)
class _Manager:
    """Returns the pools of a manager with shorter time-outs."""

    _manager: Any
    _seconds: float

    def connection_from_url(self, url: str) -> Any:
        """Return a copy of the pool for a URL, which takes its connections from the same queue."""
        pool = twin(self._manager.connection_from_url(url))
        timeout = pool.timeout
        parts = {"connect": timeout.connect_timeout, "read": attribute(timeout, "_read")}
        pool.timeout = type(timeout)(**{name: least(part, self._seconds) for name, part in parts.items()})
        return pool
