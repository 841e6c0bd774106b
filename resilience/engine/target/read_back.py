"""
Make a verifier of the operation that the policy names in ``read_back``.

The function of that operation takes the fields of the key as its parameters. A value means "there"; None and the
status 404 mean "not there".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from resilience.core.fault import Fault
from resilience.engine.runtime.worker_threads import is_coroutine_function
from resilience.engine.target.arguments import Signature
from resilience.engine.target.operations import Operation


class BoundOperation(Protocol):
    """A function, its operation, and the translation of its errors."""

    @property
    def function(self) -> Callable[..., Any]:
        """The user's function."""

    @property
    def operation(self) -> Operation:
        """The operation of the function."""

    @property
    def signature(self) -> object:
        """The reader of request fields in its arguments."""

    def faults(self, error: Exception) -> tuple[Fault, ...] | None:
        """Return the faults in an error, one for each part of a group; None for a programming error."""


def read_back(creates: BoundOperation, asks: BoundOperation) -> Callable[..., Any] | None:
    """Return a verifier for one function that calls another one; None if that needs more than the key's fields."""
    target, given = asks.signature, creates.signature
    if not isinstance(target, Signature) or not isinstance(given, Signature):
        return None
    names = {name: parameter for name in creates.operation.key if (parameter := target.parameter_of(name)) is not None}
    if not names or set(target.needed) - {"self"} - set(names.values()):
        return None
    takes_self = target.needed[:1] == ("self",)

    def called(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        named = {parameter: given.value(name, args, kwargs) for name, parameter in names.items()}
        return asks.function(*(args[:1] if takes_self else ()), **named)

    async def ask(*args: Any, **kwargs: Any) -> Any:
        try:
            return await called(args, kwargs)
        except Exception as error:
            if _is_absence(asks, error):
                return None
            raise

    def ask_plainly(*args: Any, **kwargs: Any) -> Any:
        try:
            return called(args, kwargs)
        except Exception as error:
            if _is_absence(asks, error):
                return None
            raise

    return ask if is_coroutine_function(asks.function) else ask_plainly


def _is_absence(asks: BoundOperation, error: Exception) -> bool:
    faults = asks.faults(error)
    return faults is not None and all(fault.status == HTTPStatus.NOT_FOUND for fault in faults)
