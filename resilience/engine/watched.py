"""
The first attempt of a call that observers see, where it needs nothing else.

It is told as in any other call, by the same events, and costs half as much as a run with its history and commands. An
attempt that failed goes on in :func:`~resilience.engine.call.run.run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from resilience.core.events import AttemptAborted, AttemptStarted, AttemptSucceeded, CallEnded
from resilience.engine.call.attempts import FirstAttempt
from resilience.engine.call.decided import count as decisions
from resilience.engine.target.observers import Watch
from resilience.engine.target.target import Callee

_FIRST: Final = AttemptStarted(number=1)
_NOTHING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({})


class AtOnce(NamedTuple):
    """
    A call that succeeded at once, and of which all has been told.

    Attributes:
        value: What it returned.
        duration: In seconds.
    """

    value: Any
    duration: float


async def first_attempt(
    callee: Callee, args: tuple[Any, ...], kwargs: Mapping[str, Any], limit: float, plain: type | None
) -> AtOnce | FirstAttempt:
    """
    Make the first attempt of a call, and tell of it.

    Args:
        callee: What is called; an attempt of it is nothing but to await its function.
        args: Its arguments.
        kwargs: Likewise.
        limit: Of the attempt, in seconds; 0 for none.
        plain: The type of values that need not be looked at.
    """
    watch = callee.setting.audience.admit(callee.started)
    now = callee.runtime.timer()
    before, started = decisions[0], now()
    if watch.sinks:
        watch.tell(_FIRST)
    value: Any = None
    error: Exception | None = None
    is_cut, has_ended = False, False
    try:
        if limit:
            ran = await callee.runtime.run_until(started + limit, callee.function, args, kwargs)
            value, error, is_cut = ran.value, ran.error, ran.cut
            del ran
        else:
            try:
                value = await callee.function(*args, **kwargs)
            except Exception as raised:  # noqa: BLE001  # classified in the run
                error = raised
        has_ended = True
    finally:
        if not has_ended:
            _tell_of_end(watch, now() - started)
    try:
        if error is None and not is_cut and type(value) is not plain and callee.check(value) is not None:
            error = callee.refusal(value)
        if error is not None or is_cut:
            return FirstAttempt(error, started, before, watch=watch)
    finally:
        del error  # for the reason that Outcome.unwrap gives
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


def _tell_of_end(watch: Watch, duration: float) -> None:
    """Tell of a call that was cancelled in its first attempt."""
    watch.tell(AttemptAborted(number=1, duration=duration, error=None))
    watch.tell(
        CallEnded(
            ended="cancelled", stop_reason="cancelled", attempts=1, waited=0.0, duration=duration, renamed=_NOTHING
        )
    )
