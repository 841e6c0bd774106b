"""
Read and copy finished requests, the arguments of ``send`` of requests and httpx.

Every request of a client ends in ``send``, also those of ``stream`` and of the short methods. Scripts build finished
requests too, with ``prepare_request`` and ``build_request`` (requests 2.34, sessions.py; httpx 0.28, _client.py; read
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
    """Return method, host, path and body of a finished request; None for any other object."""
    method, url = attribute(prepared, "method"), attribute(prepared, "url")
    if not isinstance(method, str) or url is None:
        return None
    try:
        parts = urlsplit(str(url))
        return RestRequest(method.upper(), host_of(parts), parts.path or "/", json_of(prepared))
    except ValueError:
        return None


def bypass_of(client: object, prepared: object) -> Bypass | None:
    """Return why no policy can apply to a finished request; None if one can."""
    library = library_of(client)
    why = repeats_itself(client)
    if why is not None:
        return Bypass(f"{library} with an adapter that repeats by itself", why)
    if is_sent_once(prepared):
        return Bypass(f"{library} with a body that can be read once", _READ_ONCE)
    return None


def is_sent_once(prepared: object) -> bool:
    """Tell whether the body of a finished request can be sent only once."""
    kind = type(prepared).__module__.partition(".")[0]
    if kind == "httpx":
        # httpx keeps a body in memory, unless it is a generator, a file, or a form with files. Of a form's files it
        # goes back to the beginning before it sends them again.
        fields = attribute(attribute(prepared, "stream"), "fields")
        is_form = isinstance(fields, list) and all(_is_kept(attribute(field, "file")) for field in fields)
        return not is_form and not hasattr(prepared, "_content")
    return is_stream(attribute(prepared, "body"))


def _is_kept(file: object) -> bool:
    """Tell whether the content of a form's field can be sent again."""
    seekable = attribute(file, "seekable")
    return isinstance(file, bytes | str | None) or (callable(seekable) and bool(seekable()))


def json_of(prepared: object) -> object:
    """Return the value of a finished request's JSON body; None if there is no JSON body, or it cannot be read."""
    text = body_of(prepared)
    if not text or len(text) > MAX_BODY_BYTES:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def body_of(prepared: object) -> bytes | str | None:
    """Return the body of a finished request; None if it is not in memory."""
    content = attribute(prepared, "_content")
    text = attribute(prepared, "body") if content is None else content
    return text if isinstance(text, bytes | str) else None


def with_json(prepared: Any, changes: Mapping[str, object]) -> Any:
    """
    Return a copy of a finished request with other values for some keys of its JSON body.

    Raises:
        LookupError: The body is no JSON object.
    """
    document = json_of(prepared)
    if not isinstance(document, Mapping):
        raise LookupError(", ".join(changes))  # noqa: TRY004  # the field is missing, as in every other form of request
    return copied(prepared, body=json.dumps({**document, **changes}).encode())


def copied(prepared: Any, *, url: str | None = None, body: bytes | None = None) -> Any:
    """Return a copy of a finished request, with another URL and another body if they are given."""
    if type(prepared).__module__.partition(".")[0] == "httpx":
        # Not copy.copy: httpx drops the body from a copy, as it does in a pickle.
        fresh = object.__new__(type(prepared))
        vars(fresh).update(vars(prepared))
        fresh.headers = prepared.headers.copy()
        if url is not None:
            fresh.url = type(prepared.url)(url)
        if body is not None:
            httpx: Any = sys.modules["httpx"]
            fresh._content, fresh.stream = body, httpx.ByteStream(body)  # httpx keeps a body in both
    else:
        fresh = prepared.copy()
        fresh.url = fresh.url if url is None else url
        fresh.body = fresh.body if body is None else body
    if body is not None:
        fresh.headers[_LENGTH] = str(len(body))
    return fresh
