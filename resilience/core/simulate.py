"""
Plays one call on a clock of its own: what it meets, what the machine decides, and when.

A play is the shell without a network. It obeys :mod:`resilience.core.machine` exactly as the executor
does: the same limits around attempts and remedies, one draw for each step, waits before what they are
for. So what a play shows is what a run does that meets the same faults, takes the same time and draws
the same numbers; a test holds both to it, on asyncio and on trio.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, assert_never

from attrs import Factory, field, frozen

from resilience.core.decision import (
    Accept,
    Decision,
    Ended,
    Event,
    Fail,
    Failed,
    Refresh,
    Refreshed,
    RefreshFailed,
    Rename,
    Renamed,
    RenameImpossible,
    StopReason,
    Verified,
    Verify,
    VerifyFailed,
    Wait,
    ended_by,
)
from resilience.core.fault import CUT, Fault
from resilience.core.history import History
from resilience.core.machine import attempt_limit, begin, remedy_limit, step
from resilience.core.operations.rename import NameLaw, name_hash, next_name
from resilience.core.plan import Plan
from resilience.core.policy import Action

Belief = Literal["honest", "found", "missing"]
"""What a verifier says: what is so, or always the same."""

Deed = Literal["attempt", "verify", "refresh", "rename"]
"""What a shell does between two decisions."""

# Far more than any policy with a deadline or with limits leads to; what goes on longer goes on for ever.
_MOST_TURNS: Final = 10_000


class EndlessError(ValueError):
    """No limit of the policy ends this call."""


@frozen(kw_only=True)
class Meeting:
    """
    What one attempt meets.

    Attributes:
        fault: What it fails with; None for a success.
        duration: How long it takes, in seconds; None if no answer comes, until a limit cuts it short.
        lands: How many seconds after its beginning the request takes effect; None for never.
    """

    fault: Fault | None = None
    duration: float | None = 0.0
    lands: float | None = None


@frozen(kw_only=True)
class World:
    """
    What a call finds besides faults; durations are in seconds.

    Attributes:
        verifier: What the verifier says, if the plan has one.
        verifying: How long it takes.
        refreshes: Whether new credentials can be had, if the plan has a source.
        refreshing: How long they take.
        name: The name that a rename starts from; None if every rename finds a legal one.
        law: What the service says about names.
        digest: What a shortened name keeps, and what ``{hash}`` stands for in a rename's pattern; by default a hash of
            the name, whatever account and instance it would be for.
    """

    verifier: Belief = "honest"
    verifying: float = 0.0
    refreshes: bool = True
    refreshing: float = 0.0
    name: str | None = None
    law: NameLaw | None = field(default=None, eq=False)
    digest: str = field(default=Factory(lambda self: name_hash(self.name or ""), takes_self=True))


@frozen(kw_only=True)
class Turn:
    """
    One thing that was done, and what was decided on it.

    Attributes:
        did: What.
        number: The attempt that it was, or that it followed; counted from 1.
        began: When, in seconds since the call began.
        ended: Likewise.
        event: What came of it; None for an attempt that succeeded.
        decision: What was decided; None after a success.
        cut: Whether a limit cut it short.
    """

    did: Deed
    number: int
    began: float
    ended: float
    event: Event | None = None
    decision: Decision | None = None
    cut: bool = False

    @property
    def fault(self) -> Fault | None:
        """What an attempt failed with, or None."""
        return self.event.faults[0] if isinstance(self.event, Failed) else None

    @property
    def delay(self) -> float:
        """The wait that follows, in seconds."""
        return 0.0 if self.decision is None else self.decision.delay


@frozen(kw_only=True)
class Played:
    """
    A call from its beginning to its end.

    Attributes:
        turns: Everything that was done, in order.
        stop_reason: Why it ended.
        verified: Whether an accepted call was verified; None if it was not accepted.
        duration: In seconds.
        waited: All waits together, in seconds.
        attempts: How many were made.
        effects: How many of them took effect, or will, under the name that the call ended with.
        may_exist: Whether it failed while an attempt may have taken effect that nobody has looked into.
    """

    turns: tuple[Turn, ...] = field(repr=False)
    stop_reason: StopReason
    verified: bool | None = None
    duration: float
    waited: float
    attempts: int
    effects: int
    may_exist: bool = False

    @property
    def ended(self) -> Ended:
        """How it ended, in one word."""
        return ended_by(self.stop_reason, attempts=self.attempts)


def play(
    plan: Plan,
    meet: Callable[[], Meeting],
    world: World,
    *,
    draw: Callable[[], float],
    most_turns: int = _MOST_TURNS,
) -> Played:
    """
    Play one call, from 0 on a clock of its own.

    Args:
        plan: The policy for the operation, and what the call can do.
        meet: Says what each attempt meets, one after the other.
        world: What the call finds besides.
        draw: Gives a number in [0, 1) for each step of the machine, from which jitter is taken.
        most_turns: After how many turns the call counts as endless.

    Raises:
        EndlessError: No limit ends the call: neither a deadline nor a number of attempts, or
            an attempt hangs that nothing cuts short.
    """
    return _Play(plan, meet, world, draw).run(most_turns)


class _Play:
    __slots__ = ("_draw", "_history", "_landings", "_meet", "_name", "_now", "_plan", "_turns", "_world")

    def __init__(self, plan: Plan, meet: Callable[[], Meeting], world: World, draw: Callable[[], float]) -> None:
        self._plan = plan
        self._meet = meet
        self._world = world
        self._draw = draw
        self._now = 0.0
        self._history: History = begin(plan, now=0.0)
        self._landings: list[float] = []  # when attempts under the present name take effect
        self._name = world.name
        self._turns: list[Turn] = []

    def run(self, most_turns: int) -> Played:
        asked: Decision | None = Wait(delay=0.0)
        waited = 0.0
        while asked is not None and not isinstance(asked, Accept | Fail):
            if len(self._turns) >= most_turns:
                raise EndlessError("no limit of the policy ends this call; set limits.deadline, or max of the action")
            waited += asked.delay
            self._now += asked.delay
            asked = self._obey(asked)
        return self._played(asked, waited)

    def _obey(self, asked: Wait | Refresh | Rename | Verify) -> Decision | None:
        """Do what was decided; return the next decision, or None after a success."""
        began = self._now
        did: Deed = "attempt"
        event: Event | None
        cut = False
        match asked:
            case Wait():
                event, cut = self._attempt()
            case Refresh():
                did, (event, cut) = "refresh", self._refresh()
            case Rename(number=number, action=action):
                did, event = "rename", self._rename(number, action)
            case Verify():
                did, (event, cut) = "verify", self._verify()
            case _:
                assert_never(asked)
        decision: Decision | None = None
        if event is not None:
            self._history, decision = step(self._history, event, now=self._now, draw=self._draw())
        number = self._history.attempts + (event is None)
        self._turns.append(
            Turn(did=did, number=number, began=began, ended=self._now, event=event, decision=decision, cut=cut)
        )
        return decision

    def _take(self, duration: float | None, limit: float | None) -> bool:
        """Let time pass until something ends; tell whether its limit came first."""
        if duration is None and limit is None:
            raise EndlessError("an attempt hangs, and nothing cuts it short; set limits.attempt_timeout or a deadline")
        end = None if duration is None else self._now + duration
        if limit is not None and (end is None or end >= limit):
            # A limit that lies in the past takes effect at once.
            self._now = max(self._now, limit)
            return True
        self._now = self._now if end is None else end
        return False

    def _attempt(self) -> tuple[Event | None, bool]:
        met = self._meet()
        if met.lands is not None:
            self._landings.append(self._now + met.lands)
        cut = self._take(met.duration, attempt_limit(self._history, now=self._now))
        if cut:
            return Failed((CUT,)), True
        return (None if met.fault is None else Failed((met.fault,))), False

    def _refresh(self) -> tuple[Event, bool]:
        cut = self._take(self._world.refreshing, remedy_limit(self._history, now=self._now))
        return (Refreshed() if self._world.refreshes and not cut else RefreshFailed()), cut

    def _verify(self) -> tuple[Event, bool]:
        world, asked = self._world, self._now
        if self._take(world.verifying, remedy_limit(self._history, now=self._now)):
            return VerifyFailed(CUT), True
        there = world.verifier == "found"
        if world.verifier == "honest":
            there = any(landing <= self._now for landing in self._landings)
        return Verified(there, asked=asked), False

    def _rename(self, number: int, action: Action | None) -> Event:
        world = self._world
        if world.name is not None and action is not None:
            new = next_name(world.name, number, action, world.law, digest=world.digest)
            if new is None or new == self._name:
                return RenameImpossible()
            self._name = new
        self._landings.clear()
        return Renamed()

    def _played(self, last: Accept | Fail | None, waited: float) -> Played:
        reason: StopReason = "success"
        verified, may_exist = None, False
        if isinstance(last, Accept):
            reason, verified = "dry_run" if last.dry_run else "accepted", last.verified
        elif isinstance(last, Fail):
            reason = last.reason
            may_exist = self._history.unresolved and self._plan.repeat != "safe"
        return Played(
            turns=tuple(self._turns),
            stop_reason=reason,
            verified=verified,
            duration=self._now,
            waited=waited,
            attempts=self._history.attempts + (last is None),
            effects=len(self._landings),
            may_exist=may_exist,
        )
