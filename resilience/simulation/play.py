"""
Plays one call on a virtual clock.

A play drives :mod:`resilience.core.call` with numbers, as the executor drives it with a network. So a run with the same
faults, durations and draws makes the same decisions. A test compares both, on asyncio and on trio.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, assert_never

from attrs import Factory, define, field, frozen

from resilience.core.admission.admission import admission_of
from resilience.core.admission.outage import OutageLimits
from resilience.core.call import (
    ADMITTED,
    SLEPT,
    SUCCEEDED,
    Admit,
    Call,
    Command,
    DoAttempt,
    DoRefresh,
    DoRename,
    DoVerify,
    End,
    Sleep,
    call,
    pass_breaker,
    turn,
)
from resilience.core.decision import (
    Accept,
    Decision,
    Ended,
    Event,
    Fail,
    Failed,
    Refreshed,
    RefreshFailed,
    Renamed,
    RenameImpossible,
    StopReason,
    Verified,
    VerifyFailed,
    ended_by,
    ended_with,
)
from resilience.core.fault import CUT, Fault
from resilience.core.history import History
from resilience.core.machine import begin
from resilience.core.operations.rename import NameLaw, name_hash, next_name
from resilience.core.plan import Plan
from resilience.core.policy import Action

VerifierModel = Literal["honest", "found", "missing"]
"""The answers of a verifier: honest ones, or always the same one."""

Activity = Literal["attempt", "verify", "refresh", "rename"]
"""The activity between two decisions."""

# Far more than a policy with limits leads to, so a longer call counts as endless.
_MOST_STEPS: Final = 10_000


class EndlessError(ValueError):
    """No limit of the policy ends this call."""


@frozen(kw_only=True)
class ScriptedResponse:
    """
    The result of one attempt.

    Attributes:
        fault: The fault; None for a success.
        duration: Its duration, in seconds; None if no answer comes before a limit cuts it short.
        lands: The time from its beginning to the effect of the request, in seconds; None for no effect.
    """

    fault: Fault | None = None
    duration: float | None = 0.0
    lands: float | None = None


@frozen(kw_only=True)
class Environment:
    """
    The environment of a call besides faults; durations are in seconds.

    Attributes:
        verifier: The answers of the verifier, if the plan has one.
        verifying: The duration of a verification.
        refreshes: Whether refreshes succeed, if the plan has a source.
        refreshing: The duration of a refresh.
        name: The name before the first rename; None if every rename succeeds.
        law: The service's rule for names.
        digest: The hash in a shortened name and for ``{hash}`` in a rename's pattern; by default a hash of the name
            alone, without account and instance.
    """

    verifier: VerifierModel = "honest"
    verifying: float = 0.0
    refreshes: bool = True
    refreshing: float = 0.0
    name: str | None = None
    law: NameLaw | None = field(default=None, eq=False)
    digest: str = field(default=Factory(lambda self: name_hash(self.name or ""), takes_self=True))


@frozen(kw_only=True)
class SimulatedStep:
    """
    One activity with the decision after it.

    Attributes:
        did: The activity.
        number: The number of the attempt, or of the attempt before it; counted from 1.
        began: Its start, in seconds since the start of the call.
        ended: Its end, in seconds since the start of the call.
        event: Its result; None for a successful attempt.
        decision: The decision; None after a success.
        cut: Whether a limit cut it short.
    """

    did: Activity
    number: int
    began: float
    ended: float
    event: Event | None = None
    decision: Decision | None = None
    cut: bool = False

    @property
    def fault(self) -> Fault | None:
        """The fault of a failed attempt, or None."""
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
        steps: The steps, in order.
        stop_reason: The reason of its end.
        verified: Whether an accepted call was verified; None if it was not accepted.
        duration: Its duration, in seconds.
        waited: The sum of its waits, in seconds.
        attempts: The number of attempts.
        effects: The number of attempts that took effect, or will, under the last name.
        may_exist: Whether it failed after an unverified attempt that may have taken effect.
    """

    steps: tuple[SimulatedStep, ...] = field(repr=False)
    stop_reason: StopReason
    verified: bool | None = None
    duration: float
    waited: float
    attempts: int
    effects: int
    may_exist: bool = False

    @property
    def ended(self) -> Ended:
        """The end, in one word."""
        return ended_by(self.stop_reason, attempts=self.attempts)


