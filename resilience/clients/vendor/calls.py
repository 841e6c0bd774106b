"""The methods of a vendor's client, and the calls of one operation, as the engine needs them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from attrs import frozen

from resilience.clients.common.answer_fields import complete
from resilience.clients.common.bypass import Bypass
from resilience.clients.common.calls import Check
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.common.originals import plain_client
from resilience.clients.common.request_codecs import RequestFields, fields_of, request_in
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
        name: The name of the attribute of the client class.
        is_async: Whether the method is a coroutine function, or returns an asynchronous iterator.
        operation: The operation of the method; None for a generic method.
        generic: The description of a generic method; None for other methods.
    """

    sdk: VendorFacts
    name: str
    is_async: bool
    operation: str | None
    generic: Generic | None = None

    @property
    def provider(self) -> str:
        """The provider whose catalogue has the operations."""
        return self.sdk.provider

    @property
    def constant(self) -> tuple[str, str] | None:
        """The provider and the operation of every call; None for a generic method."""
        return None if self.operation is None else (self.provider, self.operation)

    @property
    def instead(self) -> str | None:
        """Another method that does the same without retries; None for the method itself."""
        return None if self.generic is None else self.generic.instead

    @property
    def sends_late(self) -> str | None:
        """Why no policy can apply: the method sends only when its answer is read. None for other methods."""
        late = None if self.generic is None else self.generic.read_instead
        return None if late is None else _STREAM.format(self.name, late)

    @property
    def may_be_telemetry(self) -> bool:
        """False: no exporter of telemetry uses a vendor's SDK."""
        return False

    def call_of(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, str] | None:
        """
        Return the provider and the operation of one call; None if no policy applies to it.

        No policy applies to a call for another product, to arguments without a request of the
        SDK, and to a call that the SDK makes to sign another one.

        Args:
            client: The client with the method.
            args: The arguments, without the client.
            kwargs: The arguments by name.
        """
        operation = self.operation if self.generic is None else self.generic.operation_of(client, args, kwargs)
        return None if operation is None else (self.provider, operation)

    def bypass(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bypass | None:  # noqa: ARG002
        """Return why a call cannot be repeated with these arguments; None if it can."""
        if self.generic is None or not self.sdk.is_read_once(args, kwargs):
            return None
        return Bypass(f"{self.name} with a stream that can be read once", _READ_ONCE)

    def on(self, client: Any, call: tuple[str, str]) -> SdkOperation:
        """Return the calls of an operation, on one client."""
        return SdkOperation(client, self, call[1])

    def attempt(self, function: Callable[..., Any], call: tuple[str, str]) -> Callable[..., Any]:  # noqa: ARG002
        """Return the method's function unchanged."""
        return function


@frozen(eq=False, slots=False)
class SdkOperation:
    """The calls of one operation by a method of an SDK's client."""

    client: Any
    method: SdkMethod
    operation: str
    source: None = None

    @property
    def sdk(self) -> VendorFacts:
        """The adapter."""
        return self.method.sdk

    @property
    def host(self) -> str:
        """The host that the client sends to; empty if the adapter does not know it."""
        return self.sdk.host(self.client)

    @property
    def provider(self) -> str:
        """The provider of the operation."""
        return self.sdk.provider

    @property
    def check(self) -> Check:
        """The check of a value that the method returned as a success."""
        return self.sdk.checker(self.operation)

    def complete(self, fields: tuple[str, ...]) -> Check:
        """Return the check that also finds an answer ``garbled`` if one of some fields is missing."""
        return complete(self.provider, fields, self.check)

    @property
    def returns_refusals(self) -> bool:
        """Whether the method returns a refusal of the service, and raises no exception for it."""
        return self.method.generic is not None and self.method.generic.returns_refusals

    @cached_property
    def options_may_retry(self) -> bool:
        """Whether the options of one call may make the client retry."""
        return self.sdk.options_may_retry(self.client)

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call without the retries that its options ask for."""
        return self.sdk.without_retries(args, kwargs)

    def fields(self) -> RequestFields:
        """Return the reader of request fields in the arguments of the method."""
        return RequestFields(self.provider, self.sdk.codecs, self.sdk.references)

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:
        """
        Return a good answer of the SDK's own type.

        Fields that request and answer share by name have the request's value. The verdict field says "success". All
        other fields are empty, also the id of the resource that the service made.

        Raises:
            LookupError: The SDK has no answer for this operation, or the client is of no known SDK.
        """
        base = self.sdk.client_class(type(self.client))
        if base is None:
            cls = type(self.client)
            raise LookupError(f"{cls.__module__}.{cls.__qualname__} is no client of a known SDK")
        request_id = None if fault is None else fault.request_id
        fields = {**fields_of(self.sdk.codecs, args, kwargs), _REQUEST_ID: request_id or ""}
        if self.method.generic is None:
            return self.sdk.answer(base, self.operation, fields)
        known = self.sdk.answer_names(self.client, self.operation)
        shared: dict[str, Any] = {name: value for name, value in fields.items() if name in known}
        facts = self.sdk.operation_facts(self.operation)
        if facts is not None and facts.verdict is not None:
            shared[facts.verdict] = True
        return self.sdk.shaped(self.method.generic.answer, shared, args, kwargs)

    def error(self, fault: Fault, message: str) -> Exception | None:
        """Return the exception that the SDK raises for a failure; None if its classes are not imported."""
        return self.sdk.error_of(self.client, self.operation, fault, message)

    def verifier(
        self,
        send: Callable[..., Any],  # noqa: ARG002  # the verifier uses the client without its wrapped methods
        read_back: str | None,  # noqa: ARG002  # the adapter knows the read-back
        unique: tuple[str, ...],
        unclear: Callable[[Fault, str, Any], Exception],  # noqa: ARG002  # the verifier raises the SDK's own errors
        *,
        discards: bool,
    ) -> Verifier | None:
        """Return the ready-made verifier, which uses the SDK's own methods of the client; None if there is none."""
        generic = self.method.generic
        make = self.sdk.verifiers if generic is None or generic.by_name else self.sdk.generic_verifiers
        # A client for credentials, or of an old SDK, has no verifiers.
        client = plain_client(self.client)
        ready = self.sdk.discarders(client) if discards else make(client, Purchases(fields=unique)) or {}
        found = ready.get(f"{self.provider}:{self.operation}")
        if found is None or self.method.generic is None:
            return found
        return self._of_fields(found) if self.method.generic.by_name else self._shaped(found)

    def _shaped(self, verifier: Verifier) -> Verifier:
        """Return a verifier whose value has the type that the generic method returns."""
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
        Return a verifier that accepts the arguments of the method.

        A method may take options beside the request, and a generic method takes the operation. A verifier that takes
        one argument gets the request alone. Where scripts give the fields of a request by name, a verifier gets these.
        """
        if self.method.generic is not None and self.method.generic.by_name:
            return self._of_fields(verifier)
        try:
            inspect.signature(verifier).bind("request", "options")
        except TypeError:
            pass
        except ValueError:
            return verifier
        else:
            return verifier

        def of_first(*args: Any, **kwargs: Any) -> Any:
            return verifier(request_in(self.sdk.codecs, args, kwargs))

        return of_first

    def _of_fields(self, verifier: Verifier) -> Verifier:
        """Return a verifier that gets the fields of the request by name."""
        if inspect.iscoroutinefunction(verifier):

            async def of_fields_async(*args: Any, **kwargs: Any) -> Any:
                return await verifier(**fields_of(self.sdk.codecs, args, kwargs))

            return of_fields_async

        def of_fields(*args: Any, **kwargs: Any) -> Any:
            return verifier(**fields_of(self.sdk.codecs, args, kwargs))

        return of_fields
