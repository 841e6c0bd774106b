"""What is known of the calls of one client method: how its request, its answer and its errors are read."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, Protocol

from attrs import frozen

from resilience.clients import registry, rest
from resilience.clients.answers import checker
from resilience.clients.common import naming
from resilience.clients.common.asking import Purchases
from resilience.clients.sdk import Sdk
from resilience.clients.surface import (
    Method,
    accepted_answer,
    fields_of,
    plain_client,
    request_in,
    service_error,
    shaped,
    with_fields,
)
from resilience.clients.surface.generic import Answer
from resilience.core.fault import Fault
from resilience.core.policy import Source
from resilience.engine.arguments import Arguments, Fields
from resilience.engine.disguise import disguised
from resilience.engine.restcalls import RestFields, template_of
from resilience.engine.underway import as_attempt


class Side(Protocol):
    """What is known of the calls of one client method, for one operation."""

    @property
    def client(self) -> Any:
        """The client."""
        ...

    @property
    def provider(self) -> str:
        """Whose operation it is."""
        ...

    @property
    def operation(self) -> str:
        """Its name."""
        ...

    @property
    def check(self) -> Callable[[object], Fault | None]:
        """What tells the fault in an answer that the client took for a success."""
        ...

    @property
    def returns_refusals(self) -> bool:
        """Whether a script expects an answer that says what the service refused, and no exception."""
        ...

    @property
    def options_may_retry(self) -> bool:
        """Whether the options of one call may ask the client for retries of its own."""
        ...

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call without the retries that its options ask for."""
        ...

    def fields(self) -> Fields:
        """Return where request fields are in the arguments of the method."""
        ...

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:
        """Return the answer of a call that a policy takes for a success."""
        ...

    def error(self, ours: Exception, last: Fault | None) -> Exception:
        """Return an error of ours as the script expects errors."""
        ...

    def verifier(self, unique: tuple[str, ...]) -> Callable[..., Any] | None:
        """
        Return the ready-made verifier of the operation, if there is one.

        Args:
            unique: The request fields by which a purchase is told from all others; empty where nobody has said it.
        """
        ...


@frozen(eq=False, slots=False)
class SdkSide:
    """Calls of a vendor's SDK."""

    client: Any
    method: Method
    operation: str

    @property
    def provider(self) -> str:
        """Whose operation it is."""
        return self.method.provider

    @property
    def check(self) -> Callable[[object], Fault | None]:
        """What tells the fault in an answer."""
        return checker(self.provider, self.operation)

    @property
    def returns_refusals(self) -> bool:
        """Whether a script expects an answer that says what the service refused."""
        return self.method.generic is not None and self.method.generic.returns_refusals

    @cached_property
    def options_may_retry(self) -> bool:
        """Whether the options of one call may ask the client for retries of its own."""
        return self._sdk.options_may_retry(self.client)

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call without the retries that its options ask for."""
        return self._sdk.without_retries(args, kwargs)

    @property
    def _sdk(self) -> Sdk:
        found = registry.of_class(type(self.client))
        if found is None:
            raise LookupError(f"{type(self.client).__qualname__} is of no known SDK")
        return found

    def fields(self) -> Fields:
        """Return where request fields are: in whatever form of request the method takes."""
        return RequestFields(self.provider)

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:
        """Return an answer of the SDK's own type."""
        request_id = None if fault is None else fault.request_id
        return accepted_answer(self.method, self.client, args, kwargs, self.operation, request_id)

    def error(self, ours: Exception, last: Fault | None) -> Exception:
        """Return an error that is the SDK's too."""
        return disguised(ours, lambda fault, message: service_error(self.client, fault, message), last)

    def verifier(self, unique: tuple[str, ...]) -> Callable[..., Any] | None:
        """Return the ready-made verifier, which asks with the client itself, past its cover."""
        client, name = plain_client(self.client), f"{self.provider}:{self.operation}"
        make = self._sdk.verifiers if self.method.generic is None else self._sdk.generic_verifiers
        # A client for credentials, or of an old SDK: nothing of it can be looked for.
        found = (make(client, Purchases(fields=unique)) or {}).get(name)
        if found is not None and self.method.generic is not None:
            found = _as_answer(found, self.method.generic.answer)
        # What a verifier asks belongs to the call that it is asked for.
        return None if found is None else as_attempt(found)


