"""Read and write requests of Tencent's SDK: models, mappings and JSON text."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.common.fields import json_object
from resilience.clients.common.request_codecs import RequestCodec, RequestCodecs


def _write_model(request: Any, changes: Mapping[str, Any]) -> Any:
    # The SDK's own methods call these; the public ones take JSON text. A deep copy, since each call writes headers.
    fresh = copy.deepcopy(request)
    known = request._serialize(allow_none=True)  # noqa: SLF001
    fresh._deserialize({name: value for name, value in {**known, **changes}.items() if name in known})  # noqa: SLF001
    return fresh


def _write_text(text: str | bytes, changes: Mapping[str, Any]) -> str | bytes:
    written = json.dumps({**json_object(text), **changes}, ensure_ascii=False)
    return written.encode() if isinstance(text, bytes) else written


def _is_json(value: object) -> bool:
    return isinstance(value, str | bytes) and bool(json_object(value))


CODECS: Final[RequestCodecs] = (
    RequestCodec(
        lambda value: callable(getattr(value, "_serialize", None)),
        lambda request: request._serialize(),  # noqa: SLF001  # see _write_model
        _write_model,
    ),
    RequestCodec(
        lambda value: isinstance(value, Mapping),
        lambda request: request,
        lambda request, changes: {**copy.deepcopy(dict(request)), **changes},
    ),
    RequestCodec(_is_json, json_object, _write_text),
)
