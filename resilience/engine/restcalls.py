"""Requests to an API that the policy describes: their fields, and the verifier that asks what reads them back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any

from attrs import frozen

from resilience.clients import rest
from resilience.clients.common import naming
from resilience.clients.common.fields import attribute, http_status
from resilience.clients.sdk import Check
from resilience.clients.surface import Renaming
from resilience.core.fault import Fault
from resilience.core.policy import Source, Template
from resilience.engine.arguments import Arguments
from resilience.engine.errors import ServiceError

_SUCCESS = range(200, 300)


def template_of(source: Source, operation: str) -> Template | None:
    """Return how the requests of an operation look; None where the policy does not say."""
    return next((each for each in source.operations if each.operation == operation), None)


@frozen(eq=False)
class RestFields:
    """
    Finds fields in a request: in its path, its query or its body.

    Attributes:
        client: The client.
        template: How the requests of the operation look.
        is_send: Whether the requests are finished ones, for ``send``.
    """

    client: Any
    template: Template | None
    is_send: bool

    def can_hold(self, _: str) -> bool:
        """Return whether a call may carry a field: any request may."""
        return True

    def may_name(self) -> tuple[str, ...]:
        """Return no field: which ones a request has is seen in a call."""
        return ()

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return the value of a field, or None if it is not there or no string."""
        value = naming.at(self.bound(args, kwargs), field_name)
        return value if isinstance(value, str) else None

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return what a field says, whatever its type, as a ledger's key has it; None if it says nothing."""
        return naming.text_of(naming.at(self.bound(args, kwargs), field_name))

    def replace(self, field_name: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """
        Return the arguments with another value for a field; the request is copied, not changed.

        Raises:
            LookupError: The request has no such field, or has it where it cannot be changed.
        """
        if not self.is_send:
            return rest.with_field(self.client, self.template, (args, dict(kwargs)), field_name, value)
        fresh = rest.with_field_prepared(self.template, rest.prepared_in(args, kwargs), field_name, value)
        return ((fresh, *args[1:]), dict(kwargs)) if args else (args, {**kwargs, "request": fresh})

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request."""
        if self.is_send:
            return rest.fields_of_prepared(self.template, rest.prepared_in(args, kwargs))
        return rest.fields_of(self.client, self.template, args, kwargs)

    def under_new_names(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], provider: str, changes: Mapping[Renaming, str]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments with the new name of what this run has renamed, where the request names it."""
        fields = self.bound(args, kwargs)
        said = {naming.text_of(value) for value in fields.values()}
        for each, new in changes.items():
            is_here = each.provider == provider and naming.at(fields, each.field) == each.old
            if is_here and all(part in said for part in each.scope.split("\0") if part):
                args, kwargs = self.replace(each.field, new, args, kwargs)
        return args, kwargs


def complete(fields: tuple[str, ...], provider: str, check: Check) -> Check:
    """Return a check that also takes an answer for garbled which lacks one of some fields."""

    def checked(value: object) -> Fault | None:
        fault = check(value)
        if fault is not None or not rest.lacks(fields, value):
            return fault
        return Fault(provider=provider, transport="garbled", effect="unknown")

    return checked


def verifier_of(function: Callable[..., Any], fields: RestFields, asks: Template, check: Check) -> Callable[..., Any]:
    """
    Return a verifier that asks the API whether it is there: with the same client, and the fields of the request.

    An answer that says that it worked is there; the status 404 is not. Any other leaves as an error, so that a policy
    can wait and ask again.

    Args:
        function: The client's method that sends.
        fields: Where the fields of the request are.
        asks: How the question looks.
        check: What tells the fault in an answer.
    """

    def question(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        found = fields.bound(args, kwargs)
        if not fields.is_send:
            return rest.asking(fields.client, asks, found, args, kwargs)
        fresh = rest.asking_prepared(asks, found, rest.prepared_in(args, kwargs))
        kept = {name: value for name, value in kwargs.items() if name != "request"}
        return (fresh, *args[1:]), kept

    def found(answer: Any) -> Any:
        fault, status = check(answer), http_status(attribute(answer, "status_code"))
        if status == HTTPStatus.NOT_FOUND:
            return None
        if fault is None and status in _SUCCESS:
            return answer
        fault = fault or Fault(transport="garbled", status=status)
        raise ServiceError.of(fault, f"{asks.operation} does not say whether it is there", answer=answer)

    if iscoroutinefunction(function):

        async def verify_async(*args: Any, **kwargs: Any) -> Any:
            asked, named = question(args, kwargs)
            return found(await function(*asked, **named))

        return verify_async

    def verify(*args: Any, **kwargs: Any) -> Any:
        asked, named = question(args, kwargs)
        return found(function(*asked, **named))

    return verify
