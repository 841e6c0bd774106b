"""
Translate exceptions of HTTP clients, of sockets and of users into faults.

The names of their classes identify httpx, requests, aiohttp, urllib3 and urllib. Each
library's exception for an error status has its own attributes for the same facts.
"""

from __future__ import annotations

import json
from typing import Final

from resilience.clients.common.fields import (
    attribute,
    code_and_request_id,
    first_word,
    header,
    http_status,
    json_object,
    packages,
    retry_after,
    seconds,
    type_name,
)
from resilience.clients.common.raised.frames import innermost
from resilience.clients.common.raised.wire import transport_of
from resilience.core.fault import Fault

_HTTP_PACKAGES: Final = frozenset({"httpx", "requests", "aiohttp", "urllib", "urllib3", "httpcore", "http"})

REQUEST_ID_HEADERS: Final = ("x-acs-request-id", "x-tc-requestid", "x-request-id", "request-id", "x-correlation-id")
"""The headers for a request's id; the providers' own come first."""

_READERS: Final = ("httpx", "requests", "aiohttp", "urllib3")

BODY_ATTRIBUTES: Final = ("_content", "_body")
"""The attributes in which HTTP clients' responses keep a body that has been read."""


def is_of_http_library(error: Exception) -> bool:
    """Tell whether an exception is one of an HTTP client, or extends one."""
    return bool(packages(type(error)) & _HTTP_PACKAGES)


def answered(error: Exception) -> Fault | None:
    """
    Return the fault in an HTTP client's exception for an error status; None for any other exception.

    The code comes from the JSON body, if the client has read the body already: this function does no I/O.
    """
    if not is_of_http_library(error):
        return None
    made_up = any(kind.__name__ == "HttpProcessingError" for kind in type(error.__cause__).__mro__)
    if made_up and type(error).__name__ == "ClientResponseError":
        # aiohttp makes up a status 400 for an answer that is no HTTP (aiohttp/client_reqrep.py 3.14, start).
        return Fault(transport="garbled", effect="unknown", error=type_name(error))
    response = attribute(error, "response")
    # An exception of httpx and requests has a response; aiohttp's has `status`, urllib's `code`.
    source = error if response is None else response
    status = _first_status(source, "status_code", "status", "code")
    if status is None:
        return None
    headers = attribute(source, "headers")
    body = next((found for name in BODY_ATTRIBUTES if (found := json_object(attribute(source, name)))), {})
    code, request_id = code_and_request_id(body)
    return Fault(
        code=code,
        # The status is a success, but the answer has a wrong type, length or encoding.
        transport="garbled" if status < 300 else None,  # noqa: PLR2004  # what follows success
        status=status if status >= 300 else None,  # noqa: PLR2004
        request_id=first_word(request_id, header(headers, *REQUEST_ID_HEADERS)),
        retry_after=retry_after(headers),
        error=type_name(error),
    )


def unanswered(error: Exception) -> Fault | None:
    """Return the fault in a network error of any library or of Python's own; None for any other exception."""
    transport = transport_of(error)
    # `response.json()` of httpx raises the decoder's exception. Raised elsewhere, it is about the user's own data.
    if (
        transport is None
        and isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
        and innermost(error, _READERS) is not None
    ):
        transport = "garbled"
    return None if transport is None else Fault(transport=transport, error=type_name(error))


def own_code(error: Exception) -> Fault | None:
    """Return the fault in a user's exception that has a code in an attribute; None if it has no code."""
    code = first_word(attribute(error, "code"), attribute(error, "error_code"))
    if code is None:
        return None
    hint = attribute(error, "retry_after")
    return Fault(
        code=code,
        status=_first_status(error, "status", "status_code", "http_status"),
        request_id=first_word(attribute(error, "request_id"), attribute(error, "requestId")),
        retry_after=seconds(hint) if isinstance(hint, int | float) else None,
        error=type_name(error),
    )


def unknown(error: Exception) -> Fault:
    """Return the fault in any other exception; only its class is known."""
    return Fault(error=type_name(error))


def _first_status(source: object, *names: str) -> int | None:
    return next((found for name in names if (found := http_status(attribute(source, name))) is not None), None)
