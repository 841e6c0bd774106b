"""A wrapped function with its arguments: a call that can be made later, by :meth:`resilience.Executor.map`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any, Final, Generic, TypeVar

from attrs import evolve

from resilience.engine.limits import ORIGIN
from resilience.engine.outcome import Outcome

T_co = TypeVar("T_co", covariant=True)

OUTCOMES: Final[ContextVar[list[Outcome[Any]] | None]] = ContextVar("resilience_outcomes", default=None)
"""Collects the outcomes of wrapped clients' calls while a bound method is called; None at other times."""


class CallInput:
    """
    The function and the arguments of a call. Its ``repr`` shows no argument.

    Attributes:
        function: The name of the function.
        operation: The name of the operation; None for a method of a wrapped client, whose outcome has it.
        args: The arguments.
        kwargs: The arguments by name.
    """

    __slots__ = ("_make", "args", "function", "kwargs", "operation")

    def __init__(
        self,
        function: Callable[..., Any],
        operation: str | None,
        make: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        self.function: str = getattr(function, "__name__", type(function).__name__)
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self._make = make

    def __repr__(self) -> str:
        """Name the function and the operation."""
        operation = "" if self.operation is None else f" {self.operation}"
        return f"<{type(self).__name__} {self.function}{operation}>"


class BoundCall(CallInput, Generic[T_co]):
    """
    A call on an event loop: a function with its arguments, as ``bind`` returns it. It can be made any number of times.

    Attributes:
        function: The name of the function.
        operation: The name of the operation; None for a method of a wrapped client, whose outcome has it.
        args: The arguments.
        kwargs: The arguments by name.
    """

    __slots__ = ()

    def outcome(self) -> Coroutine[Any, Any, Outcome[T_co]]:
        """Make the call and return how it ended; a failed call raises nothing."""
        made: Coroutine[Any, Any, Outcome[T_co]] = self._make(*self.args, **self.kwargs)
        return made


class SyncBoundCall(CallInput, Generic[T_co]):
    """A call in a plain thread; else as :class:`BoundCall`."""

    __slots__ = ()

    def outcome(self) -> Outcome[T_co]:
        """Make the call and return how it ended; a failed call raises nothing."""
        made: Outcome[T_co] = self._make(*self.args, **self.kwargs)
        return made


def bound_method(method: Callable[..., Any], *, is_async: bool) -> Callable[..., Any]:
    """
    Return a function that calls a method of a wrapped client and returns the outcome.

    Most methods of an SDK's client call one of a few methods that send, and only these are wrapped. So the outcome is
    that of the last call which the method makes, with the method's own value.

    Raises:
        TypeError: It is no method of a wrapped client, or a method for the other kind of executor.
    """
    name = getattr(method, "__qualname__", type(method).__qualname__)
    if ORIGIN not in getattr(getattr(method, "__self__", None), "__dict__", ()):
        raise TypeError(
            f"bind: {name} is no method of a wrapped client; a wrapped function has a bind of its own, and any other "
            'function stands behind its operation: executor.bind("CreateGroupId", function, ...)'
        )
    if inspect.iscoroutinefunction(method) != is_async:
        kinds = ("is blocking: use SyncExecutor.map", "is asynchronous: use Executor.map")
        raise TypeError(f"bind: {name} {kinds[not is_async]}")
    return functools.partial(_outcome_async if is_async else _outcome, method)


def _outcome(method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Outcome[Any]:
    outcomes: list[Outcome[Any]] = []
    token = OUTCOMES.set(outcomes)
    try:
        value = method(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # it belongs to the outcome
        return _with_error(outcomes, error)
    finally:
        OUTCOMES.reset(token)
    return evolve(_last(outcomes), value=value)


async def _outcome_async(method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Outcome[Any]:
    outcomes: list[Outcome[Any]] = []
    token = OUTCOMES.set(outcomes)
    try:
        value = await method(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # it belongs to the outcome
        return _with_error(outcomes, error)
    finally:
        OUTCOMES.reset(token)
    return evolve(_last(outcomes), value=value)


def _with_error(outcomes: list[Outcome[Any]], error: Exception) -> Outcome[Any]:
    """Return the outcome of a call that failed; raise the error of a method without one, or after a success."""
    if not outcomes or outcomes[-1].error is None:
        raise error
    return evolve(outcomes[-1], error=error)


def _last(outcomes: list[Outcome[Any]]) -> Outcome[Any]:
    if not outcomes:
        raise TypeError("map: a bound method made no management call that the policy knows; call it without map")
    return outcomes[-1]
