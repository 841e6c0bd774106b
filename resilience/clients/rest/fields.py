"""
Fields of a REST request: what stands in the places of its path, in its query, and in its body.

A field is found where it stands first, in this order, and changed there, in a copy of the request. A body is JSON or a
form. One of its keys may hold others: ``user.name``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from resilience.clients.common import naming
from resilience.clients.common.fields import attribute, header
from resilience.clients.rest.calls import argument, body_in, url_of
from resilience.clients.rest.prepared import body_of, copied, said_in, with_said
from resilience.core.policy import RequestTemplate, is_placeholder

Arguments: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

# The positions of arguments in ``requests.Session.request``; httpx takes these by name.
_POSITIONS: Final = {"url": 1, "params": 2, "data": 3, "headers": 4, "files": 6}
_BODY: Final = ("json", "data", "content", "files")
_OF_A_BODY: Final = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})
_FORM: Final = "application/x-www-form-urlencoded"


def fields_of(
    client: object, template: RequestTemplate | None, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Return the fields of a request that is still to be made.

    Args:
        client: The client, whose ``base_url`` counts if it has one.
        template: How requests of its operation look; None where no template fits it.
        args: The positional arguments of ``client.request``.
        kwargs: The others.
    """
    url = url_of(client, args, kwargs)
    form = argument("data", args, kwargs)
    said = body_in(args, kwargs)
    body = said if isinstance(said, Mapping) else dict(_pairs(form))
    query = {**_query(url), **dict(_pairs(_argument("params", args, kwargs)))}
    return {**body, **query, **_inside(template, url)}


def with_field(
    client: object, template: RequestTemplate | None, arguments: Arguments, name: str, value: str
) -> Arguments:
    """
    Return the arguments of ``client.request`` with another value for a field, in a copy.

    Raises:
        LookupError: The request has no such field.
    """
    args, kwargs = arguments
    url = url_of(client, args, kwargs)
    text = _text(argument("url", args, kwargs))
    if name in _inside(template, url):
        return _given("url", with_segment(template, url, text, name, value), args, kwargs)
    params, form = _argument("params", args, kwargs), argument("data", args, kwargs)
    if name in dict(_pairs(params)):
        return _given("params", _replaced(params, name, value), args, kwargs)
    if name in _query(url):
        return _given("url", with_query(text, name, value), args, kwargs)
    said = body_in(args, kwargs)
    if isinstance(said, Mapping):
        fresh = _set(said, name, value)
        if kwargs.get("json") is not None:
            return args, {**kwargs, "json": fresh}
        key = "content" if argument("content", args, kwargs) else "data"
        return _given(key, json.dumps(fresh).encode(), args, kwargs)
    if name in dict(_pairs(form)):
        return _given("data", _replaced(form, name, value), args, kwargs)
    raise LookupError(name)


def fields_of_prepared(template: RequestTemplate | None, prepared: Any) -> dict[str, Any]:
    """Return the fields of a finished request."""
    url = urlsplit(str(prepared.url))
    said = said_in(prepared)
    body = said if isinstance(said, Mapping) else dict(_form_in(prepared))
    return {**body, **_query(url), **_inside(template, url)}


def with_field_prepared(template: RequestTemplate | None, prepared: Any, name: str, value: str) -> Any:
    """
    Return a copy of a finished request with another value for a field.

    Raises:
        LookupError: It has no such field, or one in a form, which is finished.
    """
    text = str(prepared.url)
    url = urlsplit(text)
    if name in _inside(template, url):
        return copied(prepared, url=with_segment(template, url, text, name, value))
    if name in _query(url):
        return copied(prepared, url=with_query(text, name, value))
    said = said_in(prepared)
    if not isinstance(said, Mapping):
        raise LookupError(name)  # noqa: TRY004  # a field that is not there, as for every other form
    return with_said(prepared, _set(said, name, value))


def asking(
    client: object, template: RequestTemplate, fields: Mapping[str, Any], args: Sequence[Any], kwargs: Any
) -> Arguments:
    """
    Return the arguments with which a client asks for what a request makes: another path, and no body.

    Headers, query, credentials and time-outs are those of the request.

    Raises:
        ValueError: A field is missing that the path of the question needs.
    """
    url = url_of(client, args, kwargs)
    path = filled(template, fields)
    whole = "" if url is None else url._replace(path=path, fragment="").geturl()
    rest = list(args[2:])
    for name, position in _POSITIONS.items():
        if name in {"data", "files"} and position - 2 < len(rest):
            rest[position - 2] = None
        if name == "headers" and position - 2 < len(rest):
            rest[position - 2] = _without_body(rest[position - 2])
    kept = {name: value for name, value in kwargs.items() if name not in {*_BODY, "method", "url"}}
    if "headers" in kept:
        kept["headers"] = _without_body(kept["headers"])
    return (template.method, whole, *rest), kept


