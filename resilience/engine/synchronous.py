"""The executor for programs without an event loop: the same policy and decisions, in plain threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from resilience.engine.bound_call import SyncBoundCall, bound_method
from resilience.engine.call.fast_path import in_thread
from resilience.engine.call.run import run
from resilience.engine.common_executor import CommonExecutor
from resilience.engine.outcome import Outcome
from resilience.engine.runtime.plain_thread import THREAD, drive
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.runtime.worker_threads import is_coroutine_function
from resilience.engine.wrapped_function import Calls, dressed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resilience.engine.target.target import Target

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class SyncWrappedCall(Protocol[P, T_co]):
    """A wrapped function, or a wrapped method that an instance is bound to."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T_co:
        """Make the call; return its value, or raise the service's own exception."""
        ...

    def outcome(self, *args: P.args, **kwargs: P.kwargs) -> Outcome[T_co]:
        """Make the call and return its outcome; a failed call raises nothing."""
        ...

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> SyncBoundCall[T_co]:
        """Return the call with its arguments, to be made later: for :meth:`SyncExecutor.map`."""
        ...

    def limited(
        self,
        *,
        deadline: float | str | None = None,
        attempt_timeout: float | str | None = None,
        max_attempts: int | None = None,
    ) -> SyncWrappedCall[P, T_co]:
        """Return the same function with other limits, as :meth:`WrappedCall.limited` does."""
        ...


class SyncWrapped(SyncWrappedCall[P, T_co], Protocol[P, T_co]):
    """A wrapped plain function, with its own signature."""

    def verify(self, verifier: Callable[P, R]) -> Callable[P, R]:
        """
        Register a verifier: it returns the value if the resource is there, else None.

        The verifier takes the parameters of the function. If the function returns None, the
        verifier returns ``resilience.DONE``. Register it before the first call.
        """
        ...

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> SyncWrapped[P, T_co]: ...
    @overload
    def __get__(
        self: SyncWrapped[Concatenate[S, Q], T_co], instance: S, owner: type | None = None
    ) -> SyncWrappedCall[Q, T_co]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind a method to its instance."""
        ...


class SyncDecorator(Protocol):
    """The decorator that ``wrap(operation)`` returns; its type depends on the decorated function."""

    # There is no overload for coroutine functions: functions that return Any, as those around an SDK, would match it
    # too, and lose their type. A coroutine function raises when it is wrapped.
    def __call__(self, function: Callable[P, T], /) -> SyncWrapped[P, T]:
        """Wrap a plain function."""
        ...


def calls_in_thread(prepared: Callable[[], Target]) -> Calls:
    """Return two functions that call the target of ``prepared()`` in a plain thread."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return drive(run(prepared(), args, kwargs)).unwrap()

    def outcome(*args: Any, **kwargs: Any) -> Outcome[Any]:
        return drive(run(prepared(), args, kwargs)).outcome()

    return call, outcome


class BareSyncExecutor(CommonExecutor):
    """
    Applies one policy to the calls of a program without an event loop.

    It is :class:`Executor` without ``await``: the same arguments, the same decisions,
    the same events and traces. It starts no thread and keeps no global state. Any
    number of threads may use one.

    **It cannot interrupt a function.** Python cannot stop a function in a thread. So the
    deadline and ``attempt_timeout`` are checked between attempts: no wait and no attempt begins
    that would reach the deadline. Within an attempt, the connect and read time-outs of a client are
    lowered to the rest of the time, if the function is a method of an SDK's client, or of a client of
    requests or httpx. Any other function runs to its end, even if it is late, and its value counts.
    A wait for another thread's credential refresh or ledger entry ends at the deadline.
    """

    runtime: ClassVar[Runtime] = THREAD
    _fast_path: ClassVar[staticmethod[..., Callable[..., Any]]] = staticmethod(in_thread)

    @overload
    def wrap(
        self,
        operation: str,
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> SyncDecorator: ...
    @overload
    def wrap(
        self,
        operation: str,
        function: Callable[P, T],
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> SyncWrapped[P, T]: ...
    def wrap(
        self,
        operation: str,
        function: Callable[..., Any] | None = None,
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Any:
        """
        Wrap a plain function, as a decorator or directly; see :meth:`Executor.wrap`.

        Raises:
            ValueError: As for :meth:`Executor.wrap`.
            TypeError: As for :meth:`Executor.wrap`, or the function is a coroutine function.
        """

        def decorate(function: Callable[..., Any]) -> SyncWrapped[Any, Any]:
            target = self._prepare_wrapped(operation, function, key=key, accepted=accepted)
            fast = in_thread(target), in_thread(target, as_outcome=True)
            return cast("SyncWrapped[Any, Any]", dressed(target, fast, calls_in_thread, SyncBoundCall))

        return decorate if function is None else decorate(function)

    def call(self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Make one call of a plain function; return its value, or raise the service's own exception."""
        value: T = self._prepared(operation, function).call(*args, **kwargs)
        return value

    def outcome(self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
        """Make one call of a plain function and return its outcome; a failed call raises nothing."""
        outcome: Outcome[T] = self._prepared(operation, function).outcome(*args, **kwargs)
        return outcome

    @overload
    def bind(
        self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> SyncBoundCall[T]: ...
    @overload
    def bind(self, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> SyncBoundCall[T]: ...
    def bind(self, what: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> SyncBoundCall[Any]:
        """
        Return a call to be made later, for :meth:`map`; as :meth:`Executor.bind`, but of a blocking method.

        Raises:
            TypeError: The method belongs to no wrapped client, or it is an asynchronous one.
        """
        if not isinstance(what, str):
            return SyncBoundCall(what, None, bound_method(what, is_async=False), args, kwargs)
        function, *rest = args
        prepared = self._prepared(what, function)
        return SyncBoundCall(function, prepared.target.operation.name, prepared.outcome, tuple(rest), kwargs)

    def _prepare(
        self,
        operation: str,
        function: Callable[..., Any],
        *,
        key: Mapping[str, str] | None = None,
        accepted: Callable[..., Any] | None = None,
    ) -> Target:
        if is_coroutine_function(function):
            name = getattr(function, "__qualname__", function)
            raise TypeError(f"{name} is a coroutine function, which needs an event loop: use Executor")
        return super()._prepare(operation, function, key=key, accepted=accepted)
