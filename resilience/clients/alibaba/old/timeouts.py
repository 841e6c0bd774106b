"""Time-outs of Alibaba's old SDK (aliyun-python-sdk-core 2.16.1, read 2026-11-21)."""

from __future__ import annotations

from typing import Any

from resilience.clients.common.timeouts import AnyFunction, least, twin


def within(function: AnyFunction, client: Any, seconds: float) -> AnyFunction | None:
    """Return a method that waits at most ``seconds``, on a copy of its client; None for other clients."""
    if client is None or not hasattr(client, "_get_request_read_timeout") or not hasattr(client, "session"):
        return None

    def call(*args: Any, **kwargs: Any) -> Any:
        copied = twin(client)
        # The client takes a time-out from the request, from itself, or from a table of slow operations.
        copied._get_request_read_timeout = lambda request: least(client._get_request_read_timeout(request), seconds)  # noqa: SLF001
        copied._get_request_connect_timeout = lambda request: least(  # noqa: SLF001
            client._get_request_connect_timeout(request),  # noqa: SLF001
            seconds,
        )
        try:
            return function(copied, *args, **kwargs)
        finally:
            # The class closes its session in __del__, and the client that was copied goes on with this session.
            copied.session = None

    return call
