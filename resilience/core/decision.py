"""The machine's answers to a fault, the events it answers to, and why a call stopped."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, assert_never, get_args

from attrs import frozen

from resilience.core.fault import Fault
from resilience.core.policy import Action, Rule, Verb
from resilience.core.values import record

StopReason = Literal[
    "success",
    "accepted",
    "dry_run",
    "rule",
    "unknown",
    "max",
    "attempts",
    "deadline",
    "unverified",
    "not_ours",
    "remedy",
    "no_credentials",
    "budget",
    "breaker",
    "rate",
    "ledger",
    "state",
    "inner",
    "cancelled",
]
"""Why a call ended; one vocabulary for outcomes, spans, metrics, journal and simulation."""

Ended = Literal["success", "success_after_retry", "accepted", "failed", "exhausted", "refused"]
"""How a call ended. Cancellation is no outcome: it leaves, and only observers see it."""


_EXHAUSTED: Final[frozenset[StopReason]] = frozenset({"max", "attempts", "deadline"})
_REFUSED: Final[frozenset[StopReason]] = frozenset({"budget", "breaker", "rate", "ledger", "state"})


def ended_by(reason: StopReason, *, attempts: int) -> Ended:
    """Return how a call ended that stopped for ``reason`` after ``attempts`` attempts."""
    if reason == "success":
        return "success" if attempts <= 1 else "success_after_retry"
    if reason in {"accepted", "dry_run"}:
        return "accepted"
    if reason in _REFUSED:
        return "refused"
    return "exhausted" if reason in _EXHAUSTED else "failed"


@record
class Failed:
    """
    An attempt failed.

    Attributes:
        faults: What it failed with: one fault, or the leaves of an exception group.
        inner: Whether a policy inside the attempt has already decided it.
        doubt: Whether something else in the attempt may have taken effect: what a policy inside it left
            unresolved, or another task of its group that was cancelled meanwhile.
    """

    faults: tuple[Fault, ...]
    inner: bool = False
    doubt: bool = False


@frozen
class Verified:
    """
    A verifier answered.

    Attributes:
        there: Whether the resource is there.
        asked: When it was asked, on the machine's clock; None for this very instant. What it read is as old as that.
        at_work: Until when the doubtful attempt may have been at work, where it outlived its end: infinite
            while an abandoned thread still is; None where nothing is left of it.
    """

    there: bool
    asked: float | None = None
    at_work: float | None = None


@frozen
class VerifyFailed:
    """A verifier failed itself, with this fault; None if it failed with no fault at all (a programming error)."""

    fault: Fault | None


@frozen
class Refreshed:
    """New credentials are there."""


@frozen
class RefreshFailed:
    """New credentials could not be had."""


@frozen
class Renamed:
    """
    The next attempt goes to another name: a new resource, with a clean history.

    Attributes:
        number: The number of the name, where those before it belong to other resources; None for the one that was
            asked for. Each that was passed over counts as a use of the action.
        known: Whether this run has made the resource under that name before.
    """

    number: int | None = None
    known: bool = False


@frozen
class RenameImpossible:
    """No further legal name could be built, or other resources have all that could."""


@frozen
class KnownBefore:
    """
    An earlier run has done what the call asks for, or has started it and not finished.

    Attributes:
        is_done: Whether it was done.
        name: The number of the name that the earlier run used last.
        then: What is to be done about what was not finished: ask the verifier first, where there is one; make another
            attempt, unless a repeat would do it twice; or give up.
    """

    is_done: bool
    name: int = 1
    then: Literal["verify", "retry", "fail"] = "verify"


@frozen
class NotAdmitted:
    """
    The call was not admitted; nothing was sent.

    Attributes:
        reason: Why.
        retry_after: When it is worth asking again, in seconds; None where that is unknown.
    """

    reason: StopReason
    retry_after: float | None = None


MachineEvent = (
    Failed
    | Verified
    | VerifyFailed
    | Refreshed
    | RefreshFailed
    | Renamed
    | RenameImpossible
    | KnownBefore
    | NotAdmitted
)


@record(kw_only=True)
class _Explained:
    """
    What every decision carries.

    Attributes:
        verb: The word that policies and telemetry have for it.
        leads_on: Whether something follows after ``delay``; False where the call has ended.
        delay: How long to wait before it, in seconds.
        rule: The rule that matched; None where no rule did.
        action: The action that was taken, after following ``then``.
    """

    verb: ClassVar[Verb]
    leads_on: ClassVar[bool] = True

    rule: Rule | None = None
    action: Action | None = None


@record(kw_only=True)
class Wait(_Explained):
    """Wait ``delay`` seconds, then make another attempt."""

    verb: ClassVar[Verb] = "retry"

    delay: float


@record(kw_only=True)
class Refresh(_Explained):
    """Wait ``delay`` seconds, then get new credentials of this provider."""

    verb: ClassVar[Verb] = "refresh"

    delay: float = 0.0
    provider: str | None = None


@record(kw_only=True)
class Rename(_Explained):
    """
    Wait ``delay`` seconds, then take the name with this number: 2, 3, ...

    Attributes:
        delay: In seconds.
        number: Of the name.
        last: The last number that the action allows, for when other resources have the names before it; None for no
            limit.
    """

    verb: ClassVar[Verb] = "rename"

    delay: float = 0.0
    number: int
    last: int | None = None


@record(kw_only=True)
class Verify(_Explained):
    """Wait ``delay`` seconds, then ask the verifier."""

    verb: ClassVar[Verb] = "verify"

    delay: float = 0.0


@record(kw_only=True)
class Accept(_Explained):
    """
    Take the call for a success.

    Attributes:
        verified: Whether a verifier said that it is there; otherwise it is a belief.
        dry_run: Nothing was created.
    """

    verb: ClassVar[Verb] = "accept"
    leads_on: ClassVar[bool] = False
    delay: ClassVar[float] = 0.0

    verified: bool = False
    dry_run: bool = False


@record(kw_only=True)
class Fail(_Explained):
    """
    Give up.

    Attributes:
        reason: Why.
        by_remedy: Whether a remedy that failed ends the call, and not the failed attempt.
        retry_after: When it is worth asking again, in seconds, where the call was refused; None where that is unknown.
    """

    verb: ClassVar[Verb] = "fail"
    leads_on: ClassVar[bool] = False
    delay: ClassVar[float] = 0.0

    reason: StopReason
    by_remedy: bool = False
    retry_after: float | None = None


Decision = Wait | Refresh | Rename | Verify | Accept | Fail

LEADS_ON: Final[frozenset[Verb]] = frozenset(decision.verb for decision in get_args(Decision) if decision.leads_on)
"""The verbs after which a call goes on."""


def ended_with(decision: Accept | Fail | None) -> tuple[StopReason, bool | None]:
    """Return why a call stopped that this decision ended, None for a success; and whether an accept was verified."""
    match decision:
        case None:
            return "success", None
        case Accept():
            return "dry_run" if decision.dry_run else "accepted", decision.verified
        case Fail():
            return decision.reason, None
        case unreachable:
            assert_never(unreachable)
