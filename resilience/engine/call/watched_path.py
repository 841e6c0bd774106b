"""
The first attempt of a call that observers watch, if the call needs nothing else.

Observers get the same events as from any other call. The attempt takes half as long as a run with its history and
commands. A call whose attempt failed goes on in :func:`~resilience.engine.call.run.run`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from resilience.clients import type_name
from resilience.core.events import AttemptAborted, AttemptStarted, AttemptSucceeded, CallEnded
from resilience.engine.call.decided import count as decisions
from resilience.engine.call.first_failure import FirstAttempt
from resilience.engine.call.run import broken_off
from resilience.engine.runtime.plain_thread import at_once
from resilience.engine.target.observers import Watch
from resilience.engine.target.target import Target

_FIRST: Final = AttemptStarted(number=1)
_NOTHING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({})


class AtOnce(NamedTuple):
    """
    A call that succeeded at once; observers have got all of its events.

    Attributes:
        value: The value.
        duration: The duration of the attempt, in seconds.
    """

    value: Any
    duration: float


async def first_attempt(
    target: Target, args: tuple[Any, ...], kwargs: Mapping[str, Any], limit: float, plain: type | None
) -> AtOnce | FirstAttempt:
    """
    Make the first attempt of a call, and give observers its events.

    Args:
        target: The target; an attempt needs nothing but to call its function.
        args: The arguments of the call.
        kwargs: The arguments by name.
        limit: The limit of the attempt, in seconds; 0 for none.
        plain: The type of values that need no check.
    """
    function: Callable[..., Awaitable[Any]] = target.function
    if target.runtime.blocks:
        function = at_once(target.within(limit or None))
    watch = target.setting.audience.admit(target.started)
    now, _ = target.runtime.timing()
    before, started = decisions[0], now()
    if watch.sinks:
        watch.tell(_FIRST)
    value: Any = None
    error: Exception | None = None
    is_cut, has_run, has_ended = False, False, False
    left: str | None = None
    try:
        if limit:
            ran = await target.runtime.run_until(started + limit, function, args, kwargs)
            value, error, is_cut = ran.value, ran.error, ran.cut
            del ran
        else:
            try:
                value = await function(*args, **kwargs)
            except Exception as raised:  # noqa: BLE001  # classified in the run
                error = raised
        has_run = True
        if error is None and not is_cut and type(value) is not plain and target.check(value) is not None:
            error = target.refusal(value)
        has_ended = True
        if error is not None or is_cut:
            return FirstAttempt(error, started, before, watch=watch)
    except Exception as raised:
        left = type_name(raised)  # by a check: the function's own exception is in `error`
        raise
    finally:
        del error  # for the reason that Outcome.unwrap gives
        if not has_ended:
            _break_off(watch, now() - started, left, has_run=has_run)
    duration = now() - started
    if watch.sinks:
        watch.tell(AttemptSucceeded(number=1, duration=duration))
        watch.tell(
            CallEnded(
                ended="success",
                stop_reason="success",
                attempts=1,
                waited=0.0,
                duration=now() - started,
                renamed=_NOTHING,
            )
        )
    return AtOnce(value, duration)


def _break_off(watch: Watch, duration: float, error: str | None, *, has_run: bool) -> None:
    """Tell that a cancellation, or an error of this class, has ended the call in or after its first attempt."""
    if not has_run:
        watch.tell(AttemptAborted(number=1, duration=duration, error=None))
    watch.tell(broken_off(error, attempts=1, waited=0.0, duration=duration))
