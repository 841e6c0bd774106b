"""One call from its first attempt to its outcome: the driver that carries commands out on a runtime."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, assert_never

from resilience.clients import type_name
from resilience.clients.loops import wrong_loop
from resilience.core import decision as core
from resilience.core.call import ADMITTED, SLEPT, Admit, Command, DoAttempt, DoRefresh, DoRename, DoVerify, End, Sleep
from resilience.core.events import CallEnded
from resilience.core.policy import Rule
from resilience.engine.call import decided, renaming
from resilience.engine.call.advice import ADVISED, advice_on
from resilience.engine.call.attempts import attempt, begin, made
from resilience.engine.call.first_failure import FirstAttempt
from resilience.engine.call.gates import admit, leave
from resilience.engine.call.notes import attach, left_in_doubt, note
from resilience.engine.call.progress import Progress
from resilience.engine.call.remedies import refresh, verify
from resilience.engine.call.shared_limits import refusal, tell_changes, tell_payment
from resilience.engine.sharing.slots import give_back
from resilience.engine.target.ledger_entry import LedgerClaim
from resilience.engine.target.target import Target


async def run(  # noqa: C901, PLR0912, PLR0915  # one frame for what most calls need
    target: Target, args: tuple[Any, ...], kwargs: Mapping[str, Any], first: FirstAttempt | None = None
) -> Progress:
    """
    Make one call: attempts and remedies, until the call has ended.

    Args:
        target: The target of the call.
        args: The arguments of the call.
        kwargs: The arguments by name.
        first: The first attempt, if the fast path made it.

    Returns:
        The call, which may have failed; see its ``unwrap`` and ``outcome``.

    Raises:
        Exception: A programming error, or the error of one of the user's hooks. No policy decides these.
    """
    call = (
        Progress(target, args, kwargs, None)
        if first is None
        else Progress(target, args, kwargs, first.started, first.watch)
    )
    has_ended = False
    left: str | None = None
    budget = call.history.budget
    has_changes = call.history.breaker is not None or call.history.admission is not None
    is_shared = target.setting.shared is not None and call.history.admission is not None
    try:
        command = begin(call) if first is None else made(call, first)
        while True:
            if has_changes:
                tell_changes(call)
            if is_shared:
                await give_back(call)
            match command:
                case Sleep():
                    if budget is not None:
                        tell_payment(call, budget)
                    began = call.now()
                    try:
                        await call.sleep(command.delay)
                    finally:
                        slept = call.now()
                        call.waited += min(slept - began, command.delay)
                    command = call.commands.send((SLEPT, slept, 0.0))
                case Admit():
                    admitted = ADMITTED if target.gates == () else await admit(call)
                    command = call.commands.send((admitted, call.now(), 0.0))
                case DoAttempt():
                    track = call.track
                    command = await attempt(call, command.limit if track is None else track.within_lease(command.limit))
                case End():
                    break
                case DoRefresh() | DoRename() | DoVerify():
                    command = await _remedy(call, command)
                case unreachable:
                    assert_never(unreachable)
        if call.track is None:
            _end(call, command.decision)
        else:
            await _end_tracked(call, call.track, command.decision)
        has_ended = True
    except Exception as error:
        left = _left(call, error)
        raise
    finally:
        if target.gates:
            leave(call)
        if call.track is not None:
            call.track.close()
        if has_changes:
            call.commands.close()  # gives back the place of an attempt that has no result
        if not has_ended:
            _break_off(call, left)
        if is_shared:
            await give_back(call)
    return call


async def _remedy(call: Progress, command: DoRefresh | DoRename | DoVerify) -> Command:
    match command:
        case DoRefresh():
            return call.report(await refresh(call, command))
        case DoRename():
            return call.report(await renaming.rename(call, command.decision))
        case DoVerify():
            return await verify(call, command.limit)
        case unreachable:
            assert_never(unreachable)


def _left(call: Progress, error: Exception) -> str:
    """Add notes for the reader to a programming error; return the name of its class."""
    hint = wrong_loop(error)
    if hint is not None:
        attach(error, f"resilience: {hint}")
    if call.history.may_exist:
        attach(error, left_in_doubt(call.plan.operation, call.made))
    return type_name(error)


def _break_off(call: Progress, error: str | None) -> None:
    call.watch.tell(
        broken_off(
            error,
            attempts=call.history.begun,
            waited=call.waited,
            duration=call.now() - call.started,
            advice=call.advice,
            renamed=call.renamed,
        )
    )


def _end(call: Progress, decision: core.Accept | core.Fail | None) -> None:
    """Set the end of the call, give a new name back if nothing was made under it, and tell observers."""
    _note_end(call, decision)
    if call.renamed and _is_done(call) is False:
        renaming.leave(call)
    if call.watch.sinks:
        call.watch.tell(_ended(call, None if decision is None else decision.rule))


async def _end_tracked(call: Progress, track: LedgerClaim, decision: core.Accept | core.Fail | None) -> None:
    """As :func:`_end`, and let the ledger know."""
    _note_end(call, decision)
    is_done = _is_done(call)
    if is_done is False:
        renaming.leave(call)
    await track.end(is_done=is_done)
    if call.watch.sinks:
        call.watch.tell(_ended(call, None if decision is None else decision.rule))


def _note_end(call: Progress, decision: core.Accept | core.Fail | None) -> None:
    call.stop_reason, call.verified = core.ended_with(decision)
    match decision:
        case None:
            call.error = None
        case core.Accept(verified=verified, dry_run=dry_run):
            call.error = None
            if not verified:
                fault = call.made[-1].fault if call.made else None
                call.value = call.target.accept(call.args, call.kwargs, fault, dry_run=dry_run)
        case core.Fail(by_remedy=by_remedy):
            error = refusal(call, decision) or (call.remedy_error if by_remedy else call.error)
            if error is None:
                raise AssertionError("a call failed without an exception")
            if decision.reason in ADVISED:
                call.advice = advice_on(call, decision)
            call.error = error
            attach(error, note(call, decision.rule))
            decided.mark(error, doubt=call.history.may_exist)
        case unreachable:
            assert_never(unreachable)


def _is_done(call: Progress) -> bool | None:
    """Return whether the work is done, for the ledger; None if that is unknown, or if no attempt was made."""
    if call.error is None and call.stop_reason != "dry_run":
        return True
    return None if call.history.unresolved or not call.history.begun else False


def _ended(call: Progress, rule: Rule | None) -> CallEnded:
    is_failure = call.error is not None
    return CallEnded(
        ended=core.ended_by(call.stop_reason, attempts=len(call.made)),
        stop_reason=call.stop_reason,
        attempts=call.history.begun,
        waited=call.waited,
        duration=call.now() - call.started,
        fault=call.made[-1].fault if is_failure and call.made else None,
        rule=rule,
        error=None if call.error is None else type_name(call.error),
        verified=call.verified,
        advice=call.advice,
        renamed=call.renamed,
    )


def broken_off(  # noqa: PLR0913  # a keyword for each field
    error: str | None,
    *,
    attempts: int,
    waited: float,
    duration: float,
    advice: str | None = None,
    renamed: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> CallEnded:
    """Return the end of a call that a cancellation, or a programming error of this class, has ended."""
    is_cancelled = error is None
    return CallEnded(
        ended="cancelled" if is_cancelled else None,
        stop_reason="cancelled" if is_cancelled else None,
        attempts=attempts,
        waited=waited,
        duration=duration,
        error=error,
        advice=advice,
        renamed=renamed,
    )
