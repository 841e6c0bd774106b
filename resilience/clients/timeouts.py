"""
Make a blocking call of an SDK's client give up by itself.

A thread cannot be interrupted, so the only way to end such a call in time is a time-out
of its own, and the SDKs keep theirs in the client. Each call here gets a shallow copy of
what holds it, so that other threads on the same client keep their own; connections and
sessions stay shared. What is copied is a few private attributes, seen in
alibabacloud_tea_openapi 0.4.6 and 0.3.16, tencentcloud-sdk-python-common 3.1.195,
aliyun-python-sdk-core 2.16.1, requests 2.34 and httpx 0.28 (read 2026-11-21); a client
without them is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import iscoroutinefunction, unwrap
from typing import Any, Final, TypeAlias, TypeVar

from resilience.clients.common.fields import attribute

_Call: TypeAlias = Callable[..., Any]
_T = TypeVar("_T")

# What both generations of Alibaba's new SDK use where nothing is set, in milliseconds:
# darabonba/core.py 1.0.9 and Tea/core.py 0.4.3, DEFAULT_CONNECT_TIMEOUT and DEFAULT_READ_TIMEOUT.
_ALIBABA_DEFAULTS: Final = {"connect_timeout": 5_000, "read_timeout": 10_000}

# Zero or less means "for ever" to some of the clients and is an error to others.
_SHORTEST: Final = 0.001

_VERBS: Final = frozenset({"request", "get", "options", "head", "post", "put", "patch", "delete"})

# The position of `timeout` among the arguments of requests.Session.request, counted without the session.
_REQUESTS_POSITION: Final = 8

_HTTPX_PARTS: Final = ("connect", "read", "write", "pool")


def within(function: _Call, seconds: float, client: object = None) -> _Call | None:
    """
    Return a function that does the same, and waits no longer than so for a connection or for an answer.

    It bounds each wait and not their sum: connecting may take ``seconds``, and the answer
    ``seconds`` again. It cannot bound the lookup of a host name, a host with several addresses
    (each has its turn), an answer that drips byte by byte, the repeats of a client that retries
    by itself, and the credentials that an SDK fetches before it signs. Time-outs that are
    shorter already stay.

    Args:
        function: A method of a client of Alibaba's SDKs or of Tencent's synchronous one, of ``requests.Session`` or
            ``httpx.Client``; a function of ``requests`` or ``httpx`` themselves; or a ``functools.partial`` of one.
        seconds: The longest wait; less than a millisecond counts as one.
        client: The client, where ``function`` is not bound to it but the function of its class. The result then
            takes the arguments that follow the client.

    Returns:
        None if nothing is known about the function: it is a coroutine function, or of none of these classes. A class
        that users derived from them may keep state that a copy would lose, and a requests adapter of theirs may have a
        time-out of its own, so both count as unknown.
    """
    if isinstance(function, partial):
        return _within_partial(function, seconds, client)
    owner = getattr(function, "__self__", None) if client is None else client
    plain = getattr(function, "__func__", function)
    family = _family(plain)
    bind = _BINDINGS.get(family)
    if bind is None or iscoroutinefunction(plain) or (owner is not None and _family(type(owner)) != family):
        return None
    return bind(plain, owner, max(seconds, _SHORTEST))


def lower(client: Any, seconds: float) -> bool:
    """
    Make a client wait no longer than so in all of its calls, as :func:`within` does for one of them.

    Args:
        client: A client of Alibaba's new SDK or of Tencent's synchronous one; it is changed.
        seconds: The longest wait; less than a millisecond counts as one.

    Returns:
        Whether that was done; other clients are left alone. Where a call brings options of its own, they count.
    """
    seconds = max(seconds, _SHORTEST)
    match _family(type(client)):
        case "alibabacloud" if _has_timeouts(client):
            _lower_alibaba(client, int(seconds * 1000))
        case "tencentcloud" if _has_connection(client):
            _lower_tencent(client, seconds)
        case _:
            return False
    return True


def _within_partial(function: partial[Any], seconds: float, client: object) -> _Call | None:
    args = function.args
    if client is None and args and getattr(function.func, "__self__", None) is None:
        # The first of them may be the client of a function of its class.
        inner = within(function.func, seconds, args[0])
        if inner is not None:
            return partial(inner, *args[1:], **function.keywords)
    inner = within(function.func, seconds, client)
    return None if inner is None else partial(inner, *args, **function.keywords)


def _family(thing: object) -> str:
    """Return the package that a function or a class is from; Alibaba's new SDK is many packages and one family."""
    module = getattr(thing, "__module__", None)
    package = module.partition(".")[0] if isinstance(module, str) else ""
    return "alibabacloud" if package.startswith("alibabacloud_") else package


