"""
Calls of an HTTP client: the request that its arguments mean, and an answer for a call that needed none.

All methods of ``requests.Session`` (``get``, ``post``, ...) go through its ``request``, and those of
``httpx.Client`` and ``httpx.AsyncClient`` through theirs, except ``stream`` and ``send``, which build or take
a finished request (requests 2.34, sessions.py; httpx 0.28, _client.py; read 2026-11-21).
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from resilience.clients.fields import attribute, kinds

_CLIENTS: Final = {("requests", "Session"): "requests", ("httpx", "Client"): "httpx", ("httpx", "AsyncClient"): "httpx"}
_PORTS: Final = {"http": 80, "https": 443}

# The positions of arguments in `request` of both libraries; httpx takes all but the first two by name.
_POSITIONS: Final = {"method": 0, "url": 1, "data": 3, "files": 6}
_BODIES: Final = ("content", "data", "files")

# What a call creates is described in a few lines; a body that is larger carries a file.
_MAX_BODY_BYTES: Final = 65_536


class Request(NamedTuple):
    """
    A request that a client is asked to send.

    Attributes:
        method: In capitals.
        host: ``host:port`` in lower case; empty where nobody can tell.
        path: The path of the URL, escaped as it was given.
        body: What its JSON body says; None where it has none, or where it cannot be read without sending it.
    """

    method: str
    host: str
    path: str
    body: object = None


def is_rest_client(client: object) -> bool:
    """Tell whether this is a ``requests.Session``, an ``httpx.Client`` or an ``httpx.AsyncClient``, or extends one."""
    return _library(client) is not None


def request_of(client: object, args: Sequence[object], kwargs: Mapping[str, object]) -> Request | None:
    """
    Return the request that ``client.request(*args, **kwargs)`` sends; None where its arguments are no request.

    Args:
        client: A client of requests or httpx, whose ``base_url`` counts if it has one.
        args: The positional arguments, without the client.
        kwargs: The others.
    """
    method = _argument("method", args, kwargs)
    url = _url(client, args, kwargs)
    if not isinstance(method, str) or url is None:
        return None
    host = url.hostname or ""
    if host:
        host = f"[{host}]" if ":" in host else host
        host = f"{host}:{url.port or _PORTS.get(url.scheme.lower(), 0)}"
    return Request(method.upper(), host, url.path or "/", _body(args, kwargs))


def accepted_response(client: object, response: Any, args: Sequence[object], kwargs: Mapping[str, object]) -> Any:
    """
    Return an answer of status 200 for a call that was taken for a success without one.

    Args:
        client: The client.
        response: The failed answer, whose request it takes over; None where there was none.
        args: The positional arguments of ``client.request``.
        kwargs: The others.

    Returns:
        An answer of the client's own library. Its JSON body is that of the request, and an empty object where the
        request has none: what else the service would have said, nobody knows.
    """
    url = _url(client, args, kwargs)
    method, address = str(_argument("method", args, kwargs)), "" if url is None else url.geturl()
    request = attribute(response, "request")
    try:
        content = json.dumps(_body(args, kwargs) or {}).encode()
    except (TypeError, ValueError, RecursionError):
        content = b"{}"
    library: Any = sys.modules[_library(client) or "requests"]
    if library.__name__ == "httpx":
        headers = {"content-type": "application/json"}
        sent = library.Request(method, address) if request is None else request
        answer = library.Response(200, headers=headers, content=content, request=sent)
        answer.elapsed = timedelta()
        return answer
    answer = library.Response()
    answer.status_code, answer.reason, answer.encoding = 200, "OK", "utf-8"
    answer.headers["Content-Type"] = "application/json"
    answer.raw = io.BytesIO(content)
    answer.request = library.Request(method, address).prepare() if request is None else request
    answer.url = str(answer.request.url)
    return answer


def read_once(args: Sequence[object], kwargs: Mapping[str, object]) -> str | None:
    """
    Say in one sentence why a request cannot be sent again as it was given; None if it can.

    Args:
        args: The positional arguments of ``client.request``.
        kwargs: The others.
    """
    for name in _BODIES:
        if any(map(_is_stream, _parts(_argument(name, args, kwargs)))):
            return f"{name} is read while it is sent, so that another attempt would send nothing; give it as bytes"
    return None


def repeats_itself(client: object) -> str | None:
    """
    Say in one sentence how a client repeats requests on its own; None if it does not.

    Connections that httpx makes again are no repeats: nothing was sent on them.
    """
    adapters = attribute(client, "adapters")
    for prefix, adapter in adapters.items() if isinstance(adapters, Mapping) else ():
        retries = attribute(adapter, "max_retries")
        counts = [attribute(retries, name) for name in ("total", "read", "status", "other")]
        # None is no limit of its own, and 0 or False is none at all.
        if counts[0] and any(count is None or count for count in counts[1:]):
            return (
                f"the session's adapter for {prefix} has max_retries, which hides attempts from the policy; "
                "mount HTTPAdapter() without max_retries"
            )
    return None


def _library(client: object) -> str | None:
    return next((_CLIENTS[kind] for kind in kinds(type(client)) if kind in _CLIENTS), None)


def _argument(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    position = _POSITIONS.get(name, len(args))
    return args[position] if position < len(args) else kwargs.get(name)


def _url(client: object, args: Sequence[object], kwargs: Mapping[str, object]) -> SplitResult | None:
    """Return the whole URL of a request; None if it is none."""
    given = _argument("url", args, kwargs)
    if given is None:
        return None
    text = given.decode(errors="replace") if isinstance(given, bytes) else str(given)
    base = attribute(client, "base_url")
    try:
        url = urlsplit(text)
        if base and not (url.scheme and url.netloc):
            # httpx puts every relative URL behind its base, also one that begins with a slash.
            is_appended = _library(client) == "httpx"
            whole = f"{str(base).rstrip('/')}/{text.lstrip('/')}" if is_appended else urljoin(str(base), text)
            url = urlsplit(whole)
        _ = url.port  # raises where it is no number
    except ValueError:
        return None
    return url


def _body(args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Return what the JSON body of a request says; None where it has none that can be read."""
    body = kwargs.get("json")
    text = next((found for name in ("content", "data") if (found := _argument(name, args, kwargs))), None)
    if body is not None or not isinstance(text, str | bytes) or len(text) > _MAX_BODY_BYTES:
        return body
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _parts(body: object) -> Iterable[object]:
    """Return what a body is made of: itself, and the files in it, which may stand behind their names."""
    yield body
    values = body.values() if isinstance(body, Mapping) else body if isinstance(body, list | tuple) else ()
    for value in values:
        yield from value if isinstance(value, list | tuple) else (value,)
        if isinstance(value, tuple):
            yield from (each for inner in value if isinstance(inner, tuple) for each in inner)


def _is_stream(value: object) -> bool:
    return callable(getattr(value, "read", None)) or hasattr(value, "__next__") or hasattr(value, "__aiter__")
