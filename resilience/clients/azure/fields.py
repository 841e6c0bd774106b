"""Read and replace the fields of a request, in the parameters of a method and in the body that one of them holds."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from attrs import frozen

from resilience.clients.azure.described import Described
from resilience.clients.azure.traits import PROVIDER
from resilience.clients.common import naming
from resilience.clients.common.answer_fields import spelling_of
from resilience.clients.common.calls import Arguments
from resilience.clients.common.fields import attribute, json_object
from resilience.clients.common.renaming import Renaming


def body_fields(body: Any) -> Mapping[str, Any]:
    """Return the fields of a body by their wire names: of a model, a mapping or JSON; empty for any other body."""
    if isinstance(body, Mapping):
        return body
    if not callable(attribute(body, "serialize")):
        return json_object(body)
    try:
        written = body.serialize()
    except Exception:  # noqa: BLE001  # the SDK cannot write such a model either, and will raise its own exception
        return {}
    return written if isinstance(written, Mapping) else {}


def is_stream(body: object) -> bool:
    """Tell whether a body is read while it is sent, so that it cannot be sent again."""
    return callable(attribute(body, "read"))


@frozen(slots=False)
class AzureFields:
    """
    The fields of one method's requests.

    Attributes:
        function: The SDK's own function, with the client as its first parameter.
        described: The description of the method.
        host: The host that the client sends to.
    """

    function: Callable[..., Any]
    described: Described
    host: str

    @cached_property
    def _signature(self) -> inspect.Signature:
        signature = inspect.signature(self.function)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    @cached_property
    def _named(self) -> Mapping[str, str]:
        """The parameters of the fields that name a resource."""
        return dict(zip(self.described.names, self._signature.parameters, strict=False))

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> inspect.BoundArguments | None:
        """Return the arguments by parameter; None if they do not fit the method, which will raise its own error."""
        try:
            return self._signature.bind(*args, **kwargs)
        except TypeError:
            return None

    def can_hold(self, _: str, /) -> bool:
        """Return True: the body may have the field."""
        return True

    def may_name(self) -> tuple[str, ...]:
        """Return the fields that name a resource."""
        return self.described.names

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request, with the host."""
        given = self.arguments(args, kwargs)
        if given is None:
            return {}
        body = body_fields(given.arguments.get(self.described.body or ""))
        named = {name: given.arguments.get(parameter) for name, parameter in self._named.items()}
        return {**body, **named, self.described.host: self.host}

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field; None if it is missing or no string."""
        value = self._value(field_name, args, kwargs)
        return value if isinstance(value, str) else None

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field of any type as text for a ledger's key; None if it is missing or has no text."""
        return naming.text_of(self._value(field_name, args, kwargs))

    def _value(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the value of a field; only a field of the body takes the time to write the body."""
        if field_name == self.described.host:
            return self.host
        parameter = self._named.get(field_name)
        if parameter is None:
            return naming.at(self.bound(args, kwargs), field_name)
        at = self.described.names.index(field_name)
        return args[at] if at < len(args) else kwargs.get(parameter)

    def replace(self, field_name: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Arguments:
        """
        Return the arguments with another name of a resource, also in the body, which is copied.

        Raises:
            LookupError: The field names no resource, or the arguments do not fit the method.
        """
        given, parameter = self.arguments(args, kwargs), self._named.get(field_name)
        if given is None or parameter is None:
            raise LookupError(field_name)
        given.arguments[parameter] = value
        body = given.arguments.get(self.described.body or "")
        if body is not None:
            given.arguments[self.described.body or ""] = _renamed(body, field_name, value)
        return given.args, dict(given.kwargs)

    def under_new_names(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], changes: Mapping[Renaming, str], created: str | None
    ) -> Arguments:
        """Return the arguments with the new names of resources that this run has renamed."""
        for name in self._named:
            for each, new in changes.items():
                is_here = self.host in each.scope.split("\0")
                is_named = each.provider == PROVIDER and each.field == name != created
                if is_named and is_here and self.get(name, args, kwargs) == each.old:
                    args, kwargs = self.replace(name, new, args, kwargs)
        return args, kwargs


def _renamed(body: Any, field_name: str, value: str) -> Any:
    """
    Return a copy of a body with another value for a field that it has.

    Raises:
        LookupError: The body is text or a stream, which may have the old name.
    """
    if isinstance(body, Mapping):
        return {**body, field_name: value} if field_name in body else body
    if callable(attribute(body, "serialize")):
        fresh, spelling = copy.copy(body), spelling_of(body, field_name)
        if spelling is not None:
            setattr(fresh, spelling, value)
        return fresh
    raise LookupError(field_name)
