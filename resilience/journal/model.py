"""Recorded calls as values; instants are in seconds since the epoch, durations in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from resilience.core.admission.breaker import BreakerState
from resilience.core.backoff import Backoff
from resilience.core.decision import Ended, StopReason
from resilience.core.events import LedgerAnswer, RemedyAnswer
from resilience.core.fault import Effect, Fault
from resilience.core.policy import Verb


class RecordsError(ValueError):
    """
    A file cannot be read, or has no recording in it.

    Attributes:
        path: The file.
        reason: What was expected, and what was found.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Return the file and the reason."""
        return f"{self.path}: {self.reason}"


@frozen
class SkippedPart:
    """
    An unreadable part of a file, which was left out.

    Attributes:
        line: The line, counted from 1.
        message: The problem.
    """

    line: int
    message: str

    def __str__(self) -> str:
        """Return the line and the problem."""
        return f"line {self.line}: {self.message}"


@frozen(kw_only=True)
class RecordedRun:
    """
    One run of a program, with the processes that it forked.

    Attributes:
        id: Its id.
        started_at: The start of its first process, or, from spans, of its first call.
        version: The version of this package; None if it is not recorded.
        pids: The ids of its processes.
    """

    id: str
    started_at: float
    version: str | None = None
    pids: tuple[int, ...] = ()


@frozen(kw_only=True)
class RecordedDecision:
    """
    The decision after an attempt or a verifier's answer.

    Attributes:
        action: Its verb: ``retry``, ``fail``, ...; None for no decision.
        rule_id: The rule that decided, in the policy's spelling.
        rule_origin: The place of the rule, ``file:line``.
        action_name: The action's own name in the policy, or the place of an inline one.
        delay: The wait that followed.
        backoff: The backoff of the delay, if it is known.
        stop_reason: The reason of a stop, or None.
        verified: Whether an accept was verified; None for another verb, or if it is not recorded.
        dry_run: Whether it is an accept that created nothing.
    """

    action: Verb | None = None
    rule_id: str | None = None
    rule_origin: str | None = None
    action_name: str | None = None
    delay: float = 0.0
    backoff: Backoff | None = None
    stop_reason: StopReason | None = None
    verified: bool | None = None
    dry_run: bool = False


@frozen(kw_only=True)
class RecordedAttempt(RecordedDecision):
    """
    One attempt.

    Attributes:
        number: Its number, counted from 1.
        started_at: Its start.
        duration: Its duration; None without an end.
        fault: Its fault; None if it succeeded, was aborted or has no end.
        effect: Whether the failed request may have taken effect.
        condition: A hash that identifies the answer to its message, which itself is not recorded; None if no rule asks
            for a message, or if the hash is not recorded.
        cut: Whether our own limit cut it short.
        aborted: Whether it ended with a cancellation or a programming error.
        error: The class of that programming error.
        chaos: The entry of ``[chaos]`` that made its fault.
        applied: Whether the real call was made before that fault.
    """

    number: int
    started_at: float
    duration: float | None = None
    fault: Fault | None = None
    effect: Effect | None = None
    condition: str | None = None
    cut: bool = False
    aborted: bool = False
    error: str | None = None
    chaos: str | None = None
    applied: bool | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it returned a value."""
        return self.duration is not None and self.fault is None and not self.aborted


@frozen(kw_only=True)
class RecordedRemedy(RecordedDecision):
    """
    One refresh or one verification; only a verification has a decision.

    Attributes:
        kind: Whether it is a refresh or a verification.
        number: The number of the attempt before it; 0 before the first.
        started_at: Its start.
        duration: Its duration; None without an end. Spans have none for another call's refresh.
        answer: Its result; None without a duration.
        error: The class of its error, or None.
        provider: The provider of refreshed credentials.
        leads: Whether this call runs the refresh, while other calls wait for it.
    """

    kind: Literal["refresh", "verify"]
    number: int
    started_at: float
    duration: float | None = None
    answer: RemedyAnswer | None = None
    error: str | None = None
    provider: str | None = None
    leads: bool = True


