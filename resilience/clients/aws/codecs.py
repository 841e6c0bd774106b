"""Read and write requests of botocore: mappings with the fields' wire names."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.common.request_codecs import RequestCodec, RequestCodecs


def _write(request: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {**copy.deepcopy(dict(request)), **changes}


CODECS: Final[RequestCodecs] = (RequestCodec(lambda value: isinstance(value, Mapping), lambda value: value, _write),)
