"""The values of a play: what an attempt meets, what else surrounds a call, its steps, and how it went."""

from __future__ import annotations

from typing import Literal

from attrs import Factory, field, frozen

from resilience.core.decision import (
    Decision,
    Ended,
    Failed,
    MachineEvent,
    RefreshFailed,
    RenameImpossible,
    StopReason,
    Verified,
    ended_by,
)
from resilience.core.fault import Fault
from resilience.core.operations.rename import NameLaw, name_hash

VerifierModel = Literal["honest", "found", "missing"]
"""The answers of a verifier: honest ones, or always the same one."""

Activity = Literal["attempt", "verify", "refresh", "rename"]
"""The activity between two decisions."""


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
    event: MachineEvent | None = None
    decision: Decision | None = None
    cut: bool = False

    @property
    def fault(self) -> Fault | None:
        """The fault of a failed attempt, or None."""
        return self.event.faults[0] if isinstance(self.event, Failed) else None

    @property
    def result(self) -> str:
        """Its result, in words."""
        if self.cut:
            return "cut short"
        match self.event:
            case Failed(faults):
                return faults[0].label
            case Verified(there):
                return "it is there" if there else "not there"
            case RefreshFailed():
                return "failed"
            case RenameImpossible():
                return "impossible"
            case None:
                return "success"
            case _:
                return "done"

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
