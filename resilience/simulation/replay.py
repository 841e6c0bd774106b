"""
Plays recorded calls under another policy, with the same faults.

A recorded call drives :mod:`resilience.core.call`. Its attempts, verifications and refreshes have their recorded
results and durations. Waits use the recorded draws: an equal backoff gives the recorded wait, and another backoff gets
the same draw. The replay assumes what was not recorded, and reports each assumption
(:data:`resilience.simulation.replayed.ASSUMPTIONS`).

A recording breaks off if its process was killed or the call was cancelled. Then the replay breaks off there too.
"""

from __future__ import annotations

from typing import Final, assert_never

from attrs import define, field

from resilience.core.call import (
    ADMITTED,
    SLEPT,
    SUCCEEDED,
    Admit,
    Admitted,
    CallCommands,
    Command,
    DoAttempt,
    DoRefresh,
    DoRename,
    DoVerify,
    End,
    Sleep,
)
from resilience.core.call import call as call_commands
from resilience.core.decision import (
    Failed,
    KnownBefore,
    MachineEvent,
    Refreshed,
    RefreshFailed,
    Renamed,
    RenameImpossible,
    Verified,
    VerifyFailed,
    ended_by,
    ended_with,
)
from resilience.core.fault import CUT, Fault
from resilience.core.machine import begin
from resilience.core.plan import Plan
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedDecision, RecordedRemedy
from resilience.simulation.jitter_inversion import draw_as_recorded, draw_of
from resilience.simulation.played import EndlessError
from resilience.simulation.recorded_faults import recorded_fault, verifier_fault
from resilience.simulation.recorded_inputs import RecordedBreaker, RecordedBudget
from resilience.simulation.replay_notes import LATENESS, ReplayNotes
from resilience.simulation.replayed import Replayed

_MOST_STEPS: Final = 2000


def replay(call: RecordedCall, plan: Plan, *, then: Plan | None = None, at: int = 1) -> Replayed:
    """
    Play a recorded call.

    Args:
        call: The call; :func:`obstacle` tells whether it can be played.
        plan: The policy for its operation, with the abilities of the call.
        then: Another policy that decides from decision ``at`` on; None for the same policy to the end.
        at: The number of that decision, counted from 1.

    Raises:
        EndlessError: No limit of the policy ends the call.
        UndecidedError: The policy's answer depends on a message, which no recording has.
    """
    return _Replay(call, plan, then, at).run()


def obstacle(call: RecordedCall) -> str | None:
    """Return the reason why a call cannot be played, or None."""
    if call.recalled in {"done", "unfinished"}:
        return None
    if any(each.kind == "verify" and each.number == 0 for each in call.remedies):
        return "the ledger knew of it, and what it knew is not recorded"
    if not call.attempts:
        return "no attempt was made"
    return None if call.attempts[0].number == 1 else "its first attempt is not recorded"


class _Interrupted(Exception):  # noqa: N818  # no error: the recording ends here
    """The recording breaks off."""


