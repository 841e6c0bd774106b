"""One call from its first attempt to its outcome: the shell that obeys the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from resilience.clients import type_name
from resilience.clients.misuse import wrong_loop
from resilience.core import decision as core
from resilience.core.decision import StopReason
from resilience.core.events import CallEnded, Recalled
from resilience.core.machine import begin, recall, resume
from resilience.core.policy import Rule
from resilience.engine import decided, renaming
from resilience.engine.advised import advice_on
from resilience.engine.attempts import FirstAttempt, attempt, made
from resilience.engine.callee import Callee
from resilience.engine.notes import attach, left_in_doubt, note
from resilience.engine.outcome import Outcome
from resilience.engine.progress import Progress
from resilience.engine.remedies import refresh, verify
from resilience.engine.tracking import Track
from resilience.state import LedgerError


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
        if call.history.unresolved and call.plan.repeat != "safe":
            attach(error, left_in_doubt(call.plan.operation, call.attempts))
        raise
    finally:
        if call.track is not None:
            call.track.close()
        if outcome is None:
            call.watch.tell(_ended(call, "cancelled" if left is None else None, error=left))
    return outcome


async def _until_it_ends(call: Progress, first: FirstAttempt | None) -> Outcome[Any]:
    try:
        decision = await _begun(call) if first is None else made(call, first)
        while not isinstance(decision, core.Fail | core.Accept | None):
            decision = await _obey(call, decision)
    except LedgerError as error:
        call.error = error
        decision = core.Fail(reason="ledger")
    match decision:
        case None:
            outcome = call.outcome("success")
        case core.Accept():
            outcome = _accepted(call, decision)
        case core.Fail():
            outcome = _failed(call, decision)
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


async def _begun(call: Progress) -> core.Decision | None:
    """Make the first attempt, unless the ledger knows of an earlier run's, or the name is another resource's."""
    if not renaming.begin(call):
        return renaming.refused(call)
    track = call.track
    if track is None:
        renaming.follow(call)
        return await attempt(call)
    if not await track.claim(call.history.deadline):
        call.error = call.cut_short("waiting for another call on the same resource", 0.0)
        return core.Fail(reason="deadline")
    waited, found = call.now() - call.started, track.found
    answer: Literal["new", "done", "unfinished"] = "new"
    if found is not None:
        answer = "done" if found.state == "done" else "unfinished"
    call.watch.tell(Recalled(answer=answer, waited=waited))
    if track.has_rival:
        return renaming.refused(call, is_recorded=found is not None)
    if found is None:
        return await attempt(call)
    for field, (old, new) in found.renamed.items():
        if not renaming.recall(call, old, new):
            return renaming.refused(call)
        if not renaming.send(call, field, old, new):
            raise LedgerError(
                str(track.ledger.path),
                f"an earlier run renamed {field} to {new!r}, and this call has no argument that could hold it; "
                f"make {found.key} with the function that made it, or forget the entry",
            )
    return _resumed(call, track)


def _resumed(call: Progress, track: Track) -> core.Decision:
    """Decide how a call begins that an earlier run has done, or started and not finished."""
    assert track.found is not None  # noqa: S101  # for the type checker: the caller has looked
    found, now = track.found, call.now()
    if found.state == "done":
        call.history, decision = recall(call.history, now=now, name=found.number)
        return decision
    call.error = LedgerError(
        str(track.ledger.path),
        f"an earlier run started {found.key} and never finished it; look whether it is there, and then forget the entry"
        + (f", or {call.callee.how_to_look}" if call.callee.how_to_look else ""),
    )
    if track.ledger.on_unfinished == "fail":
        call.history = begin(call.plan, now=call.started, ours=True)
        return core.Fail(reason="unverified")
    verify_first = track.ledger.on_unfinished == "verify"
    call.history, decision = resume(call.history, verify=verify_first, now=now, name=found.number)
    return decision


async def _obey(call: Progress, decision: core.Wait | core.Refresh | core.Rename | core.Verify) -> core.Decision | None:
    """Wait, do what was decided, and return the next decision, or None after a success."""
    if decision.delay > 0 or isinstance(decision, core.Wait):
        await call.wait(decision.delay)
    match decision:
        case core.Wait():
            return await attempt(call)
        case core.Refresh(provider=provider):
            return await refresh(call, provider or "")
        case core.Rename():
            return await renaming.rename(call, decision)
        case core.Verify():
            return await verify(call)


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
    return None if call.history.unresolved or not call.begun else False


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
        attempts=call.begun,
        waited=call.waited,
        duration=call.now() - call.started,
        fault=call.attempts[-1].fault if outcome is not None and outcome.error is not None and call.attempts else None,
        rule=rule,
        error=error,
        verified=None if outcome is None else outcome.verified,
        advice=call.advice,
        renamed=dict(call.renamed),
    )
