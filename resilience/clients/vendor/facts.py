"""The description of a vendor's SDK by its adapter: clients, requests, answers and errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from attrs import evolve, frozen

from resilience.clients.common.fields import type_name
from resilience.clients.common.renaming import NameReferences
from resilience.clients.common.request_codecs import RequestCodecs
from resilience.clients.sdk import Sdk
from resilience.core.fault import Fault

_REQUEST_ID: Final = "RequestId"

OperationOf = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], str | None]
"""Takes a client and the arguments of a call; returns the operation, or None for another product."""


@frozen
class Generic:
    """
    A generic method: it takes its operation as an argument.

    Attributes:
        operation_of: Returns the operation of a call.
        answer: The kind of answer that the method returns, in a word of the adapter.
        returns_refusals: Whether the method returns a refusal of the service, and raises no exception for it.
        read_instead: The method to use instead, for a method that sends only when its answer is read, so that no policy
            can apply. None for other methods.
        instead: Another method that does the same without retries; None for the method itself.
        by_name: Whether scripts call other methods, which take the fields of the request by name, and which call this
            one with a mapping.
    """

    operation_of: OperationOf
    answer: str
    returns_refusals: bool = False
    read_instead: str | None = None
    instead: str | None = None
    by_name: bool = False


class VendorFacts(Sdk):
    """
    The differences between the SDKs of vendors; each method has a default.

    Attributes:
        generic: The generic methods of the clients, by name.
        codecs: The codecs of requests.
        references: The request fields that name resources, which a rename may have changed.
    """

    generic: ClassVar[Mapping[str, Generic]] = {}
    codecs: ClassVar[RequestCodecs] = ()
    references: ClassVar[NameReferences] = {}

    def is_foreign(self, module: str) -> bool:  # noqa: ARG002
        """Tell whether a module has the vendor's client for a product without a catalogue."""
        return False

    def operations(self, base: type) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the methods of a client class for one operation, as pairs of method and operation."""
        return []

    def answer(self, base: type, operation: str, said: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """
        Return a good answer of the SDK's own type.

        Raises:
            LookupError: The SDK has no answer for this operation.
        """
        raise LookupError(f"{base.__module__} has no answer for {operation}")

    def answer_names(self, client: Any, operation: str) -> frozenset[str]:  # noqa: ARG002
        """Return the fields that a good answer may have; by default those in the catalogue."""
        facts = self.operation_facts(operation)
        return frozenset((_REQUEST_ID,) if facts is None else (*facts.answer, _REQUEST_ID))

    def shaped(
        self,
        answer: str,
        fields: Mapping[str, Any],  # noqa: ARG002
        args: tuple[Any, ...],  # noqa: ARG002
        kwargs: Mapping[str, Any],  # noqa: ARG002
    ) -> Any:
        """
        Return an answer in the type that a generic method returns.

        Args:
            answer: The kind of answer, see :class:`Generic`.
            fields: The fields of the answer, by wire name.
            args: The arguments of the call, without the client.
            kwargs: The arguments by name.
        """
        raise LookupError(f"nothing is known of answers of the kind {answer}")

    def is_read_once(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Tell whether the SDK can send a request only once."""
        return False

    def own_error(self, fault: Fault, message: str) -> Exception | None:  # noqa: ARG002
        """Return the exception that the SDK raises for a failure; None if its classes are not imported."""
        return None

    # Derived from the above

    def client_class(self, cls: type) -> type | None:
        """Return the SDK's client class that a class is or extends; None if it is no client."""
        for base in cls.__mro__:
            if base.__name__ in self.hooks.get(base.__module__, ()):
                return base
            if self.is_foreign(base.__module__):
                return None
        return None

    def service_error(self, fault: Fault, message: str) -> Exception | None:
        """
        Return the exception that the SDK raises for a failure; None if its classes are not imported.

        The exception has code, message and request id in the SDK's attributes, and the fault in
        ``fault``, which ``classify`` returns.

        Args:
            fault: The fault in the answer.
            message: The text of the exception; it must contain no secret.
        """
        return self.with_fault(self.own_error(fault, message), fault)

    def error_of(self, client: Any, operation: str, fault: Fault, message: str) -> Exception | None:  # noqa: ARG002
        """Return the exception that a client raises for a failure of one operation; see :meth:`service_error`."""
        return self.service_error(fault, message)

    def with_fault(self, error: Exception | None, fault: Fault) -> Exception | None:
        """Return an exception that has the fault in ``fault``."""
        if error is not None:
            error.fault = evolve(fault, error=type_name(error))  # type: ignore[attr-defined]  # any exception takes it
        return error
