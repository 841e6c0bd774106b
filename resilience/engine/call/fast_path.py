"""
The fast path: one frame around the user's function, for calls that succeed at once.

The fast path is open while no observer wants to see such a call, and while nothing has to be done before an attempt or
after it. A call that an observer wants to see begins in :mod:`~resilience.engine.call.watched_path`. If the attempt
fails and the policy has no remedy, the exception leaves at once (:mod:`~resilience.engine.call.first_failure`). With a
remedy the call goes on in :func:`~resilience.engine.call.run.run`, with the attempt that was made. The first call of a
function always takes the slow path, because a verifier can be registered until then. The first value shows whether
the function returns an SDK's answers, which have to be checked; before it every value is checked.

Such a call takes about 0.3 us. Its tricks save, in nanoseconds (CPython 3.11, x86-64;
``python tests/benchmarks/fast_path.py``):

- 120 to 150: there is one frame instead of two.
- 60: no clock is read where no credentials can be needed; of that 10, because their absence is not looked up either.
- 50: two slots are looked up, instead of two functions called.
- 16: a call without keywords passes none on.
- 10: the type of a plain value is compared before the check is called.
- 5300, with a limit: an alarm stands in for a cancel scope.

An event loop has two variants: one reads no clock; the other is for a limit, for credentials, or for an outcome, which
has the duration of the attempt. What both need on the way to a run is in functions of its own, because each variable
that a frame can see takes 8 bytes in every call under way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from time import time
from typing import Any

from resilience.core.observer import ALWAYS_IDLE
from resilience.engine.call.decided import count as decisions
from resilience.engine.call.fast_path_guard import SHUT, Guard, at_once, plain_type
from resilience.engine.call.first_failure import FirstAttempt, go_on
from resilience.engine.call.renaming import begins_as_asked
from resilience.engine.call.run import run
from resilience.engine.call.watched_path import AtOnce, first_attempt
from resilience.engine.credentials.loaded import NO_CREDENTIALS
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.plain_thread import THREAD, drive, never_awaitable
from resilience.engine.target.target import Target


def _no_loop() -> None:
    """Return None, as if asyncio ran no loop; stands in for asyncio before it is imported."""


def on_loop(target: Target, *, as_outcome: bool = False) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the fast path for calls on an event loop: with ``as_outcome`` it returns outcomes, else values."""
    fast = _on_loop(target, as_outcome=as_outcome)
    if not target.renames:
        return fast

    async def named(*args: Any, **kwargs: Any) -> Any:
        # This second frame is only for operations that the policy can rename: the name may be another resource's.
        if begins_as_asked(target, args, kwargs):
            return await fast(*args, **kwargs)
        call = await run(target, args, kwargs)
        return call.outcome() if as_outcome else call.unwrap()

    return named


def in_thread(target: Target, *, as_outcome: bool = False) -> Callable[..., Any]:
    """Return the fast path for calls in a plain thread: with ``as_outcome`` it returns outcomes, else values."""
    fast = _in_thread(target, as_outcome=as_outcome)
    if not target.renames:
        return fast

    def named(*args: Any, **kwargs: Any) -> Any:
        if begins_as_asked(target, args, kwargs):
            return fast(*args, **kwargs)
        call = drive(run(target, args, kwargs))
        return call.outcome() if as_outcome else call.unwrap()

    return named


