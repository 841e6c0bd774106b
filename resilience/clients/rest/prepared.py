"""
Finished requests: what ``requests.Session.send`` and the ``send`` of httpx's clients take.

Every request of a client ends there, those of ``stream`` and of the short methods too; and scripts build requests
themselves, with ``prepare_request`` and ``build_request`` (requests 2.34, sessions.py; httpx 0.28, _client.py; read
2026-11-28).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from resilience.clients.common.bypass import Bypass
from resilience.clients.common.fields import attribute
from resilience.clients.rest.calls import MAX_BODY_BYTES, RestRequest, host_of, is_stream, library_of, repeats_itself

_LENGTH: Final = "Content-Length"

_READ_ONCE: Final = "the body is read while it is sent, so that another attempt would send nothing; give it as bytes"


def prepared_in(args: Sequence[object], kwargs: Mapping[str, object]) -> Any:
    """Return the finished request among the arguments of ``client.send``."""
    return args[0] if args else kwargs.get("request")


def request_of_prepared(prepared: object) -> RestRequest | None:
    """Return what a finished request asks for; None if it is none."""
    method, url = attribute(prepared, "method"), attribute(prepared, "url")
    if not isinstance(method, str) or url is None:
        return None
    try:
        parts = urlsplit(str(url))
        return RestRequest(method.upper(), host_of(parts), parts.path or "/", said_in(prepared))
    except ValueError:
        return None


def uncovered(client: object, prepared: object) -> Bypass | None:
    """Say why a finished request cannot be a call of a policy; None if it can."""
    library = library_of(client)
    why = repeats_itself(client)
    if why is not None:
        return Bypass(f"{library} with an adapter that repeats by itself", why)
    if is_sent_once(prepared):
        return Bypass(f"{library} with a body that can be read once", _READ_ONCE)
    return None


def is_sent_once(prepared: object) -> bool:
    """Tell whether the body of a finished request is gone when it has been sent."""
    kind = type(prepared).__module__.partition(".")[0]
    if kind == "httpx":
        # Whatever is no generator and no file is in memory since the request was made, but for forms with files: httpx
        # goes back to the beginning of each before it sends it again.
        fields = attribute(attribute(prepared, "stream"), "fields")
        is_form = isinstance(fields, list) and all(_is_kept(attribute(field, "file")) for field in fields)
        return not is_form and not hasattr(prepared, "_content")
    return is_stream(attribute(prepared, "body"))


def _is_kept(file: object) -> bool:
    """Tell whether the content of a field of a form is there to be sent again."""
    seekable = attribute(file, "seekable")
    return isinstance(file, bytes | str | None) or (callable(seekable) and bool(seekable()))


def said_in(prepared: object) -> object:
    """Return what the JSON body of a finished request says; None where it has none that can be read."""
    text = body_of(prepared)
    if not text or len(text) > MAX_BODY_BYTES:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def body_of(prepared: object) -> bytes | str | None:
    """Return the body of a finished request, as far as it is in memory."""
    held = attribute(prepared, "_content")
    text = attribute(prepared, "body") if held is None else held
    return text if isinstance(text, bytes | str) else None


def with_said(prepared: Any, changes: Mapping[str, object]) -> Any:
    """
    Return a copy of a finished request with other values for some keys of its JSON body.

    Raises:
        LookupError: It has no JSON object for a body.
    """
    said = said_in(prepared)
    if not isinstance(said, Mapping):
        raise LookupError(", ".join(changes))  # noqa: TRY004  # a field that is not there, as for every other form
    return copied(prepared, body=json.dumps({**said, **changes}).encode())


def copied(prepared: Any, *, url: str | None = None, body: bytes | None = None) -> Any:
    """Return a copy of a finished request, with another URL or another body where these are given."""
    if type(prepared).__module__.partition(".")[0] == "httpx":
        # Not copy.copy: httpx leaves the body out of a copy, as it does when a request is pickled.
        fresh = object.__new__(type(prepared))
        vars(fresh).update(vars(prepared))
        fresh.headers = prepared.headers.copy()
        if url is not None:
            fresh.url = type(prepared.url)(url)
        if body is not None:
            httpx: Any = sys.modules["httpx"]
            fresh._content, fresh.stream = body, httpx.ByteStream(body)  # where httpx keeps it
    else:
        fresh = prepared.copy()
        fresh.url = fresh.url if url is None else url
        fresh.body = fresh.body if body is None else body
    if body is not None:
        fresh.headers[_LENGTH] = str(len(body))
    return fresh
