"""The protocols by which the engine asks an adapter about client methods, and about calls of one operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import field, frozen

from resilience.clients.common.bypass import Bypass
from resilience.clients.common.lookups import Verifier
from resilience.clients.common.renaming import Renaming
from resilience.core.fault import Fault
from resilience.core.operations.apis import RestApi

Check = Callable[[object], Fault | None]
"""Returns the fault in a returned value; None for a success, and for a value that is not the SDK's."""

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@frozen
class Apis:
    """
    The REST APIs that a policy describes.

    Attributes:
        policy: The name of the policy.
        sources: The APIs, by provider.
        preferred: The provider to choose if several APIs may be on any host: the executor's.
    """

    policy: str = ""
    sources: Mapping[str, RestApi] = field(factory=dict)
    preferred: str | None = None


class CallFields(Protocol):
    """Reads and replaces request fields in the arguments of a client's method."""

    def can_hold(self, field_name: str, /) -> bool:
        """Tell whether a call may have a field."""
        ...

    def may_name(self) -> tuple[str, ...]:
        """Return the fields that may name what a call makes, as far as they are known before a call."""
        ...

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request."""
        ...

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field; None if it is missing or no string."""
        ...

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field of any type as text for a ledger's key; None if it is missing or has no text."""
        ...

    def replace(
        self, field_name: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """
        Return the arguments with another value for a field; the request is copied, not changed.

        Raises:
            LookupError: The request has no such field.
        """
        ...

    def under_new_names(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], changes: Mapping[Renaming, str], created: str | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """
        Return the arguments with the new names of what this run has renamed.

        Args:
            args: The arguments, without the client.
            kwargs: The arguments by name.
            changes: What this run has renamed, and to what.
            created: The field that names what the call creates, which stays; None if the call creates nothing.
        """
        ...


class ClientOperation(Protocol):
    """The calls of one operation by one method of one client."""

    @property
    def client(self) -> Any:
        """The client."""
        ...

    @property
    def host(self) -> str:
        """The host that the client sends to; empty if it is unknown."""
        ...

    @property
    def provider(self) -> str:
        """The provider of the operation."""
        ...

    @property
    def operation(self) -> str:
        """The name of the operation."""
        ...

    @property
    def source(self) -> RestApi | None:
        """The API that the policy describes; None for an operation of an SDK."""
        ...

    @property
    def check(self) -> Check:
        """The check of a value that the client returned as a success."""
        ...

    @property
    def returns_refusals(self) -> bool:
        """Whether the method returns a refusal of the service, and raises no exception for it."""
        ...

    @property
    def options_may_retry(self) -> bool:
        """Whether the options of one call may make the client retry."""
        ...

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call without the retries that its options ask for."""
        ...

    def fields(self) -> CallFields:
        """Return the reader of request fields in the arguments of the method."""
        ...

    def complete(self, fields: tuple[str, ...]) -> Check:
        """Return the check that also finds an answer ``garbled`` if one of some fields is missing."""
        ...

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:
        """
        Return an answer of the client's own type for a failed call that the policy accepts.

        Raises:
            LookupError: The client has no answer for this operation.
        """
        ...

    def error(self, fault: Fault, message: str) -> Exception | None:
        """Return the client's own exception for a failure; None if the client has none."""
        ...

    def verifier(
        self,
        send: Callable[..., Any],
        read_back: str | None,
        unique: tuple[str, ...],
        unclear: Callable[[Fault, str, Any], Exception],
        *,
        discards: bool,
    ) -> Verifier | None:
        """
        Return the ready-made verifier of the operation; None if there is none.

        Args:
            send: The method, bound to the client.
            read_back: The operation that finds what the call makes, if the policy names one.
            unique: The request fields that distinguish a purchase from all others; empty if the policy names none.
            unclear: Makes the error for an answer that says neither "there" nor "not there".
            discards: Whether to return the verifier that discards what it finds
                (:class:`~resilience.core.decision.Discarded`), which not all operations have.
        """
        ...

    def takes(self, verifier: Verifier) -> Verifier:
        """Return the user's verifier as a function that accepts the arguments of the method."""
        ...


class ClientMethod(Protocol):
    """A method of a client class that sends requests."""

    @property
    def name(self) -> str:
        """The name of the attribute of the class."""
        ...

    @property
    def is_async(self) -> bool:
        """Whether the method is a coroutine function, or returns an asynchronous iterator."""
        ...

    @property
    def constant(self) -> tuple[str, str] | None:
        """The provider and the operation of every call; None if they depend on the arguments."""
        ...

    @property
    def instead(self) -> str | None:
        """Another method that does the same without retries; None for the method itself."""
        ...

    @property
    def sends_late(self) -> str | None:
        """Why no policy can apply: the method sends only when its answer is read. None for other methods."""
        ...

    @property
    def may_be_telemetry(self) -> bool:
        """Whether an exporter of telemetry may use the same method."""
        ...

    def call_of(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the provider and the operation of one call; None if no policy applies to it."""
        ...

    def bypass(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bypass | None:
        """Return why a call cannot be repeated with these arguments; None if it can."""
        ...

    def on(self, client: Any, call: tuple[str, str]) -> ClientOperation:
        """Return the calls of an operation of a provider, on one client."""
        ...

    def attempt(self, function: Callable[..., Any], call: tuple[str, str]) -> Callable[..., Any]:
        """Return the function that an attempt calls."""
        ...
