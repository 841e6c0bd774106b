"""Time-outs of Tencent's synchronous client (tencentcloud-sdk-python-common 3.1.195, read 2026-11-21)."""

from __future__ import annotations

from functools import partial
from typing import Any

from resilience.clients.common.fields import attribute
from resilience.clients.common.timeouts import Call, pair, twin


def within(function: Call, client: Any, seconds: float) -> Call | None:
    """Return a method that waits no longer than so, on a copy of its client; None for other clients."""
    if not _has_connection(client):
        return None
    copied = twin(client)
    _lower(copied, seconds)
    return partial(function, copied)


def lower(client: Any, seconds: float) -> bool:
    """Make a client wait no longer than so in all its calls; return whether that was done."""
    if not _has_connection(client):
        return False
    _lower(client, seconds)
    return True


def _has_connection(client: object) -> bool:
    # Without a session of requests it is the asynchronous client, or one that this was never tried with.
    connection = attribute(attribute(client, "request"), "conn")
    return hasattr(connection, "_session") and hasattr(connection, "timeout")


def _lower(client: Any, seconds: float) -> None:
    # The time-out is in what may be shared with a copy of the client.
    client.request = twin(client.request)
    client.request.conn = twin(client.request.conn)
    client.request.conn.timeout = pair(client.request.conn.timeout, seconds)
