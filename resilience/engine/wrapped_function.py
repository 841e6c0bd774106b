"""The wrapped functions that ``Executor.wrap`` returns: the policy applies, and the signature stays."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast, overload

from resilience.core.policy import Limits
from resilience.engine.bound_call import BoundCall, CallInput
from resilience.engine.call.fast_path import on_loop
from resilience.engine.call.run import run
from resilience.engine.limits import limits_with
from resilience.engine.outcome import Outcome
from resilience.engine.target.target import Target

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class WrappedCall(Protocol[P, T_co]):
    """A wrapped function, or a wrapped method that an instance is bound to."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T_co]:
        """Make the call; return its value, or raise the service's own exception."""
        ...

    def outcome(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, Outcome[T_co]]:
        """Make the call and return its outcome; a failed call raises nothing."""
        ...

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> BoundCall[T_co]:
        """Return the call with its arguments, to be made later: for :meth:`Executor.map`."""
        ...

    def limited(
        self,
        *,
        deadline: float | str | None = None,
        attempt_timeout: float | str | None = None,
        max_attempts: int | None = None,
    ) -> WrappedCall[P, T_co]:
        """
        Return the same function with other limits: ``create_group.limited(deadline="5s", max_attempts=1)(...)``.

        Policy, verifier, ledger and observers stay the same. A limit that is not given is the policy's. The function
        itself does not change.

        Args:
            deadline: ``"5s"``, a number of seconds, or ``"none"`` for no limit.
            attempt_timeout: In the same forms as ``deadline``.
            max_attempts: At least 1, the first attempt included.

        Raises:
            ValueError: A limit is not valid.
        """
        ...


class Wrapped(WrappedCall[P, T_co], Protocol[P, T_co]):
    """
    A wrapped function, with its own signature.

    A plain function becomes a coroutine function, and runs in a worker thread.
    """

    def verify(self, verifier: Callable[P, R]) -> Callable[P, R]:
        """
        Register a verifier: it returns the value if the resource is there, else None.

        The verifier takes the parameters of the function. If the function returns None, the
        verifier returns ``resilience.DONE``. It returns ``resilience.Discarded`` if it has made harmless what is there,
        which the policy has to allow. Register it before the first call.
        """
        ...

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Wrapped[P, T_co]: ...
    @overload
    def __get__(
        self: Wrapped[Concatenate[S, Q], T_co], instance: S, owner: type | None = None
    ) -> WrappedCall[Q, T_co]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind a method to its instance."""
        ...


TARGET: Final = "__resilience_target__"
"""The attribute of a wrapped function with its target, by which another executor wraps the same function."""

Calls = tuple[Callable[..., Any], Callable[..., Any]]
"""Two functions that make a call: the first returns its value or raises, the second returns its outcome."""


def target_of(function: object) -> Target | None:
    """Return the target of a wrapped function; None for anything else, and for what an instance has bound."""
    found = getattr(function, TARGET, None)
    return found if isinstance(found, Target) else None


def build(target: Target) -> Wrapped[Any, Any]:
    """Return the wrapped function: a closure, or a descriptor if the function is in a class body."""
    fast = on_loop(target), on_loop(target, as_outcome=True)
    return cast("Wrapped[Any, Any]", dressed(target, fast, calls_on_loop, BoundCall))


def calls_on_loop(target: Callable[[], Target]) -> Calls:
    """Return two functions that call the target of ``target()`` on an event loop."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        return (await run(target(), args, kwargs)).unwrap()

    async def outcome(*args: Any, **kwargs: Any) -> Outcome[Any]:
        return (await run(target(), args, kwargs)).outcome()

    return call, outcome


def dressed(
    target: Target, fast: Calls, calls: Callable[[Callable[[], Target]], Calls], bound: Callable[..., CallInput]
) -> Any:
    """
    Give a closure the attributes of the user's function, and ``outcome``, ``verify`` and ``limited``.

    Args:
        target: The target of the user's function.
        fast: The closure that returns a value, and the one that returns an outcome.
        calls: Makes the same two functions for a target with other limits.
        bound: Makes a call with its arguments.
    """
    function, outcome = fast
    functools.update_wrapper(function, target.function)

    def verify(verifier: Callable[..., R]) -> Callable[..., R]:
        target.register(verifier)
        return verifier

    def limited(**limits: Any) -> Any:
        return _limited(target, calls, bound, limits_with(target.limits, **limits))

    wrapped: Any = function
    wrapped.outcome, wrapped.verify, wrapped.limited = outcome, verify, limited
    wrapped.bind = _binder(target, bound, outcome)
    setattr(wrapped, TARGET, target)
    scope = getattr(target.function, "__qualname__", "").rpartition(".")[0]
    if inspect.isfunction(target.function) and scope and not scope.endswith("<locals>"):
        return WrappedMethod(wrapped)
    return wrapped


def _binder(target: Target, bound: Callable[..., CallInput], outcome: Callable[..., Any]) -> Callable[..., CallInput]:
    def bind(*args: Any, **kwargs: Any) -> CallInput:
        return bound(target.function, target.operation.name, outcome, args, kwargs)

    return bind


def _limited(
    target: Target, calls: Callable[[Callable[[], Target]], Calls], bound: Callable[..., CallInput], limits: Limits
) -> Any:
    """Return the wrapped function with other limits; it makes its target at its first call."""
    function: Any
    function, outcome = calls(functools.cache(functools.partial(target.limited, limits)))
    functools.update_wrapper(function, target.function)
    function.outcome = outcome
    function.bind = _binder(target, bound, outcome)
    function.limited = lambda **others: _limited(target, calls, bound, limits_with(limits, **others))
    return function


def _of_instance(function: Any, instance: Any) -> Any:
    """Bind a function and what goes with it to the instance."""
    method: Any = functools.partial(function, instance)
    functools.update_wrapper(method, function)
    # `__wrapped__` would bring the instance back into the signature.
    del method.__wrapped__
    for name in ("verify", TARGET):
        vars(method).pop(name, None)
    method.outcome = functools.partial(function.outcome, instance)
    method.bind = functools.partial(function.bind, instance)
    method.limited = lambda **limits: _of_instance(function.limited(**limits), instance)
    return method


class WrappedMethod:
    """A wrapped function in a class body: an instance binds it and what goes with it, such as ``outcome``."""

    outcome: Callable[..., Any]
    bind: Callable[..., CallInput]
    limited: Callable[..., Any]
    verify: Callable[[Callable[..., Any]], Callable[..., Any]]

    def __init__(self, function: Any) -> None:
        self._function = function
        # This copies the function's attributes too.
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with an explicit instance, as ``Class.method(instance, ...)`` does."""
        return self._function(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind the function and what goes with it to the instance."""
        return self if instance is None else _of_instance(self._function, instance)
