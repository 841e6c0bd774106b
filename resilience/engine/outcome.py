"""How a call ended, for those who would rather look than catch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from resilience.core.decision import Decision, Ended, StopReason, ended_by
from resilience.core.fault import Effect, Fault
from resilience.core.policy import Rule
from resilience.core.values import record

T_co = TypeVar("T_co", covariant=True)


@record
class Attempt:
    """
    One attempt of a call.

    Attributes:
        number: Counted from 1.
        duration: In seconds.
        fault: What it failed with, or None if it succeeded.
        effect: Whether the failed request may have taken effect; None after a success.
        rule: The rule that matched the fault, if one did.
        decision: What was decided, or None after a success.
        delay: The wait that followed, in seconds.
    """

    number: int
    duration: float
    fault: Fault | None = None
    effect: Effect | None = None
    rule: Rule | None = None
    decision: Decision | None = None
    delay: float = 0.0


@frozen(kw_only=True, repr=False, slots=False)
class Outcome(Generic[T_co]):
    """
    How a call ended. Its ``repr`` shows no value, no argument and no message.

    Attributes:
        operation: The operation.
        stop_reason: Why it ended.
        value: What the call returned, or the value of an accepted call; None if it failed.
        error: The exception that :meth:`unwrap` raises, or None.
        verified: Whether an accepted call was verified; None if it was not accepted.
        attempts: A record of each attempt.
        arguments: As they were last sent, by parameter name.
        renamed: What was renamed: the service's field, the old and the new name.
        waited: All waits together, in seconds.
        may_exist: Whether something may have taken effect, and no verifier has looked.
    """

    operation: str
    stop_reason: StopReason
    value: T_co | None = None
    error: Exception | None = None
    verified: bool | None = None
    attempts: tuple[Attempt, ...] = ()
    arguments: Mapping[str, Any] = field(factory=dict)
    renamed: Mapping[str, tuple[str, str]] = field(factory=dict)
    waited: float = 0.0
    may_exist: bool = False

    @property
    def ended(self) -> Ended:
        """How the call ended, in one word."""
        return ended_by(self.stop_reason, attempts=len(self.attempts))

    def unwrap(self) -> T_co:
        """Return the value, or raise the error of a call that failed."""
        if self.error is not None:
            try:
                raise self.error
            finally:
                # What holds the exception must not be held by its traceback: both would wait for the collector.
                del self
        return self.value  # type: ignore[return-value]  # None only where the wrapped function may return it

    def __repr__(self) -> str:
        """Show how it ended and after how many attempts."""
        return (
            f"<Outcome {self.operation} {self.ended} stop_reason={self.stop_reason} "
            f"attempts={len(self.attempts)} waited={self.waited:.3f}>"
        )
