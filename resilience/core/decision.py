"""The machine's decisions, the events that lead to them, and the reasons why calls stop."""

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
"""Why a call ended; outcomes, spans, metrics, journals and simulations have the same words."""

Ended = Literal["success", "success_after_retry", "accepted", "failed", "exhausted", "refused"]
"""How a call ended. A cancelled call has no outcome; only observers see its end."""


_EXHAUSTED: Final[frozenset[StopReason]] = frozenset({"max", "attempts", "deadline"})
_REFUSED: Final[frozenset[StopReason]] = frozenset({"budget", "breaker", "rate", "ledger", "state"})


def ended_by(reason: StopReason, *, attempts: int) -> Ended:
    """Return how a call ended, from its stop reason and the number of its attempts."""
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
        faults: One fault, or the faults of an exception group's leaves.
        inner: Whether a policy inside the attempt has already decided the failure.
        doubt: Whether something else in the attempt may have taken effect: a call inside it that ended in doubt, or
            another task of its group that was cancelled meanwhile.
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
        asked: When the verifier was asked, on the machine's clock; None for now. The answer is as old as the question.
        at_work: Until when a thread of the doubtful attempt worked after the attempt's end; infinite while one still
            works, None if no thread was left.
        discarded: Whether the verifier has made harmless what was there, so that it counts as not there at once.
    """

    there: bool
    asked: float | None = None
    at_work: float | None = None
    discarded: bool = False


@frozen
class Discarded:
    """
    A verifier's answer: what the doubtful attempt made was there, and is harmless now.

    It counts as "not there", at once, so the next attempt makes another one. The policy has to allow it, with
    ``on_lost = "discard"`` for the operation.

    Attributes:
        what: What was discarded, such as ``certificate 3f2a``: a kind and an id, never a secret. Notes and outcomes
            show it.
    """

    what: str


@frozen
class VerifyFailed:
    """A verifier failed with this fault; None for a programming error."""

    fault: Fault | None


@frozen
class Refreshed:
    """New credentials are there."""


@frozen
class RefreshFailed:
    """The refresh brought no new credentials."""


@frozen
class Renamed:
    """
    The next attempt uses another name. That is another resource, without a history.

    Attributes:
        number: The number of the name; None for the number that the decision asked for. It is higher if other resources
            have the names before it, and each of these counts as a use of the action.
        known: Whether this run has made the resource under that name before.
    """

    number: int | None = None
    known: bool = False


@frozen
class RenameImpossible:
    """The pattern builds no other legal name, or other resources have all of them."""


@frozen
class KnownBefore:
    """
    An earlier run has done the work of the call, or has started and not finished it.

    Attributes:
        is_done: Whether the work was done.
        name: The number of the name that the earlier run used last.
        then: What to do if the work was not finished: ask the verifier first, if there is one; make another attempt,
            unless a repeat would do the work twice; or fail.
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


@record
class _Explained:
    """
    The part that all decisions have.

    Attributes:
        verb: The word for the decision in policies and telemetry.
        leads_on: Whether something follows after ``delay``; False if the call has ended.
        delay: The wait before it, in seconds.
        rule: The rule that matched; None if no rule did.
        action: The action, after following ``then``; None if there was none.
    """

    verb: ClassVar[Verb]
    leads_on: ClassVar[bool] = True

    rule: Rule | None = None
    action: Action | None = None


@record
class Wait(_Explained):
    """Wait ``delay`` seconds, then make another attempt."""

    verb: ClassVar[Verb] = "retry"

    delay: float = 0.0


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
        delay: The wait, in seconds.
        number: The number of the name.
        last: The highest number that the action allows, if other resources have the names before it; None for no limit.
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
        verified: Whether a verifier found the resource; if not, its existence is assumed.
        dry_run: Whether the call was a dry run, which created nothing.
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
        reason: The stop reason.
        by_remedy: Whether a failed remedy ends the call, and not the failed attempt.
        retry_after: In how many seconds a refused call may be tried again; None if that is unknown.
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
