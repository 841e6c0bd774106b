"""The base of services whose operations are paths, and whose requests and answers are JSON."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import Any, Final
from urllib.parse import unquote

from resilience.catalog import catalogue
from resilience.sandbox.exchange import Asked, HttpRequest, JsonObject, Reply
from resilience.sandbox.service import Handler, Service

STATUS: Final = ":status"
"""The field of an answer with its HTTP status."""

ENTRIES: Final = ":entries"
"""The field that holds a body which is no object, in a request and in an answer."""

LOCATION: Final = ":location"
"""The field of an answer with its header ``Location``."""

JSON_TYPE: Final = {"Content-Type": "application/json"}

_OWN: Final = frozenset({STATUS, ENTRIES, LOCATION, "RequestId"})
_WITHOUT_BODY: Final = frozenset({201, 204})


class RestService(Service):
    """A service whose catalogue has the request of each operation."""

    def other(self, _: str) -> Handler:
        """Return the handler of an operation without state."""
        return lambda _: {}

    def read(self, request: HttpRequest) -> Asked:
        """Read a request: the path names the operation, and path and body have the arguments."""
        operation, arguments = named(self.provider, request.method, request.path)
        body = json_in(request.body)
        body = {} if body is None else body if isinstance(body, dict) else {ENTRIES: body}
        return Asked(operation, catalogue(self.provider).version, {**body, **arguments}, basic(request)[0])

    def new_request_id(self) -> str:
        """Return an id for the log; the service itself sends none."""
        return str(uuid.uuid4())

    def success(self, fields: JsonObject, _: str) -> Reply:
        """Return the fields as JSON, with the status of the operation."""
        status = fields.get(STATUS, 200)
        shown = fields.get(ENTRIES, {name: value for name, value in fields.items() if name not in _OWN})
        headers = {"Location": fields[LOCATION]} if LOCATION in fields else {}
        if status in _WITHOUT_BODY and not shown:
            return Reply(status, b"", headers)
        return Reply(status, json.dumps(shown).encode(), {**JSON_TYPE, **headers})


def named(provider: str, method: str, path: str) -> tuple[str, JsonObject]:
    """
    Return the operation of a request, and the arguments in its path.

    The operation is empty for a path that the catalogue does not know, or not with this method.
    """
    return next(
        ((operation, arguments) for known, operation, arguments in _fitting(provider, path) if known == method),
        ("", {}),
    )


def is_path(provider: str, path: str) -> bool:
    """Tell whether the catalogue knows a path, with any method."""
    return bool(_fitting(provider, path))


def basic(request: HttpRequest) -> tuple[str, str]:
    """Return the user, or the key, and the secret of a request; both are empty for a request without."""
    scheme, _, encoded = request.header("authorization").partition(" ")
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (name, secret) if scheme.lower() == "basic" else ("", "")


def json_in(body: bytes) -> Any:
    """Return the value of a JSON body; None if it is empty, or no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _fitting(provider: str, path: str) -> list[tuple[str, str, JsonObject]]:
    """Return method, operation and arguments of each operation whose path fits; the narrowest path comes first."""
    parts = [unquote(part) for part in path.split("/") if part]
    found = []
    for operation, facts in catalogue(provider).operations.items():
        method, _, template = (facts.request or "").partition(" ")
        segments = [part for part in template.split("/") if part]
        if len(segments) != len(parts):
            continue
        pairs = list(zip(segments, parts, strict=True))
        arguments = {segment[1:-1]: part for segment, part in pairs if segment.startswith("{")}
        if all(segment.startswith("{") or segment == part for segment, part in pairs):
            found.append((method, operation, arguments))
    return sorted(found, key=lambda each: len(each[2]))
