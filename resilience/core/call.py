"""
A call as a generator of commands: what a driver is to do next, until the call has ended.

The engine, a simulation and a replay drive the same generator: with a runtime, with numbers, with a recording. A driver
carries out a command and sends a report back: when it was done, a draw for the next decision, and what came of it.

    Admit     -> Admitted, or what kept the call from an attempt: KnownBefore, Refused, RefreshFailed
    DoAttempt -> Succeeded, or Failed
    Sleep     -> Slept
    DoRefresh -> Refreshed, RefreshFailed
    DoRename  -> Renamed, RenameImpossible
    DoVerify  -> Verified, VerifyFailed
    End       -> nothing: it is the last

What follows a report is the machine's decision; the generator only turns it into commands, with the limit of each. The
history is the call's own: a driver may read it between two commands, and changes nothing in it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, NamedTuple, assert_never

from attrs import frozen

from resilience.core.decision import (
    Accept,
    Decision,
    Event,
    Fail,
    Refresh,
    Rename,
    Verify,
    Wait,
)
from resilience.core.history import History
from resilience.core.limits import attempt_limit, remedy_limit
from resilience.core.machine import advance


@frozen
class Admit:
    """
    Pass all gates that stand before an attempt: limits, ledger, credentials, a thread.

    Attributes:
        until: When the call must have ended, on the driver's clock; None for never.
    """

    until: float | None


@frozen
class DoAttempt:
    """
    Make an attempt.

    Attributes:
        number: Of the attempt, counted from 1.
        limit: When it is cut short, on the driver's clock; None for never.
    """

    number: int
    limit: float | None


@frozen
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


@frozen
class End:
    """
    The call has ended.

    Attributes:
        decision: What ended it; None for an attempt that succeeded.
    """

    decision: Accept | Fail | None


Command = Admit | DoAttempt | Sleep | DoRefresh | DoRename | DoVerify | End


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


_UNDECIDED: Final = (Admitted, Succeeded, Slept)
"""What needs no decision; as a tuple, because to make a union of them takes as long as to look."""


class CommandReport(NamedTuple):
    """
    What came of a command.

    Attributes:
        event: What came of it.
        now: When, in seconds on the driver's clock.
        draw: A number in [0, 1) that jitter of the next decision is taken from.
    """

    event: Event | Admitted | Succeeded | Slept
    now: float
    draw: float = 0.0


Call = Generator[Command, CommandReport, None]
"""Yields commands and gets reports; the last command is :class:`End`."""


def call(history: History, *, made: CommandReport | None = None) -> Call:
    """
    Return the commands of one call.

    Args:
        history: Of the call, just begun. It changes with each report; see ``history.decision`` for what was decided.
        made: What came of the first attempt, where it was made before; it failed.
    """
    decision: Decision | None
    if made is None:
        decision = yield from _attempt(history)
    else:
        history.begun = 1
        decision = _decide(history, made)
    while True:
        match decision:
            case None | Accept() | Fail():
                yield End(decision)
                return
            case Wait(delay=delay):
                yield Sleep(delay)
                decision = yield from _attempt(history)
                continue
            case Refresh() | Rename() | Verify():
                if decision.delay > 0:
                    history.now = (yield Sleep(decision.delay)).now
            case unreachable:
                assert_never(unreachable)
        match decision:
            case Refresh(provider=provider):
                report = yield DoRefresh(provider, remedy_limit(history, now=history.now))
            case Rename():
                report = yield DoRename(decision)
            case Verify():
                report = yield DoVerify(remedy_limit(history, now=history.now))
            case unreachable:
                assert_never(unreachable)
        decision = _decide(history, report)


def _attempt(history: History) -> Generator[Command, CommandReport, Decision | None]:
    """Be admitted and make an attempt; return what follows, None after a success."""
    report = yield Admit(history.deadline)
    if not isinstance(report.event, Admitted):
        return _decide(history, report)
    history.begun = history.attempts + 1
    report = yield DoAttempt(history.begun, attempt_limit(history, now=report.now))
    return None if isinstance(report.event, Succeeded) else _decide(history, report)


def _decide(history: History, report: CommandReport) -> Decision:
    event = report.event
    if isinstance(event, _UNDECIDED):
        raise TypeError(f"the driver reported {event}, which is no answer to its last command")
    history.now = report.now
    history.decision = advance(history, event, now=report.now, draw=report.draw)
    return history.decision
