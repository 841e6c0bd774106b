"""What journals say about now: calls under way, what they wait for, rates, last decisions, failures."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field, frozen

from resilience.core.words.labels import GOOD_ENDS
from resilience.journal.fields import MalformedError, RecordFields, needed

RATE_WINDOW: Final = 10.0
"""The seconds over which requests are counted for a rate."""

_KEPT: Final = 50
_LONGEST_NAME: Final = 80


@define
class LiveCall:
    """
    A call under way; instants are in seconds since the epoch.

    Attributes:
        operation: The operation, with its provider.
        doing: What it does: ``attempt``, ``refresh``, ``verify``, ``backoff`` (a wait that was decided), or ``turn``
            (before an attempt: it waits for limits, the ledger or credentials).
        since: Since when.
        until: The end of a wait that was decided; None for anything else.
    """

    operation: str
    doing: str
    since: float
    until: float | None = None


@define
class LiveOperation:
    """
    The calls of one operation.

    Attributes:
        begun: The calls that have begun.
        good: The calls that ended well.
        failed: The calls that failed.
        requests: The attempts.
        retries: The decisions for another attempt.
        declared: The rate that its policy declares, in requests per second; None without one.
        adapted: The rate that its limit has adapted to; None while it has not.
        recent: The instants of its last attempts.
    """

    begun: int = 0
    good: int = 0
    failed: int = 0
    requests: int = 0
    retries: int = 0
    declared: float | None = None
    adapted: float | None = None
    recent: deque[float] = field(factory=deque)

    def rate(self, now: float) -> float:
        """Return the requests per second of the last ten seconds."""
        while self.recent and self.recent[0] <= now - RATE_WINDOW:
            self.recent.popleft()
        return len(self.recent) / RATE_WINDOW


@frozen(kw_only=True)
class LiveDecision:
    """
    A decision after a failed attempt.

    Attributes:
        at: When, in seconds since the epoch.
        operation: The operation, with its provider.
        fault: The fault: a code, a status or a kind of transport failure.
        action: The verb of the decision.
        delay: The wait that follows, in seconds.
        rule: The rule that decided, or None.
        place: The file and the line of the rule, or None.
        stop_reason: Why the call stops, or None.
    """

    at: float
    operation: str
    fault: str
    action: str
    delay: float
    rule: str | None
    place: str | None
    stop_reason: str | None


@frozen(kw_only=True)
class LiveFailure:
    """
    A call that failed.

    Attributes:
        at: When, in seconds since the epoch.
        call: Its id.
        operation: The operation, with its provider.
        stop_reason: Why it stopped.
        error: The class of its failure.
        attempts: The number of its attempts.
    """

    at: float
    call: str
    operation: str
    stop_reason: str
    error: str
    attempts: int


@define
class LiveView:
    """
    What the records so far say.

    Attributes:
        processes: The processes that write.
        calls: The calls under way, by id.
        operations: The operations, by name with the provider.
        waited: By what calls have waited for before attempts: how many times, and the seconds.
        breakers: The state of each breaker that has changed, and since when.
        away: Since when the store that processes share is away; None while it is there.
        decisions: The last decisions.
        failures: The last failures.
        first: The instant of the first record; None before it.
        last: The instant of the last record.
        unread: The number of records that could not be understood.
    """

    processes: set[str] = field(factory=set)
    calls: dict[str, LiveCall] = field(factory=dict)
    operations: dict[str, LiveOperation] = field(factory=dict)
    waited: dict[str, tuple[int, float]] = field(factory=dict)
    breakers: dict[str, tuple[str, float]] = field(factory=dict)
    away: float | None = None
    decisions: deque[LiveDecision] = field(factory=lambda: deque(maxlen=_KEPT))
    failures: deque[LiveFailure] = field(factory=lambda: deque(maxlen=_KEPT))
    first: float | None = None
    last: float = 0.0
    unread: int = 0

    def add(self, record: dict[str, Any]) -> None:
        """Take in one record."""
        fields = RecordFields(record)
        try:
            kind, at = needed(fields.text("record"), "record"), needed(fields.number("at"), "at")
            self.first = at if self.first is None else self.first
            self.last = max(self.last, at)
            if kind == "process":
                self.processes.add(_name(fields, "process"))
            elif kind == "call_started":
                self._begin(fields, at)
            else:
                self._go_on(kind, fields, at)
        except MalformedError:
            self.unread += 1

    def waiting(self, now: float) -> Iterator[tuple[str, int, float]]:
        """Yield what calls are at: in a word, how many of them, and the seconds of the one that is at it longest."""
        at_it = Counter(call.doing for call in self.calls.values())
        for doing, count in at_it.most_common():
            since = min(call.since for call in self.calls.values() if call.doing == doing)
            yield doing, count, max(now - since, 0.0)

    def _begin(self, fields: RecordFields, at: float) -> None:
        provider = _name(fields, "provider")
        name = _name(fields, "operation")
        operation = f"{provider}:{name}" if provider else name
        self.calls[needed(fields.text("call"), "call")] = LiveCall(operation, "turn", at)
        found = self.operations.setdefault(operation, LiveOperation())
        found.begun += 1
        found.declared = fields.number("rate")

    def _go_on(self, kind: str, fields: RecordFields, at: float) -> None:
        call_id = needed(fields.text("call"), "call")
        call = self.calls.get(call_id)
        if call is None:
            return  # it began before this file, or in another one
        operation = self.operations[call.operation]
        match kind:
            case "attempt_started":
                operation.requests += 1
                operation.recent.append(at)
                call.doing, call.since, call.until = "attempt", at, None
            case "attempt_failed" | "verify_ended":
                self._decided(kind, fields, call, at)
            case "attempt_succeeded" | "attempt_aborted" | "refresh_ended":
                call.doing, call.since, call.until = "turn", at, None
            case "refresh_started" | "verify_started":
                call.doing, call.since, call.until = kind.removesuffix("_started"), at, None
            case "call_ended":
                self._ended(call_id, fields, at)
            case _:
                self._shared(kind, fields, call, at)

    def _shared(self, kind: str, fields: RecordFields, call: LiveCall, at: float) -> None:
        """Take in what a call tells of what it shares with others; anything else changes nothing that is shown."""
        match kind:
            case "waited":
                gate = _name(fields, "gate")
                count, seconds = self.waited.get(gate, (0, 0.0))
                self.waited[gate] = count + 1, seconds + (fields.number("duration") or 0.0)
            case "rate_adapted":
                self._adapted(fields, call)
            case "breaker_changed":
                self.breakers[_name(fields, "breaker")] = _name(fields, "new"), at
            case "state_changed":
                self.away = at if fields.truth("away") else None

    def _decided(self, kind: str, fields: RecordFields, call: LiveCall, at: float) -> None:
        decision = fields.inside("decision")
        action = None if decision is None else decision.text("action")
        delay = 0.0 if decision is None else decision.number("delay") or 0.0
        call.doing, call.since = ("backoff" if delay else "turn"), at
        call.until = at + delay if delay else None
        if decision is None or action is None:
            return
        self.operations[call.operation].retries += action == "retry"
        fault = fields.inside("fault")
        label = "the verifier's answer" if kind == "verify_ended" else "fault"
        if fault is not None:
            status = fault.whole("status")
            label = _name(fault, "code") or (f"http-{status}" if status else "") or _name(fault, "transport") or "fault"
        self.decisions.append(
            LiveDecision(
                at=at,
                operation=call.operation,
                fault=label,
                action=_name(decision, "action"),
                delay=delay,
                rule=_name(decision, "rule") or None,
                place=_name(decision, "origin") or None,
                stop_reason=_name(decision, "stop_reason") or None,
            )
        )

    def _adapted(self, fields: RecordFields, call: LiveCall) -> None:
        name = _name(fields, "adapted")
        provider = call.operation.rpartition(":")[0]
        operation = self.operations.get(f"{provider}:{name}" if provider else name)
        if operation is not None:
            operation.adapted = fields.number("new")

    def _ended(self, call_id: str, fields: RecordFields, at: float) -> None:
        call = self.calls.pop(call_id)
        operation = self.operations[call.operation]
        ended = _name(fields, "ended")
        if ended in GOOD_ENDS:
            operation.good += ended != "cancelled"
            return
        operation.failed += 1
        self.failures.append(
            LiveFailure(
                at=at,
                call=call_id[:_LONGEST_NAME],
                operation=call.operation,
                stop_reason=_name(fields, "stop_reason") or "a programming error",
                error=_name(fields, "error_type"),
                attempts=fields.whole("attempts") or 0,
            )
        )


def _name(fields: RecordFields, name: str) -> str:
    """Return a text for a screen: a file may have been written by anyone."""
    text = fields.text(name) or ""
    return "".join(char if char.isprintable() else "?" for char in text[:_LONGEST_NAME])
