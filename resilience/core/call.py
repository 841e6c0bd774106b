"""
A call as a generator of commands: what a driver is to do next, until the call has ended.

The engine, a simulation and a replay drive the same generator: with a runtime, with numbers, with a recording. A driver
carries out a command and sends a report back: when it was done, a draw for the next decision, and what came of it.

    Admit     -> Admitted, or what kept the call from an attempt: KnownBefore, NotAdmitted, RefreshFailed
    DoAttempt -> Succeeded, or Failed
    Sleep     -> Slept
    DoRefresh -> Refreshed, RefreshFailed
    DoRename  -> Renamed, RenameImpossible
    DoVerify  -> Verified, VerifyFailed
    End       -> nothing: it is the last

What follows a report is the machine's decision; the generator only turns it into commands, with the limit of each. The
history is the call's own: a driver may read it between two commands, and changes nothing in it.

A breaker is asked twice: before a call waits for anything else, and when nothing else keeps it from its attempt. For
the second time it is among the gates of ``Admit``, as rate limits are: the driver waits for the call's turn
(:func:`turn`), passes the breaker (:func:`pass_breaker`), and leaves in the history what the attempt holds. Both get
the result of each attempt, also of one that a driver never reports: then the driver closes the generator.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, assert_never

from attrs import frozen

from resilience.core.admission.breaker import BreakerRefusal
from resilience.core.admission.result import Result
from resilience.core.decision import (
    Accept,
    Fail,
    Failed,
    MachineEvent,
    NotAdmitted,
    Refresh,
    Rename,
    Verify,
    Wait,
)
from resilience.core.history import History
from resilience.core.machine import advance
from resilience.core.meaning import result_of
from resilience.core.steps.limits import attempt_limit, fits, last_attempt_end, remedy_limit
from resilience.core.values import record


@frozen
class Admit:
    """Pass all gates that stand before an attempt, until the deadline of the history: limits, ledger, credentials."""


@record
class DoAttempt:
    """Make an attempt, which is cut short at ``limit`` on the driver's clock; None for never."""

    limit: float | None


@record
class Sleep:
    """Let ``delay`` seconds pass; 0 only lets others run."""

    delay: float


@frozen
class DoRefresh:
    """Get new credentials of a provider, until ``limit`` on the driver's clock."""

    provider: str | None
    limit: float | None


@frozen
class DoRename:
    """Take another name, as the decision says; that takes no time."""

    decision: Rename


@frozen
class DoVerify:
    """Ask the verifier, until ``limit`` on the driver's clock."""

    limit: float | None


@record
class End:
    """The call has ended, with this decision; None for an attempt that succeeded."""

    decision: Accept | Fail | None


Command = Admit | DoAttempt | Sleep | DoRefresh | DoRename | DoVerify | End

# Commands that say nothing of their call. An object costs more than a step of the generator.
_ADMIT: Final = Admit()
_UNLIMITED: Final = DoAttempt(None)
_SUCCESS: Final = End(None)


@frozen
class Admitted:
    """Every gate is passed."""


@frozen
class Succeeded:
    """The attempt returned a value."""


@frozen
class Slept:
    """The time has passed."""


ADMITTED: Final = Admitted()
SUCCEEDED: Final = Succeeded()
SLEPT: Final = Slept()


CommandReport = tuple[MachineEvent | Admitted | Succeeded | Slept, float, float]
"""What came of a command; when, on the driver's clock; and a draw in [0, 1) for the jitter of the next decision."""

CallCommands = Generator[Command, CommandReport, None]
"""Yields commands and gets reports; the last command is :class:`End`."""


