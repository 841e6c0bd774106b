"""
Plays one call on a virtual clock.

A play drives :mod:`resilience.core.call` with numbers, as the executor drives it with a network. So a run with the same
faults, durations and draws makes the same decisions. A test compares both, on asyncio and on trio.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from attrs import define, field

from resilience.core.admission.admission import admission_of
from resilience.core.admission.outage import OutageLimits
from resilience.core.call import (
    ADMITTED,
    SLEPT,
    SUCCEEDED,
    Admit,
    CallCommands,
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
    Fail,
    Failed,
    MachineEvent,
    Refreshed,
    RefreshFailed,
    Renamed,
    RenameImpossible,
    Verified,
    VerifyFailed,
    ended_with,
)
from resilience.core.fault import CUT
from resilience.core.history import History
from resilience.core.machine import begin
from resilience.core.operations.rename import next_name
from resilience.core.plan import Plan
from resilience.core.policy import Action
from resilience.simulation.played import Activity, EndlessError, Environment, Played, ScriptedResponse, SimulatedStep

# Far more than a policy with limits leads to, so a longer call counts as endless.
_MOST_STEPS: Final = 10_000


def play(  # noqa: PLR0913  # keywords with defaults
    plan: Plan,
    meet: Callable[[], ScriptedResponse],
    environment: Environment,
    *,
    draw: Callable[[], float],
    most_steps: int = _MOST_STEPS,
    waits_for_turn: bool = True,
    ours: bool = False,
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
        ours: Whether an earlier run has started the call, and its end is unknown.

    Raises:
        EndlessError: Neither a deadline nor a number of attempts ends the call, or no limit ends an
            attempt that hangs.
    """
    shared = OutageLimits(plan.policy)
    history = begin(
        plan,
        now=0.0,
        ours=ours,
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

    def _obey(self, commands: CallCommands, command: Command) -> Command:
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

    def _attempt(self, limit: float | None) -> tuple[MachineEvent | None, bool]:
        met = self.meet()
        if met.lands is not None:
            self.landings.append(self.now + met.lands)
        if self._take(met.duration, limit):
            return Failed((CUT,)), True
        return (None if met.fault is None else Failed((met.fault,))), False

    def _refresh(self, limit: float | None) -> tuple[MachineEvent, bool]:
        cut = self._take(self.environment.refreshing, limit)
        return (Refreshed() if self.environment.refreshes and not cut else RefreshFailed()), cut

    def _verify(self, limit: float | None) -> tuple[MachineEvent, bool]:
        environment, asked = self.environment, self.now
        if self._take(environment.verifying, limit):
            return VerifyFailed(CUT), True
        there = environment.verifier == "found"
        if environment.verifier == "honest":
            there = any(landing <= self.now for landing in self.landings)
        return Verified(there, asked=asked), False

    def _rename(self, number: int, action: Action | None) -> MachineEvent:
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
