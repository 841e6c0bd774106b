"""The methods of the SDKs' classes of operations, and the calls of one operation, as the engine needs them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final

from attrs import evolve, field, frozen

from resilience.catalog import operation_facts
from resilience.clients.azure import answers, connections
from resilience.clients.azure.described import CONDITION, METHODS, SERVICE, Described
from resilience.clients.azure.fields import AzureFields, is_stream
from resilience.clients.azure.traits import HOOKS, PROVIDER
from resilience.clients.azure.verifying import SdkReadBack
from resilience.clients.common.answer_fields import complete
from resilience.clients.common.bypass import Bypass
from resilience.clients.common.calls import Check
from resilience.clients.common.fields import attribute, type_name
from resilience.clients.common.lookups import Verifier
from resilience.clients.common.originals import original, plain_client
from resilience.core.fault import Fault

_READ_ONCE: Final = "the stream is read while it is sent, so that another attempt would send nothing; give it as bytes"
_RAW: Final = "raw"
_CORE: Final = "azure.core"
_MSREST: Final = "msrest"


def operations_class(cls: type) -> type | None:
    """Return the SDK's class of operations that a class is or extends; None for other classes."""
    return next((base for base in cls.__mro__ if base.__name__ in HOOKS.get(base.__module__, ())), None)


def methods_of(cls: type) -> dict[str, AzureMethod]:
    """Return the methods of a class of operations that send requests, by name; empty for other classes."""
    base = operations_class(cls)
    found: dict[str, AzureMethod] = {}
    for name, described in METHODS.get(base.__name__, {}).items() if base is not None else ():
        function = original(inspect.getattr_static(cls, name, None))
        if inspect.isfunction(function):
            found[name] = AzureMethod(name, inspect.iscoroutinefunction(function), function, described)
    return found


def _position(function: Callable[..., Any]) -> int | None:
    """Return the position of the condition among the arguments, without the client; None if it has only a name."""
    for at, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        if name == CONDITION and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            return at - 1
    return None


