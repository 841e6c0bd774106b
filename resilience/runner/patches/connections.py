"""
Count the connections that a script makes without an HTTP library, to a service or to an API of the policy.

The requests on a socket cannot be read, so the runner counts connections. It counts only those to the host and port of
an API: a broker may be on the same host.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Collection
from types import FrameType, ModuleType
from typing import Any, Final

from resilience.clients.outline import is_host_of_service, is_library
from resilience.engine.runtime.attribution import is_under_way

_PORTS: Final = ("443", "80")

# These try several addresses in tasks of their own, where the frames do not show which library connects.
_UNSEEN: Final = ("aiohappyeyeballs", "anyio", "trio")


def watch_connections(module: ModuleType, hosts: Collection[str], count: Callable[[str, str], None]) -> None:
    """
    Count the connections that sockets make from now on.

    Args:
        module: The module ``socket``.
        hosts: ``host:port`` of the policy's APIs; a host without a port counts with ports 80 and 443 alone.
        count: Called with the target of the connection and its way.
    """
    found: dict[tuple[Any, Any], str] = {}
    cls: Any = getattr(module, "socket", None)
    if cls is None or hasattr(cls.connect, "__wrapped__"):
        return
    resolve, connect = module.getaddrinfo, cls.connect

    def is_watched(name: str, port: object) -> bool:
        return f"{name}:{port}" in hosts or (str(port) in _PORTS and is_host_of_service(name))

    @functools.wraps(resolve)
    def resolved(*args: Any, **kwargs: Any) -> Any:
        answer = resolve(*args, **kwargs)
        host, port = args[0] if args else kwargs.get("host"), args[1] if len(args) > 1 else kwargs.get("port")
        if isinstance(host, str) and is_watched(host.lower(), port):
            found.update({info[4][:2]: f"{host.lower()}:{port}" for info in answer})
        return answer

    @functools.wraps(connect)
    def connected(sock: Any, address: Any, /) -> Any:
        if isinstance(address, tuple) and len(address) > 1 and not is_under_way():
            host, port = address[:2]
            name = found.get((host, port))
            if name is None and is_watched(str(host).lower(), port):
                name = f"{host}:{port}"
            way = None if name is None else _way()
            if name is not None and way is not None:
                count(f"to {name}", way)
        return connect(sock, address)

    module.getaddrinfo = resolved  # type: ignore[attr-defined]  # a module takes any attribute
    cls.connect = connected


def _way() -> str | None:
    """Return the way of a connection; None if a library connects, since its requests are counted elsewhere."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # the documented way to the frames of this thread
    way = "a socket"
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if is_library(package) or package in _UNSEEN:
            return None
        if package == "asyncio":
            way = "asyncio"
        frame = frame.f_back
    return way