@frozen(eq=False)
class RestSide:
    """Requests to an API that ``[sources]`` describes."""

    client: Any
    provider: str
    operation: str
    source: Source
    is_send: bool

    @property
    def check(self) -> Callable[[object], Fault | None]:
        """What tells the fault in an answer of any status."""
        return partial(rest.fault_of, self.source, self.provider)

    @property
    def returns_refusals(self) -> bool:
        """Whether a script expects an answer that says what was refused: clients of plain HTTP raise nothing."""
        return True

    @property
    def options_may_retry(self) -> bool:
        """Whether the options of one call may ask for retries: what repeats is an adapter of the client."""
        return False

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments as they are."""
        return args, kwargs

    def fields(self) -> RestFields:
        """Return where request fields are: in path, query and body, of the arguments or of a finished request."""
        return RestFields(self.client, template_of(self.source, self.operation), self.is_send)

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:  # noqa: ARG002  # an answer of plain HTTP has no place for its request id
        """Return an answer of the client's own type that says 200."""
        prepared = rest.prepared_in(args, kwargs) if self.is_send else None
        return rest.accepted_response(self.client, prepared, args, kwargs)

    def error(self, ours: Exception, last: Fault | None) -> Exception:  # noqa: ARG002  # as for SDKs
        """Return the error: a client of plain HTTP has none for what a service says."""
        return ours

    def verifier(self, unique: tuple[str, ...]) -> None:
        """Return None: what looks depends on what the policy says of the operation."""


@frozen
class RequestFields:
    """Finds request fields in the arguments of an SDK's method, whatever form its request has."""

    provider: str

    def can_hold(self, _: str) -> bool:
        """Return whether a call may carry a field: any request may."""
        return True

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return the value of a field, or None if it is not there or no string."""
        value = fields_of(self.provider, args, kwargs).get(field_name)
        return value if isinstance(value, str) else None

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return what a field says, whatever its type, as a ledger's key has it; None if it says nothing."""
        return naming.text_of(naming.at(fields_of(self.provider, args, kwargs), field_name))

    def may_name(self) -> tuple[str, ...]:
        """Return no field: which ones a request has is seen in a call."""
        return ()

    def replace(self, field_name: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """
        Return the arguments with another value for a field; the request is copied, not changed.

        Raises:
            LookupError: The request has no such field.
        """
        if self.get(field_name, args, kwargs) is None:
            raise LookupError(field_name)
        changed, named = with_fields(self.provider, args, kwargs, {field_name: value})
        return changed, dict(named)

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request."""
        return dict(fields_of(self.provider, args, kwargs))


def held(function: Callable[..., Any], source: Source) -> Callable[..., Any]:
    """Return a method of an HTTP client that also reads what its answer leaves unread, where the policy needs it."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def read_async(*args: Any, **kwargs: Any) -> Any:
            return await rest.hold_async(source, await function(*args, **kwargs))

        return read_async

    @functools.wraps(function)
    def read(*args: Any, **kwargs: Any) -> Any:
        return rest.hold(source, function(*args, **kwargs))

    return read


def _as_answer(verifier: Callable[..., Any], answer: Answer) -> Callable[..., Any]:
    """Return a verifier whose value has the form of what a method for any operation returns."""

    def found(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return None if value is None else shaped(answer, value["Response"], args, kwargs)

    if inspect.iscoroutinefunction(verifier):

        async def verify_async(*args: Any, **kwargs: Any) -> Any:
            return found(await verifier(*args, **kwargs), args, kwargs)

        return verify_async

    def verify(*args: Any, **kwargs: Any) -> Any:
        return found(verifier(*args, **kwargs), args, kwargs)

    return verify


def of_request(verifier: Callable[..., Any], provider: str) -> Callable[..., Any]:
    """
    Return a verifier that takes whatever an SDK's method takes.

    Alibaba's short methods, which scripts call, add runtime options to the request, of which a verifier that takes one
    argument need not know; nor need it know of the parameters of a method for any operation.
    """
    try:
        inspect.signature(verifier).bind("request", "options")
    except TypeError:
        pass
    except ValueError:
        return verifier
    else:
        return verifier

    def of_first(*args: Any, **kwargs: Any) -> Any:
        return verifier(request_in(provider, args, kwargs))

    return of_first
