"""The wrapped methods that a script calls in place of the SDK's own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, evolve

from resilience.clients.common.originals import mark_wrapped
from resilience.engine.bound_call import OUTCOMES
from resilience.engine.client.method_target import MethodTarget
from resilience.engine.client.sdk_errors import without_our_frames
from resilience.engine.errors import ServiceError
from resilience.engine.limits import OWN, limits_with
from resilience.engine.runtime.attribution import as_attempt, is_under_way
from resilience.engine.runtime.event_loop import needs_asyncio_loop
from resilience.engine.synchronous import calls_in_thread
from resilience.engine.wrapped_function import calls_on_loop


@define(eq=False)
class PreparedMethod:
    """One operation of one client: its target, and the fast paths to it, for values and for outcomes."""

    target: MethodTarget
    call: Callable[..., Any]
    outcome: Callable[..., Any]
    needs_asyncio: bool
    may_retry: bool

    def limited(self, limits: Mapping[str, Any]) -> PreparedMethod:
        """Return the same operation with other limits."""
        target = self.target.limited(limits_with(self.target.limits, **limits))
        calls = calls_in_thread if target.runtime.blocks else calls_on_loop
        call, outcome = calls(lambda: target)
        return evolve(self, target=target, call=call, outcome=outcome)

    def ready(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], changes: Callable[[], object]
    ) -> tuple[PreparedMethod, tuple[Any, ...], dict[str, Any]]:
        """Return the operation with the caller's own limits, and the arguments to send."""
        entry = self if (own := OWN.get()) is None else self.limited(own)
        if changes() or entry.may_retry:
            args, kwargs = entry.target.prepared(args, kwargs)
        return entry, args, kwargs

    def left(self, error: Exception) -> Departure:
        """Return how a failed call leaves."""
        if (
            self.target.client_operation.returns_refusals
            and isinstance(error, ServiceError)
            and error.answer is not None
        ):
            return Departure(None, error.answer)
        trace = without_our_frames(error)
        return Departure(self.target.left(error).with_traceback(trace), None)


@define(eq=False)
class Departure:
    """How a failed call leaves: with an error, or with the service's answer that is a refusal."""

    error: Exception | None
    answer: Any

    def forget(self) -> None:
        """Drop the exception: its traceback refers to this object, so both would wait for the garbage collector."""
        self.error = None


@define(eq=False)
class Bypassed:
    """Marks a call that is made without the policy and has been reported."""


BYPASSED: Final = Bypassed()

PreparedMethodOf = Callable[[Any, tuple[Any, ...], dict[str, Any]], PreparedMethod | Bypassed | None]
"""Returns the operation of a call; None if no policy applies to it."""


def wrapped_method(
    function: Callable[..., Any], entry_of: PreparedMethodOf, tally: Callable[[], object], changes: Callable[[], object]
) -> Callable[..., Any]:
    """
    Return a method that makes calls under a policy.

    Args:
        function: The SDK's own method; calls without a policy, and calls inside an attempt, use it directly.
        entry_of: Returns the operation of a call.
        tally: Called once in every wrapped call.
        changes: Tells whether names have been changed.
    """
    make = _wrapped_async if inspect.iscoroutinefunction(function) else _wrapped
    method = make(function, as_attempt(function), entry_of, tally, changes)
    functools.update_wrapper(method, function)
    mark_wrapped(method)
    return method


def _wrapped(
    function: Callable[..., Any],
    alone: Callable[..., Any],
    entry_of: PreparedMethodOf,
    tally: Callable[[], object],
    changes: Callable[[], object],
) -> Callable[..., Any]:
    def wrapped(client: Any, /, *args: Any, **kwargs: Any) -> Any:
        if is_under_way():
            return function(client, *args, **kwargs)
        entry = entry_of(client, args, kwargs)
        if entry is None:
            return function(client, *args, **kwargs)
        if isinstance(entry, Bypassed):
            return alone(client, *args, **kwargs)
        tally()
        entry, prepared, named = entry.ready(args, kwargs, changes)
        outcomes = OUTCOMES.get()
        try:
            if outcomes is None:
                return entry.call(*prepared, **named)
            outcomes.append(entry.outcome(*prepared, **named))
            return outcomes[-1].unwrap()
        except Exception as error:  # noqa: BLE001  # every error leaves, in the shape that the script expects
            left = entry.left(error)
        if left.error is None:
            return left.answer
        try:
            raise left.error
        finally:
            left.forget()

    return wrapped


def _wrapped_async(
    function: Callable[..., Any],
    alone: Callable[..., Any],
    entry_of: PreparedMethodOf,
    tally: Callable[[], object],
    changes: Callable[[], object],
) -> Callable[..., Any]:
    async def wrapped(client: Any, /, *args: Any, **kwargs: Any) -> Any:
        if is_under_way():
            return await function(client, *args, **kwargs)
        entry = entry_of(client, args, kwargs)
        if entry is None:
            return await function(client, *args, **kwargs)
        if isinstance(entry, Bypassed):
            return await alone(client, *args, **kwargs)
        if entry.needs_asyncio:
            needs_asyncio_loop(entry.target.operation.name)
        tally()
        entry, prepared, named = entry.ready(args, kwargs, changes)
        outcomes = OUTCOMES.get()
        try:
            if outcomes is None:
                return await entry.call(*prepared, **named)
            outcomes.append(await entry.outcome(*prepared, **named))
            return outcomes[-1].unwrap()
        except Exception as error:  # noqa: BLE001  # every error leaves, in the shape that the script expects
            left = entry.left(error)
        if left.error is None:
            return left.answer
        try:
            raise left.error
        finally:
            left.forget()

    return wrapped
