"""The outcome of a call, for programs that look at it instead of catching an exception."""

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
        number: The number, counted from 1.
        duration: The duration, in seconds.
        fault: The fault; None after a success.
        effect: Whether the failed request may have taken effect; None after a success.
        rule: The rule that matches the fault; None if none does.
        decision: The decision; None after a success.
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
        stop_reason: Why the call ended.
        value: The value that the call returned, or the value of an accepted call; None if it failed.
        error: The exception that :meth:`unwrap` raises; None if the call did not fail.
        verified: Whether an accepted call was verified; None if it was not accepted.
        attempts: A record of each attempt.
        arguments: The arguments as last sent, by parameter name.
        renamed: By renamed field, as the service spells it, the old and the new name.
        waited: The sum of all waits, in seconds.
        may_exist: Whether a failed call may have made something, and no verifier has looked since.
        discarded: What verifiers discarded of attempts whose answer was lost (:class:`resilience.Discarded`).
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
    discarded: tuple[str, ...] = ()

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
                # The traceback refers to this frame. If the frame referred to the exception, by way of the outcome,
                # both would wait for the garbage collector.
                del self
        return self.value  # type: ignore[return-value]  # None only where the wrapped function may return it

    def __repr__(self) -> str:
        """Show how the call ended, and after how many attempts."""
        return (
            f"<Outcome {self.operation} {self.ended} stop_reason={self.stop_reason} "
            f"attempts={len(self.attempts)} waited={self.waited:.3f}>"
        )
