"""What ``wrap`` returns: the user's function with the same signature, under a policy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from time import time
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from anyio import CancelScope, current_time

from resilience.core.machine import attempt_limit, begin
from resilience.engine.attempts import FirstAttempt
from resilience.engine.callee import PLAIN, Callee
from resilience.engine.credentials import NO_CREDENTIALS
from resilience.engine.decided import count as decisions
from resilience.engine.outcome import Outcome
from resilience.engine.run import run
from resilience.engine.scope import Ran

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


_SHUT: Final[tuple[Mapping[str, Any], str]] = ({"": True}, "")


def build(callee: Callee) -> Wrapped[Any, Any]:
    """Return the wrapped function: a closure, or a descriptor where the function stands in a class body."""
    function = _closure(callee)
    functools.update_wrapper(function, callee.function)

    async def outcome(*args: Any, **kwargs: Any) -> Outcome[Any]:
        return await run(callee, args, kwargs)

    def verify(verifier: Callable[..., R]) -> Callable[..., R]:
        callee.register(verifier)
        return verifier

    scope = getattr(callee.function, "__qualname__", "").rpartition(".")[0]
    if inspect.isfunction(callee.function) and scope and not scope.endswith("<locals>"):
        return cast("Wrapped[Any, Any]", Method(function, outcome, verify))
    wrapped = cast("Any", function)
    wrapped.outcome, wrapped.verify = outcome, verify
    return cast("Wrapped[Any, Any]", wrapped)


class Method(Generic[T]):
    """A wrapped function in a class body: what an instance gives binds ``outcome`` as well."""

    def __init__(
        self,
        function: Callable[..., Coroutine[Any, Any, T]],
        outcome: Callable[..., Coroutine[Any, Any, Outcome[T]]],
        verify: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> None:
        self._function = function
        self.outcome = outcome
        self.verify = verify
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, T]:
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


def _closure(  # noqa: C901, PLR0915  # four functions that share their cells, which is what makes them quick
    callee: Callee,
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """
    Return the quick path: one frame around the user's function.

    It is taken where nobody watches and nothing is to be done before an attempt
    or after it; a failure goes on in :func:`~resilience.engine.run.run`. The first call always takes
    the long way, because verifiers are registered until then, and because its
    value tells whether the function returns an SDK's answers, which are checked.
    """
    # While ``slot[key]`` is None the quick path is open: one look-up answers every reason against it.
    slot, key = _SHUT
    invoke = callee.invoke
    limit = 0.0
    source = callee.source or NO_CREDENTIALS

    async def slowly(args: tuple[Any, ...], kwargs: dict[str, Any], first: FirstAttempt | None = None) -> Any:
        nonlocal slot, key, limit
        try:
            value = (await run(callee, args, kwargs, first)).unwrap()
        finally:
            del first  # for the reason that Outcome.unwrap gives
        if slot is _SHUT[0] and type(value) in PLAIN and not callee.is_plain:
            slot, key = callee.setting.idle_slot or _SHUT
            limit = attempt_limit(begin(callee.plan, now=0.0), now=0.0) or 0.0
        return value

    async def unlimited(*args: Any, **kwargs: Any) -> Any:
        first = None
        if slot[key] is None:
            before = decisions[0]
            try:
                # To pass on no keywords is cheaper than to pass on an empty dictionary of them.
                return await (invoke(*args, **kwargs) if kwargs else invoke(*args))
            except Exception as error:  # noqa: BLE001  # classified in the run
                first = FirstAttempt(Ran(error=error), None, before)
        try:
            return await slowly(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    async def unlimited_with_credentials(*args: Any, **kwargs: Any) -> Any:
        first = None
        if slot[key] is None and (held := source.held).renew_at > time():
            before = decisions[0]
            try:
                return await (invoke(*args, **kwargs) if kwargs else invoke(*args))
            except Exception as error:  # noqa: BLE001  # classified in the run
                first = FirstAttempt(Ran(error=error), None, before, held.generation)
        try:
            return await slowly(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    async def limited(*args: Any, **kwargs: Any) -> Any:
        first = None
        if slot[key] is None and (held := source.held).renew_at > time():
            before, started = decisions[0], current_time()
            ran = Ran(cut=True)
            with CancelScope(deadline=started + limit):
                try:
                    return await (invoke(*args, **kwargs) if kwargs else invoke(*args))
                except Exception as error:  # noqa: BLE001  # classified in the run
                    ran = Ran(error=error)
            first = FirstAttempt(ran, started, before, held.generation)
            del ran
        try:
            return await slowly(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    limits = callee.setting.policy.limits
    if limits.deadline is not None or limits.attempt_timeout is not None:
        return limited
    return unlimited if source is NO_CREDENTIALS else unlimited_with_credentials