def _on_loop(  # noqa: C901, PLR0915  # the functions share cells, which makes them fast
    target: Target, *, as_outcome: bool
) -> Callable[..., Coroutine[Any, Any, Any]]:
    # The fast path is open while both slots hold None: these two look-ups stand for every reason to close it.
    (slot, key), (other, other_key) = SHUT, ALWAYS_IDLE
    is_new = True
    is_only_attempt = False
    invoke = target.function
    limit = 0.0
    refusal, check = target.refusal, target.check
    plain: type | None = None
    # None where there can be no credentials: this comparison takes a tenth of the time that reading the clock takes.
    source = target.source or (None if target.keeps_source else NO_CREDENTIALS)
    # On asyncio the loop's own clock is faster. For a function that shields nothing, an alarm is cheaper than a cancel
    # scope; an alarm ignores anyio's shields. Both need asyncio, so they are set once the program has imported it.
    running_loop: Callable[[], Any] = _no_loop
    make_alarms: Any = None
    alarms: Any = None
    cancelled: type[BaseException] = GeneratorExit

    def generation_of(loaded: Any) -> int:
        # If the script has replaced the credentials meanwhile, a refresh would not renew those of this attempt.
        return loaded.generation if loaded is not None and (target.keeps_source or target.source is source) else 0

    def failed(error: Exception, started: float | None, before: int, loaded: Any) -> FirstAttempt | None:
        return go_on(target, error, started, before, generation_of(loaded), as_outcome=as_outcome)

    async def slow_path(args: tuple[Any, ...], kwargs: dict[str, Any], first: FirstAttempt | None) -> Any:
        nonlocal is_new, is_only_attempt, slot, key, other, other_key, limit, plain, source
        nonlocal running_loop, make_alarms, alarms, cancelled
        loaded = None
        try:
            if first is None and is_only_attempt and (source is None or (loaded := source.loaded).renew_at > time()):
                made = await first_attempt(target, args, kwargs, limit, plain)
                if isinstance(made, AtOnce):
                    return at_once(target, made.value, args, kwargs, made.duration) if as_outcome else made.value
                first = FirstAttempt(made.error, made.started, made.decided_before, generation_of(loaded), made.watch)
                del made
            call = await run(target, args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives
        if slot is SHUT[0]:
            guard = Guard.of(target)
            limit, is_only_attempt = guard.limit, guard.is_only_attempt
            if "asyncio" in sys.modules:
                from resilience.engine.runtime import attempt_alarm  # noqa: PLC0415  # asyncio is there already

                running_loop, cancelled = attempt_alarm.running_loop, attempt_alarm.CancelledError
                if limit and not target.may_shield:
                    make_alarms = attempt_alarm.Alarms
                    alarms = make_alarms(None, limit)
            (slot, key), (other, other_key) = guard.slots
        if not target.keeps_source:
            source = target.source or NO_CREDENTIALS
        if is_new and call.error is None:
            is_new = False
            plain = plain_type(target, call.value)
        return call.outcome() if as_outcome else call.unwrap()

    async def untimed(*args: Any, **kwargs: Any) -> Any:
        first: FirstAttempt | None
        if slot[key] is None and other[other_key] is None:
            before = decisions[0]
            try:
                # A call without keywords is cheaper than one with an empty dictionary of keywords.
                value = await (invoke(*args, **kwargs) if kwargs else invoke(*args))
                if type(value) is plain or check(value) is None or (error := refusal(value)) is None:
                    return value
                first = FirstAttempt(error, None, before)
                del error
            except Exception as error:
                first = go_on(target, error, None, before, 0, as_outcome=False)
                if first is None:
                    raise
        else:
            first = None
        try:
            return await slow_path(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    async def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: C901, PLR0912  # one frame is faster
        nonlocal alarms
        first = loaded = attempt_alarm = None
        if (
            slot[key] is None
            and other[other_key] is None
            and (source is None or (loaded := source.loaded).renew_at > time())
        ):
            before = decisions[0]
            loop = running_loop()
            now = loop.time if loop is not None else LOOP.timing()[0]
            started = now()
            if limit and (loop is None or alarms is None):
                ran = await LOOP.run_until(started + limit, invoke, args, kwargs)
                failure, value = ran.error, ran.value
                if failure is None and not ran.cut and (failure := refusal(value)) is None:
                    return at_once(target, value, args, kwargs, now() - started) if as_outcome else value
                del ran
                first = FirstAttempt(failure, started, before, generation_of(loaded))
                del failure
            else:
                if limit:
                    mine = alarms
                    if loop is not mine.loop:
                        mine = alarms = make_alarms(loop, limit)
                    attempt_alarm = mine.set(started)
                try:
                    value = await (invoke(*args, **kwargs) if kwargs else invoke(*args))
                    if type(value) is plain or check(value) is None or (error := refusal(value)) is None:
                        return at_once(target, value, args, kwargs, now() - started) if as_outcome else value
                    first = FirstAttempt(error, started, before, generation_of(loaded))
                    del error
                except Exception as error:
                    first = failed(error, started, before, loaded)
                    if first is None:
                        raise
                except cancelled:
                    if attempt_alarm is None:
                        raise
                    is_ours, attempt_alarm = attempt_alarm.switch_off(), None
                    if not is_ours:
                        raise
                    first = FirstAttempt(None, started, before, generation_of(loaded))
                finally:
                    if attempt_alarm is not None:
                        attempt_alarm.switch_off()
        try:
            return await slow_path(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    limits = target.limits
    has_limit = limits.deadline is not None or limits.attempt_timeout is not None
    # Without a limit only credentials need a clock, and an outcome, for the duration of the attempt.
    return timed if as_outcome or has_limit or source is not None else untimed


def _in_thread(target: Target, *, as_outcome: bool) -> Callable[..., Any]:  # noqa: C901, PLR0915  # as above
    # The clock is read only for a limit or for an outcome.
    (slot, key), (other, other_key) = SHUT, ALWAYS_IDLE
    is_new = True
    is_only_attempt = False
    invoke = target.function
    limit = 0.0
    refusal, check = target.refusal, target.check
    kind: type | None = None
    plain: type | None = None
    source = target.source or NO_CREDENTIALS
    is_bounded = target.within(1.0) is not invoke
    now = THREAD.now

    def generation_of(loaded: Any) -> int:
        return loaded.generation if target.keeps_source or target.source is source else 0  # as on a loop

    def slow_path(args: tuple[Any, ...], kwargs: dict[str, Any], first: FirstAttempt | None = None) -> Any:
        nonlocal is_new, is_only_attempt, slot, key, other, other_key, limit, kind, plain, source
        try:
            if first is None and is_only_attempt and (loaded := source.loaded).renew_at > time():
                made = drive(first_attempt(target, args, kwargs, limit, plain))
                if isinstance(made, AtOnce):
                    return at_once(target, made.value, args, kwargs, made.duration) if as_outcome else made.value
                first = FirstAttempt(made.error, made.started, made.decided_before, generation_of(loaded), made.watch)
                del made
            call = drive(run(target, args, kwargs, first))
        finally:
            del first  # for the reason that Outcome.unwrap gives
        if not target.keeps_source:
            source = target.source or NO_CREDENTIALS
        if is_new and call.error is None:
            is_new = False
            kind, plain = type(call.value), plain_type(target, call.value)
        if slot is SHUT[0]:
            guard = Guard.of(target)
            limit, is_only_attempt = guard.limit, guard.is_only_attempt
            (slot, key), (other, other_key) = guard.slots
        return call.outcome() if as_outcome else call.unwrap()

    def call(*args: Any, **kwargs: Any) -> Any:
        first = None
        if slot[key] is None and other[other_key] is None and (loaded := source.loaded).renew_at > time():
            before = decisions[0]
            started: float | None = None
            function = invoke
            if limit or as_outcome:
                started = now()
                if limit and is_bounded:
                    function = target.within(limit)
            try:
                value = function(*args, **kwargs)
                if type(value) is not kind:
                    never_awaitable(function, value)
                if type(value) is plain or check(value) is None or (error := refusal(value)) is None:
                    return (
                        value
                        if started is None or not as_outcome
                        else at_once(target, value, args, kwargs, now() - started)
                    )
                first = FirstAttempt(error, started, before, generation_of(loaded))
                del error
            except Exception as error:
                first = go_on(target, error, started, before, generation_of(loaded), as_outcome=as_outcome)
                if first is None:
                    raise
        try:
            return slow_path(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    return call
