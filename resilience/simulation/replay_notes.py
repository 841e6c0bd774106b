"""The clock and the notes of a replay: its steps, its differences and its assumptions."""

from __future__ import annotations

from typing import Final, Literal

from attrs import Factory, define, field

from resilience.core.decision import Ended, MachineEvent, StopReason
from resilience.core.fault import Fault
from resilience.core.history import History
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy
from resilience.simulation.played import Activity, SimulatedStep
from resilience.simulation.recorded_inputs import RecordedInputs
from resilience.simulation.replayed import Assumption, Difference, Replayed, is_same

# Programs are late by up to this time, so a limit that cuts an attempt near the recorded cut is the same limit.
LATENESS: Final = 0.1


@define
class ReplayNotes:
    """
    The notes of one replay.

    Attributes:
        call: The recorded call.
        inputs: The unused parts of the recorded call.
        history: The call so far.
        now: The time since the start of the call, in seconds.
        waited: The sum of its waits so far, in seconds.
        begun: The number of attempts so far.
        is_retimed: Whether a step had another duration than its recording.
        steps: The steps so far.
        differences: The changed decisions so far.
        assumed: The assumptions so far, in order.
    """

    call: RecordedCall
    inputs: RecordedInputs = field(default=Factory(lambda self: RecordedInputs(self.call), takes_self=True), init=False)
    history: History = field(init=False)
    now: float = field(default=0.0, init=False)
    waited: float = field(default=0.0, init=False)
    begun: int = field(default=0, init=False)
    is_retimed: bool = field(default=False, init=False)
    steps: list[SimulatedStep] = field(factory=list, init=False)
    differences: list[Difference] = field(factory=list, init=False)
    assumed: dict[Assumption, None] = field(factory=dict, init=False)

    def take(self, duration: float, limit: float | None) -> bool:
        """Let a duration pass, up to a limit; tell whether the limit came first."""
        is_cut = limit is not None and self.now + duration >= limit
        if limit is not None and is_cut:
            self.is_retimed |= limit - self.now < duration - LATENESS
            duration = max(limit - self.now, 0.0)
        self.now += duration
        return is_cut

    def step(self, did: Activity, began: float, event: MachineEvent | None, *, cut: bool = False) -> None:
        """Note a step that has ended, with the decision that followed."""
        decision = None if event is None else self.history.decision
        self.steps.append(
            SimulatedStep(
                did=did, number=self.begun, began=began, ended=self.now, event=event, decision=decision, cut=cut
            )
        )

    def assume(self, what: Assumption) -> None:
        """Note an assumption."""
        self.assumed[what] = None

    def compare(
        self, recorded: RecordedAttempt | RecordedRemedy | None, fault: Fault | None = None, *, cut: bool = False
    ) -> None:
        """Note a difference between the recorded decision and that of the last step."""
        if recorded is None:
            return
        before, after = None if recorded.action is None else recorded, self.steps[-1].decision
        if not is_same(before, after):
            is_attempt = isinstance(recorded, RecordedAttempt)
            then = recorded.fault if isinstance(recorded, RecordedAttempt) else None
            self.differences.append(
                Difference(
                    did="attempt" if is_attempt else "verify",
                    number=self.begun,
                    fault=then or fault,
                    before=before,
                    after=after,
                    cut=cut,
                )
            )

    def replayed(self, ended: Ended | Literal["cancelled"] | None, reason: StopReason | None) -> Replayed:
        """Return the result of a replay that ended so."""
        call = self.call
        is_same = not (self.differences or self.is_retimed) and (ended, reason) == (call.ended, call.stop_reason)
        duration = self.now + self.inputs.rest
        if is_same and call.duration is not None:
            # The program's own time between the steps makes no difference.
            duration = call.duration
        is_failure = ended not in {"success", "success_after_retry", "accepted", "cancelled", None}
        return Replayed(
            call=call,
            steps=tuple(self.steps),
            ended=ended,
            stop_reason=reason,
            duration=duration,
            waited=call.waited if is_same else self.waited,
            attempts=self.begun,
            may_exist=is_failure and self.history.may_exist,
            differences=tuple(self.differences),
            assumptions=tuple(self.assumed),
        )
