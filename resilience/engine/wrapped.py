"""What ``Executor.wrap`` returns: the user's function with the same signature, under a policy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from resilience.engine.callee import Callee
from resilience.engine.outcome import Outcome
from resilience.engine.quick import on_loop
from resilience.engine.run import run

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class BoundCall(Protocol[P, T_co]):
    """A wrapped function, or a wrapped method that an instance is bound to."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T_co]:
        """Make the call; return its value, or raise the service's own exception."""
        ...

    def outcome(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, Outcome[T_co]]:
        """Make the call and return how it ended; a failed call raises nothing."""
        ...


class Wrapped(BoundCall[P, T_co], Protocol[P, T_co]):
    """
    A function under a policy, with the signature that it had.

    A plain function becomes a coroutine function and runs in a worker thread.
    """

    def verify(self, verifier: Callable[P, R]) -> Callable[P, R]:
        """
        Register what says whether the resource is there: its value, or None if it is not.

        The verifier takes the parameters of the function. Where the function
        returns None, it says ``resilience.DONE``. It is registered before the first call.
        """
        ...

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Wrapped[P, T_co]: ...
    @overload
    def __get__(
        self: Wrapped[Concatenate[S, Q], T_co], instance: S, owner: type | None = None
    ) -> BoundCall[Q, T_co]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind a method to its instance."""
        ...


def build(callee: Callee) -> Wrapped[Any, Any]:
    """Return the wrapped function: a closure, or a descriptor where the function stands in a class body."""

    async def outcome(*args: Any, **kwargs: Any) -> Outcome[Any]:
        return await run(callee, args, kwargs)

    return cast("Wrapped[Any, Any]", dressed(callee, on_loop(callee), outcome))


def dressed(callee: Callee, function: Callable[..., Any], outcome: Callable[..., Any]) -> Any:
    """Give a closure the looks of the user's function, and what goes with it."""
    functools.update_wrapper(function, callee.function)

    def verify(verifier: Callable[..., R]) -> Callable[..., R]:
        callee.register(verifier)
        return verifier

    scope = getattr(callee.function, "__qualname__", "").rpartition(".")[0]
    if inspect.isfunction(callee.function) and scope and not scope.endswith("<locals>"):
        return Method(function, outcome, verify)
    wrapped: Any = function
    wrapped.outcome, wrapped.verify = outcome, verify
    return wrapped


class Method:
    """A wrapped function in a class body: what an instance gives binds ``outcome`` as well."""

    def __init__(
        self,
        function: Callable[..., Any],
        outcome: Callable[..., Any],
        verify: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> None:
        self._function = function
        self.outcome = outcome
        self.verify = verify
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it with an explicit instance, as ``Class.method(instance, ...)`` does."""
        return self._function(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind the function and its ``outcome`` to the instance."""
        if instance is None:
            return self
        bound = functools.partial(self._function, instance)
        functools.update_wrapper(bound, self._function)
        # Its signature is the function's without the instance, which a wrapped function would bring back.
        del bound.__wrapped__  # type: ignore[attr-defined]  # partials take attributes
        bound.outcome = functools.partial(self.outcome, instance)  # type: ignore[attr-defined]  # partials take attributes
        return bound
