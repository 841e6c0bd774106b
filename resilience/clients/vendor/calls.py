"""The methods of a vendor's client, and the calls of one operation, as an engine asks for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from attrs import frozen

from resilience.catalog import catalogue, providers
from resilience.clients.common.answer_fields import complete
from resilience.clients.common.bypass import Bypass
from resilience.clients.common.calls import Check
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.common.originals import plain_client
from resilience.clients.common.request_forms import RequestFields, fields_of, request_in
from resilience.clients.vendor.facts import Generic, VendorFacts
from resilience.core.fault import Fault

_REQUEST_ID: Final = "RequestId"

_READ_ONCE: Final = "the stream is read while it is sent, so that another attempt would send nothing; give it as bytes"
_STREAM: Final = "{} sends when its answer is read, where there is no call to put under a policy; use {}"


@frozen
class SdkMethod:
    """
    One method of a client.

    Attributes:
        sdk: The adapter.
        name: The attribute of the client class.
        is_async: Whether it is a coroutine function, or returns an asynchronous iterator.
        operation: The operation that it performs, or None where each call says it.
        generic: What is known of a method whose calls say their operation; None for the others.
    """

    sdk: VendorFacts
    name: str
    is_async: bool
    operation: str | None
    generic: Generic | None = None

    @property
    def provider(self) -> str:
        """The provider whose catalogue knows its operations."""
        return self.sdk.provider

    @property
    def constant(self) -> tuple[str, str] | None:
        """The provider and the operation of every call; None where each call says it."""
        return None if self.operation is None else (self.provider, self.operation)

    @property
    def instead(self) -> str | None:
        """Another method that does the same without repeating."""
        return None if self.generic is None else self.generic.instead

    @property
    def sends_late(self) -> str | None:
        """Why there is no call to put under a policy, where it sends when its answer is read."""
        late = None if self.generic is None else self.generic.read_instead
        return None if late is None else _STREAM.format(self.name, late)

    @property
    def may_be_telemetry(self) -> bool:
        """Whether an exporter of telemetry may use the same method: none uses a vendor's SDK."""
        return False

    def call_of(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, str] | None:
        """
        Return the provider and the operation of one call.

        None if the call is none of ours: for another product, none of the SDK's
        requests, or made by the SDK to sign another.

        Args:
            client: The client that the method is called on.
            args: The arguments, without the client.
            kwargs: The arguments by name.
        """
        operation = self.operation if self.generic is None else self.generic.operation_of(client, args, kwargs)
        return None if operation is None else (self.provider, operation)

    def uncovered(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bypass | None:  # noqa: ARG002
        """Say why a call cannot be made again as it was given; None if it can."""
        if self.generic is None or not self.sdk.is_read_once(args, kwargs):
            return None
        return Bypass(f"{self.name} with a stream that can be read once", _READ_ONCE)

    def on(self, client: Any, call: tuple[str, str]) -> SdkOperation:
        """Return what is known of calls of an operation, on one client."""
        return SdkOperation(client, self, call[1])

    def attempt(self, function: Callable[..., Any], call: tuple[str, str]) -> Callable[..., Any]:  # noqa: ARG002
        """Return the method's function as it is."""
        return function


@frozen(eq=False, slots=False)
class SdkOperation:
    """Calls of an operation by a method of an SDK's client."""

    client: Any
    method: SdkMethod
    operation: str
    source: None = None

    @property
    def sdk(self) -> VendorFacts:
        """The adapter."""
        return self.method.sdk

    @property
    def provider(self) -> str:
        """Whose operation it is."""
        return self.sdk.provider

    @property
    def check(self) -> Check:
        """What tells the fault in an answer."""
        return self.sdk.checker(self.operation)

    def complete(self, fields: tuple[str, ...]) -> Check:
        """Return the check that also takes an answer for garbled which lacks one of some fields."""
        return complete(self.provider, fields, self.check)

    @property
    def returns_refusals(self) -> bool:
        """Whether a script expects an answer that says what the service refused."""
        return self.method.generic is not None and self.method.generic.returns_refusals

    @cached_property
    def options_may_retry(self) -> bool:
        """Whether the options of one call may ask the client for retries of its own."""
        return self.sdk.options_may_retry(self.client)

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call without the retries that its options ask for."""
        return self.sdk.without_retries(args, kwargs)

    def fields(self) -> RequestFields:
        """Return where request fields are: in whatever form of request the method takes."""
        return RequestFields(self.provider, self.sdk.forms, self.sdk.places)

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:
        """
        Return a good answer of the SDK's own type.

        Fields that request and answer share by name have the request's value; all others are empty, whatever the
        service has made, such as the id of an instance, included. A field that says whether the call worked says that
        it did.
        """
        base = self.sdk.client_class(type(self.client))
        if base is None:
            cls = type(self.client)
            raise LookupError(f"{cls.__module__}.{cls.__qualname__} is no client of a known SDK")
        request_id = None if fault is None else fault.request_id
        said = {**fields_of(self.sdk.forms, args, kwargs), _REQUEST_ID: request_id or ""}
        if self.method.generic is None:
            return self.sdk.answer(base, self.operation, said)
        known = self.sdk.answer_names(self.client, self.operation)
        fields: dict[str, Any] = {name: value for name, value in said.items() if name in known}
        verdict = self._verdict()
        if verdict is not None:
            fields[verdict] = True
        return self.sdk.shaped(self.method.generic.answer, fields, args, kwargs)

    def _verdict(self) -> str | None:
        """Return the field that says whether the call worked, if answers have one."""
        facts = catalogue(self.provider).operation(self.operation) if self.provider in providers() else None
        return None if facts is None else facts.verdict

    def error(self, fault: Fault, message: str) -> Exception | None:
        """Return the exception that the SDK raises for such a failure."""
        return self.sdk.service_error(fault, message)

    def verifier(
        self,
        send: Callable[..., Any],  # noqa: ARG002  # it asks with a client that has no cover
        read_back: str | None,  # noqa: ARG002  # the adapter knows what to ask
        unique: tuple[str, ...],
        unclear: Callable[[Fault, str, Any], Exception],  # noqa: ARG002  # it raises the SDK's own errors
    ) -> Verifier | None:
        """Return the ready-made verifier, which asks with the client itself, past its cover."""
        make = self.sdk.verifiers if self.method.generic is None else self.sdk.generic_verifiers
        # A client for credentials, or of an old SDK: nothing of it can be looked for.
        ready = make(plain_client(self.client), Purchases(fields=unique)) or {}
        found = ready.get(f"{self.provider}:{self.operation}")
        return found if found is None or self.method.generic is None else self._shaped(found)

    def _shaped(self, verifier: Verifier) -> Verifier:
        """Return a verifier whose value has the form of what the method for any operation returns."""
        answer = "" if self.method.generic is None else self.method.generic.answer

        def found(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
            return None if value is None else self.sdk.shaped(answer, value["Response"], args, kwargs)

        if inspect.iscoroutinefunction(verifier):

            async def verify_async(*args: Any, **kwargs: Any) -> Any:
                return found(await verifier(*args, **kwargs), args, kwargs)

            return verify_async

        def verify(*args: Any, **kwargs: Any) -> Any:
            return found(verifier(*args, **kwargs), args, kwargs)

        return verify

    def takes(self, verifier: Verifier) -> Verifier:
        """
        Return a verifier that takes whatever the method takes.

        A method may add options to the request, of which a verifier that takes one argument need not know; nor need
        it know of the parameters of a method for any operation.
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
            return verifier(request_in(self.sdk.forms, args, kwargs))

        return of_first
