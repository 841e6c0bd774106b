"""Which operation a request to AWS asks for: by botocore's models, as clients write them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from attrs import frozen

from resilience.sandbox.exchange import HttpRequest, JsonObject

_SERVICES: Final = ("iot", "iot-data")
_TOKENS: Final = "sts"
_NOT_JSON: Final = frozenset({"Publish", "UpdateThingShadow"})


@frozen
class Route:
    """The method and the path of an operation."""

    operation: str
    method: str
    path: re.Pattern[str]
    names: tuple[str, ...]


@cache
def routes() -> tuple[Route, ...]:
    """Return the operations that have paths; longer paths come first, because names may stand for anything."""
    # Imported here, because a sandbox without AWS needs no botocore.
    from botocore.session import get_session  # noqa: PLC0415

    session = get_session()
    found = []
    for service in _SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            http: Mapping[str, Any] = model.operation_model(name).http
            pattern, names = _compiled(http["requestUri"].partition("?")[0])
            found.append(Route(name, http["method"], pattern, names))
    return tuple(sorted(found, key=lambda each: (len(each.names), -len(each.path.pattern))))


def _compiled(uri: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Return a path as an expression, and the names of its parts in the API's spelling."""
    names: list[str] = []
    pieces = []
    for piece in re.split(r"(\{[^}]+\})", uri):
        if piece.startswith("{"):
            is_rest = piece.endswith("+}")
            names.append(piece.strip("{}").removesuffix("+"))
            pieces.append("(.+)" if is_rest else "([^/]+)")
        else:
            pieces.append(re.escape(piece))
    return re.compile("".join(pieces)), tuple(names)


def named(request: HttpRequest) -> tuple[str, JsonObject]:
    """Return the operation of a request, and its arguments; the operation is empty for an unknown one."""
    if request.path == "/" and request.method == "POST":
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        return form.pop("Action", ""), {name: value for name, value in form.items() if name != "Version"}
    for route in routes():
        if route.method == request.method and (found := route.path.fullmatch(request.path)) is not None:
            parts = dict(zip(route.names, map(unquote, found.groups()), strict=True))
            return route.operation, {**dict(parse_qsl(request.query)), **_body(route, request), **parts}
    return "", {}


def _body(route: Route, request: HttpRequest) -> JsonObject:
    if not request.body or route.operation in _NOT_JSON:
        return {}
    try:
        found = json.loads(request.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_for_tokens(operation: str) -> bool:
    """Tell whether an operation is the token service's, whose errors are XML."""
    return operation in _of_tokens()


@cache
def _of_tokens() -> frozenset[str]:
    from botocore.session import get_session  # noqa: PLC0415  # as above

    return frozenset(get_session().get_service_model(_TOKENS).operation_names)
