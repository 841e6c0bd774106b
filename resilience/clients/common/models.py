"""Make answers of an SDK's own generated model classes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

_REQUEST_ID: Final = "RequestId"


def model(module: str, operation: str) -> Any:
    """
    Return the class of an operation's answer.

    Raises:
        LookupError: The module has no class for it.
    """
    found = getattr(sys.modules.get(module), f"{operation}Response", None)
    if found is None:
        raise LookupError(f"{module} has no {operation}Response")
    return found


def filled(make: Callable[[Mapping[str, Any]], Any], fields: Mapping[str, Any]) -> Any:
    """Make an answer with some fields; with the request id alone if one of them has another type in the answer."""
    try:
        return make(fields)
    except Exception:  # noqa: BLE001  # models are generated, and may do anything with a value of another type
        return make({_REQUEST_ID: fields[_REQUEST_ID]})
