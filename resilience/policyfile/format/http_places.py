"""
How a policy names places in an HTTP answer, and the requests of an operation.

The JSON Schema uses these patterns too. Python, JavaScript and Rust read them alike.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from resilience.core.operations.apis import METHODS, AnswerPath

_KEY: Final = "[A-Za-z0-9_$@:-]+"
PLACE: Final = f"(?:json:{_KEY}(?:\\.{_KEY})*|header:[A-Za-z0-9_-]+)"
"""``json:errors.0.title`` or ``header:x-request-id``."""

_PLACEHOLDER: Final = "\\{[A-Za-z0-9_.-]+\\}"
# No : at the beginning and no * anywhere: other tools write their placeholders with these.
_LITERAL: Final = "[A-Za-z0-9._~!$&'()+,;=@-][A-Za-z0-9._~!$&'()+,;=:@-]*"
_SEGMENT: Final = f"(?:{_PLACEHOLDER}|{_LITERAL})"
TEMPLATE: Final = f"[A-Z]+ /(?:{_SEGMENT}(?:/{_SEGMENT})*/?)?"
"""``POST /users/{user}``, with or without a slash at the end."""

HOST: Final = "(?:[A-Za-z0-9_.-]+|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?"
"""``host``, ``host:port``, or an IPv6 address in brackets."""

_PLACE = re.compile(PLACE)
_TEMPLATE = re.compile(TEMPLATE)
_HOST = re.compile(HOST)
_FOREIGN_PLACEHOLDER = re.compile(r"(?<=/)(?::(\w+)|<(?:\w+:)?(\w+)>|\*+)(?=/|$)")


def place(text: str) -> AnswerPath | None:
    """Return the place that a text such as ``json:error.code`` names; None if the text has another form."""
    if _PLACE.fullmatch(text) is None:
        return None
    kind, _, rest = text.partition(":")
    # Headers have no case, and no dots in their names.
    return AnswerPath("json", tuple(rest.split("."))) if kind == "json" else AnswerPath("header", (rest.lower(),))


def place_hint(text: str) -> str:
    """Return a hint that corrects a text in another form than a place; an empty text if there is no guess."""
    path = re.sub(r"\[([0-9]+)\]", r".\1", text).removeprefix("$.")
    kind, colon, rest = path.partition(":")
    # A misspelled kind. JSON keys may have colons too, but their first parts do not look like these words.
    meant = get_close_matches(kind.lower(), ("json", "header", "headers"), n=1, cutoff=0.7) if colon else []
    if meant:
        path = f"{meant[0].removesuffix('s')}:{rest.strip()}"
    for near in (path, re.sub("^(?:body|response|json)[.:]", "json:", path), f"json:{path}"):
        if _PLACE.fullmatch(near) is not None and not near.startswith(("json:json:", "json:header:")):
            return f'; did you mean "{near}"?'
    return ""


def template(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the method and the segments of the path; None if the text has another form."""
    if _TEMPLATE.fullmatch(text) is None:
        return None
    method, _, path = text.partition(" ")
    if _meant_method(method) != method:
        return None
    return method, tuple(part for part in path.split("/") if part)


def template_hint(text: str) -> str:
    """Return a hint that corrects a text in another form than method and path; empty if there is no guess."""
    method, gap, path = text.strip().partition(" ")
    if not gap:
        example = f', as in "GET {method}"' if template(f"GET {method}") else ""
        return f"; write the method before the path{example}" if method.startswith("/") else ""
    if "://" in path:
        return "; write the path without scheme and host, which may stand in hosts"
    if "?" in path:
        return "; leave the query out"
    path = _FOREIGN_PLACEHOLDER.sub(
        lambda found: f"{{{found[1] or found[2] or 'name'}}}", "/" + path.strip().lstrip("/")
    )
    near = f"{_meant_method(method.upper())} {path}"
    if template(near):
        return f'; did you mean "{near}"?'
    return "; a placeholder is the whole of a part between two slashes" if "{" in path else ""


def _meant_method(method: str) -> str:
    """Return the HTTP method with nearly this spelling; a service's own method is returned as it is."""
    near = [] if method in METHODS else get_close_matches(method, METHODS, n=1, cutoff=0.7)
    return near[0] if near else method


def host(text: str) -> str | None:
    """Return a host in lower case, with its port if it has one; None if the text is no host."""
    return text.lower() if _HOST.fullmatch(text) else None


def host_hint(text: str) -> str:
    """Return a hint that names the host in a URL; an empty text if there is no guess."""
    near = text.rpartition("://")[2].partition("/")[0].rpartition("@")[2]
    return f'; did you mean "{near}"?' if near != text and host(near) else ""
