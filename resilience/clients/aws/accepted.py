"""
Make the answer of an accepted call: a mapping, as botocore returns it.

The answer has the fields that it shares with the request. Its other fields are missing: the service was not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

REQUEST_ID: Final = "RequestId"


def names(client: Any, operation: str) -> frozenset[str]:
    """Return the fields that an answer may have."""
    shape = client.meta.service_model.operation_model(operation).output_shape
    return frozenset((REQUEST_ID, *(() if shape is None else shape.members)))


def made(fields: Mapping[str, Any], status: int | None = 200) -> dict[str, Any]:
    """Return an answer with some fields, and the request id where botocore has it."""
    rest = dict(fields)
    metadata = {REQUEST_ID: rest.pop(REQUEST_ID, ""), "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
    return {**rest, "ResponseMetadata": metadata}


def shaped(answer: str, fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG001  # there is one kind of answer
    """Return an answer of ``_make_api_call``."""
    return made(fields)
