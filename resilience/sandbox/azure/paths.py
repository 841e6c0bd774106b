"""The operations of requests, from the paths in the catalogue and the header ``If-Match``."""

from __future__ import annotations

from functools import cache
from urllib.parse import unquote

from attrs import frozen

from resilience.catalog import catalogue
from resilience.sandbox.exchange import HttpRequest, JsonObject

PROVIDER = "azure-iot"

_CHANGING = "Update"
_MAKING = "Create"


@frozen
class Route:
    """The requests of one operation."""

    operation: str
    method: str
    segments: tuple[str, ...]

    def match(self, method: str, parts: list[str]) -> JsonObject | None:
        """Return the arguments in a path; None if the path is another one."""
        if method != self.method or len(parts) != len(self.segments):
            return None
        found: JsonObject = {}
        for segment, part in zip(self.segments, parts, strict=True):
            if segment.startswith("{"):
                found[segment[1:-1]] = part
            elif segment.lower() != part.lower():
                return None
        return found


@cache
def _routes() -> tuple[Route, ...]:
    """Return the routes, those with fewer names in their paths first."""
    routes = []
    for name, facts in catalogue(PROVIDER).operations.items():
        method, _, path = (facts.request or "").partition(" ")
        if method:
            routes.append(Route(name, method, tuple(part for part in path.split("/") if part)))
    return tuple(sorted(routes, key=lambda route: sum(segment.startswith("{") for segment in route.segments)))


def named(request: HttpRequest) -> tuple[str, JsonObject]:
    """Return the operation of a request and the arguments in its path; an empty name for an unknown path."""
    parts = [unquote(part) for part in request.path.split("/") if part]
    for route in _routes():
        arguments = route.match(request.method, parts)
        if arguments is not None:
            changes = route.operation.startswith(_MAKING) and request.method == "PUT" and request.header("if-match")
            name = route.operation.replace(_MAKING, _CHANGING, 1) if changes else route.operation
            return name, arguments
    return "", {}
