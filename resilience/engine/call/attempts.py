"""One attempt: make it, read its fault, report that to the machine, and tell observers what the machine decided."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from resilience.clients import type_name
from resilience.core import decision as core
from resilience.core import events
from resilience.core.call import SUCCEEDED, Command
from resilience.core.call import call as commands
from resilience.core.fault import CUT
from resilience.core.match import condition
from resilience.engine.call import decided
from resilience.engine.call.first_failure import FirstAttempt
from resilience.engine.call.gates import leave
from resilience.engine.call.progress import Made, Progress
from resilience.engine.runtime.plain_thread import at_once
from resilience.engine.runtime.runtime import Ran
from resilience.engine.runtime.worker_threads import Job
from resilience.engine.target.injection import injected


def begin(call: Progress) -> Command:
    """Begin the call; return its first command."""
    call.commands = commands(call.history)
    return next(call.commands)


def made(call: Progress, first: FirstAttempt) -> Command:
    """Begin the call with the attempt that the fast path made; return its first command."""
    if first.watch is None and call.watch.sinks:
        call.watch.tell(events.AttemptStarted(number=1))
    call.is_begun, call.history.begun = True, 1
    if first.generation and call.plan.provider is not None:
        call.generations = {call.plan.provider: first.generation}
    ended = call.now()
    if first.fault is not None:
        call.error = first.error
        event = core.Failed((first.fault,))
    else:
        event = _read(call, 1, first.error, ended - call.started, first.decided_before)
    call.commands = commands(call.history, made=(event, ended, call.target.setting.draw()))
    return _told(call, next(call.commands), 1, ended - call.started, cut=first.error is None)


async def attempt(call: Progress, limit: float | None) -> Command:
    """Make one attempt, which ``limit`` cuts short; return the next command."""
    number, target, watch = call.history.begun, call.target, call.watch
    before, started = decided.count[0], call.now()
    if watch.sinks:
        watch.tell(events.AttemptStarted(number=number))
    value: Any = None
    error: Exception | None = None
    is_cut = has_ended = False
    try:
        try:
            if limit is None and target.is_plain_attempt:
                value = await target.function(*call.args, **call.kwargs)
            else:
                ran = await _within(call, limit)
                value, error, is_cut = ran.value, ran.error, ran.cut
                del ran
        except Exception as raised:  # noqa: BLE001  # classified below
            error = raised
        has_ended = True
    finally:
        if target.gates:
            leave(call)
        ended = call.now()
        duration = ended - started
        if not has_ended:
            watch.tell(events.AttemptAborted(number=number, duration=duration, error=None))
    try:
        if error is None and not is_cut:
            error = target.refusal(value)
        if error is not None or is_cut:
            event = _read(call, number, error, duration, before)
            return _told(call, call.report(event), number, duration, cut=is_cut)
    finally:
        del error  # for the reason that Outcome.unwrap gives
    call.value = value
    if watch.sinks:
        watch.tell(events.AttemptSucceeded(number=number, duration=duration))
    call.made.append(Made(number, duration))
    return call.commands.send((SUCCEEDED, ended, 0.0))


def _within(call: Progress, limit: float | None) -> Awaitable[Ran]:
    target = call.target
    if target.is_plain_attempt:
        return call.runtime.run_until(limit, target.function, call.args, call.kwargs)
    return call.runtime.run_until(limit, _invoke, (call, limit, *call.args), call.kwargs)


async def _invoke(call: Progress, limit: float | None, /, *args: Any, **kwargs: Any) -> Any:
    """Call the user's function. In a rehearsal fail as ``[chaos]`` says, instead of the call or after it."""
    target = call.target
    rehearsal = target.setting.rehearsal
    injection = None if rehearsal is None else rehearsal.next_injection(target.operation)
    invoke: Callable[..., Awaitable[Any]] = target.function
    if target.runtime.blocks or target.needs_thread:
        function = target.within(None if limit is None else limit - call.now())
        if target.runtime.blocks:
            invoke = at_once(function)
        else:
            job = Job()
            call.jobs = (*call.jobs, job)
            invoke = functools.partial(target.setting.threads.run, function, job)
    if injection is None:
        return await invoke(*args, **kwargs)
    if injection.applied:
        value = await invoke(*args, **kwargs)
        if target.refusal(value) is not None:
            # The service refused, so nothing was applied. The refusal counts, and not the answer that would be lost.
            return value
    call.watch.tell(events.FaultInjected(number=call.history.begun, injection=injection))
    if injection.delay > 0:
        await call.runtime.sleep(injection.delay)
    raise injected(injection)


def _read(call: Progress, number: int, error: Exception | None, duration: float, before: int) -> core.Failed:
    """
    Read the faults of a failed attempt; without an error a limit cut it short.

    Raises:
        Exception: The exception of the attempt, if it is a programming error.
    """
    if error is None:
        lease = None if call.track is None else call.track.limiting
        call.error = call.cut_short(f"attempt {number}", duration, lease=lease)
        return core.Failed((CUT,))
    faults = call.target.faults(error)
    if faults is None:
        call.watch.tell(events.AttemptAborted(number=number, duration=duration, error=type_name(error)))
        raise error
    call.error = error
    if decided.count[0] == before and not isinstance(error, ExceptionGroup):
        return core.Failed(faults)
    marks = decided.marks(error, before)
    # When one task of a group fails, the others are cancelled, and the group does not say what these had done.
    hidden = isinstance(error, ExceptionGroup) and call.plan.must_verify_first
    return core.Failed(faults, inner=bool(marks), doubt=hidden or any(doubt for _, doubt in marks))


def _told(call: Progress, following: Command, number: int, duration: float, *, cut: bool) -> Command:
    """Keep a failed attempt with its decision, and tell observers; return the next command."""
    met, decision = call.history.last, call.history.decision
    if met is None or decision is None:
        raise ValueError("no attempt has failed")
    call.made.append(Made(number, duration, met, decision))
    if call.watch.sinks:
        call.watch.tell(
            events.AttemptFailed(
                number=number,
                fault=met.fault,
                effect=met.effect,
                decision=decision,
                duration=duration,
                cut=cut,
                condition=condition(call.plan.candidates(met.fault), met.rule),
            )
        )
    return following
