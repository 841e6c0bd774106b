"""
Sees every request that a process sends, and tells of those that no attempt of a call has sent.

Whatever a script uses, an HTTP request passes one of a few functions on its way out:
``http.client`` (also under urllib, urllib3, requests and the SDKs), ``httpcore`` (under
httpx) and ``aiohttp``. They are looked at from here, and left as they are. Most requests
are none of ours, and cost a look at their host and headers. Little is imported here:
``http.client`` is in many Pythons that never use an SDK.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType, ModuleType
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from resilience.engine.underway import is_under_way

# The products that the catalogues are about, and the versions of their APIs (see clients/surface/generic.py, which a
# test holds this together with: importing it takes longer than most scripts may wait).
ALIBABA: Final[Mapping[str, str]] = {"onsmqtt": "2020-04-20", "sts": "2015-04-01"}
TENCENT: Final[Mapping[str, str]] = {"mqtt": "2024-05-16", "sts": "2018-08-13"}
_ALIBABA_HOSTS: Final = ".aliyuncs.com"
_TENCENT_HOSTS: Final = (".tencentcloudapi.com", ".tencentcloudapi.woa.com")

# Of libraries: the outermost of their frames around a request says what the script has used.
_LIBRARIES: Final = (
    "Tea",
    "aiohttp",
    "darabonba",
    "http",
    "httpcore",
    "httpx",
    "requests",
    "tencentcloud",
    "urllib",
    "urllib3",
)
# What may stand between two of them.
_BETWEEN: Final = ("anyio", "asyncio", "concurrent", "contextlib", "resilience", "threading")


# Of libraries whose modules say no more than their package.
_WHOLE: Final = ("aiohttp", "httpcore", "httpx", "requests", "urllib3")

# What is below the clients that are covered.
_BELOW: Final = {"httpx._transports": "a transport of httpx", "requests.adapters": "an adapter of requests"}

_COROUTINE: Final = 0x80  # inspect.CO_COROUTINE; that module would take longer to import than all of this


class Sent(NamedTuple):
    """
    A request on its way out.

    Attributes:
        method: In capitals.
        host: ``host:port``, in lower case.
        target: Path and query.
        headers: By name in lower case.
    """

    method: str
    host: str
    target: str
    headers: Mapping[str, str]


Tell = Callable[[Sent, Callable[[], str]], None]
"""Takes a request, and what finds out by which way it is sent."""


def watch(module: ModuleType, tell: Tell) -> None:
    """Look at the requests that a module sends from now on."""
    cls_name, name = MODULES[module.__name__]
    cls = getattr(module, cls_name, None)
    function = getattr(cls, name, None)
    if cls is None or function is None or hasattr(function, _MARK):
        return  # another version, or looked at already
    read = _READERS[module.__name__]

    def look(sender: Any, args: tuple[Any, ...]) -> None:
        if is_under_way():
            return
        try:
            tell(read(sender, args), _way)
        except Exception:  # noqa: BLE001  # nobody's request may fail because somebody has looked at it
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


def named_by_vendor(sent: Sent) -> str | None:
    """Return ``provider:operation`` of a request to one of the two services; None for any other request."""
    host, query = sent.host.partition(":")[0], parse_qs(urlsplit(sent.target).query)
    label = host.partition(".")[0].removesuffix("-vpc")

    def said(header: str, key: str) -> str | None:
        return sent.headers.get(header) or next(iter(query.get(key, ())), None)

    action, version = said("x-acs-action", "Action"), said("x-acs-version", "Version")
    is_vendors = host.endswith(_ALIBABA_HOSTS)
    if label in ALIBABA if is_vendors else action and version in ALIBABA.values():
        return f"alibaba:{action or sent.method}"
    action, version = said("x-tc-action", "Action"), said("x-tc-version", "Version")
    is_vendors = host.endswith(_TENCENT_HOSTS)
    if label in TENCENT if is_vendors else action and version in TENCENT.values() and _is_signed(sent):
        return f"tencent:{action or sent.method}"
    return None


def is_library(package: str) -> bool:
    """Tell whether a package is one of those that send HTTP requests."""
    return package in _LIBRARIES or package.startswith(("alibabacloud_", "aliyunsdk"))


def is_host_of_service(host: str) -> bool:
    """Tell whether a host, in lower case and without a port, is of one of the two services."""
    label = host.partition(".")[0].removesuffix("-vpc")
    return (host.endswith(_ALIBABA_HOSTS) and label in ALIBABA) or (host.endswith(_TENCENT_HOSTS) and label in TENCENT)


def _is_signed(sent: Sent) -> bool:
    """Tell whether a signature of Tencent's is for one of the products; an old one does not say it."""
    signed = sent.headers.get("authorization", "")
    return "tc3_request" not in signed or any(f"/{product}/tc3_request" in signed for product in TENCENT)


def _way() -> str:
    """Return the name of the library that the script has used for what is being sent."""
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
    for module, words in _BELOW.items():
        if found.startswith(module):
            return words
    package = found.partition(".")[0]
    return package if package in _WHOLE else found


def _of_http_client(connection: Any, _: tuple[Any, ...]) -> Sent:
    # The request line and the headers, as bytes, before they are sent: http/client.py, HTTPConnection._buffer.
    first, *lines = [line.decode("latin-1") for line in connection._buffer]  # noqa: SLF001
    method, target, _ = first.split(" ", 2)
    headers = _headers(line.partition(":")[::2] for line in lines)
    tunnel = getattr(connection, "_tunnel_host", None)
    host = _host(tunnel, connection._tunnel_port) if tunnel else _host(connection.host, connection.port)  # noqa: SLF001
    if "://" in target:
        # A proxy is asked for the whole URL.
        parts = urlsplit(target)
        host, target = _host(parts.hostname, parts.port or 80), f"{parts.path}?{parts.query}"
    return Sent(method, host, target, headers)


def _of_httpcore(_: Any, args: tuple[Any, ...]) -> Sent:
    request = args[0]
    url = request.url
    port = url.port or {b"http": 80, b"https": 443}.get(url.scheme, 0)
    headers = _headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)
    host = _host(url.host.decode("ascii"), port)
    return Sent(request.method.decode("ascii"), host, url.target.decode("ascii"), headers)


def _of_aiohttp(request: Any, _: tuple[Any, ...]) -> Sent:
    url = request.url
    headers = _headers((str(name), str(value)) for name, value in request.headers.items())
    return Sent(request.method, _host(url.host, url.port), url.raw_path_qs, headers)


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
"""Where requests are sent, by module: the class and its method (Python 3.11 to 3.14, httpcore 1.0, aiohttp 3.14)."""

_READERS: Final[Mapping[str, Callable[[Any, tuple[Any, ...]], Sent]]] = {
    "http.client": _of_http_client,
    "httpcore._sync.connection_pool": _of_httpcore,
    "httpcore._async.connection_pool": _of_httpcore,
    "aiohttp.client_reqrep": _of_aiohttp,
}
