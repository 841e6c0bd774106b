"""Which methods of a client make management calls, and which operation each performs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.clients.common.originals import original
from resilience.clients.common.uncovered import Uncovered
from resilience.clients.surface.generic import GENERIC, Generic
from resilience.clients.surface.requestfields import is_read_once
from resilience.clients.surface.sdks import Manner, sdk_of

# `create_group_id_with_options`, which the short methods call, and also `assume_role_with_oidcwith_options`.
_WITH_OPTIONS: Final = re.compile(r".*with_options(?:_async)?")
_RESPONSE: Final = "Response"

_READ_ONCE: Final = "the stream is read while it is sent, so that another attempt would send nothing; give it as bytes"


@frozen
class Method:
    """
    One method of a client.

    Attributes:
        name: The attribute of the client class.
        provider: The provider whose catalogue knows its operations.
        is_async: Whether it is a coroutine function, or returns an asynchronous iterator.
        operation: The operation that it performs, or None where each call says it.
        generic: What is known of a method whose calls say their operation; None for the others.
    """

    name: str
    provider: str
    is_async: bool
    operation: str | None
    generic: Generic | None = None

    def operation_of(self, client: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """
        Return the operation of one call.

        None if the call is none of ours: for another product, none of the SDK's
        requests, or made by the SDK to sign another.

        Args:
            client: The client that the method is called on.
            args: The arguments, without the client.
            kwargs: The arguments by name.
        """
        return self.operation if self.generic is None else self.generic.operation_of(client, args, kwargs)

    def uncovered(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Uncovered | None:
        """Say why a call cannot be made again as it was given; None if it can."""
        if self.generic is None or not is_read_once(args, kwargs):
            return None
        return Uncovered(f"{self.name} with a stream that can be read once", _READ_ONCE)


def methods_of(cls: type) -> dict[str, Method]:
    """
    Return the methods to cover on a client class, by attribute name; empty for any other class.

    Those of the SDK are meant, also on a class that a user derived from the SDK's; what the user adds is not.
    An operation that no catalogue knows is there all the same. The methods for one operation lead to the generic
    ones, so that a call may pass several of them: the first is the call.
    """
    found = sdk_of(cls)
    if found is None:
        return {}
    base, sdk = found
    methods: dict[str, Method] = {}
    for name, operation in _OPERATIONS[sdk.manner](base):
        function = original(inspect.getattr_static(cls, name))
        if inspect.isfunction(function):
            methods[name] = Method(name, sdk.provider, inspect.iscoroutinefunction(function), operation)
    for name, generic in GENERIC[sdk.manner].items():
        function = original(inspect.getattr_static(cls, name, None))
        if inspect.isfunction(function):
            is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
            methods[name] = Method(name, sdk.provider, is_async, None, generic)
    return methods


def _with_options(base: type) -> list[tuple[str, str]]:
    """Take the operation from the type of the answer: a method's name has lost the capitals (``with_oidcwith``)."""
    found: list[tuple[str, str]] = []
    for name, value in vars(base).items():
        if _WITH_OPTIONS.fullmatch(name) is None:
            continue
        answer = getattr(original(value), "__annotations__", {}).get("return")
        answer = answer.rpartition(".")[2] if isinstance(answer, str) else getattr(answer, "__name__", "")
        operation = answer.removesuffix(_RESPONSE)
        if operation and operation != answer:
            found.append((name, operation))
    return found


def _operations(base: type) -> list[tuple[str, str]]:
    # Operations alone are spelled with a capital.
    return [(name, name) for name, value in vars(base).items() if name[:1].isupper() and inspect.isfunction(value)]


def _request(_: type) -> list[tuple[str, str]]:
    # Requests of every class are sent by the same methods.
    return []


_OPERATIONS: Final[Mapping[Manner, Callable[[type], list[tuple[str, str]]]]] = {
    "models": _with_options,
    "operations": _operations,
    "request": _request,
}
