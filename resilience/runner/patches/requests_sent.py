"""
Watch the HTTP requests of a process, and report those that no attempt of a call has sent.

Every HTTP request passes one of a few functions: of ``http.client`` (also under urllib, urllib3
and most SDKs), of ``httpcore`` or of ``aiohttp``. This module wraps them without changing what
they do. Most requests go to other services, and cost a look at host and headers. This module
imports little: many Python processes use ``http.client`` and no SDK.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType, ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from resilience.clients.common.room import SentRequest
from resilience.clients.outline import is_library, way_of
from resilience.engine.runtime.attribution import is_under_way

# The packages whose frames may stand between two frames of sending libraries.
_BETWEEN: Final = ("anyio", "asyncio", "concurrent", "contextlib", "resilience", "threading")

_COROUTINE: Final = 0x80  # inspect.CO_COROUTINE; importing inspect takes longer than all of this

OnRequest = Callable[[SentRequest, Callable[[], str]], None]
"""Takes a request, and a function that returns the name of the library that sends it."""


def watch(module: ModuleType, report: OnRequest) -> None:
    """Watch the requests that a module sends from now on."""
    cls_name, name = MODULES[module.__name__]
    cls = getattr(module, cls_name, None)
    function = getattr(cls, name, None)
    if cls is None or function is None or hasattr(function, _MARK):
        return  # another version, or watched already
    read = _READERS[module.__name__]

    def look(sender: Any, args: tuple[Any, ...]) -> None:
        if is_under_way():
            return
        try:
            report(read(sender, args), _way)
        except Exception:  # noqa: BLE001  # watching must not make a request fail
            return

    if not function.__code__.co_flags & _COROUTINE:

        @functools.wraps(function)
        def watched(sender: Any, *args: Any, **kwargs: Any) -> Any:
            look(sender, args)
            return function(sender, *args, **kwargs)

        setattr(watched, _MARK, True)
        setattr(cls, name, watched)
        return

    @functools.wraps(function)
    async def watched_async(sender: Any, *args: Any, **kwargs: Any) -> Any:
        look(sender, args)
        return await function(sender, *args, **kwargs)

    setattr(watched_async, _MARK, True)
    setattr(cls, name, watched_async)


def _way() -> str:
    """Return the name of the library with which the script sends."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  # the documented way to the frames of this thread
    found = ""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        package = module.partition(".")[0]
        if is_library(package):
            found = module
        elif package not in _BETWEEN:
            break
        frame = frame.f_back
    return way_of(found)


def _of_http_client(connection: Any, _: tuple[Any, ...]) -> SentRequest:
    # The request line and the headers, as bytes, before they are sent: http/client.py, HTTPConnection._buffer.
    first, *lines = [line.decode("latin-1") for line in connection._buffer]  # noqa: SLF001
    method, target, _ = first.split(" ", 2)
    headers = _headers(line.partition(":")[::2] for line in lines)
    tunnel = getattr(connection, "_tunnel_host", None)
    host = _host(tunnel, connection._tunnel_port) if tunnel else _host(connection.host, connection.port)  # noqa: SLF001
    if "://" in target:
        # A request to a proxy has the whole URL.
        parts = urlsplit(target)
        host, target = _host(parts.hostname, parts.port or 80), f"{parts.path}?{parts.query}"
    return SentRequest(method, host, target, headers)


def _of_httpcore(_: Any, args: tuple[Any, ...]) -> SentRequest:
    request = args[0]
    url = request.url
    port = url.port or {b"http": 80, b"https": 443}.get(url.scheme, 0)
    headers = _headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)
    host = _host(url.host.decode("ascii"), port)
    return SentRequest(request.method.decode("ascii"), host, url.target.decode("ascii"), headers)


def _of_aiohttp(request: Any, _: tuple[Any, ...]) -> SentRequest:
    url = request.url
    headers = _headers((str(name), str(value)) for name, value in request.headers.items())
    return SentRequest(request.method, _host(url.host, url.port), url.raw_path_qs, headers)


def _host(name: object, port: object) -> str:
    host = str(name).lower()
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _headers(pairs: Iterable[tuple[str, str] | list[str]]) -> dict[str, str]:
    return {name.strip().lower(): value.strip() for name, value in pairs}


_MARK: Final = "__resilience_watched__"

MODULES: Final[Mapping[str, tuple[str, str]]] = {
    "http.client": ("HTTPConnection", "endheaders"),
    "httpcore._sync.connection_pool": ("ConnectionPool", "handle_request"),
    "httpcore._async.connection_pool": ("AsyncConnectionPool", "handle_async_request"),
    "aiohttp.client_reqrep": ("ClientRequest", "send"),
}
"""The class and its method that send, by module (Python 3.11 to 3.14, httpcore 1.0, aiohttp 3.14)."""

_READERS: Final[Mapping[str, Callable[[Any, tuple[Any, ...]], SentRequest]]] = {
    "http.client": _of_http_client,
    "httpcore._sync.connection_pool": _of_httpcore,
    "httpcore._async.connection_pool": _of_httpcore,
    "aiohttp.client_reqrep": _of_aiohttp,
}
