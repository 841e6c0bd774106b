"""Models of answers that SDKs generate, filled with what is known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

_REQUEST_ID: Final = "RequestId"


def model(module: str, operation: str) -> Any:
    """
    Return the class of an operation's answer.

    Raises:
        LookupError: The module has none.
    """
    found = getattr(sys.modules.get(module), f"{operation}Response", None)
    if found is None:
        raise LookupError(f"{module} has no {operation}Response")
    return found


def filled(make: Callable[[Mapping[str, Any]], Any], said: Mapping[str, Any]) -> Any:
    """Make an answer; without the request's fields if one of them is of another type in the answer."""
    try:
        return make(said)
    except Exception:  # noqa: BLE001  # models are generated, and may do anything with a value of another type
        return make({_REQUEST_ID: said[_REQUEST_ID]})
