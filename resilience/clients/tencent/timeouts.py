"""Time-outs of Tencent's synchronous client (tencentcloud-sdk-python-common 3.1.195, read 2026-11-21)."""

from __future__ import annotations

from functools import partial
from typing import Any

from resilience.clients.common.fields import attribute
from resilience.clients.common.timeouts import AnyFunction, pair, twin


def within(function: AnyFunction, client: Any, seconds: float) -> AnyFunction | None:
    """Return a method that waits at most ``seconds``, on a copy of its client; None for other clients."""
    if not _has_connection(client):
        return None
    copied = twin(client)
    _lower(copied, seconds)
    return partial(function, copied)


def lower(client: Any, seconds: float) -> bool:
    """Make a client wait at most ``seconds`` in all its calls; return whether that was possible."""
    if not _has_connection(client):
        return False
    _lower(client, seconds)
    return True


def _has_connection(client: object) -> bool:
    # The asynchronous client, and unknown versions, have no session of requests here.
    connection = attribute(attribute(client, "request"), "conn")
    return hasattr(connection, "_session") and hasattr(connection, "timeout")


def _lower(client: Any, seconds: float) -> None:
    # A copy of the client shares these two objects, and the time-out is in the second.
    client.request = twin(client.request)
    client.request.conn = twin(client.request.conn)
    client.request.conn.timeout = pair(client.request.conn.timeout, seconds)
