"""Requests of Alibaba's old SDK: objects with a query and a body."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.common.request_codecs import RequestCodec, RequestCodecs


def _write_acs_request(request: Any, changes: Mapping[str, Any]) -> Any:
    # A request refers to its signer, a module, which no deep copy can take.
    fresh = copy.copy(request)
    query, body = dict(request.get_query_params() or {}), dict(request.get_body_params() or {})
    for name, value in changes.items():
        (body if name in body else query)[name] = value
    fresh.set_query_params(query)
    fresh.set_body_params(body)
    fresh.set_headers(dict(request.get_headers()))
    return fresh


CODECS: Final[RequestCodecs] = (
    RequestCodec(
        lambda value: callable(getattr(value, "get_query_params", None)),
        lambda request: {**(request.get_query_params() or {}), **(request.get_body_params() or {})},
        _write_acs_request,
    ),
)
