"""One attempt: make it, read what it failed with, let the machine decide, and tell."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen

from resilience.clients import type_name
from resilience.core import decision as core
from resilience.core import events
from resilience.core.fault import CUT, Fault
from resilience.core.machine import attempt_limit
from resilience.core.match import condition
from resilience.engine import decided
from resilience.engine.blocking import at_once
from resilience.engine.chaos import injected
from resilience.engine.outcome import Attempt
from resilience.engine.progress import Progress
from resilience.engine.remedies import credentials_ready
from resilience.engine.runtime import Ran
from resilience.engine.threads import Job


@frozen
class FirstAttempt:
    """
    An attempt that the quick path has made already, and that failed.

    Attributes:
        ran: How it ended.
        started: When it started; None where the quick path, having no limit, read no clock.
        decided_before: The number of decisions made before it started.
        generation: Which credentials it could use; 0 where it needed none.
    """

    ran: Ran
    started: float | None
    decided_before: int
    generation: int = 0


async def attempt(call: Progress) -> core.Decision | None:
    """Make one attempt; return what follows its failure, or None if it succeeded."""
    if not await credentials_ready(call):
        return call.step(core.RefreshFailed())
    if not call.callee.needs_thread:
        return await _attempt(call)
    slots = call.callee.setting.threads.slots()
    ran = await call.runtime.run_until(call.history.deadline, slots.acquire_on_behalf_of, (call,), {})
    if ran.cut:
        call.error = call.cut_short("waiting for a free thread", 0.0)
        return core.Fail(reason="deadline")
    try:
        return await _attempt(call)
    finally:
        slots.release_on_behalf_of(call)


async def _attempt(call: Progress) -> core.Decision | None:
    if call.track is not None:
        await call.track.start(call.history.name, call.renamed)
    before = decided.count[0]
    started = call.now()
    number = _begin(call)
    ran: Ran | None = None
    try:
        limit = attempt_limit(call.history, now=started)
        ran = await call.runtime.run_until(limit, _invoke, (call, limit, *call.args), call.kwargs)
    finally:
        duration = call.now() - started
        if ran is None:
            call.watch.tell(events.AttemptAborted(number=number, duration=duration, error=None))
    if ran.error is None and not ran.cut and (refusal := call.callee.refusal(ran.value)) is not None:
        ran = Ran(error=refusal)
    if ran.cut or ran.error is not None:
        return _failed(call, ran, duration, before)
    call.value = ran.value
    call.watch.tell(events.AttemptSucceeded(number=number, duration=duration))
    call.attempts.append(Attempt(number=number, duration=duration))
    return None


def made(call: Progress, first: FirstAttempt) -> core.Decision:
    """Take over the attempt that the quick path has made; return what follows its failure."""
    _begin(call)
    if call.plan.provider is not None and first.generation:
        call.generations[call.plan.provider] = first.generation
    return _failed(call, first.ran, call.now() - call.started, first.decided_before)


def _begin(call: Progress) -> int:
    call.begun = call.history.attempts + 1
    call.watch.tell(events.AttemptStarted(number=call.begun))
    return call.begun


async def _invoke(call: Progress, limit: float | None, /, *args: Any, **kwargs: Any) -> Any:
    """Call the user's function; in a rehearsal fail as ``[chaos]`` says, instead of it or after it."""
    callee = call.callee
    rehearsal = callee.setting.rehearsal
    injection = None if rehearsal is None else rehearsal.next_injection(callee.operation)
    invoke: Callable[..., Awaitable[Any]] = callee.function
    if callee.runtime.blocks or callee.needs_thread:
        function = callee.within(None if limit is None else limit - call.now())
        if callee.runtime.blocks:
            invoke = at_once(function)
        else:
            call.jobs.append(job := Job())
            invoke = functools.partial(callee.setting.threads.run, function, job)
    if injection is None:
        return await invoke(*args, **kwargs)
    if injection.applied:
        value = await invoke(*args, **kwargs)
        if callee.refusal(value) is not None:
            # Nothing was applied, so to claim a lost answer would be a lie; what the service said counts.
            return value
    call.watch.tell(events.FaultInjected(number=call.begun, injection=injection))
    if injection.delay > 0:
        await call.runtime.sleep(injection.delay)
    raise injected(injection)


def _failed(call: Progress, ran: Ran, duration: float, before: int) -> core.Decision:
    """Read what an attempt raised, decide, record and tell."""
    number = call.begun
    faults: tuple[Fault, ...] = (CUT,)
    if ran.error is None:
        call.error = call.cut_short(f"attempt {number}", duration)
    else:
        read = call.callee.faults(ran.error)
        if read is None:
            call.watch.tell(events.AttemptAborted(number=number, duration=duration, error=type_name(ran.error)))
            raise ran.error
        faults, call.error = read, ran.error
    marks = [] if ran.error is None else decided.marks(ran.error, before)
    # A group says nothing of its tasks that were cancelled when the first one failed.
    hidden = isinstance(ran.error, ExceptionGroup) and call.plan.never_blindly
    doubt = hidden or any(mark.doubt for mark in marks)
    decision = call.step(core.Failed(faults, inner=bool(marks), doubt=doubt))
    rules = [call.plan.rule(each) for each in faults]
    deciding = rules.index(decision.rule) if decision.rule in rules else 0
    fault, rule = faults[deciding], rules[deciding]
    effect = call.plan.effect(fault, rule)
    call.attempts.append(
        Attempt(
            number=number,
            duration=duration,
            fault=fault,
            effect=effect,
            rule=rule,
            decision=decision,
            delay=decision.delay,
        )
    )
    call.watch.tell(
        events.AttemptFailed(
            number=number,
            fault=fault,
            effect=effect,
            decision=decision,
            duration=duration,
            cut=ran.cut,
            condition=condition(call.plan.candidates(fault), rule),
        )
    )
    return decision
