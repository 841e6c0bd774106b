"""
The events of a call, for observers (:mod:`resilience.core.observer`).

An event has no slots: making it without them takes four fifths of the time, and events are short-lived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from attrs import field, frozen

from resilience.core.admission.admission import Admission
from resilience.core.admission.breaker import Breaker, BreakerState
from resilience.core.admission.budget import RetryBudget
from resilience.core.admission.levels import RateChange
from resilience.core.decision import Decision, Ended, StopReason
from resilience.core.fault import Effect, Fault
from resilience.core.policy import PolicyValues, Rule
from resilience.core.settings.chaos import Injection
from resilience.core.settings.state import OnUnavailable

LedgerAnswer = Literal["new", "done", "unfinished"]
"""The ledger's answer about a resource: unknown, done by an earlier run, or begun by one and not finished."""

RemedyAnswer = Literal["there", "not_there", "discarded", "done", "failed", "cancelled"]
"""The result of a remedy: the first three for a verification, ``done`` for a refresh, the last two for both."""


@frozen(kw_only=True)
class LimitsInForce:
    """The limits that a call shares with others, as they are at present; None for those that the policy has not."""

    admission: Admission | None
    breaker: Breaker | None
    budget: RetryBudget | None


@frozen(kw_only=True, slots=False)
class CallStarted:
    """
    A call begins.

    Attributes:
        operation: The operation.
        provider: Its provider; None if it is unknown.
        policy: The policy.
        shared: Returns the limits that it shares with others; None if it shares none.
    """

    operation: str
    provider: str | None
    policy: PolicyValues
    shared: Callable[[], LimitsInForce] | None = field(default=None, eq=False, repr=False)


@frozen(kw_only=True, slots=False)
class Recalled:
    """
    The ledger has answered about the call's resource, before the first attempt.

    Attributes:
        answer: The ledger's answer.
        waited: The seconds that the call waited for another call on the same resource.
    """

    answer: LedgerAnswer
    waited: float


GateName = Literal["ledger", "credentials", "rate", "concurrency", "thread"]
"""What a call may have to wait for before an attempt."""


@frozen(kw_only=True, slots=False)
class Waited:
    """
    A call had to wait before an attempt.

    Attributes:
        gate: The reason of the wait: its key in the ledger, credentials, its turn in the rate limits, the end of
            attempts of other calls, or a worker thread.
        duration: The duration, in seconds; there is no event for less than a millisecond.
    """

    gate: GateName
    duration: float


@frozen(kw_only=True, slots=False)
class BreakerChanged:
    """
    A breaker has changed its state, in this call or since the call before it.

    Attributes:
        provider: The provider of the breaker.
        operation: The operation, if each operation has a breaker of its own; else None.
        old: The state before the change.
        new: The state after the change.
        by_hand: Whether the program asked for the change.
        is_shadow: Whether the breaker only watches, and refuses nothing.
        failures: The failures in the window, if they opened the breaker; else 0.
        results: All results in the window, if its failures opened the breaker; else 0.
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
class StateChanged:
    """
    The store that processes share went away, or is back.

    Attributes:
        is_away: Whether it cannot be used any more; False if it can again.
        on_unavailable: What the policy says of calls meanwhile.
    """

    is_away: bool
    on_unavailable: OnUnavailable


@frozen(kw_only=True, slots=False)
class RetryPaid:
    """
    The retry budget has paid for the attempt that comes next.

    Attributes:
        provider: The provider of the budget.
        retries_left: The further retries that the budget could pay for now.
    """

    provider: str
    retries_left: int


@frozen(kw_only=True, slots=False)
class RateAdapted:
    """
    A rate limit has adapted to what the service takes, in this call or since the call before it.

    Attributes:
        provider: Whose limit it is.
        change: What has changed.
    """

    provider: str
    change: RateChange


@frozen(kw_only=True, slots=False)
class AttemptStarted:
    """An attempt begins; ``number`` counts from 1."""

    number: int


@frozen(kw_only=True, slots=False)
class FaultInjected:
    """The present attempt fails with the fault of an entry of ``[chaos]``."""

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
    An attempt failed, with the decision about it.

    Attributes:
        number: The number of the attempt, counted from 1.
        fault: The fault that the decision answers.
        effect: Whether the request may have taken effect.
        decision: The decision.
        duration: The duration of the attempt, in seconds.
        cut: Whether a limit cut the attempt short.
        condition: Identifies the answer to which the message led; see :func:`resilience.core.match.condition`.
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
    """An attempt ended without a fault: by a cancellation, or by a programming error of class ``error``."""

    number: int
    duration: float
    error: str | None


@frozen(kw_only=True, slots=False)
class RefreshStarted:
    """
    The call begins to wait for new credentials.

    Attributes:
        provider: The provider of the credentials.
        flight: Identifies the refresh, for which several calls may wait; compared by identity.
        leads: Whether this call runs the refresh; other calls wait for it.
        number: The number of the attempt before the refresh; 0 before the first.
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
        duration: The duration of the wait, in seconds.
        error: The class of the error; None after a success.
        cancelled: Whether the call was cancelled during the wait.
    """

    flight: object = field(repr=False)
    duration: float
    error: str | None = None
    cancelled: bool = False


@frozen(kw_only=True, slots=False)
class VerifyStarted:
    """The call asks the verifier; ``number`` is that of the doubtful attempt."""

    number: int


@frozen(kw_only=True, slots=False)
class VerifyEnded:
    """
    The verifier has answered, with the decision about it.

    Attributes:
        there: Whether the resource is there; None if the verifier failed.
        decision: The decision; None if the call was cancelled during the verification.
        duration: The duration of the verification, in seconds.
        error: The class of the verifier's error, if it failed.
        discarded: Whether the verifier has made harmless what was there.
    """

    there: bool | None
    decision: Decision | None
    duration: float
    error: str | None = None
    discarded: bool = False


@frozen(kw_only=True, slots=False)
class ResourceRenamed:
    """
    The next attempt uses another name.

    Attributes:
        operation: The operation.
        provider: The provider of the operation.
        field: The renamed request field, as the service spells it.
        old: The name in the last attempt.
        new: The name from now on.
        scope: The id of the resource's instance; empty if the operation has none.
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
        ended: How the call ended; None after a programming error.
        stop_reason: Why the call ended; None after a programming error.
        attempts: The number of attempts.
        waited: The sum of all waits, in seconds.
        duration: The duration of the call, in seconds.
        fault: The last fault, if the call failed.
        rule: The rule that decided, if one did.
        error: The class of the exception that leaves the call, if one does.
        verified: Whether an accepted call was verified.
        renamed: By renamed field, the old and the new name.
        advice: A sentence about why the rule's action was impossible, and what to write in the policy; None if it was
            possible.
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
    | RateAdapted
    | StateChanged
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
