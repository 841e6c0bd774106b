"""What an adapter of a vendor's SDK says of clients, requests, answers and errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from attrs import evolve, frozen

from resilience.catalog import catalogue, providers
from resilience.clients.common.fields import type_name
from resilience.clients.common.renaming import NamePlaces
from resilience.clients.common.request_forms import Forms
from resilience.clients.sdk import Sdk
from resilience.core.fault import Fault

_REQUEST_ID: Final = "RequestId"

OperationOf = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], str | None]
"""Takes a client and the arguments of a call; returns the operation, or None if it is of another product."""


@frozen
class Generic:
    """
    A method that takes its operation as an argument.

    Attributes:
        operation_of: Which operation a call is.
        answer: What the method returns, in a word of the adapter's.
        returns_refusals: Whether it returns what the service refuses as it returns a success.
        read_instead: For a method that sends nothing until its answer is read, so that there is no call to put under a
            policy: the one to use instead. None for others.
        instead: Another method that does the same without repeating; None for the method itself.
    """

    operation_of: OperationOf
    answer: str
    returns_refusals: bool = False
    read_instead: str | None = None
    instead: str | None = None


class VendorFacts(Sdk):
    """
    What differs between the SDKs of vendors; each method has a default.

    Attributes:
        hooks: Full names of modules, and the classes in them that are clients to put under a policy.
        generic: The methods that take their operation as an argument.
        forms: The forms that requests have.
        places: Where requests name what a rename may have changed.
    """

    generic: ClassVar[Mapping[str, Generic]] = {}
    forms: ClassVar[Forms] = ()
    places: ClassVar[NamePlaces] = {}

    def is_foreign(self, module: str) -> bool:  # noqa: ARG002
        """Tell whether a module has the vendor's client for another product: no catalogue knows what it does."""
        return False

    def operations(self, base: type) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the methods of a client class of the SDK that perform one operation, each with that."""
        return []

    def answer(self, base: type, operation: str, said: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """
        Return a good answer of the SDK's own type.

        Raises:
            LookupError: There is none for this operation.
        """
        raise LookupError(f"{base.__module__} has no answer for {operation}")

    def answer_names(self, client: Any, operation: str) -> frozenset[str]:  # noqa: ARG002
        """Return the fields that a good answer has; the catalogue says it."""
        facts = catalogue(self.provider).operation(operation) if self.provider in providers() else None
        return frozenset((_REQUEST_ID,) if facts is None else (*facts.answer, _REQUEST_ID))

    def shaped(
        self,
        answer: str,
        fields: Mapping[str, Any],  # noqa: ARG002
        args: tuple[Any, ...],  # noqa: ARG002
        kwargs: Mapping[str, Any],  # noqa: ARG002
    ) -> Any:
        """
        Return an answer as a method for any operation returns it.

        Args:
            answer: What the method returns, see :class:`Generic`.
            fields: The fields of the answer, by wire name.
            args: The arguments of the call, without the client.
            kwargs: The arguments by name.
        """
        raise LookupError(f"nothing is known of answers of the kind {answer}")

    def is_read_once(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Tell whether a request is gone when it has been sent once."""
        return False

    def own_error(self, fault: Fault, message: str) -> Exception | None:  # noqa: ARG002
        """Return the exception that the SDK raises for such a failure; None if its classes are not there."""
        return None

    # What follows from that

    def client_class(self, cls: type) -> type | None:
        """Return the SDK's own class that a client class is or comes from; None if it is no client."""
        for base in cls.__mro__:
            if base.__name__ in self.hooks.get(base.__module__, ()):
                return base
            if self.is_foreign(base.__module__):
                return None
        return None

    def service_error(self, fault: Fault, message: str) -> Exception | None:
        """
        Return the exception that the SDK raises for such a failure; None if its classes are not there.

        It has code, message and request id where the SDK puts them, and the fault
        itself, so that ``classify`` says the same of it.

        Args:
            fault: What the answer says.
            message: What to tell a reader; it must hold nothing secret.
        """
        error = self.own_error(fault, message)
        if error is not None:
            error.fault = evolve(fault, error=type_name(error))  # type: ignore[attr-defined]  # any exception takes it
        return error
