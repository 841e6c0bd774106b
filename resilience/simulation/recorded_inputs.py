"""What a recorded call brings to its replay: each attempt, answer and refresh once, in order."""

from __future__ import annotations

import math
from typing import Final

from attrs import define, field

from resilience.core.decision import LEADS_ON, StopReason
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy

# Between two steps a program needs some time of its own, which no policy decides.
_OVERHEAD: Final = 1e-3

# Why a call stops although it was decided to go on; nothing that rules of a policy would change.
_BROKEN_OFF: Final[frozenset[StopReason | None]] = frozenset(
    {None, "cancelled", "deadline", "budget", "breaker", "rate", "ledger"}
)


@define
class RecordedInputs:
    """
    A recorded call as it is played; what is taken from it is gone.

    Attributes:
        call: The call.
        attempts: The attempts that were not played yet.
        verifications: Likewise.
        refreshes: How long each refresh that was asked for took, and whether it succeeded, None if the call
            ended with it; likewise.
        renames: Whether each rename that was asked for found a name; likewise.
        queues: How long each attempt had to wait for what is no policy's business, by its number.
        rest: How long the call took after its last step.
    """

    call: RecordedCall
    attempts: list[RecordedAttempt] = field(init=False)
    verifications: list[RecordedRemedy] = field(init=False)
    refreshes: list[tuple[float, bool | None]] = field(factory=list, init=False)
    renames: list[bool] = field(factory=list, init=False)
    queues: dict[int, float] = field(factory=dict, init=False)
    rest: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        call = self.call
        self.attempts = list(call.attempts)
        self.verifications = [each for each in call.remedies if each.kind == "verify"]
        steps = self._steps()
        end: float | None = call.started_at
        for number, each in enumerate(steps):
            refreshes = self._refreshes_after(each, steps[number + 1] if number + 1 < len(steps) else None)
            if isinstance(each, RecordedAttempt) and end is not None:
                queued = each.started_at - end
                self.queues[each.number] = queued if queued > _OVERHEAD else 0.0
            end = None if each.duration is None else each.started_at + each.duration + each.delay + refreshes
        if end is not None and call.duration is not None:
            rest = call.started_at + call.duration - end
            self.rest = rest if rest > _OVERHEAD else 0.0

    @property
    def last(self) -> RecordedAttempt | None:
        """The last attempt that ended in a value or a fault, played or not."""
        ended = [each for each in self.call.attempts if each.duration is not None and not each.aborted]
        return ended[-1] if ended else None

    @property
    def breaks_off(self) -> bool:
        """Whether the recording ends without an end: what comes next, no policy decides."""
        steps = self._steps()
        if not steps:
            return True
        last = steps[-1]
        if isinstance(last, RecordedRemedy) and (last.duration is None or last.answer == "cancelled"):
            return True
        return last.action in LEADS_ON and self.call.stop_reason in _BROKEN_OFF

    def _steps(self) -> list[RecordedAttempt | RecordedRemedy]:
        steps: list[RecordedAttempt | RecordedRemedy] = [
            *self.call.attempts,
            *(each for each in self.call.remedies if each.kind == "verify"),
        ]
        # Attempts come in their order, and each verification after its attempt: instants may be equal.
        return sorted(steps, key=lambda each: (each.number, isinstance(each, RecordedRemedy), each.started_at))

    def _refreshes_after(
        self, step: RecordedAttempt | RecordedRemedy, following: RecordedAttempt | RecordedRemedy | None
    ) -> float:
        """Note what came of the remedy that a step asked for, if it did; return how long a refresh took."""
        call = self.call
        if step.action == "rename":
            self.renames.append(len(self.renames) < call.renames)
        if step.action != "refresh":
            return 0.0
        until = math.inf if following is None else following.started_at
        found = [
            each
            for each in call.remedies
            if each.kind == "refresh" and step.started_at <= each.started_at <= until and each.number == step.number
        ]
        took = sum(each.duration or 0.0 for each in found)
        done: bool | None = True
        if following is None:
            # Without a word on how the refresh ended, the call ended there, for whatever reason.
            done = False if found and found[-1].answer == "failed" else None
        self.refreshes.append((took, done))
        return took