@frozen(kw_only=True)
class RecordedCall:
    """
    One call.

    Attributes:
        id: Its id.
        run: The id of its run.
        operation: The operation.
        provider: The provider, if it is known.
        policy: The name of its policy.
        policy_hash: The hash of that policy's effective content.
        env: The environment.
        started_at: Its start.
        duration: Its duration; None without an end.
        ended: Its end; None without an end, or after a programming error.
        stop_reason: The reason of its end; None likewise.
        recalled: The ledger's answer; None if there was none, or if it is not recorded.
        attempts: Its attempts, in order.
        remedies: Its refreshes and verifications, in order.
        renamed: The first and the last name of each renamed field; None for a name that is not recorded.
        renames: The number of renames.
        waited: The sum of its waits.
        rate: The lowest rate that its policy declares for it, in requests per second; None without one.
        retries_paid: The retries that the retry budget paid for.
        gate_waits: How long it waited before attempts, by what it waited for (``rate``, ``ledger``, ...).
        verified: Whether an accepted call was verified; None if it was not accepted.
        error_type: The class of its failure in metrics: ``timeout``, a code of the policy, the class of its
            exception, or ``_OTHER``.
        trace_id: The id of its trace, in hex digits; None without a span.
        span_id: The id of its span, in hex digits; None without a span.
    """

    id: str
    run: str
    operation: str
    provider: str | None = None
    policy: str | None = None
    policy_hash: str | None = None
    env: str | None = None
    started_at: float
    duration: float | None = None
    ended: Ended | Literal["cancelled"] | None = None
    stop_reason: StopReason | None = None
    recalled: LedgerAnswer | None = None
    attempts: tuple[RecordedAttempt, ...] = ()
    remedies: tuple[RecordedRemedy, ...] = ()
    renamed: Mapping[str, tuple[str | None, str | None]] = field(factory=dict)
    renames: int = 0
    waited: float = 0.0
    rate: float | None = None
    retries_paid: int = 0
    gate_waits: Mapping[str, float] = field(factory=dict)
    verified: bool | None = None
    error_type: str | None = None
    trace_id: str | None = None
    span_id: str | None = None

    @property
    def process(self) -> str:
        """The id of its process, which has limits of its own; spans tell only that of the run."""
        return self.run if self.id == f"{self.trace_id}-{self.span_id}" else self.id.rpartition("-")[0]

    @property
    def is_unfinished(self) -> bool:
        """Whether it has no end, because its process was killed or is still at work."""
        return self.duration is None

    @property
    def succeeded(self) -> bool:
        """Whether the call ended well."""
        return self.ended in {"success", "success_after_retry", "accepted"}


@frozen(kw_only=True)
class RecordedAdaptation:
    """
    One change of a rate limit that adapts.

    Attributes:
        at: When a call told it.
        run: The id of its run.
        process: The id of its process, which has limits of its own.
        provider: The provider, if it is known.
        operation: The operation whose limit it is.
        old: The requests per second that the process sent at most before.
        new: Those that it sends since.
        declared: What the policy declares for the process; None where it declares nothing.
        refused: How many requests of the last window were throttled.
        answered: How many the service answered.
    """

    at: float
    run: str
    process: str
    provider: str | None = None
    operation: str
    old: float
    new: float
    declared: float | None = None
    refused: int = 0
    answered: int = 0


@frozen(kw_only=True)
class RecordedBreakerChange:
    """
    One change of a breaker.

    Attributes:
        at: When a call told it.
        run: The id of its run.
        process: The id of its process, which has breakers of its own.
        breaker: The provider of the breaker; ``provider:operation`` where each operation has its own.
        old: The state before.
        new: The state since.
        by_hand: Whether the program asked for it.
        is_shadow: Whether the breaker refuses nothing.
        failures: The failures in the window when they opened it; 0 otherwise.
        results: All results in it; likewise.
    """

    at: float
    run: str
    process: str
    breaker: str
    old: BreakerState
    new: BreakerState
    by_hand: bool = False
    is_shadow: bool = False
    failures: int = 0
    results: int = 0


@frozen(kw_only=True)
class Recording:
    """
    The contents of a file.

    Attributes:
        calls: The calls, in the order of their starts.
        runs: The runs, in the order of their starts.
        adaptations: The changes of rate limits, in the order of time.
        breaker_changes: The changes of breakers, in the order of time.
        problems: The unreadable parts, in the order of the lines.
    """

    calls: tuple[RecordedCall, ...] = ()
    runs: tuple[RecordedRun, ...] = ()
    adaptations: tuple[RecordedAdaptation, ...] = ()
    breaker_changes: tuple[RecordedBreakerChange, ...] = ()
    problems: tuple[SkippedPart, ...] = ()
