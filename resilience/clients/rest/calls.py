"""
Calls of an HTTP client: the request that its arguments mean.

All short methods of ``requests.Session`` (``get``, ``post``, ...) go through its ``request``, and those of
``httpx.Client`` and ``httpx.AsyncClient`` through theirs. ``request`` makes a finished one and hands it to ``send``, as
``stream`` and scripts do (requests 2.34, sessions.py; httpx 0.28, _client.py; read 2026-11-21): see ``prepared.py``.
Each attempt of ``request`` makes it anew, with the credentials of that moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from resilience.clients.common.fields import attribute, kinds

_CLIENTS: Final = {("requests", "Session"): "requests", ("httpx", "Client"): "httpx", ("httpx", "AsyncClient"): "httpx"}
_PORTS: Final = {"http": 80, "https": 443}

# The positions of arguments in `request` of both libraries; httpx takes all but the first two by name.
_POSITIONS: Final = {"method": 0, "url": 1, "data": 3, "files": 6}
_BODIES: Final = ("content", "data", "files")

# What a call creates is described in a few lines; a body that is larger carries a file.
MAX_BODY_BYTES: Final = 65_536


class RestRequest(NamedTuple):
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


def is_rest_class(cls: type) -> bool:
    """Tell whether this is ``requests.Session``, ``httpx.Client`` or ``httpx.AsyncClient``, or extends one."""
    return any(kind in _CLIENTS for kind in kinds(cls))


def request_of(client: object, args: Sequence[object], kwargs: Mapping[str, object]) -> RestRequest | None:
    """
    Return the request that ``client.request(*args, **kwargs)`` sends; None where its arguments are no request.

    Args:
        client: A client of requests or httpx, whose ``base_url`` counts if it has one.
        args: The positional arguments, without the client.
        kwargs: The others.
    """
    method = argument("method", args, kwargs)
    url = url_of(client, args, kwargs)
    if not isinstance(method, str) or url is None:
        return None
    return RestRequest(method.upper(), host_of(url), url.path or "/", body_in(args, kwargs))


def host_of(url: SplitResult) -> str:
    """Return ``host:port`` of a URL, in lower case; empty where it names no host."""
    host = url.hostname or ""
    if host:
        host = f"[{host}]" if ":" in host else host
        host = f"{host}:{url.port or _PORTS.get(url.scheme.lower(), 0)}"
    return host


def is_read_once(args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """
    Tell whether something in the arguments of ``client.request`` is gone when it has been read once.

    Args:
        args: The positional arguments.
        kwargs: The others.
    """
    return any(any(map(is_stream, _parts(argument(name, args, kwargs)))) for name in _BODIES)


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


def library_of(client: object) -> str | None:
    """Return ``requests`` or ``httpx``, if a client is of either."""
    return next((_CLIENTS[kind] for kind in kinds(type(client)) if kind in _CLIENTS), None)


def argument(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Return an argument of ``client.request``; None if it is not given."""
    position = _POSITIONS.get(name, len(args))
    return args[position] if position < len(args) else kwargs.get(name)


def url_of(client: object, args: Sequence[object], kwargs: Mapping[str, object]) -> SplitResult | None:
    """Return the whole URL of a request; None if it is none."""
    given = argument("url", args, kwargs)
    if given is None:
        return None
    text = given.decode(errors="replace") if isinstance(given, bytes) else str(given)
    base = attribute(client, "base_url")
    try:
        url = urlsplit(text)
        if base and not (url.scheme and url.netloc):
            # httpx puts every relative URL behind its base, also one that begins with a slash.
            is_appended = library_of(client) == "httpx"
            whole = f"{str(base).rstrip('/')}/{text.lstrip('/')}" if is_appended else urljoin(str(base), text)
            url = urlsplit(whole)
        _ = url.port  # raises where it is no number
    except ValueError:
        return None
    return url


def body_in(args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Return what the JSON body of a request says; None where it has none that can be read."""
    body = kwargs.get("json")
    text = next((found for name in ("content", "data") if (found := argument(name, args, kwargs))), None)
    if body is not None or not isinstance(text, str | bytes) or len(text) > MAX_BODY_BYTES:
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


def is_stream(value: object) -> bool:
    """Tell whether a value is gone when it has been read once: a file, a generator, another iterator."""
    return callable(getattr(value, "read", None)) or hasattr(value, "__next__") or hasattr(value, "__aiter__")
