"""What comes of a recorded call under another policy, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

from attrs import field, frozen

from resilience.core.decision import Accept, Decision, Ended, Fail, Refresh, Rename, StopReason, Verify, Wait
from resilience.core.fault import Fault
from resilience.journal.model import RecordedCall, RecordedDecision
from resilience.simulation.play import SimulatedStep

Assumption = Literal["success", "fault", "cut", "verifier", "refresh", "rename", "verifier_fault"]

ASSUMPTIONS: Final[Mapping[Assumption, str]] = {
    "success": "attempts that nobody made succeed, as the last recorded one did",
    "fault": "attempts that nobody made fail as the last recorded one did",
    "cut": "an attempt that was cut short never answers, however long it is waited for",
    "verifier": "a verifier finds nothing when it is asked more often than it was",
    "refresh": "a refresh that nobody made succeeds at once",
    "rename": "a rename that nobody made finds a name",
    "verifier_fault": "what a verifier failed with is not recorded: it is decided as it was then, if it can be",
}
"""What is assumed where a recording does not tell."""


# Delays of this likeness are the same one, but for the program's own time.
_SAME_DELAY: Final = 1e-3
_SAME_SHARE: Final = 0.01


@frozen(kw_only=True)
class Difference:
    """
    A decision that is another one now.

    Attributes:
        did: Whether it follows an attempt or a verification.
        number: The number of that attempt.
        fault: What it failed with then, or now if it did not fail then.
        before: What was decided then; None if it succeeded, so that nothing was.
        after: What is decided now; None likewise.
        cut: Whether a limit cuts it short that did not then.
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
        call: The call as it was recorded.
        steps: What would have been done, in order.
        ended: How it would have ended; as it did where the recording breaks off.
        stop_reason: Why, likewise.
        duration: How long it would have taken.
        waited: All waits together.
        attempts: How many would have been made.
        may_exist: Whether it would have failed while an attempt may have taken effect, and no verifier has looked.
        differences: The decisions that differ.
        assumptions: What was assumed, each once.
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
        """Whether it would have ended well."""
        return self.ended in {"success", "success_after_retry", "accepted"}

    @property
    def is_worse(self) -> bool:
        """Whether it succeeded then and fails now."""
        return self.call.succeeded and not self.succeeds

    @property
    def is_better(self) -> bool:
        """Whether it failed then and succeeds now."""
        return self.succeeds and not self.call.succeeded

    @property
    def ends_otherwise(self) -> bool:
        """Whether it ends in another way, or for another reason."""
        return (self.ended, self.stop_reason) != (self.call.ended, self.call.stop_reason)

    @property
    def requests(self) -> int:
        """How many requests more are sent than then; negative for fewer."""
        return self.attempts - len(self.call.attempts)

    @property
    def seconds(self) -> float:
        """How much longer it takes than it took then; negative for shorter, and 0 if it never ended."""
        return 0.0 if self.call.duration is None else self.duration - self.call.duration


def is_same(before: RecordedDecision | None, after: Decision | None) -> bool:
    """Return whether two decisions lead to the same; which rule made them makes no difference."""
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
