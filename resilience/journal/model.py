"""What was recorded of calls, as values; instants are seconds since the epoch, durations seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from resilience.core.backoff import Backoff
from resilience.core.decision import Ended, StopReason
from resilience.core.events import LedgerAnswer, RemedyAnswer
from resilience.core.fault import Effect, Fault
from resilience.core.policy import Verb


class RecordsError(ValueError):
    """
    A file cannot be read, or nothing in it is a recording.

    Attributes:
        path: The file.
        reason: What was expected, and what was found.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Say which file, and what is wrong with it."""
        return f"{self.path}: {self.reason}"


@frozen
class SkippedPart:
    """
    Something in a file that could not be understood, and was left out.

    Attributes:
        line: Where, counted from 1.
        message: What is wrong with it.
    """

    line: int
    message: str

    def __str__(self) -> str:
        """Return the line and what is wrong with it."""
        return f"line {self.line}: {self.message}"


@frozen(kw_only=True)
class RecordedRun:
    """
    One run of a program, with the processes that it forked.

    Attributes:
        id: What its calls call it.
        started_at: When its first process began, or, from spans, its first call.
        version: Of this package, or None where the recording does not tell.
        pids: Its processes.
    """

    id: str
    started_at: float
    version: str | None = None
    pids: tuple[int, ...] = ()


@frozen(kw_only=True)
class RecordedDecision:
    """
    What was decided on an attempt or on a verifier's answer.

    Attributes:
        action: What was done: ``retry``, ``fail``, ...; None where no decision was made.
        rule_id: The rule that decided, as the policy spells it.
        rule_origin: Its file and line, ``file:line``.
        action_name: The action's own name in the policy, or the place of an inline one.
        delay: The wait that followed.
        backoff: What the delay was taken from, if it is known.
        stop_reason: Why the call stopped, if it did.
        verified: Whether an accept was verified; None if it was no accept, or the file does not say.
        dry_run: Whether it was an accept that created nothing.
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
        number: Counted from 1.
        started_at: When it began.
        duration: None if it never ended.
        fault: What it failed with; None if it succeeded, was aborted or never ended.
        effect: Whether the failed request may have taken effect.
        condition: What tells which of several answers its message led to, which is not recorded; None where no message
            mattered, or where nothing tells.
        cut: Whether our own limit cut it short.
        aborted: Whether it ended with what is no fault: a cancellation or a programming error.
        error: The class of that programming error.
        chaos: The entry of ``[chaos]`` that made its fault.
        applied: Whether the real call was made all the same, before that fault.
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
    One refresh or one verification; only the second has a decision of its own.

    Attributes:
        kind: Which of both.
        number: The attempt that it followed; 0 before the first.
        started_at: When it began.
        duration: None if it never ended, or, of a refresh that another call runs, if spans tell of it.
        answer: What it brought; None likewise.
        error: The class of the error that it failed with.
        provider: Whose credentials are refreshed.
        leads: Whether this call runs the refresh; the others wait for it.
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
        id: What tells it from all others.
        run: The run that it belongs to.
        operation: The operation.
        provider: The provider, if it is known.
        policy: The name of its policy.
        policy_hash: The hash of that policy's effective content.
        env: The environment.
        started_at: When it began.
        duration: None if it never ended.
        ended: How it ended; None if it never did, or if a programming error left at once.
        stop_reason: Why it ended; None likewise.
        recalled: What the ledger knew; None if it was not asked, or the file does not say.
        attempts: Its attempts, in order.
        remedies: Its refreshes and verifications, in order.
        renamed: What was renamed: the service's field, the first and the last name; None for a name that is not told.
        renames: How often the name was changed.
        waited: All waits together.
        verified: Whether an accepted call was verified; None if it was not accepted.
        error_type: What a failed call is counted as: ``timeout``, a code that the policy lists, the class of
            its exception, or ``_OTHER``.
        trace_id: Its trace, in hex digits, or None where no spans were recorded.
        span_id: Its span likewise.
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
    verified: bool | None = None
    error_type: str | None = None
    trace_id: str | None = None
    span_id: str | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether it never ended: its process was killed, or is still at work."""
        return self.duration is None

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.ended in {"success", "success_after_retry", "accepted"}


@frozen(kw_only=True)
class Recording:
    """
    What a file tells.

    Attributes:
        calls: The calls, in the order in which they began.
        runs: The runs that they belong to, likewise.
        problems: What could not be understood, in the order of the lines.
    """

    calls: tuple[RecordedCall, ...] = ()
    runs: tuple[RecordedRun, ...] = ()
    problems: tuple[SkippedPart, ...] = ()
