"""
The quick path: one frame around the user's function, for calls that succeed at once.

It is open while nobody wants to see such a call and nothing is to be done before an
attempt or after it. A failure goes on in :func:`~resilience.engine.run.run`, with the attempt that was
made. The first call always takes the long way, because verifiers are registered until
then, and because its value tells whether the function returns an SDK's answers, which
are checked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from time import time
from typing import Any, Final

from attrs import frozen

from resilience.core.events import ALWAYS_IDLE, Slot
from resilience.core.machine import attempt_limit, begin
from resilience.engine.attempts import FirstAttempt
from resilience.engine.blocking import THREAD, drive, never_awaitable
from resilience.engine.callee import Callee
from resilience.engine.credentials import NO_CREDENTIALS
from resilience.engine.decided import count as decisions
from resilience.engine.loops import LOOP
from resilience.engine.renaming import begins_as_asked
from resilience.engine.run import run
from resilience.engine.runtime import Ran

_SHUT: Final[Slot] = ({"": True}, "")


@frozen
class _Gate:
    """
    What a quick path looks at.

    Attributes:
        slots: The call is nothing but an attempt while both hold None.
        limit: Of an attempt, in seconds; 0 for none.
        kind: The type of the first value.
        plain: The same, if values of it need no look, because they are none of an SDK's answers.
    """

    slots: tuple[Slot, Slot]
    limit: float
    kind: type
    plain: type | None

    @classmethod
    def after(cls, callee: Callee, value: object) -> _Gate:
        """Return how it stands after the first call."""
        slots = None if callee.needs_thread else callee.setting.idle_slots
        limit = attempt_limit(begin(callee.plan, now=0.0), now=0.0) or 0.0
        kind = type(value)
        return cls(slots or (_SHUT, _SHUT), limit, kind, kind if kind in callee.plain else None)


def _no_loop() -> None:
    """Return that asyncio does not run."""


def on_loop(callee: Callee) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the quick path for a call on an event loop."""
    quick = _on_loop(callee)
    if not callee.renames:
        return quick

    async def named(*args: Any, **kwargs: Any) -> Any:
        # Another frame, only where a name may be another resource's.
        if begins_as_asked(callee, args, kwargs):
            return await quick(*args, **kwargs)
        return (await run(callee, args, kwargs)).unwrap()

    return named


def in_thread(callee: Callee) -> Callable[..., Any]:
    """Return the quick path for a call in a plain thread."""
    quick = _in_thread(callee)
    if not callee.renames:
        return quick

    def named(*args: Any, **kwargs: Any) -> Any:
        if begins_as_asked(callee, args, kwargs):
            return quick(*args, **kwargs)
        return drive(run(callee, args, kwargs)).unwrap()

    return named


