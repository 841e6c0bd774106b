"""One call from its first attempt to its outcome: the driver that carries commands out on a runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, assert_never

from resilience.clients import type_name
from resilience.clients.loops import wrong_loop
from resilience.core import decision as core
from resilience.core.call import SLEPT, Admit, Command, DoAttempt, DoRefresh, DoRename, DoVerify, End, Sleep
from resilience.core.decision import StopReason
from resilience.core.events import CallEnded
from resilience.core.policy import Rule
from resilience.engine import decided, renaming
from resilience.engine.advised import advice_on
from resilience.engine.attempts import FirstAttempt, attempt, begin, made
from resilience.engine.callee import Callee
from resilience.engine.gates import admit, leave
from resilience.engine.notes import attach, left_in_doubt, note
from resilience.engine.outcome import Outcome
from resilience.engine.progress import Progress
from resilience.engine.remedies import refresh, verify


async def run(
    callee: Callee, args: tuple[Any, ...], kwargs: Mapping[str, Any], first: FirstAttempt | None = None
) -> Outcome[Any]:
    """
    Make one call: attempts, and what is decided between them, until it has ended.

    Args:
        callee: What is called.
        args: Its arguments.
        kwargs: Likewise.
        first: The first attempt, if it was made already.

    Returns:
        The outcome, also of a call that failed.

    Raises:
        Exception: A programming error, or what one of the user's hooks raised: no policy decides that.
    """
    now = callee.runtime.now()
    call = Progress(callee, args, kwargs, now if first is None or first.started is None else first.started)
    outcome: Outcome[Any] | None = None
    left: str | None = None
    try:
        outcome = await _until_it_ends(call, first)
    except Exception as error:
        left = type_name(error)
        hint = wrong_loop(error)
        if hint is not None:
            attach(error, f"resilience: {hint}")
        if call.history.may_exist:
            attach(error, left_in_doubt(call.plan.operation, call.attempts))
        raise
    finally:
        leave(call)
        if call.track is not None:
            call.track.close()
        if outcome is None:
            call.watch.tell(_ended(call, "cancelled" if left is None else None, error=left))
    return outcome


async def _until_it_ends(call: Progress, first: FirstAttempt | None) -> Outcome[Any]:
    command = begin(call) if first is None else made(call, first)
    while not isinstance(command, End):
        command = await _obey(call, command)
    decision = command.decision
    match decision:
        case None:
            outcome = call.outcome("success")
        case core.Accept():
            outcome = _accepted(call, decision)
        case core.Fail():
            outcome = _failed(call, decision)
        case _:
            assert_never(decision)
    is_done = _is_done(call, outcome)
    if is_done is False:
        renaming.leave(call)
    if call.track is not None:
        await call.track.end(is_done=is_done)
    # The outcome has it; here it would hold itself, through the frames of its traceback.
    call.error = call.remedy_error = None
    rule = None if decision is None else decision.rule
    failure = None if outcome.error is None else type_name(outcome.error)
    call.watch.tell(_ended(call, outcome.ended, outcome=outcome, error=failure, rule=rule))
    return outcome


async def _obey(call: Progress, command: Admit | DoAttempt | Sleep | DoRefresh | DoRename | DoVerify) -> Command:
    """Do what a command says; return the next one."""
    match command:
        case Admit(until):
            return call.report(await admit(call, until))
        case DoAttempt():
            return await attempt(call, command)
        case Sleep(delay):
            await call.wait(delay)
            return call.report(SLEPT)
        case DoRefresh():
            return call.report(await refresh(call, command))
        case DoRename(decision):
            return call.report(await renaming.rename(call, decision))
        case DoVerify(limit):
            return await verify(call, limit)
        case _:
            assert_never(command)


def _accepted(call: Progress, decision: core.Accept) -> Outcome[Any]:
    if not decision.verified:
        fault = call.attempts[-1].fault if call.attempts else None
        call.value = call.callee.accept(call.args, call.kwargs, fault, dry_run=decision.dry_run)
    return call.outcome("dry_run" if decision.dry_run else "accepted", verified=decision.verified)


def _failed(call: Progress, decision: core.Fail) -> Outcome[Any]:
    error = call.remedy_error if decision.by_remedy else call.error
    if error is None:
        raise AssertionError("a call failed without an exception")
    outcome = call.outcome(decision.reason, error=error)
    call.advice = advice_on(call, decision)
    attach(error, note(outcome, decision.rule, call.plan, no_name=call.no_name, advice=call.advice))
    decided.mark(error, doubt=outcome.may_exist)
    return outcome


def _is_done(call: Progress, outcome: Outcome[Any]) -> bool | None:
    """Return what the ledger is to know: done, nothing made, or (None) that nobody knows, or that nothing was tried."""
    if outcome.error is None and outcome.stop_reason != "dry_run":
        return True
    return None if call.history.unresolved or not call.history.begun else False


def _ended(
    call: Progress,
    ended: core.Ended | Literal["cancelled"] | None,
    *,
    outcome: Outcome[Any] | None = None,
    error: str | None = None,
    rule: Rule | None = None,
) -> CallEnded:
    reason: StopReason | None = "cancelled" if ended == "cancelled" else None
    return CallEnded(
        ended=ended,
        stop_reason=reason if outcome is None else outcome.stop_reason,
        attempts=call.history.begun,
        waited=call.waited,
        duration=call.now() - call.started,
        fault=call.attempts[-1].fault if outcome is not None and outcome.error is not None and call.attempts else None,
        rule=rule,
        error=error,
        verified=None if outcome is None else outcome.verified,
        advice=call.advice,
        renamed=dict(call.renamed),
    )