def call(history: History, *, made: CommandReport | None = None) -> CallCommands:
    """
    Return the commands of one call.

    Args:
        history: Of the call, just begun. It changes with each report: ``history.decision`` is what was decided, and
            ``history.begun`` the number of the attempt.
        made: What came of the first attempt, where it was begun before; it failed.
    """
    report = made
    while True:
        if report is None:
            if history.breaker is None and history.admission is None:
                report = yield _ADMIT
                if report[0] is ADMITTED:
                    report = yield _attempt(history, report[1])
            else:
                report = yield from _past(history)
            if report[0] is SUCCEEDED:
                yield _success(history)
                return
        event, history.now, draw = report
        # A driver that answers another command is found out by the machine.
        decision = advance(history, event, now=history.now, draw=draw)  # type: ignore[arg-type]  # as said
        report, history.decision = None, decision
        match decision:
            case Wait():
                _, history.now, _ = yield Sleep(decision.delay)
            case Accept() | Fail():
                yield End(decision)
                return
            case Refresh() | Rename() | Verify():
                if decision.delay > 0:
                    _, history.now, _ = yield Sleep(decision.delay)
                report = yield _remedy(history, decision)
            case unreachable:
                assert_never(unreachable)


def _attempt(history: History, now: float) -> DoAttempt:
    history.begun = history.attempts + 1
    limit = attempt_limit(history, now=now)
    return _UNLIMITED if limit is None else DoAttempt(limit)


def _success(history: History) -> End:
    if history.budget is not None:
        history.budget.deposit()
    return _SUCCESS


def _past(history: History) -> Generator[Command, CommandReport, CommandReport]:
    """Pass a breaker and all gates, and make an attempt; return what came of it, or what kept the call from it."""
    breaker = history.breaker
    if breaker is not None and (refusal := breaker.refusal(history.now)) is not None:
        # Known before the call waits for anything else.
        return NotAdmitted("breaker", refusal.retry_after), history.now, 0.0
    result: Result = "cancelled"
    now = history.now
    try:
        event, now, draw = yield _ADMIT
        if event is not ADMITTED:
            return event, now, draw
        event, now, draw = yield _attempt(history, now)
        if event is SUCCEEDED:
            result = "succeeded"
        elif isinstance(event, Failed):
            result = result_of(history.plan, event)
        return event, now, draw
    finally:
        # Also where a driver closes the call, because it was cancelled or a programming error has ended it.
        if breaker is not None and history.passed is not None:
            breaker.leave(history.passed, result, now)
            history.passed = None
        if history.admission is not None and history.ticket is not None:
            history.admission.leave(history.ticket, now, result)
            history.ticket = None


def pass_breaker(history: History, now: float) -> NotAdmitted | None:
    """
    Pass the breaker before an attempt, as the last thing that may keep a call from it; a driver does so in ``Admit``.

    Args:
        history: Of the call; it gets what the attempt holds.
        now: On the driver's clock.
    """
    if history.breaker is None:
        return None
    entered = history.breaker.enter(now)
    if isinstance(entered, BreakerRefusal):
        return NotAdmitted("breaker", entered.retry_after)
    history.passed = entered
    return None


def turn(history: History, now: float) -> tuple[Admitted | NotAdmitted, float]:
    """
    Wait for a call's turn in the rate limits, for a driver whose clock goes on as it is told.

    Args:
        history: Of the call; it gets the ticket.
        now: On the driver's clock.

    Returns:
        Whether it is admitted, and when that is known.
    """
    admission = history.admission
    if admission is None:
        return ADMITTED, now
    ticket = admission.enter(history.plan.operation, "", now, again=history.begun > 0)
    end = last_attempt_end(history)
    while (delay := admission.ask(ticket, now)) > 0:
        if not fits(now + delay, end):
            admission.leave(ticket, now)
            return NotAdmitted("rate", delay), now
        now += delay
    history.ticket = ticket
    return ADMITTED, now


def _remedy(history: History, decision: Refresh | Rename | Verify) -> Command:
    match decision:
        case Refresh():
            return DoRefresh(decision.provider, remedy_limit(history, now=history.now))
        case Rename():
            return DoRename(decision)
        case Verify():
            return DoVerify(remedy_limit(history, now=history.now))
        case unreachable:
            assert_never(unreachable)
