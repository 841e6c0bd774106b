"""
Read the code, the request id and the message of an error from its body and its headers, in one spelling.

A hub says its code in the header ``iothub-errorcode`` and in the body: as a name (``ErrorCode:DeviceNotFound;...``), or
as a number in JSON that is itself a text. A provisioning service says a number. One spelling serves policies: the name.
The catalogue knows both. Forms: azure-iot-sdks, issue 711; azure-docs, issue 57082; read 2026-11-28.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from attrs import frozen

from resilience.catalog import catalogue
from resilience.clients.azure.traits import PROVIDER
from resilience.clients.common.fields import first_word, header, json_object, text_of, word

_HEADERS: Final = ("iothub-errorcode", "x-ms-error-code")
_REQUEST_IDS: Final = ("x-ms-request-id", "request-id", "x-ms-correlation-request-id", "iothub-request-id")
_NAMED: Final = re.compile(r"ErrorCode:\s*([A-Za-z0-9_]+)")
_TRACKED: Final = re.compile(r"Tracking ID:\s*([A-Za-z0-9:._-]+?)(?:-TimeStamp:|\s|$)", re.IGNORECASE)


@frozen
class Said:
    """The content of an error's body and headers."""

    code: str | None = None
    request_id: str | None = None
    message: str | None = None


@cache
def _names() -> Mapping[int, str]:
    return {facts.number: name for name, facts in catalogue(PROVIDER).codes.items() if facts.number is not None}


def name_of(code: object) -> str | None:
    """Return a code in the spelling of policies: the name of a known number; None if the value is no code."""
    if isinstance(code, bool):
        return None
    found = word(str(code) if isinstance(code, int) else code)
    if found is not None and found.isdecimal():
        return _names().get(int(found), found)
    return found


def read(body: object, headers: object) -> Said:
    """Return what an error says in its body and its headers."""
    fields = _unpacked(json_object(body))
    nested = fields.get("error")
    within: Mapping[str, Any] = nested if isinstance(nested, Mapping) else {}
    text = next((found for found in map(text_of, (fields.get("Message"), fields.get("message"))) if found), None)
    named = _NAMED.search(text or "")
    codes = (
        header(headers, *_HEADERS),
        None if named is None else named[1],
        fields.get("errorCode"),
        within.get("code"),
        fields.get("code"),
        fields.get("Code"),
    )
    tracked = _TRACKED.search(text_of(fields.get("ExceptionMessage")) or text or "")
    return Said(
        next((found for found in map(name_of, codes) if found), None),
        first_word(fields.get("trackingId"), None if tracked is None else tracked[1], header(headers, *_REQUEST_IDS)),
        text or text_of(within.get("message")),
    )


def _unpacked(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a body whose message is itself JSON, with those of the message."""
    for name in ("Message", "message"):
        text = fields.get(name)
        if isinstance(text, str) and text.lstrip().startswith("{"):
            try:
                inner = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(inner, dict):
                return {**fields, name: None, **inner}
    return fields
