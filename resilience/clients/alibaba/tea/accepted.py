"""
The answer that Alibaba's present SDK would have returned, for a call that is a success without one.

It is of the SDK's own type, with what the request itself says: nobody has asked the service for the rest.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.alibaba.tea.forms import OPEN_API_REQUEST
from resilience.clients.common.models import filled, model

_OK: Final = 200


def answer(base: type, operation: str, said: Mapping[str, Any]) -> Any:
    """Fill the response, which is its body, and around it what HTTP says."""
    found = model(f"{base.__module__.rpartition('.')[0]}.models", operation)

    def make(values: Mapping[str, Any]) -> Any:
        response = found().from_map({"headers": {}, "statusCode": _OK, "body": dict(values)})
        if hasattr(response.body, "success"):
            response.body.success = True
        return response

    return filled(make, said)


def shaped(fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping of headers, status and body, as the methods for any operation do."""
    return {"headers": {}, "statusCode": _OK, **_body(_body_type(args, kwargs), fields)}


def _body_type(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return the type of body that a call asks for: it is in the parameters, or before the request."""
    if "body_type" in kwargs:
        return str(kwargs["body_type"])
    values = [*args, *kwargs.values()]
    for place, value in enumerate(values):
        kind = getattr(value, "body_type", None)
        if isinstance(kind, str):
            return kind
        if place and type(value).__name__ == OPEN_API_REQUEST:
            return str(values[place - 1])
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