def _twin(thing: _T) -> _T:
    """Return a shallow copy; ``copy.copy`` does the same in four times the time."""
    twin = object.__new__(type(thing))
    vars(twin).update(vars(thing))
    return twin


def _least(value: object, limit: float) -> float:
    """Return a time-out that is no longer than the limit; None and what is no number count as no time-out."""
    return min(value, limit) if isinstance(value, int | float) else limit


def _pair(value: object, limit: float) -> object:
    """Return a time-out as requests takes it, with both parts bounded: a number, a pair, or an object of urllib3's."""
    if isinstance(value, tuple):
        return tuple(_least(part, limit) for part in value)
    if hasattr(value, "total") and hasattr(value, "_connect"):
        parts = {"total": value.total, "connect": value._connect, "read": attribute(value, "_read")}  # noqa: SLF001
        return type(value)(**{name: _least(part, limit) for name, part in parts.items()})
    return _least(value, limit), _least(value, limit)


def _alibaba(function: _Call, client: Any, seconds: float) -> _Call | None:
    if client is None or not _has_timeouts(client):
        return None
    limit = max(1, int(seconds * 1000))
    twin = _twin(client)
    _lower_alibaba(twin, limit)

    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs = {name: _shorter_options(value, limit) for name, value in kwargs.items()}
        return function(twin, *(_shorter_options(value, limit) for value in args), **kwargs)

    return call


def _has_timeouts(client: object) -> bool:
    return {"_read_timeout", "_connect_timeout"} <= vars(client).keys()


def _lower_alibaba(client: Any, limit: int) -> None:
    for name, default in _ALIBABA_DEFAULTS.items():
        setattr(client, f"_{name}", min(_milliseconds(getattr(client, f"_{name}")) or default, limit))


def _shorter_options(value: Any, limit: int) -> Any:
    """Return the runtime options of one call, copied where their time-outs are too long; anything else as it is."""
    if type(value).__name__ != "RuntimeOptions":
        return value
    long = [name for name in _ALIBABA_DEFAULTS if (_milliseconds(attribute(value, name)) or 0) > limit]
    if long:
        value = _twin(value)
        for name in long:
            setattr(value, name, limit)
    return value


def _milliseconds(value: object) -> int | None:
    """Return what the SDK makes of a time-out; None where it takes the next one instead: nothing, or zero."""
    try:
        return int(value) or None  # type: ignore[call-overload]  # whatever it is, the SDK does the same
    except (TypeError, ValueError):
        return None


def _old_alibaba(function: _Call, client: Any, seconds: float) -> _Call | None:
    if client is None or not hasattr(client, "_get_request_read_timeout") or not hasattr(client, "session"):
        return None

    def call(*args: Any, **kwargs: Any) -> Any:
        twin = _twin(client)
        # They choose between the request, the client and a table of slow operations.
        twin._get_request_read_timeout = lambda request: _least(client._get_request_read_timeout(request), seconds)  # noqa: SLF001
        twin._get_request_connect_timeout = lambda request: _least(  # noqa: SLF001
            client._get_request_connect_timeout(request),  # noqa: SLF001
            seconds,
        )
        try:
            return function(twin, *args, **kwargs)
        finally:
            # The class closes its session when an object of it goes, and this one is everybody's.
            twin.session = None

    return call


