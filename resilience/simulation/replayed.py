"""The result of a replay, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

from attrs import field, frozen

from resilience.core.decision import Accept, Decision, Ended, Fail, Refresh, Rename, StopReason, Verify, Wait
from resilience.core.fault import Fault
from resilience.journal.model import RecordedCall, RecordedDecision
from resilience.simulation.played import SimulatedStep

Assumption = Literal["success", "fault", "cut", "verifier", "refresh", "rename", "verifier_fault", "budget"]

ASSUMPTIONS: Final[Mapping[Assumption, str]] = {
    "success": "attempts beyond the recorded ones succeed, like the last one",
    "fault": "attempts beyond the recorded ones fail like the last one",
    "cut": "an attempt that was cut short never gets an answer",
    "verifier": "verifications beyond the recorded ones find nothing",
    "refresh": "refreshes beyond the recorded ones succeed at once",
    "rename": "renames beyond the recorded ones find a name",
    "budget": "the retry budget pays for every retry that it did not refuse in the recording",
    "verifier_fault": "a verifier's error is not recorded: the recorded decision follows it, if possible",
}
"""The assumptions of replays."""


# Delays with a smaller difference are equal, because the program's own time differs.
_SAME_DELAY: Final = 1e-3
_SAME_SHARE: Final = 0.01


@frozen(kw_only=True)
class Difference:
    """
    A changed decision.

    Attributes:
        did: Whether it follows an attempt or a verification.
        number: The number of that attempt.
        fault: The recorded fault, or the fault in the replay if the attempt succeeded in the recording.
        before: The recorded decision; None after a success.
        after: The decision in the replay; None after a success.
        cut: Whether a limit cuts the attempt short only in the replay.
    """

    did: Literal["attempt", "verify"]
    number: int
    fault: Fault | None
    before: RecordedDecision | None
    after: Decision | None
    cut: bool = False


@frozen(kw_only=True)
class Replayed:
    """
    A recorded call under another policy; durations are in seconds.

    Attributes:
        call: The recorded call.
        steps: The steps of the replay, in order.
        ended: The end of the replay; the recorded end if the recording breaks off.
        stop_reason: The reason of that end.
        duration: The duration of the replay.
        waited: The sum of its waits.
        attempts: The number of its attempts.
        may_exist: Whether it failed after an unverified attempt that may have taken effect.
        differences: The changed decisions.
        assumptions: The assumptions, each once.
    """

    call: RecordedCall
    steps: tuple[SimulatedStep, ...] = field(repr=False)
    ended: Ended | Literal["cancelled"] | None
    stop_reason: StopReason | None
    duration: float
    waited: float
    attempts: int
    may_exist: bool = False
    differences: tuple[Difference, ...] = ()
    assumptions: tuple[Assumption, ...] = ()

    @property
    def succeeds(self) -> bool:
        """Whether the replay ends well."""
        return self.ended in {"success", "success_after_retry", "accepted"}

    @property
    def is_worse(self) -> bool:
        """Whether the recorded call succeeded and the replay fails."""
        return self.call.succeeded and not self.succeeds

    @property
    def is_better(self) -> bool:
        """Whether the recorded call failed and the replay succeeds."""
        return self.succeeds and not self.call.succeeded

    @property
    def ends_otherwise(self) -> bool:
        """Whether the replay has another end or another reason."""
        return (self.ended, self.stop_reason) != (self.call.ended, self.call.stop_reason)

    @property
    def requests(self) -> int:
        """The number of additional requests; negative for fewer."""
        return self.attempts - len(self.call.attempts)

    @property
    def seconds(self) -> float:
        """The additional duration; negative for a shorter one, and 0 for a call without an end."""
        return 0.0 if self.call.duration is None else self.duration - self.call.duration


def is_same(before: RecordedDecision | None, after: Decision | None) -> bool:
    """Tell whether two decisions are the same, whatever rules made them."""
    if before is None or after is None:
        return before is None and after is None
    if before.action != after.verb:
        return False
    match after:
        case Fail(reason=reason):
            return before.stop_reason in {None, reason}
        case Accept(dry_run=dry_run):
            return before.dry_run == dry_run
        case Wait() | Refresh() | Rename() | Verify():
            return math.isclose(before.delay, after.delay, rel_tol=_SAME_SHARE, abs_tol=_SAME_DELAY)