@frozen(eq=False)
class AzureMethod:
    """
    One method of a class of operations.

    Attributes:
        name: Its name.
        is_async: Whether it is a coroutine function.
        function: The SDK's own function.
        described: Its description.
        condition_at: The position of the header ``If-Match`` among the arguments; None if it has only a name.
    """

    name: str
    is_async: bool
    function: Callable[..., Any]
    described: Described
    condition_at: int | None = field(init=False)
    instead: ClassVar[None] = None
    sends_late: ClassVar[None] = None
    may_be_telemetry: ClassVar[bool] = False

    @condition_at.default
    def _of_function(self) -> int | None:
        return _position(self.function)

    @property
    def constant(self) -> tuple[str, str] | None:
        """The provider and the operation of every call; None if the arguments decide."""
        varies = self.described.changing is not None or self.described.body is not None
        return None if varies else (PROVIDER, self.described.operation)

    def call_of(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, str]:  # noqa: ARG002
        """Return the provider and the operation of one call."""
        condition, at = kwargs.get(CONDITION), self.condition_at
        if at is not None and at < len(args):
            condition = args[at]
        return PROVIDER, self.described.operation_of(is_conditional=condition is not None)

    def bypass(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bypass | None:  # noqa: ARG002
        """Return why a call cannot be repeated with these arguments; None if it can."""
        # Only azure-core takes a stream for a body.
        if self.described.host != SERVICE or not any(is_stream(value) for value in (*args, *kwargs.values())):
            return None
        return Bypass(f"{self.name} with a stream that can be read once", _READ_ONCE)

    def on(self, client: Any, call: tuple[str, str]) -> AzureOperation:
        """Return the calls of an operation, on one client."""
        return AzureOperation(client, self, call[1])

    def attempt(self, function: Callable[..., Any], call: tuple[str, str]) -> Callable[..., Any]:  # noqa: ARG002
        """Return the function that an attempt calls: an asynchronous one sends once."""
        if not self.is_async:
            return function

        @functools.wraps(function)
        async def once(client: Any, *args: Any, **kwargs: Any) -> Any:
            await connections.send_once(client)
            return await function(client, *args, **kwargs)

        return once


@frozen(eq=False)
class AzureOperation:
    """The calls of one operation by one method of a class of operations."""

    client: Any
    method: AzureMethod
    operation: str
    source: ClassVar[None] = None
    provider: ClassVar[str] = PROVIDER
    options_may_retry: ClassVar[bool] = True

    @property
    def host(self) -> str:
        """The host that the client sends to; empty if it is unknown."""
        return connections.host_of(self.client)

    @property
    def check(self) -> Check:
        """The check of a value that the method returned as a success."""
        return answers.strict(operation_facts(PROVIDER, self.operation))

    def complete(self, fields: tuple[str, ...]) -> Check:
        """Return the check that also finds an answer ``garbled`` if one of some fields is missing."""
        return complete(PROVIDER, fields, self.check)

    @property
    def returns_refusals(self) -> bool:
        """Whether the method returns a refusal of the service, and raises no exception for it."""
        return self.operation in answers.BULK

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call without the retries that its options ask for."""
        if not any(connections.is_option_of_retries(name) for name in kwargs):
            return args, kwargs
        return args, {name: value for name, value in kwargs.items() if not connections.is_option_of_retries(name)}

    def fields(self) -> AzureFields:
        """Return the reader of request fields in the arguments of the method."""
        return AzureFields(self.method.function, self.method.described, self.host)

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:  # noqa: ARG002  # the SDKs' answers have no request id
        """
        Return a good answer of the SDK's own type.

        Raises:
            LookupError: The caller wants the response, too.
        """
        given = self.fields().arguments(args, kwargs)
        body = None if given is None else given.arguments.get(self.method.described.body or "")
        return answers.accepted(body, is_raw=bool(given is not None and given.arguments.get(_RAW)))

    def error(self, fault: Fault, message: str) -> Exception | None:
        """Return the SDK's own exception for a failure; None if its classes are not imported."""
        is_msrest = attribute(connections.sender_of(self.client), "config") is not None
        error = answers.own_error(_MSREST if is_msrest else _CORE, message)
        if error is not None:
            error.fault = evolve(fault, error=type_name(error))  # type: ignore[attr-defined]  # any exception takes it
        return error

    def takes(self, verifier: Verifier) -> Verifier:
        """Return a verifier of the user's unchanged: it accepts the arguments of the SDK's method."""
        return verifier

    def verifier(
        self,
        send: Callable[..., Any],  # noqa: ARG002  # the verifier uses the client without its wrapped methods
        read_back: str | None,  # noqa: ARG002  # the description names the method
        unique: tuple[str, ...],  # noqa: ARG002  # nothing is bought
        unclear: Callable[[Fault, str, Any], Exception],  # noqa: ARG002  # the verifier raises the SDK's own errors
        *,
        discards: bool,
    ) -> Verifier | None:
        """Return the ready-made verifier, which reads what the call has made; None if there is none."""
        found = None if discards else self.read_back
        return None if found is None else found.verifier()

    @property
    def read_back(self) -> SdkReadBack | None:
        """The read-back of what a call has made; None if the calls make nothing."""
        described = self.method.described
        if described.finds is None or self.operation != described.operation:
            return None
        return SdkReadBack(self.fields(), getattr(plain_client(self.client), described.finds))


def verifiers_of(client: object) -> dict[str, Verifier]:
    """Return the verifiers of a client and of its groups, by operation (``provider:Name``); empty for other objects."""
    found: dict[str, Verifier] = {}
    for _, group in connections.groups_of(client):
        found |= verifiers_of(group)
    for method in methods_of(type(client)).values():
        operation = AzureOperation(client, method, method.described.operation)
        read_back = operation.read_back
        if read_back is not None:
            found[f"{PROVIDER}:{operation.operation}"] = read_back.verifier()
    return found


def within(function: Callable[..., Any], client: Any, seconds: float) -> Callable[..., Any] | None:
    """Return a method of a class of operations that waits at most ``seconds``; None for other functions."""
    if operations_class(type(client)) is None or connections.timeouts(client, {}, seconds) is None:
        return None

    def limited(*args: Any, **kwargs: Any) -> Any:
        return function(client, *args, **{**kwargs, **(connections.timeouts(client, kwargs, seconds) or {})})

    return partial(limited)