@define
class _Replay(ReplayNotes):
    """Drives one call with a recording: each command has its recorded result."""

    plan: Plan
    then: Plan | None = None
    at: int = 1
    decided: int = field(default=0, init=False)
    budget: RecordedBudget | None = field(init=False)
    breaker: RecordedBreaker | None = field(init=False)
    asked: bool = field(default=False, init=False)
    earlier: list[RecordedDecision] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        first = self.call.attempts[0] if self.call.attempts else None
        # Spans do not record the ledger. But an accept after the first attempt shows that the ledger knew the resource.
        ours = self.call.recalled is None and first is not None and first.action == "accept"
        self.budget, self.breaker = _shared(self.plan)
        self.history = begin(self.plan, now=0.0, ours=ours, budget=self.budget, breaker=self.breaker)

    def run(self) -> Replayed:
        commands = call_commands(self.history)
        command = next(commands)
        try:
            while not isinstance(command, End):
                if len(self.steps) >= _MOST_STEPS:
                    raise EndlessError("no limit of the policy ends this call")
                command = self._obey(commands, command)
        except _Interrupted:
            return self.replayed(self.call.ended, self.call.stop_reason)
        reason, _ = ended_with(command.decision)
        return self.replayed(ended_by(reason, attempts=self.begun), reason)

    def _obey(self, commands: CallCommands, command: Command) -> Command:
        """Carry out a command; return the next one."""
        match command:
            case Admit():
                return commands.send((self._admitted(), self.now, 0.0))
            case Sleep(delay):
                self.waited += delay
                self.now += delay
                return commands.send((SLEPT, self.now, 0.0))
            case DoAttempt(limit=limit):
                return self._attempt(commands, limit)
            case DoRefresh(limit=limit):
                return self._refresh(commands, limit)
            case DoRename():
                return self._rename(commands)
            case DoVerify(limit=limit):
                return self._verify(commands, limit)
            case End():
                raise ValueError("the call has ended")
            case unreachable:
                assert_never(unreachable)

    def _admitted(self) -> Admitted | KnownBefore:
        """Return the recorded answer of the ledger, once."""
        recalled, self.asked = None if self.asked else self.call.recalled, True
        if recalled not in {"done", "unfinished"}:
            return ADMITTED
        verifies = any(each.kind == "verify" and each.number == 0 for each in self.call.remedies)
        return KnownBefore(is_done=recalled == "done", then="verify" if verifies else "retry")

    def _attempt(self, commands: CallCommands, limit: float | None) -> Command:
        recorded, fault, duration = self._next_attempt()
        began = self.now
        self.begun += 1
        was_cut = recorded is not None and recorded.cut
        # A cut attempt has no duration of its own, so any limit cuts it again.
        is_cut = limit is not None and (duration is None or began + duration >= limit)
        if duration is None:
            duration = self._hang(None if limit is None else limit - began, recorded or self.inputs.last)
        elif is_cut and limit is not None:
            duration = max(limit - began, 0.0)
        self.now += duration
        self.is_retimed |= recorded is not None and recorded.duration != duration
        faults = (CUT,) if is_cut else () if fault is None else (fault,)
        if not faults:
            self.step("attempt", began, None)
            self.compare(recorded)
            return commands.send((SUCCEEDED, self.now, 0.0))
        inner = recorded is not None and recorded.stop_reason == "inner"
        event = Failed(faults, inner=inner)
        draw = None if recorded is None else draw_of(recorded, self.earlier)
        command = self._report(commands, event, recorded, draw)
        if recorded is not None:
            self.earlier.append(recorded)
        self.step("attempt", began, event, cut=is_cut)
        self.compare(recorded, faults[0], cut=is_cut and not was_cut)
        return command

    def _hang(self, limit: float | None, recorded: RecordedAttempt | None) -> float:
        """Return the duration of an attempt whose recording was cut short."""
        if limit is None:
            raise EndlessError("an attempt that was cut short would hang, and no limit would cut it short")
        known = (None if recorded is None else recorded.duration) or 0.0
        if abs(limit - known) <= LATENESS:
            return known
        if limit > known:
            self.assume("cut")
        return max(limit, 0.0)

    def _next_attempt(self) -> tuple[RecordedAttempt | None, Fault | None, float | None]:
        """Return the recorded attempt, if there is one, its fault, and its duration; None for no end."""
        if self.inputs.attempts:
            recorded = self.inputs.attempts.pop(0)
            self.now += self.inputs.queues.get(recorded.number, 0.0)
            if recorded.duration is None or recorded.aborted:
                self.begun += 1
                self.now += recorded.duration or 0.0
                raise _Interrupted
            return recorded, recorded_fault(recorded, self.call, self.plan), None if recorded.cut else recorded.duration
        last = self.inputs.last
        if last is None or self.inputs.breaks_off:
            raise _Interrupted
        self.assume("success" if last.fault is None else "fault")
        return None, recorded_fault(last, self.call, self.plan), None if last.cut else last.duration

    def _verify(self, commands: CallCommands, limit: float | None) -> Command:
        began = self.now
        recorded: RecordedRemedy | None = None
        there: bool | None
        if self.inputs.verifications:
            recorded = self.inputs.verifications.pop(0)
            if recorded.duration is None or recorded.answer in {None, "cancelled"}:
                raise _Interrupted
            there = None if recorded.answer == "failed" else recorded.answer == "there"
            duration = recorded.duration
        else:
            if self.inputs.breaks_off and not self.inputs.attempts:
                raise _Interrupted
            self.assume("verifier")
            there, duration = False, 0.0
        is_cut = self.take(duration, limit)
        discarded = recorded is not None and recorded.answer == "discarded"
        event: MachineEvent = VerifyFailed(CUT) if is_cut else Verified(bool(there), asked=began, discarded=discarded)
        if there is None and not is_cut and recorded is not None:
            self.assume("verifier_fault")
            event = VerifyFailed(verifier_fault(self.history, self.plan, recorded, self.now))
        command = self._report(commands, event, recorded, None)
        self.step("verify", began, event, cut=is_cut)
        self.compare(recorded)
        return command

    def _refresh(self, commands: CallCommands, limit: float | None) -> Command:
        began, is_done = self.now, True
        if self.inputs.refreshes:
            took, outcome = self.inputs.refreshes.pop(0)
            if outcome is None:
                raise _Interrupted
            is_done = not self.take(took, limit) and outcome
        else:
            if self.inputs.breaks_off and not self.inputs.attempts:
                raise _Interrupted
            self.assume("refresh")
        event = Refreshed() if is_done else RefreshFailed()
        command = self._report(commands, event, None, None)
        self.step("refresh", began, event)
        return command

    def _rename(self, commands: CallCommands) -> Command:
        if not self.inputs.renames:
            self.assume("rename")
        found = self.inputs.renames.pop(0) if self.inputs.renames else True
        # Recordings do not have whether the run knew the name. If the call was accepted under the name, it may have.
        known = self.call.stop_reason == "accepted"
        event = Renamed(known=known) if found else RenameImpossible()
        command = self._report(commands, event, None, None)
        self.step("rename", self.now, event)
        return command

    def _report(
        self, commands: CallCommands, event: MachineEvent, recorded: RecordedDecision | None, draw: float | None
    ) -> Command:
        """Report an event, with the draw of the recorded decision; return the next command."""
        self.decided += 1
        if self.then is not None and self.decided == self.at:
            self._go_on_under(self.then)
        budget = self.budget
        if budget is not None:
            budget.is_used_up = recorded is not None and recorded.stop_reason == "budget"
        if self.breaker is not None:
            self.breaker.is_open = recorded is not None and recorded.stop_reason == "breaker"
        recorded_draw = draw_as_recorded(self.history, event, now=self.now, recorded=recorded, draw=draw)
        if budget is not None:
            budget.was_asked = False
        command = commands.send((event, self.now, recorded_draw))
        if budget is not None and budget.was_asked:
            self.assume("budget")
        return command

    def _go_on_under(self, plan: Plan) -> None:
        """Let another policy make all decisions from now on; what the call has been through stays as it is."""
        self.plan = plan
        self.budget, self.breaker = _shared(plan)
        history, limit = self.history, plan.limits.deadline
        history.plan, history.deadline = plan, limit
        history.budget, history.breaker = self.budget, self.breaker


def _shared(plan: Plan) -> tuple[RecordedBudget | None, RecordedBreaker | None]:
    """Return a budget and a breaker that do what they did in the recording, as far as the policy has any."""
    limits = plan.policy.breakers.get(plan.provider or "")
    budget = RecordedBudget() if plan.provider in plan.policy.budgets else None
    return budget, None if limits is None else RecordedBreaker(limits)
