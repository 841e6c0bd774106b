"""
Read and replace the fields of a REST request, in its path, its query and its body.

A field is read from the first of the three that has it, and replaced there, in a copy of the request. A body is JSON or
a form. A key of a JSON body may contain others: ``user.name``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from resilience.clients.common import naming
from resilience.clients.common.calls import Arguments
from resilience.clients.common.fields import attribute, header
from resilience.clients.rest.calls import argument, body_in, url_of
from resilience.clients.rest.prepared import body_of, copied, json_of, with_json
from resilience.core.operations.apis import RequestTemplate, is_placeholder

# The positions of arguments in ``requests.Session.request``; httpx takes these by name.
_POSITIONS: Final = {"url": 1, "params": 2, "data": 3, "headers": 4, "files": 6}
_BODY: Final = ("json", "data", "content", "files")
_OF_A_BODY: Final = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})
_FORM: Final = "application/x-www-form-urlencoded"


def fields_of(
    client: object, template: RequestTemplate | None, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Return the fields of a request in the arguments of ``client.request``.

    Args:
        client: The client; its ``base_url`` is used if it has one.
        template: The template of the operation's requests; None if no template fits.
        args: The positional arguments of ``client.request``.
        kwargs: The keyword arguments.
    """
    url = url_of(client, args, kwargs)
    document = body_in(args, kwargs)
    body = document if isinstance(document, Mapping) else dict(_pairs(argument("data", args, kwargs)))
    query = {**_query(url), **dict(_pairs(_argument("params", args, kwargs)))}
    return {**body, **query, **_inside(template, url)}


def with_field(
    client: object, template: RequestTemplate | None, arguments: Arguments, name: str, value: str
) -> Arguments:
    """
    Return a copy of the arguments of ``client.request`` with another value for a field.

    Raises:
        LookupError: The request has no such field.
    """
    args, kwargs = arguments
    url = url_of(client, args, kwargs)
    text = _text(argument("url", args, kwargs))
    if name in _inside(template, url):
        return _given("url", with_segment(template, text, name, value), args, kwargs)
    params, form = _argument("params", args, kwargs), argument("data", args, kwargs)
    if name in dict(_pairs(params)):
        return _given("params", _replaced(params, name, value), args, kwargs)
    if name in _query(url):
        return _given("url", with_query(text, name, value), args, kwargs)
    document = body_in(args, kwargs)
    if isinstance(document, Mapping):
        fresh = _set(document, name, value)
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
    document = json_of(prepared)
    body = document if isinstance(document, Mapping) else dict(_form_in(prepared))
    return {**body, **_query(url), **_inside(template, url)}


def with_field_prepared(template: RequestTemplate | None, prepared: Any, name: str, value: str) -> Any:
    """
    Return a copy of a finished request with another value for a field.

    Raises:
        LookupError: The request has no such field, or has it in a form, which is encoded already.
    """
    text = str(prepared.url)
    url = urlsplit(text)
    if name in _inside(template, url):
        return copied(prepared, url=with_segment(template, text, name, value))
    if name in _query(url):
        return copied(prepared, url=with_query(text, name, value))
    document = json_of(prepared)
    if not isinstance(document, Mapping):
        raise LookupError(name)  # noqa: TRY004  # the field is missing, as in every other form of request
    return with_json(prepared, _set(document, name, value))


def asking(
    client: object, template: RequestTemplate, fields: Mapping[str, Any], args: Sequence[Any], kwargs: Any
) -> Arguments:
    """
    Return the arguments of ``client.request`` for the read-back of a request: another path, and no body.

    Headers, query, credentials and time-outs are those of the request.

    Raises:
        ValueError: The request lacks a field that the path of the read-back needs.
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
    """Return the finished request for the read-back of a finished request; see :func:`asking`."""
    url = urlsplit(str(prepared.url))._replace(path=filled(template, fields), fragment="").geturl()
    fresh = copied(prepared, url=url, body=b"")
    if hasattr(fresh, "body"):
        fresh.body = None  # requests would send an empty body in chunks
    fresh.method = template.method
    for name in [each for each in fresh.headers if each.lower() in _OF_A_BODY]:
        del fresh.headers[name]
    return fresh


def filled(template: RequestTemplate, fields: Mapping[str, Any]) -> str:
    """
    Return the path of a template, with fields in place of its placeholders.

    Raises:
        ValueError: One of the fields is missing.
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


def with_segment(template: RequestTemplate | None, text: str, name: str, value: str) -> str:
    """Return a URL's text with another value for a placeholder of its path; the text may be the end of the URL."""
    assert template is not None  # noqa: S101  # for the type checker: the field was found in the template
    from_end = len(template.segments) - template.segments.index(f"{{{name}}}")
    given = urlsplit(text)
    parts = given.path.split("/")
    filled_parts = [index for index, part in enumerate(parts) if part]
    if from_end > len(filled_parts):
        raise LookupError(name)  # the field is in the client's base URL
    parts[filled_parts[-from_end]] = quote(value, safe="")
    return given._replace(path="/".join(parts)).geturl()


def with_query(text: str, name: str, value: str) -> str:
    """Return the text of a URL with another value for a key of its query."""
    given = urlsplit(text)
    pairs = [(key, value if key == name else each) for key, each in parse_qsl(given.query, keep_blank_values=True)]
    return given._replace(query=urlencode(pairs)).geturl()


def _inside(template: RequestTemplate | None, url: SplitResult | None) -> dict[str, str]:
    """Return the values of the placeholders in a path; an empty mapping if the template does not fit."""
    parts = [] if url is None else [part for part in url.path.split("/") if part]
    if template is None or len(parts) != len(template.segments):
        return {}
    pairs = zip(template.segments, parts, strict=True)
    return {segment[1:-1]: unquote(part) for segment, part in pairs if is_placeholder(segment)}


def _query(url: SplitResult | None) -> dict[str, str]:
    return {} if url is None else dict(parse_qsl(url.query, keep_blank_values=True))


def _pairs(values: Any) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of a query or a form, which may be a text, a mapping or a list of pairs."""
    if isinstance(values, str | bytes):
        text = values.decode(errors="replace") if isinstance(values, bytes) else values
        yield from parse_qsl(text, keep_blank_values=True)
    elif isinstance(values, Mapping):
        yield from ((str(key), value) for key, value in values.items())
    elif isinstance(values, list | tuple):
        yield from ((str(each[0]), each[1]) for each in values if isinstance(each, list | tuple) and len(each) == 2)  # noqa: PLR2004  # a key and a value


def _replaced(values: Any, name: str, value: str) -> Any:
    """Return a query or a form of the same type, with another value for a key."""
    if isinstance(values, Mapping):
        return {**values, name: value}
    pairs = [(key, value if key == name else each) for key, each in _pairs(values)]
    if isinstance(values, str | bytes):
        text = urlencode(pairs)
        return text.encode() if isinstance(values, bytes) else text
    return pairs


def _set(document: Mapping[str, Any], name: str, value: str) -> dict[str, Any]:
    if name in document:
        return {**document, name: value}
    outer, dot, inner = name.partition(".")
    within = document.get(outer)
    if not dot or not isinstance(within, Mapping):
        raise LookupError(name)
    return {**document, outer: _set(within, inner, value)}


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
