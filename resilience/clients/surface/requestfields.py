"""
A request's fields, by their names on the wire, whatever form the request has.

Alibaba's methods take models, or query and body where an action is called by its name,
its old client request objects; Tencent's take models, and mappings or JSON for an action.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.clients.alibaba import traits as alibaba
from resilience.clients.common.fields import json_object
from resilience.clients.tencent import traits as tencent

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

# The SDKs' own names for the parameter that takes the request.
_PARAMETERS: Final = ("request", "params", "acs_request")

# What the methods for any operation of Alibaba's new SDK take: query, headers, and a body of any kind.
OPEN_API_REQUEST: Final = "OpenApiRequest"


@frozen
class _Form:
    """
    One form of a request.

    Attributes:
        fits: Tells whether a value has this form.
        read: Returns its fields.
        write: Returns a copy with other values for some fields.
    """

    fits: Callable[[Any], bool]
    read: Callable[[Any], Mapping[str, Any]]
    write: Callable[[Any, Mapping[str, Any]], Any]


def fields_of(provider: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return the fields of the request among these arguments that are set; empty where there is none to read.

    Args:
        provider: The provider of the method.
        args: The arguments of an SDK's method, without the client.
        kwargs: The arguments by name.
    """
    place = _place(provider, args, kwargs)
    if place is None:
        return {}
    holder, form = place
    try:
        fields = form.read(_argument(args, kwargs, holder))
    except Exception:  # noqa: BLE001  # a request that the SDK itself cannot read either; it will say so, in its words
        return {}
    return {name: value for name, value in fields.items() if value is not None}


def with_fields(
    provider: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], changes: Mapping[str, Any]
) -> Arguments:
    """
    Return the arguments with other values for some fields of the request, in a copy; the script's own stays as it is.

    Args:
        provider: The provider of the method.
        args: The arguments of an SDK's method, without the client.
        kwargs: The arguments by name.
        changes: The new values, by wire name.

    Raises:
        LookupError: There is no request, or it has no such field.
    """
    if not changes:
        return args, dict(kwargs)
    place = _place(provider, args, kwargs)
    if place is None:
        raise LookupError(", ".join(changes))
    holder, form = place
    fresh = form.write(_argument(args, kwargs, holder), changes)
    written = form.read(fresh)
    missing = [name for name, value in changes.items() if written.get(name) != value]
    if missing:
        raise LookupError(", ".join(missing))
    if isinstance(holder, int):
        return (*args[:holder], fresh, *args[holder + 1 :]), dict(kwargs)
    return args, {**kwargs, holder: fresh}


def request_in(provider: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the request among the arguments of an SDK's method; the first argument where there is none to read."""
    place = _place(provider, args, kwargs)
    return next(iter((*args, *kwargs.values())), None) if place is None else _argument(args, kwargs, place[0])


def is_read_once(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether a request is gone when it has been sent once."""
    return any(
        _is_open_api_request(value) and not isinstance(getattr(value, "stream", None), bytes | str | None)
        for value in (*args, *kwargs.values())
    )


def _place(provider: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[int | str, _Form] | None:
    """Return which argument is the request, and its form; headers and options are mappings as well, and come later."""
    holders = [*(name for name in _PARAMETERS if name in kwargs), *range(len(args))]
    for holder in holders:
        value = _argument(args, kwargs, holder)
        for form in _FORMS.get(provider, ()):
            if form.fits(value):
                return holder, form
    return None


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], holder: int | str) -> Any:
    return args[holder] if isinstance(holder, int) else kwargs[holder]


def _is_open_api_request(value: Any) -> bool:
    return type(value).__name__ == OPEN_API_REQUEST


def _read_open_api_request(request: Any) -> Mapping[str, Any]:
    body = request.body if isinstance(request.body, Mapping) else {}
    return {**(request.query or {}), **body}


def _write_open_api_request(request: Any, changes: Mapping[str, Any]) -> Any:
    fresh = copy.copy(request)
    in_body = changes.keys() & (request.body.keys() if isinstance(request.body, Mapping) else ())
    if in_body:
        fresh.body = {**request.body, **{name: changes[name] for name in in_body}}
    fresh.query = {**(request.query or {}), **{name: value for name, value in changes.items() if name not in in_body}}
    return fresh


def _is_tea_model(value: Any) -> bool:
    # Runtime options are a model too.
    return callable(getattr(value, "to_map", None)) and any(
        cls.__name__.endswith("Request") for cls in type(value).__mro__
    )


def _write_tea_model(request: Any, changes: Mapping[str, Any]) -> Any:
    fresh = copy.deepcopy(request)
    fresh.from_map({**request.to_map(), **changes})
    return fresh


def _write_acs_request(request: Any, changes: Mapping[str, Any]) -> Any:
    # A request refers to its signer, a module, which no deep copy can take.
    fresh = copy.copy(request)
    query, body = dict(request.get_query_params() or {}), dict(request.get_body_params() or {})
    for name, value in changes.items():
        (body if name in body else query)[name] = value
    fresh.set_query_params(query)
    fresh.set_body_params(body)
    fresh.set_headers(dict(request.get_headers()))
    return fresh


def _write_tencent_model(request: Any, changes: Mapping[str, Any]) -> Any:
    # The SDK's own methods call the same; the public way leads through a text. Headers are written to by each call.
    fresh = copy.deepcopy(request)
    known = request._serialize(allow_none=True)  # noqa: SLF001
    fresh._deserialize({name: value for name, value in {**known, **changes}.items() if name in known})  # noqa: SLF001
    return fresh


def _write_text(text: str | bytes, changes: Mapping[str, Any]) -> str | bytes:
    written = json.dumps({**json_object(text), **changes}, ensure_ascii=False)
    return written.encode() if isinstance(text, bytes) else written


_FORMS: Final[Mapping[str, tuple[_Form, ...]]] = {
    alibaba.PROVIDER: (
        _Form(_is_open_api_request, _read_open_api_request, _write_open_api_request),
        _Form(_is_tea_model, lambda request: request.to_map(), _write_tea_model),
        _Form(
            lambda value: callable(getattr(value, "get_query_params", None)),
            lambda request: {**(request.get_query_params() or {}), **(request.get_body_params() or {})},
            _write_acs_request,
        ),
    ),
    tencent.PROVIDER: (
        _Form(
            lambda value: callable(getattr(value, "_serialize", None)),
            lambda request: request._serialize(),  # noqa: SLF001  # see _write_tencent_model
            _write_tencent_model,
        ),
        _Form(
            lambda value: isinstance(value, Mapping),
            lambda request: request,
            lambda request, changes: {**copy.deepcopy(dict(request)), **changes},
        ),
        _Form(lambda value: isinstance(value, str | bytes) and bool(json_object(value)), json_object, _write_text),
    ),
}
