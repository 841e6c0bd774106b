"""The inputs of a replay from a recorded call: each attempt, answer and refresh once, in order."""

from __future__ import annotations

import math
from typing import Final

from attrs import define, field

from resilience.core.admission.breaker import Breaker, BreakerRefusal
from resilience.core.decision import LEADS_ON, StopReason
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy

# A program needs some time between two steps, which no policy decides.
_OVERHEAD: Final = 1e-3

# Reasons that stop a call after a decision to go on, and that the rules of another policy would not change.
_BROKEN_OFF: Final[frozenset[StopReason | None]] = frozenset(
    {None, "cancelled", "deadline", "budget", "breaker", "rate", "ledger", "state"}
)


class RecordedBudget:
    """
    A retry budget in a replay: other calls had their part in it, so it refuses a retry only where it did so then.

    Attributes:
        is_used_up: Whether the recorded decision that comes next is a refusal by the budget.
        was_asked: Whether any retry needed the budget.
    """

    kind: Final = "tokens"

    def __init__(self) -> None:
        self.is_used_up = self.was_asked = False

    def begin(self, now: float) -> None:
        """Do nothing: the recording knows what calls gave."""

    def withdraw(self, now: float) -> bool:  # noqa: ARG002  # the recording knows
        """Pay for a retry, unless it was refused in the recording."""
        self.was_asked = True
        return not self.is_used_up

    def deposit(self) -> None:
        """Do nothing, as for a call that begins."""

    def retries_left(self, now: float | None) -> int:  # noqa: ARG002  # as above
        """Return 1 where a retry is paid for."""
        return int(not self.is_used_up)

    def more_in(self, now: float) -> float | None:
        """Return None: recordings do not tell."""


class RecordedBreaker(Breaker):
    """
    A breaker in a replay: what other calls made of it is not recorded, so it stops a call only where it did so then.

    Attributes:
        is_open: Whether the recorded decision that comes next is a refusal by the breaker.
    """

    is_open: bool = False

    def refusal_after(self, delay: float, now: float) -> BreakerRefusal | None:  # noqa: ARG002  # the recording knows
        """Refuse a retry that the breaker refused in the recording."""
        return BreakerRefusal(None) if self.is_open else None


@define
class RecordedInputs:
    """
    The unused parts of a recorded call during its replay.

    Attributes:
        call: The call.
        attempts: The unused attempts.
        verifications: The unused verifications.
        refreshes: The duration of each unused refresh, and whether it succeeded; None if the call ended with it.
        renames: Whether each unused rename found a name.
        queues: The time before each attempt that no policy decides, such as for a free thread, by its number.
        rest: The duration of the call after its last step.
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
        """The last attempt with a value or a fault, used or not."""
        ended = [each for each in self.call.attempts if each.duration is not None and not each.aborted]
        return ended[-1] if ended else None

    @property
    def breaks_off(self) -> bool:
        """Whether the recording breaks off, so that no policy decides what comes next."""
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
        # Instants may be equal, so attempts are sorted by number, and verifications after their attempts.
        return sorted(steps, key=lambda each: (each.number, isinstance(each, RecordedRemedy), each.started_at))

    def _refreshes_after(
        self, step: RecordedAttempt | RecordedRemedy, following: RecordedAttempt | RecordedRemedy | None
    ) -> float:
        """Note the result of the remedy after a step, if there was one; return the duration of a refresh."""
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
            # A refresh without a recorded result ended the call.
            done = False if found and found[-1].answer == "failed" else None
        self.refreshes.append((took, done))
        return took
