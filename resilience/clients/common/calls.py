"""What an engine has to know of the methods of a client, and of one operation that they are called for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import field, frozen

from resilience.clients.common.bypass import Bypass
from resilience.clients.common.lookups import Verifier
from resilience.clients.common.renaming import Renaming
from resilience.core.fault import Fault
from resilience.core.policy import RestApi

Check = Callable[[object], Fault | None]
"""Returns the fault in what an SDK returned; None if it is a success, or not a value of the SDK."""

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@frozen
class Apis:
    """
    The APIs that a policy describes, for clients that may speak to any.

    Attributes:
        policy: The name of the policy.
        sources: The APIs, by provider.
        preferred: The provider that counts where several may be on any host, such as the executor's.
    """

    policy: str = ""
    sources: Mapping[str, RestApi] = field(factory=dict)
    preferred: str | None = None


class CallFields(Protocol):
    """Where request fields are among the arguments of a method."""

    def can_hold(self, field_name: str, /) -> bool:
        """Return whether a call may carry a field."""
        ...

    def may_name(self) -> tuple[str, ...]:
        """Return the fields that may name what a call makes, as far as that can be told before a call."""
        ...

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request."""
        ...

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field, or None if it is not there or no string."""
        ...

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return what a field says, whatever its type, as a ledger's key has it; None if it says nothing."""
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
            created: The field that names what the call creates; it stays as it is. None where it creates nothing.
        """
        ...


class ClientOperation(Protocol):
    """What is known of the calls of one method of one client, for one operation."""

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
    def source(self) -> RestApi | None:
        """The API as the policy describes it; None for the operations of an SDK."""
        ...

    @property
    def check(self) -> Check:
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

    def fields(self) -> CallFields:
        """Return where request fields are in the arguments of the method."""
        ...

    def complete(self, fields: tuple[str, ...]) -> Check:
        """Return the check that also takes an answer for garbled which lacks one of some fields."""
        ...

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:
        """
        Return the answer of a call that a policy takes for a success, of the client's own type.

        Raises:
            LookupError: The client has no answer for this operation.
        """
        ...

    def error(self, fault: Fault, message: str) -> Exception | None:
        """Return the client's own exception for a failure; None where it has none."""
        ...

    def verifier(
        self,
        send: Callable[..., Any],
        read_back: str | None,
        unique: tuple[str, ...],
        unclear: Callable[[Fault, str, Any], Exception],
    ) -> Verifier | None:
        """
        Return the ready-made verifier of the operation, if there is one.

        Args:
            send: The method, bound to the client.
            read_back: The operation that says whether it has happened, where a policy names one.
            unique: The request fields by which a purchase is told from all others; empty where the policy names none.
            unclear: Makes the error for an answer that says neither "there" nor "not there".
        """
        ...

    def takes(self, verifier: Verifier) -> Verifier:
        """Return a verifier of the user's own that takes whatever the method takes."""
        ...


class ClientMethod(Protocol):
    """A method of a client class that sends."""

    @property
    def name(self) -> str:
        """The attribute of the class."""
        ...

    @property
    def is_async(self) -> bool:
        """Whether it is a coroutine function, or returns an asynchronous iterator."""
        ...

    @property
    def constant(self) -> tuple[str, str] | None:
        """The provider and the operation of every call; None where each call says it."""
        ...

    @property
    def instead(self) -> str | None:
        """Another method that does the same without repeating; None for the method itself."""
        ...

    @property
    def sends_late(self) -> str | None:
        """Why there is no call to put under a policy: it sends when its answer is read. None for others."""
        ...

    @property
    def may_be_telemetry(self) -> bool:
        """Whether an exporter of telemetry may use the same method."""
        ...

    def call_of(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the provider and the operation of one call; None if it is none of ours."""
        ...

    def uncovered(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bypass | None:
        """Say why a call cannot be made again as it was given; None if it can."""
        ...

    def on(self, client: Any, call: tuple[str, str]) -> ClientOperation:
        """Return what is known of calls of an operation of a provider, on one client."""
        ...

    def attempt(self, function: Callable[..., Any], call: tuple[str, str]) -> Callable[..., Any]:
        """Return the method's function as an attempt calls it."""
        ...
