"""Read and write requests of Alibaba's present SDK: models, and the ``OpenApiRequest`` of generic methods."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.common.request_codecs import RequestCodec, RequestCodecs

# The class that the generic methods take: query, headers, and a body of any kind.
OPEN_API_REQUEST: Final = "OpenApiRequest"


def is_read_once(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether the SDK can send a request only once, because its body is a stream."""
    return any(
        _is_open_api_request(value) and not isinstance(getattr(value, "stream", None), bytes | str | None)
        for value in (*args, *kwargs.values())
    )


def _is_open_api_request(value: Any) -> bool:
    return type(value).__name__ == OPEN_API_REQUEST


def _read_open_api_request(request: Any) -> Mapping[str, Any]:
    body = request.body if isinstance(request.body, Mapping) else {}
    return {**(request.query or {}), **body}


def _write_open_api_request(request: Any, changes: Mapping[str, Any]) -> Any:
    fresh = copy.copy(request)
    in_body = changes.keys() & (request.body.keys() if isinstance(request.body, Mapping) else ())
    if in_body:
        fresh.body = {**request.body, **{name: changes[name] for name in in_body}}
    fresh.query = {**(request.query or {}), **{name: value for name, value in changes.items() if name not in in_body}}
    return fresh


def _is_tea_model(value: Any) -> bool:
    # Runtime options are a model too, so the class must also be named as a request.
    return callable(getattr(value, "to_map", None)) and any(
        cls.__name__.endswith("Request") for cls in type(value).__mro__
    )


def _write_tea_model(request: Any, changes: Mapping[str, Any]) -> Any:
    fresh = copy.deepcopy(request)
    fresh.from_map({**request.to_map(), **changes})
    return fresh


CODECS: Final[RequestCodecs] = (
    RequestCodec(_is_open_api_request, _read_open_api_request, _write_open_api_request),
    RequestCodec(_is_tea_model, lambda request: request.to_map(), _write_tea_model),
)
