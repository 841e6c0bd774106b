"""Make the answer of an accepted call, in the types of requests or httpx."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from resilience.clients.rest.calls import argument, body_in, library_of, url_of
from resilience.clients.rest.prepared import json_of


def accepted_response(client: object, prepared: Any, args: Sequence[object], kwargs: Mapping[str, object]) -> Any:
    """
    Return an answer with status 200 for a call that the policy accepts.

    Args:
        client: The client.
        prepared: The finished request, for a call of ``client.send``; None for one of ``client.request``.
        args: The positional arguments of the call.
        kwargs: The others.

    Returns:
        An answer of the client's own library. Its JSON body is that of the request, or an empty object if the request
        has no JSON body: the service's own answer is unknown.
    """
    body = body_in(args, kwargs) if prepared is None else json_of(prepared)
    try:
        content = json.dumps(body or {}).encode()
    except (TypeError, ValueError, RecursionError):
        content = b"{}"
    library: Any = sys.modules[library_of(client) or "requests"]
    request = _made(library, client, args, kwargs) if prepared is None else prepared
    if library.__name__ == "httpx":
        headers = {"content-type": "application/json"}
        answer = library.Response(200, headers=headers, content=content, request=request)
        answer.elapsed = timedelta()
        # The script may read a stream chunk by chunk.
        answer.is_stream_consumed = answer.is_closed = not kwargs.get("stream")
        return answer
    answer = library.Response()
    answer.status_code, answer.reason, answer.encoding = 200, "OK", "utf-8"
    answer.headers["Content-Type"] = "application/json"
    answer.raw = io.BytesIO(content)
    answer.request, answer.url = request, str(request.url)
    return answer


def _made(library: Any, client: object, args: Sequence[object], kwargs: Mapping[str, object]) -> Any:
    url = url_of(client, args, kwargs)
    request = library.Request(str(argument("method", args, kwargs)), "" if url is None else url.geturl())
    return request if library.__name__ == "httpx" else request.prepare()
