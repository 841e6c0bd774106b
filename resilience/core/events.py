"""
What happens to a call, as values, and who may watch.

The engine knows that observers exist, not what they do. An observer is asked
once per call whether it wants to watch; what it returns gets every later event
of that call, in order, in the task that runs the call. An observer that raises
is logged once and changes nothing.

An event has no slots: it is made in four fifths of the time without, and lives as long as it takes to tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol

from attrs import field, frozen

from resilience.core.admission.breaker import BreakerState
from resilience.core.decision import Decision, Ended, StopReason
from resilience.core.fault import Effect, Fault
from resilience.core.policy import Injection, PolicyValues, Rule

LedgerAnswer = Literal["new", "done", "unfinished"]
"""What the ledger knows of a resource: nothing, or that an earlier run has done or begun it."""

RemedyAnswer = Literal["there", "not_there", "done", "failed", "cancelled"]
"""What a remedy brought: a verification the first two, a refresh ``done``, either of them the last two."""


@frozen(kw_only=True, slots=False)
class CallStarted:
    """A call begins; ``provider`` is None where none is known."""

    operation: str
    provider: str | None
    policy: PolicyValues


@frozen(kw_only=True, slots=False)
class Recalled:
    """
    The ledger has been asked about the resource, before the first attempt.

    Attributes:
        answer: What it knows of the resource.
        waited: How long another call on the same resource was waited for, in seconds.
    """

    answer: LedgerAnswer
    waited: float


Gate = Literal["ledger", "credentials", "thread"]
"""What a call may have to wait for before an attempt."""


@frozen(kw_only=True, slots=False)
class Waited:
    """
    A call had to wait before an attempt.

    Attributes:
        gate: For what: its key in the ledger, credentials, or a worker thread.
        duration: In seconds; less than a millisecond is not told.
    """

    gate: Gate
    duration: float


@frozen(kw_only=True, slots=False)
class BreakerChanged:
    """
    A breaker has changed its state, in this call or since the call before it.

    Attributes:
        provider: Whose breaker it is.
        operation: The operation, where each has a breaker of its own; else None.
        old: The state before.
        new: The state since.
        by_hand: Whether the program asked for it.
        is_shadow: Whether it refuses nothing.
        failures: The failures in its window when they opened it; 0 otherwise.
        results: All results in it; likewise.
    """

    provider: str
    operation: str | None
    old: BreakerState
    new: BreakerState
    by_hand: bool
    is_shadow: bool
    failures: int
    results: int


@frozen(kw_only=True, slots=False)
class RetryPaid:
    """
    The retry budget has paid for the attempt that comes next.

    Attributes:
        provider: Whose budget it is.
        retries_left: The retries that it would pay for at once, without this one.
    """

    provider: str
    retries_left: int


@frozen(kw_only=True, slots=False)
class AttemptStarted:
    """An attempt begins; ``number`` counts from 1."""

    number: int


@frozen(kw_only=True, slots=False)
class FaultInjected:
    """The attempt that runs now fails with a fault of ``[chaos]``, as this entry of it says."""

    number: int
    injection: Injection


@frozen(kw_only=True, slots=False)
class AttemptSucceeded:
    """An attempt returned a value after ``duration`` seconds."""

    number: int
    duration: float


@frozen(kw_only=True, slots=False)
class AttemptFailed:
    """
    An attempt failed, and this was decided.

    Attributes:
        number: The attempt, counted from 1.
        fault: The fault that the decision answers.
        effect: Whether the request may have taken effect.
        decision: What follows.
        duration: Of the attempt, in seconds.
        cut: Whether it was cut short by our own limit.
        condition: What tells which of several answers the message led to; see :func:`resilience.core.match.condition`.
    """

    number: int
    fault: Fault
    effect: Effect
    decision: Decision
    duration: float
    cut: bool = False
    condition: str | None = None


@frozen(kw_only=True, slots=False)
class AttemptAborted:
    """An attempt ended with what is no fault: a cancellation, or a programming error of class ``error``."""

    number: int
    duration: float
    error: str | None


@frozen(kw_only=True, slots=False)
class RefreshStarted:
    """
    New credentials are awaited.

    Attributes:
        provider: Whose credentials.
        flight: Stands for the one refresh that several calls may wait for; compared by identity.
        leads: Whether this call runs it; the others wait.
        number: Which attempt asked for it; 0 before the first.
    """

    provider: str
    flight: object = field(repr=False)
    leads: bool
    number: int


@frozen(kw_only=True, slots=False)
class RefreshEnded:
    """
    The wait for new credentials is over.

    Attributes:
        flight: As in :class:`RefreshStarted`.
        duration: In seconds.
        error: The class of the error, or None after a success.
        cancelled: Whether the call was cancelled meanwhile.
    """

    flight: object = field(repr=False)
    duration: float
    error: str | None = None
    cancelled: bool = False


@frozen(kw_only=True, slots=False)
class VerifyStarted:
    """The verifier is asked; ``number`` is the attempt in doubt."""

    number: int


@frozen(kw_only=True, slots=False)
class VerifyEnded:
    """
    The verifier has answered, and this was decided.

    Attributes:
        there: Whether the resource is there; None if the verifier failed.
        decision: What follows, or None if the call was cancelled meanwhile.
        duration: In seconds.
        error: The class of the verifier's error, if it failed.
    """

    there: bool | None
    decision: Decision | None
    duration: float
    error: str | None = None


@frozen(kw_only=True, slots=False)
class ResourceRenamed:
    """
    The next attempt goes to another name.

    Attributes:
        operation: The operation.
        provider: Its provider.
        field: The service's word for what was renamed.
        old: Its name in the last attempt.
        new: Its name from now on.
        scope: The id of the instance that it is in; empty where the operation names none.
    """

    operation: str
    provider: str | None
    field: str
    old: str
    new: str
    scope: str = ""


@frozen(kw_only=True, slots=False)
class CallEnded:
    """
    A call has ended.

    Attributes:
        ended: How, or ``cancelled``; None where a programming error left at once.
        stop_reason: Why; None where a programming error left at once.
        attempts: How many were made.
        waited: In seconds, all waits together.
        duration: In seconds.
        fault: The last fault, if the call failed.
        rule: The rule that decided, if one did.
        error: The class of the exception that left, if one did.
        verified: Whether an accepted call was verified.
        renamed: The field that was renamed, with its old and its new name.
        advice: Why a failed call could not be treated as its rule says, and what to write in the policy, in one
            sentence; None where it was.
    """

    ended: Ended | Literal["cancelled"] | None
    stop_reason: StopReason | None
    attempts: int
    waited: float
    duration: float
    fault: Fault | None = None
    rule: Rule | None = None
    error: str | None = None
    verified: bool | None = None
    renamed: Mapping[str, tuple[str, str]]
    advice: str | None = None


Event = (
    Waited
    | Recalled
    | BreakerChanged
    | RetryPaid
    | AttemptStarted
    | FaultInjected
    | AttemptSucceeded
    | AttemptFailed
    | AttemptAborted
    | RefreshStarted
    | RefreshEnded
    | VerifyStarted
    | VerifyEnded
    | ResourceRenamed
    | CallEnded
)

Slot = tuple[Mapping[str, Any], str]
"""A mapping and a key of it."""

ALWAYS_IDLE: Final[Slot] = ({"": None}, "")
"""For an observer that never wants to see a call that succeeds at once."""

Sink = Callable[[Event], None]
"""Gets every event of one call after :class:`CallStarted`."""


class Observer(Protocol):
    """
    Watches calls.

    Attributes:
        idle_slot: A mapping and a key: while ``mapping[key] is None``, a call that succeeds at once need not be
            announced; any other is announced when its first attempt has failed. None for an observer that
            wants to see every call from its beginning; ``ALWAYS_IDLE`` for one that never does.
    """

    idle_slot: Slot | None

    def watch(self, started: CallStarted) -> Sink | None:
        """Return what gets the events of this call, or None to see none of them."""
        ...
