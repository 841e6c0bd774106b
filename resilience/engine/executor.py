"""The executor for event loops: it applies a policy to the user's functions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar, overload

from resilience.engine.bound_call import BoundCall, bound_method
from resilience.engine.call.fast_path import on_loop
from resilience.engine.common_executor import CommonExecutor
from resilience.engine.outcome import Outcome
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.wrapped_function import Wrapped, build

P = ParamSpec("P")
T = TypeVar("T")


class Decorator(Protocol):
    """The decorator that ``wrap(operation)`` returns; its type depends on the decorated function."""

    @overload
    def __call__(self, function: Callable[P, Awaitable[T]], /) -> Wrapped[P, T]: ...
    @overload
    def __call__(self, function: Callable[P, T], /) -> Wrapped[P, T]: ...


class BareExecutor(CommonExecutor):
    """
    Applies one policy to the calls of one program.

    The executor starts no task and keeps no global state. It serves any number of calls at a
    time, on asyncio, uvloop and trio.

    Args:
        policy: The policy.
        provider: The provider of operations that are named without a prefix; None for the only provider that knows the
            operation.
        account: The account. It goes into the ``{hash}`` of rename patterns and of shortened names, so that accounts
            get different names.
        credentials: Sources of credentials, by provider.
        classify: Returns the fault of an exception that the built-in translators do not know; if it returns None, the
            built-in translators decide.
        on_rename: Called after every rename, in the task of the call.
        ledger: The ledger; None for the one in the policy's ``[ledger]``, if it has that table.
        observers: The observers; None for the defaults: see :mod:`resilience.telemetry`.
        draw: Returns a number in [0, 1) for each decision, for jitter.
        enabled: False switches the policy off, for development and tests: each call is one attempt, without limits,
            waits, remedies, rehearsed faults and ledger. Credentials are still loaded, and renewed ahead of expiry, and
            calls are still traced. With None, ``RESILIENCE=off`` in the environment decides when the executor is made.
    """

    runtime: ClassVar[Runtime] = LOOP
    _fast_path: ClassVar[staticmethod[..., Callable[..., Any]]] = staticmethod(on_loop)

    @overload
    def wrap(
        self,
        operation: str,
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Decorator: ...
    @overload
    def wrap(
        self,
        operation: str,
        function: Callable[P, Awaitable[T]],
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Wrapped[P, T]: ...
    @overload
    def wrap(
        self,
        operation: str,
        function: Callable[P, T],
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Wrapped[P, T]: ...
    def wrap(
        self,
        operation: str,
        function: Callable[..., Any] | None = None,
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Any:
        """
        Wrap a function, as a decorator or directly, so that the policy applies to its calls.

        Args:
            operation: The operation that the function performs: ``Name`` or ``provider:Name``.
            function: A coroutine function, or a plain function, which runs in a worker thread.
            key: The parameter (or field of a request object) for a request field of another name:
                ``{"GroupId": "gid"}``.
            accepted: Makes the value of an accepted call from the call's arguments, if no verifier is registered.

        Raises:
            ValueError: The operation is unknown or ambiguous, or the function is a method of an SDK's client that
                retries by itself.
            TypeError: The policy can rename the operation's resource, but the function has no parameter for the name;
                or the function is a ``classmethod`` or ``staticmethod`` object, which must be applied after ``wrap``.
        """

        def decorate(function: Callable[..., Any]) -> Wrapped[Any, Any]:
            return build(self._prepare_wrapped(operation, function, key=key, accepted=accepted))

        return decorate if function is None else decorate(function)

    @overload
    async def call(
        self, operation: str, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def call(self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def call(self, operation: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Make one call of a function; return its value, or raise the service's own exception."""
        return await self._prepared(operation, function).call(*args, **kwargs)

    @overload
    async def outcome(
        self, operation: str, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Outcome[T]: ...
    @overload
    async def outcome(
        self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Outcome[T]: ...
    async def outcome(self, operation: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Make one call of a function and return its outcome; a failed call raises nothing."""
        return await self._prepared(operation, function).outcome(*args, **kwargs)

    @overload
    def bind(
        self, operation: str, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> BoundCall[T]: ...
    @overload
    def bind(self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> BoundCall[T]: ...
    @overload
    def bind(self, method: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> BoundCall[T]: ...
    def bind(self, what: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> BoundCall[Any]:
        """
        Return a call to be made later, for :meth:`map`.

        Args:
            what: An operation, with the function and its arguments after it, as for :meth:`call`; or an asynchronous
                method of a wrapped client, with its arguments after it.
            args: The function and its arguments, or the arguments of the method.
            kwargs: The arguments by name.

        Raises:
            TypeError: The method belongs to no wrapped client, or it is a blocking one.
        """
        if not isinstance(what, str):
            return BoundCall(what, None, bound_method(what, is_async=True), args, kwargs)
        function, *rest = args
        prepared = self._prepared(what, function)
        return BoundCall(function, prepared.target.operation.name, prepared.outcome, tuple(rest), kwargs)