def asking_prepared(template: RequestTemplate, fields: Mapping[str, Any], prepared: Any) -> Any:
    """Return a finished request that asks for what another one makes; as for :func:`asking`."""
    url = urlsplit(str(prepared.url))._replace(path=filled(template, fields), fragment="").geturl()
    fresh = copied(prepared, url=url, body=b"")
    if hasattr(fresh, "body"):
        fresh.body = None  # requests would send an empty one in chunks
    fresh.method = template.method
    for name in [each for each in fresh.headers if each.lower() in _OF_A_BODY]:
        del fresh.headers[name]
    return fresh


def filled(template: RequestTemplate, fields: Mapping[str, Any]) -> str:
    """
    Return the path of a template with fields in its places.

    Raises:
        ValueError: One of them is missing.
    """
    parts = []
    for segment in template.segments:
        if not is_placeholder(segment):
            parts.append(segment)
            continue
        value = naming.text_of(naming.at(fields, segment[1:-1]))
        if not value:
            raise ValueError(f"{template.operation}: its path needs {segment[1:-1]!r}, which the request does not have")
        parts.append(quote(value, safe=""))
    return "/" + "/".join(parts)


def with_segment(template: RequestTemplate | None, url: SplitResult | None, text: str, name: str, value: str) -> str:
    """Return the text of a URL with another value in a place of its path; the text may be the end of the whole URL."""
    assert template is not None  # noqa: S101  # for the type checker: the field was found in it
    assert url is not None  # noqa: S101  # likewise
    from_end = len(template.segments) - next(i for i, each in enumerate(template.segments) if each == f"{{{name}}}")
    given = urlsplit(text)
    parts = given.path.split("/")
    places = [index for index, part in enumerate(parts) if part]
    if from_end > len(places):
        raise LookupError(name)  # it is in the base of the client's URLs
    parts[places[-from_end]] = quote(value, safe="")
    return given._replace(path="/".join(parts)).geturl()


def with_query(text: str, name: str, value: str) -> str:
    """Return the text of a URL with another value for a key of its query."""
    given = urlsplit(text)
    pairs = [(key, value if key == name else each) for key, each in parse_qsl(given.query, keep_blank_values=True)]
    return given._replace(query=urlencode(pairs)).geturl()


def _inside(template: RequestTemplate | None, url: SplitResult | None) -> dict[str, str]:
    """Return what stands in the places of a path."""
    parts = [] if url is None else [part for part in url.path.split("/") if part]
    if template is None or len(parts) != len(template.segments):
        return {}
    pairs = zip(template.segments, parts, strict=True)
    return {segment[1:-1]: unquote(part) for segment, part in pairs if is_placeholder(segment)}


def _query(url: SplitResult | None) -> dict[str, str]:
    return {} if url is None else dict(parse_qsl(url.query, keep_blank_values=True))


def _pairs(values: Any) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of a query or a form, however it is given."""
    if isinstance(values, str | bytes):
        text = values.decode(errors="replace") if isinstance(values, bytes) else values
        yield from parse_qsl(text, keep_blank_values=True)
    elif isinstance(values, Mapping):
        yield from ((str(key), value) for key, value in values.items())
    elif isinstance(values, list | tuple):
        yield from ((str(each[0]), each[1]) for each in values if isinstance(each, list | tuple) and len(each) == 2)  # noqa: PLR2004  # a key and a value


def _replaced(values: Any, name: str, value: str) -> Any:
    """Return a query or a form with another value for a key, in the form that it had."""
    if isinstance(values, Mapping):
        return {**values, name: value}
    pairs = [(key, value if key == name else each) for key, each in _pairs(values)]
    if isinstance(values, str | bytes):
        text = urlencode(pairs)
        return text.encode() if isinstance(values, bytes) else text
    return pairs


def _set(said: Mapping[str, Any], name: str, value: str) -> dict[str, Any]:
    if name in said:
        return {**said, name: value}
    outer, dot, inner = name.partition(".")
    held = said.get(outer)
    if not dot or not isinstance(held, Mapping):
        raise LookupError(name)
    return {**said, outer: _set(held, inner, value)}


def _form_in(prepared: Any) -> Iterator[tuple[str, Any]]:
    kind = header(attribute(prepared, "headers"), "content-type") or ""
    return _pairs(body_of(prepared)) if kind.startswith(_FORM) else iter(())


def _without_body(headers: Any) -> Any:
    if not isinstance(headers, Mapping):
        return headers
    return {name: value for name, value in headers.items() if str(name).lower() not in _OF_A_BODY}


def _argument(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    position = _POSITIONS[name]
    return args[position] if position < len(args) else kwargs.get(name)


def _given(name: str, value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
    position = _POSITIONS.get(name, len(args))
    if position < len(args):
        return (*args[:position], value, *args[position + 1 :]), dict(kwargs)
    return args, {**kwargs, name: value}


def _text(url: Any) -> str:
    return url.decode(errors="replace") if isinstance(url, bytes) else str(url)