def _on_loop(  # noqa: C901, PLR0915  # four functions that share their cells, which is what makes them quick
    callee: Callee,
) -> Callable[..., Coroutine[Any, Any, Any]]:
    # While both ``slot[key]`` are None the quick path is open: two look-ups answer every reason against it.
    (slot, key), (other, other_key) = _SHUT, ALWAYS_IDLE
    is_new = True
    invoke = callee.function
    limit = 0.0
    refusal, check = callee.refusal, callee.check
    plain: type | None = None
    source = callee.source or NO_CREDENTIALS
    # On asyncio there is a cheaper limit than a cancel scope, for functions that shield nothing: it does not know
    # anyio's shields. What it needs is imported when asyncio is there.
    running_loop: Callable[[], Any] = _no_loop
    make_alarms: Any = None
    alarms: Any = None
    cancelled: type[BaseException] = GeneratorExit

    def generation_of(held: Any) -> int:
        # Credentials that the script has replaced meanwhile say nothing of those that a refresh would renew.
        return held.generation if callee.keeps_source or callee.source is source else 0

    async def slowly(args: tuple[Any, ...], kwargs: dict[str, Any], first: FirstAttempt | None = None) -> Any:
        nonlocal is_new, slot, key, other, other_key, limit, plain, source, running_loop, make_alarms, alarms, cancelled
        try:
            value = (await run(callee, args, kwargs, first)).unwrap()
        finally:
            del first  # for the reason that Outcome.unwrap gives
        if not callee.keeps_source:
            source = callee.source or NO_CREDENTIALS
        if is_new:
            is_new = False
            gate = _Gate.after(callee, value)
            limit, plain = gate.limit, gate.plain
            if not callee.may_shield and "asyncio" in sys.modules:
                from resilience.engine import alarm  # noqa: PLC0415  # asyncio is there already

                running_loop, make_alarms, cancelled = alarm.running_loop, alarm.Alarms, alarm.CancelledError
                alarms = make_alarms(None, limit)
            (slot, key), (other, other_key) = gate.slots
        return value

    async def unlimited(*args: Any, **kwargs: Any) -> Any:
        first = None
        if slot[key] is None and other[other_key] is None:
            before = decisions[0]
            try:
                # To pass on no keywords is cheaper than to pass on an empty dictionary of them.
                value = await (invoke(*args, **kwargs) if kwargs else invoke(*args))
                if type(value) is plain or check(value) is None or (error := refusal(value)) is None:
                    return value
                first = FirstAttempt(Ran(error=error), None, before)
                del error
            except Exception as error:  # noqa: BLE001  # classified in the run
                first = FirstAttempt(Ran(error=error), None, before)
        try:
            return await slowly(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    async def unlimited_with_credentials(*args: Any, **kwargs: Any) -> Any:
        first = None
        if slot[key] is None and other[other_key] is None and (held := source.held).renew_at > time():
            before = decisions[0]
            try:
                value = await (invoke(*args, **kwargs) if kwargs else invoke(*args))
                if type(value) is plain or check(value) is None or (error := refusal(value)) is None:
                    return value
                first = FirstAttempt(Ran(error=error), None, before, generation_of(held))
                del error
            except Exception as error:  # noqa: BLE001  # classified in the run
                first = FirstAttempt(Ran(error=error), None, before, generation_of(held))
        try:
            return await slowly(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    async def limited(*args: Any, **kwargs: Any) -> Any:  # noqa: C901, PLR0912  # one frame, which is what makes it quick
        nonlocal alarms
        first = None
        if slot[key] is None and other[other_key] is None and (held := source.held).renew_at > time():
            before = decisions[0]
            loop = running_loop()
            if loop is None:
                started = LOOP.now()
                ran = await LOOP.run_until(started + limit, invoke, args, kwargs)
                if ran.error is None and not ran.cut:
                    error = refusal(ran.value)
                    if error is None:
                        return ran.value
                    ran = Ran(error=error)
            else:
                started = loop.time()
                mine = alarms
                if loop is not mine.loop:
                    mine = alarms = make_alarms(loop, limit)
                alarm = mine.set(started)
                try:
                    value = await (invoke(*args, **kwargs) if kwargs else invoke(*args))
                    if type(value) is plain or check(value) is None or (error := refusal(value)) is None:
                        return value
                    ran = Ran(error=error)
                    del error
                except Exception as error:  # noqa: BLE001  # classified in the run
                    ran = Ran(error=error)
                except cancelled:
                    is_ours, alarm = alarm.switch_off(), None
                    if not is_ours:
                        raise
                    ran = Ran(cut=True)
                finally:
                    if alarm is not None:
                        alarm.switch_off()
            first = FirstAttempt(ran, started, before, generation_of(held))
            del ran
        try:
            return await slowly(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    limits = callee.limits
    if limits.deadline is not None or limits.attempt_timeout is not None:
        return limited
    return unlimited if source is NO_CREDENTIALS and callee.keeps_source else unlimited_with_credentials


def _in_thread(callee: Callee) -> Callable[..., Any]:  # noqa: C901  # as above
    # The clock is read only where there is a limit.
    (slot, key), (other, other_key) = _SHUT, ALWAYS_IDLE
    is_new = True
    invoke = callee.function
    limit = 0.0
    refusal, check = callee.refusal, callee.check
    kind: type | None = None
    plain: type | None = None
    source = callee.source or NO_CREDENTIALS
    is_bounded = callee.within(1.0) is not invoke
    now = THREAD.now

    def generation_of(held: Any) -> int:
        return held.generation if callee.keeps_source or callee.source is source else 0  # as on a loop

    def slowly(args: tuple[Any, ...], kwargs: dict[str, Any], first: FirstAttempt | None = None) -> Any:
        nonlocal is_new, slot, key, other, other_key, limit, kind, plain, source
        try:
            value = drive(run(callee, args, kwargs, first)).unwrap()
        finally:
            del first  # for the reason that Outcome.unwrap gives
        if not callee.keeps_source:
            source = callee.source or NO_CREDENTIALS
        if is_new:
            is_new = False
            gate = _Gate.after(callee, value)
            limit, kind, plain = gate.limit, gate.kind, gate.plain
            (slot, key), (other, other_key) = gate.slots
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        first = None
        if slot[key] is None and other[other_key] is None and (held := source.held).renew_at > time():
            before = decisions[0]
            started = None
            function = invoke
            if limit:
                started = now()
                if is_bounded:
                    function = callee.within(limit)
            try:
                value = function(*args, **kwargs)
                if type(value) is not kind:
                    never_awaitable(function, value)
                if type(value) is plain or check(value) is None or (error := refusal(value)) is None:
                    return value
                first = FirstAttempt(Ran(error=error), started, before, generation_of(held))
                del error
            except Exception as error:  # noqa: BLE001  # classified in the run
                first = FirstAttempt(Ran(error=error), started, before, generation_of(held))
        try:
            return slowly(args, kwargs, first)
        finally:
            del first  # for the reason that Outcome.unwrap gives

    return call