def play(  # noqa: PLR0913  # keywords with defaults
    plan: Plan,
    meet: Callable[[], ScriptedResponse],
    environment: Environment,
    *,
    draw: Callable[[], float],
    most_steps: int = _MOST_STEPS,
    waits_for_turn: bool = True,
) -> Played:
    """
    Play one call, on a clock that begins at 0. It shares no limit with other calls.

    Args:
        plan: The policy for the operation, with the abilities of the call.
        meet: Returns the result of each attempt, one after the other.
        environment: The environment of the call besides faults.
        draw: Returns a number in [0, 1) for each step of the machine, from which jitter is taken.
        most_steps: The number of steps after which the call counts as endless.
        waits_for_turn: Whether its attempts wait for their turn in the rate limits.

    Raises:
        EndlessError: Neither a deadline nor a number of attempts ends the call, or no limit ends an
            attempt that hangs.
    """
    shared = OutageLimits(plan.policy)
    history = begin(
        plan,
        now=0.0,
        budget=shared.budget(plan.provider),
        breaker=shared.breaker(plan.provider, plan.operation),
        admission=admission_of(plan.policy.rates, plan.provider) if waits_for_turn else None,
    )
    return _Play(meet, environment, draw, history).run(most_steps)


@define
class _Play:
    """Drives one call with numbers, without real waits."""

    meet: Callable[[], ScriptedResponse]
    environment: Environment
    draw: Callable[[], float]
    history: History
    now: float = 0.0
    waited: float = 0.0
    landings: list[float] = field(factory=list)  # when attempts under the present name take effect
    name: str | None = None
    steps: list[SimulatedStep] = field(factory=list)

    def run(self, most_steps: int) -> Played:
        self.name = self.environment.name
        commands = call(self.history)
        command = next(commands)
        while not isinstance(command, End):
            if len(self.steps) >= most_steps:
                raise EndlessError("no limit of the policy ends this call; set limits.deadline, or max of the action")
            command = self._obey(commands, command)
        return self._played(command.decision)

    def _obey(self, commands: Call, command: Command) -> Command:
        """Carry out a command; return the next one."""
        began = self.now
        match command:
            case Admit():
                admitted, self.now = turn(self.history, self.now)
                if admitted is ADMITTED:
                    admitted = pass_breaker(self.history, self.now) or ADMITTED
                return commands.send((admitted, self.now, 0.0))
            case Sleep(delay):
                self.waited += delay
                self.now += delay
                return commands.send((SLEPT, self.now, 0.0))
            case DoAttempt(limit=limit):
                did: Activity = "attempt"
                event, cut = self._attempt(limit)
            case DoRefresh(limit=limit):
                did = "refresh"
                event, cut = self._refresh(limit)
            case DoRename(asked):
                did = "rename"
                event, cut = self._rename(asked.number, asked.action), False
            case DoVerify(limit=limit):
                did = "verify"
                event, cut = self._verify(limit)
            case End():
                raise ValueError("the call has ended")
            case unreachable:
                assert_never(unreachable)
        ended = self.now
        if event is None:
            following = commands.send((SUCCEEDED, ended, 0.0))
        else:
            following = commands.send((event, ended, self.draw()))
        decision = None if event is None else self.history.decision
        number = self.history.begun
        self.steps.append(
            SimulatedStep(did=did, number=number, began=began, ended=ended, event=event, decision=decision, cut=cut)
        )
        return following

    def _take(self, duration: float | None, limit: float | None) -> bool:
        """Let a duration pass; tell whether its limit came first."""
        if duration is None and limit is None:
            raise EndlessError("an attempt hangs, and no limit cuts it short; set limits.attempt_timeout or a deadline")
        end = None if duration is None else self.now + duration
        if limit is not None and (end is None or end >= limit):
            # A limit in the past takes effect at once.
            self.now = max(self.now, limit)
            return True
        self.now = self.now if end is None else end
        return False

    def _attempt(self, limit: float | None) -> tuple[Event | None, bool]:
        met = self.meet()
        if met.lands is not None:
            self.landings.append(self.now + met.lands)
        if self._take(met.duration, limit):
            return Failed((CUT,)), True
        return (None if met.fault is None else Failed((met.fault,))), False

    def _refresh(self, limit: float | None) -> tuple[Event, bool]:
        cut = self._take(self.environment.refreshing, limit)
        return (Refreshed() if self.environment.refreshes and not cut else RefreshFailed()), cut

    def _verify(self, limit: float | None) -> tuple[Event, bool]:
        environment, asked = self.environment, self.now
        if self._take(environment.verifying, limit):
            return VerifyFailed(CUT), True
        there = environment.verifier == "found"
        if environment.verifier == "honest":
            there = any(landing <= self.now for landing in self.landings)
        return Verified(there, asked=asked), False

    def _rename(self, number: int, action: Action | None) -> Event:
        environment = self.environment
        if environment.name is not None and action is not None:
            new = next_name(environment.name, number, action, environment.law, digest=environment.digest)
            if new is None or new == self.name:
                return RenameImpossible()
            self.name = new
        self.landings.clear()
        return Renamed()

    def _played(self, last: Accept | Fail | None) -> Played:
        reason, verified = ended_with(last)
        return Played(
            steps=tuple(self.steps),
            stop_reason=reason,
            verified=verified,
            duration=self.now,
            waited=self.waited,
            attempts=self.history.begun,
            effects=len(self.landings),
            may_exist=isinstance(last, Fail) and self.history.may_exist,
        )
