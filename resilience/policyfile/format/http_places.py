"""
How a policy writes about HTTP: where a value stands in an answer, and which requests are an operation.

The patterns are those of the JSON Schema too, so they keep to what Python, JavaScript and Rust read alike.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from resilience.core.policy import METHODS, AnswerPath

_KEY: Final = "[A-Za-z0-9_$@:-]+"
PLACE: Final = f"(?:json:{_KEY}(?:\\.{_KEY})*|header:[A-Za-z0-9_-]+)"
"""``json:errors.0.title`` or ``header:x-request-id``."""

_PLACEHOLDER: Final = "\\{[A-Za-z0-9_.-]+\\}"
# No : at the beginning and no * anywhere: other tools write placeholders so.
_LITERAL: Final = "[A-Za-z0-9._~!$&'()+,;=@-][A-Za-z0-9._~!$&'()+,;=:@-]*"
_SEGMENT: Final = f"(?:{_PLACEHOLDER}|{_LITERAL})"
TEMPLATE: Final = f"[A-Z]+ /(?:{_SEGMENT}(?:/{_SEGMENT})*/?)?"
"""``POST /users/{user}``; a slash at the end means nothing."""

HOST: Final = "(?:[A-Za-z0-9_.-]+|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?"
"""``host``, ``host:port``, or an IPv6 address in brackets."""

_PLACE = re.compile(PLACE)
_TEMPLATE = re.compile(TEMPLATE)
_HOST = re.compile(HOST)
_FOREIGN_PLACEHOLDER = re.compile(r"(?<=/)(?::(\w+)|<(?:\w+:)?(\w+)>|\*+)(?=/|$)")


def place(text: str) -> AnswerPath | None:
    """Return where a value stands; None if the text does not say it."""
    if _PLACE.fullmatch(text) is None:
        return None
    kind, _, rest = text.partition(":")
    # Headers have no case, and no dots in their names.
    return AnswerPath("json", tuple(rest.split("."))) if kind == "json" else AnswerPath("header", (rest.lower(),))


def place_hint(text: str) -> str:
    """Return what was probably meant by a text that is no place; nothing where that cannot be told."""
    path = re.sub(r"\[([0-9]+)\]", r".\1", text).removeprefix("$.")
    kind, colon, rest = path.partition(":")
    # A kind that is misspelled; a part of JSON has a colon in it now and then, but none that looks like one of these.
    meant = get_close_matches(kind.lower(), ("json", "header", "headers"), n=1, cutoff=0.7) if colon else []
    if meant:
        path = f"{meant[0].removesuffix('s')}:{rest.strip()}"
    for near in (path, re.sub("^(?:body|response|json)[.:]", "json:", path), f"json:{path}"):
        if _PLACE.fullmatch(near) is not None and not near.startswith(("json:json:", "json:header:")):
            return f'; did you mean "{near}"?'
    return ""


def template(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the method and the segments of the path; None if the text is no method and path."""
    if _TEMPLATE.fullmatch(text) is None:
        return None
    method, _, path = text.partition(" ")
    if _meant_method(method) != method:
        return None
    return method, tuple(part for part in path.split("/") if part)


def template_hint(text: str) -> str:
    """Return what was probably meant by a text that is no method and path; nothing where that cannot be told."""
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
    """Return the method that is spelled nearly so; a service may have methods of its own, which look like none."""
    near = [] if method in METHODS else get_close_matches(method, METHODS, n=1, cutoff=0.7)
    return near[0] if near else method


def host(text: str) -> str | None:
    """Return a host, with a port or without, in lower case; None if the text is none."""
    return text.lower() if _HOST.fullmatch(text) else None


def host_hint(text: str) -> str:
    """Return what was probably meant by a text that is no host; nothing where that cannot be told."""
    near = text.rpartition("://")[2].partition("/")[0].rpartition("@")[2]
    return f'; did you mean "{near}"?' if near != text and host(near) else ""
