"""
Read the request in the arguments of an HTTP client's method ``request``.

The short methods (``get``, ``post``, ...) of ``requests.Session``, ``httpx.Client`` and ``httpx.AsyncClient`` call
``request``. It makes a finished request and passes it to ``send``, as ``stream`` and scripts do (requests 2.34,
sessions.py; httpx 0.28, _client.py; read 2026-11-21): see ``prepared.py``. Each attempt of ``request`` makes the
finished request anew, with the credentials of that moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from resilience.clients.common.fields import attribute, kinds

_CLIENTS: Final = {("requests", "Session"): "requests", ("httpx", "Client"): "httpx", ("httpx", "AsyncClient"): "httpx"}
_PORTS: Final = {"http": 80, "https": 443}

# The positions of arguments of `request` in requests; httpx takes all but the first two by name.
_POSITIONS: Final = {"method": 0, "url": 1, "data": 3, "files": 6}
_BODIES: Final = ("content", "data", "files")

# A request that creates a resource is short; a longer body has a file in it.
MAX_BODY_BYTES: Final = 65_536


class RestRequest(NamedTuple):
    """
    A request that a client is about to send.

    Attributes:
        method: The HTTP method, in capitals.
        host: ``host:port`` in lower case; empty if it is unknown.
        path: The path of the URL, with the escapes of the caller.
        body: The value of the JSON body; None if there is none, or if reading it would consume it.
    """

    method: str
    host: str
    path: str
    body: object = None


def is_rest_class(cls: type) -> bool:
    """Tell whether a class is ``requests.Session``, ``httpx.Client`` or ``httpx.AsyncClient``, or extends one."""
    return any(kind in _CLIENTS for kind in kinds(cls))


def request_of(client: object, args: Sequence[object], kwargs: Mapping[str, object]) -> RestRequest | None:
    """
    Return the request that ``client.request(*args, **kwargs)`` sends; None if the arguments make no request.

    Args:
        client: A client of requests or httpx; its ``base_url`` is used if it has one.
        args: The positional arguments, without the client.
        kwargs: The keyword arguments.
    """
    method = argument("method", args, kwargs)
    url = url_of(client, args, kwargs)
    if not isinstance(method, str) or url is None:
        return None
    return RestRequest(method.upper(), host_of(url), url.path or "/", body_in(args, kwargs))


def host_of(url: SplitResult) -> str:
    """Return ``host:port`` of a URL, in lower case; empty if it names no host."""
    host = url.hostname or ""
    if host:
        host = f"[{host}]" if ":" in host else host
        host = f"{host}:{url.port or _PORTS.get(url.scheme.lower(), 0)}"
    return host


def is_read_once(args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """
    Tell whether an argument of ``client.request`` can be read only once.

    Args:
        args: The positional arguments.
        kwargs: The keyword arguments.
    """
    return any(any(map(is_stream, _parts(argument(name, args, kwargs)))) for name in _BODIES)


def repeats_itself(client: object) -> str | None:
    """
    Return a sentence about how a client repeats requests by itself; None if it does not.

    A connection that httpx makes again is no repeat: nothing was sent on it.
    """
    adapters = attribute(client, "adapters")
    for prefix, adapter in adapters.items() if isinstance(adapters, Mapping) else ():
        retries = attribute(adapter, "max_retries")
        counts = [attribute(retries, name) for name in ("total", "read", "status", "other")]
        # None means no limit of its own; 0 and False mean no retries.
        if counts[0] and any(count is None or count for count in counts[1:]):
            return (
                f"the session's adapter for {prefix} has max_retries, which hides attempts from the policy; "
                "mount HTTPAdapter() without max_retries"
            )
    return None


def library_of(client: object) -> str | None:
    """Return ``requests`` or ``httpx`` for a client of either; None for any other object."""
    return next((_CLIENTS[kind] for kind in kinds(type(client)) if kind in _CLIENTS), None)


def argument(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Return an argument of ``client.request``; None if the caller does not give it."""
    position = _POSITIONS.get(name, len(args))
    return args[position] if position < len(args) else kwargs.get(name)


def url_of(client: object, args: Sequence[object], kwargs: Mapping[str, object]) -> SplitResult | None:
    """Return the whole URL of a request; None if it is no valid URL."""
    given = argument("url", args, kwargs)
    if given is None:
        return None
    text = given.decode(errors="replace") if isinstance(given, bytes) else str(given)
    base = attribute(client, "base_url")
    try:
        url = urlsplit(text)
        if base and not (url.scheme and url.netloc):
            # httpx appends every relative URL to its base, also one that begins with a slash.
            is_appended = library_of(client) == "httpx"
            whole = f"{str(base).rstrip('/')}/{text.lstrip('/')}" if is_appended else urljoin(str(base), text)
            url = urlsplit(whole)
        _ = url.port  # raises ValueError if it is no number
    except ValueError:
        return None
    return url


def body_in(args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Return the value of a request's JSON body; None if there is no JSON body, or it cannot be read."""
    body = kwargs.get("json")
    text = next((found for name in ("content", "data") if (found := argument(name, args, kwargs))), None)
    if body is not None or not isinstance(text, str | bytes) or len(text) > MAX_BODY_BYTES:
        return body
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _parts(body: object) -> Iterable[object]:
    """Yield a body and its parts: the values of a form, and files, which may be in a pair with their names."""
    yield body
    values = body.values() if isinstance(body, Mapping) else body if isinstance(body, list | tuple) else ()
    for value in values:
        yield from value if isinstance(value, list | tuple) else (value,)
        if isinstance(value, tuple):
            yield from (each for inner in value if isinstance(inner, tuple) for each in inner)


def is_stream(value: object) -> bool:
    """Tell whether a value can be read only once: a file, a generator, another iterator."""
    return callable(getattr(value, "read", None)) or hasattr(value, "__next__") or hasattr(value, "__aiter__")