def _tencent(function: _Call, client: Any, seconds: float) -> _Call | None:
    if not _has_connection(client):
        return None
    twin = _twin(client)
    _lower_tencent(twin, seconds)
    return partial(function, twin)


def _has_connection(client: object) -> bool:
    # Without a session of requests it is the asynchronous client, or one that this was never tried with.
    connection = attribute(attribute(client, "request"), "conn")
    return hasattr(connection, "_session") and hasattr(connection, "timeout")


def _lower_tencent(client: Any, seconds: float) -> None:
    # The time-out is in what may be shared with a copy of the client.
    client.request = _twin(client.request)
    client.request.conn = _twin(client.request.conn)
    client.request.conn.timeout = _pair(client.request.conn.timeout, seconds)


def _requests(function: _Call, session: Any, seconds: float) -> _Call | None:
    name = function.__name__
    if name not in _VERBS and not (name == "send" and session is not None):
        return None
    adapters = [] if session is None else session.adapters.values()
    if any(type(adapter).send.__module__ != "requests.adapters" for adapter in adapters):
        return None
    before = () if session is None else (session,)

    def call(*args: Any, **kwargs: Any) -> Any:
        if name == "request" and len(args) > _REQUESTS_POSITION:
            given = args[_REQUESTS_POSITION]
            args = (*args[:_REQUESTS_POSITION], _pair(given, seconds), *args[_REQUESTS_POSITION + 1 :])
        else:
            kwargs["timeout"] = _pair(kwargs.get("timeout"), seconds)
        return function(*before, *args, **kwargs)

    return call


def _httpx(function: _Call, client: Any, seconds: float) -> _Call | None:
    default = (getattr(unwrap(function), "__kwdefaults__", None) or {}).get("timeout")
    before = () if client is None else (client,)
    if function.__name__ == "send" and client is not None:
        return partial(_send_httpx, function, client, seconds)
    if function.__name__ not in _VERBS or default is None:
        return None

    def call(*args: Any, **kwargs: Any) -> Any:
        value = kwargs.get("timeout", default)
        if type(value).__name__ == "UseClientDefault":
            value = client.timeout
        kwargs["timeout"] = tuple(_parts(value, seconds).values())
        given = kwargs.get("extensions")
        if isinstance(given, Mapping) and isinstance(own := given.get("timeout"), Mapping):
            # It would win.
            kwargs["extensions"] = {**given, "timeout": {name: _least(own.get(name), seconds) for name in _HTTPX_PARTS}}
        return function(*before, *args, **kwargs)

    return call


def _send_httpx(function: _Call, client: Any, seconds: float, request: Any, **kwargs: Any) -> Any:
    # A finished request has its own time-outs; the client gives it its own where it has none.
    own = request.extensions.get("timeout")
    parts = own if isinstance(own, Mapping) else _parts(client.timeout, seconds)
    bounded = _twin(request)
    timeout = {name: _least(parts.get(name), seconds) for name in _HTTPX_PARTS}
    bounded.extensions = {**request.extensions, "timeout": timeout}
    return function(client, bounded, **kwargs)


def _parts(value: Any, limit: float) -> dict[str, float]:
    """Return a time-out as httpx takes it, with each part bounded: a number, a tuple, or an object of its own."""
    if isinstance(value, tuple):
        parts = dict(zip(_HTTPX_PARTS, value, strict=False))
    else:
        parts = {name: getattr(value, name, value) for name in _HTTPX_PARTS}
    return {name: _least(parts.get(name), limit) for name in _HTTPX_PARTS}


_BINDINGS: Final[Mapping[str, Callable[[_Call, Any, float], _Call | None]]] = {
    "alibabacloud": _alibaba,
    "aliyunsdkcore": _old_alibaba,
    "tencentcloud": _tencent,
    "requests": _requests,
    "httpx": _httpx,
}
