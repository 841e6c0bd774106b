"""
Make the answer of an accepted call, in the types of Alibaba's present SDK.

The answer has the fields that it shares with the request. Its other fields are empty: the service was not asked.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.alibaba.tea.codecs import OPEN_API_REQUEST
from resilience.clients.common.models import filled, model

_OK: Final = 200


def answer(base: type, operation: str, said: Mapping[str, Any]) -> Any:
    """Return the operation's response: a body with the fields, and around it headers and the status 200."""
    found = model(f"{base.__module__.rpartition('.')[0]}.models", operation)

    def make(values: Mapping[str, Any]) -> Any:
        response = found().from_map({"headers": {}, "statusCode": _OK, "body": dict(values)})
        if hasattr(response.body, "success"):
            response.body.success = True
        return response

    return filled(make, said)


def shaped(fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping of headers, status and body, as the generic methods do."""
    return {"headers": {}, "statusCode": _OK, **_body(_body_type(args, kwargs), fields)}


def _body_type(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return the type of body that a call asks for: it is in the parameters, or the argument before the request."""
    if "body_type" in kwargs:
        return str(kwargs["body_type"])
    values = [*args, *kwargs.values()]
    for index, value in enumerate(values):
        kind = getattr(value, "body_type", None)
        if isinstance(kind, str):
            return kind
        if index and type(value).__name__ == OPEN_API_REQUEST:
            return str(values[index - 1])
    return "json"


def _body(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps(fields)
    match kind:
        case "json" | "array":
            return {"body": dict(fields)}
        case "string":
            return {"body": text}
        case "byte":
            return {"body": text.encode()}
        case "binary":
            return {"body": io.BytesIO(text.encode())}
        case _:
            return {}
