"""The requests of one operation of a REST API: their fields, their checks and their read-back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any, Final

from attrs import frozen

from resilience.clients.common import naming
from resilience.clients.common.calls import Arguments, Check
from resilience.clients.common.fields import attribute, http_status
from resilience.clients.common.lookups import Verifier
from resilience.clients.common.renaming import Renaming
from resilience.clients.rest.accepted import accepted_response
from resilience.clients.rest.answers import fault_of, lacks
from resilience.clients.rest.fields import (
    asking,
    asking_prepared,
    fields_of,
    fields_of_prepared,
    with_field,
    with_field_prepared,
)
from resilience.clients.rest.prepared import prepared_in
from resilience.core.fault import Fault
from resilience.core.operations.apis import RequestTemplate, RestApi

_SUCCESS: Final = range(200, 300)


@frozen(eq=False)
class RestFields:
    """
    Reads and replaces fields of a request, in its path, its query and its body.

    Attributes:
        client: The client.
        provider: The provider of the API.
        template: The template of the operation's requests; None if there is none.
        is_send: Whether the method takes finished requests.
    """

    client: Any
    provider: str
    template: RequestTemplate | None
    is_send: bool

    def can_hold(self, _: str) -> bool:
        """Return True: any request may have the field."""
        return True

    def may_name(self) -> tuple[str, ...]:
        """Return no field: the fields of a request are known only in a call."""
        return ()

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return the value of a field; None if it is missing or no string."""
        value = naming.at(self.bound(args, kwargs), field_name)
        return value if isinstance(value, str) else None

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return the value of a field of any type as text for a ledger's key; None if it is missing or has no text."""
        return naming.text_of(naming.at(self.bound(args, kwargs), field_name))

    def replace(self, field_name: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """
        Return the arguments with another value for a field; the request is copied, not changed.

        Raises:
            LookupError: The request has no such field, or the field cannot be changed.
        """
        if not self.is_send:
            return with_field(self.client, self.template, (args, dict(kwargs)), field_name, value)
        fresh = with_field_prepared(self.template, prepared_in(args, kwargs), field_name, value)
        return ((fresh, *args[1:]), dict(kwargs)) if args else (args, {**kwargs, "request": fresh})

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request."""
        if self.is_send:
            return fields_of_prepared(self.template, prepared_in(args, kwargs))
        return fields_of(self.client, self.template, args, kwargs)

    def under_new_names(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], changes: Mapping[Renaming, str], created: str | None
    ) -> Arguments:
        """Return the arguments with the new names of resources that this run has renamed."""
        fields = self.bound(args, kwargs)
        values = {naming.text_of(value) for value in fields.values()}
        for each, new in changes.items():
            is_named = each.field != created and each.provider == self.provider
            is_here = is_named and naming.at(fields, each.field) == each.old
            if is_here and all(part in values for part in each.scope.split("\0") if part):
                args, kwargs = self.replace(each.field, new, args, kwargs)
        return args, kwargs


@frozen(eq=False)
class RestOperation:
    """The requests of one operation of an API that ``[sources]`` describes."""

    client: Any
    provider: str
    operation: str
    source: RestApi
    is_send: bool
    host: str = ""  # the hosts of one API count together

    @property
    def check(self) -> Check:
        """The check of an answer of any status."""
        return partial(fault_of, self.source, self.provider)

    def complete(self, fields: tuple[str, ...]) -> Check:
        """Return the check that also finds an answer ``garbled`` if one of some fields is missing."""
        check = self.check

        def checked(value: object) -> Fault | None:
            fault = check(value)
            if fault is not None or not lacks(fields, value):
                return fault
            return Fault(provider=self.provider, transport="garbled", effect="unknown")

        return checked

    @property
    def returns_refusals(self) -> bool:
        """True: a client of plain HTTP returns a refusal, and raises no exception for it."""
        return True

    @property
    def options_may_retry(self) -> bool:
        """False: the options of one call cannot make the client retry."""
        return False

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments unchanged."""
        return args, kwargs

    def fields(self) -> RestFields:
        """Return the reader of request fields in the arguments of the method."""
        return RestFields(self.client, self.provider, self.source.template(self.operation), self.is_send)

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:  # noqa: ARG002  # an answer of plain HTTP has no request id
        """Return an answer of the client's own type with status 200."""
        prepared = prepared_in(args, kwargs) if self.is_send else None
        return accepted_response(self.client, prepared, args, kwargs)

    def error(self, fault: Fault, message: str) -> Exception | None:  # noqa: ARG002
        """Return None: a client of plain HTTP has no exception for a refusal of a service."""
        return None

    def takes(self, verifier: Verifier) -> Verifier:
        """Return a verifier unchanged: it accepts the arguments of the client's method."""
        return verifier

    def verifier(
        self,
        send: Callable[..., Any],
        read_back: str | None,
        unique: tuple[str, ...],  # noqa: ARG002  # the policy names the read-back
        unclear: Callable[[Fault, str, Any], Exception],
        *,
        discards: bool,
    ) -> Verifier | None:
        """
        Return a verifier that sends the read-back with the same client and the fields of the request.

        A success means "there", and the status 404 means "not there". The verifier raises an error for any other
        answer, so that a policy can wait and ask again.
        """
        template = self.source.template(read_back or "")
        if template is None or discards:
            return None
        fields, check = self.fields(), self.check

        def question(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
            found = fields.bound(args, kwargs)
            if not self.is_send:
                return asking(self.client, template, found, args, kwargs)
            fresh = asking_prepared(template, found, prepared_in(args, kwargs))
            kept = {name: value for name, value in kwargs.items() if name != "request"}
            return (fresh, *args[1:]), kept

        def found(answer: Any) -> Any:
            fault, status = check(answer), http_status(attribute(answer, "status_code"))
            if status == HTTPStatus.NOT_FOUND:
                return None
            if fault is None and status in _SUCCESS:
                return answer
            fault = fault or Fault(transport="garbled", status=status)
            raise unclear(fault, f"{template.operation} does not say whether it is there", answer)

        if iscoroutinefunction(send):

            async def verify_async(*args: Any, **kwargs: Any) -> Any:
                asked, named = question(args, kwargs)
                return found(await send(*asked, **named))

            return verify_async

        def verify(*args: Any, **kwargs: Any) -> Any:
            asked, named = question(args, kwargs)
            return found(send(*asked, **named))

        return verify
