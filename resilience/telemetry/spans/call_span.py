"""The spans of one call, from its first event to its last."""

from __future__ import annotations

from contextvars import Token
from typing import Final, Literal

from attrs import define, field
from opentelemetry import context, trace
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode

from resilience.core.decision import Accept, Decision, Refresh, Verify, Wait
from resilience.core.events import (
    AttemptAborted,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CallEnded,
    CallStarted,
    Event,
    FaultInjected,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    Renamed,
    VerifyEnded,
    VerifyStarted,
    Waited,
)
from resilience.core.fault import Fault
from resilience.core.policy import Rule
from resilience.core.words.labels import GOOD_ENDS, answer, call_error_type, cleaned, error_type
from resilience.telemetry import names
from resilience.telemetry.attributes import (
    Attributes,
    decision_attributes,
    fault_attributes,
    rename_attributes,
    rule_attributes,
)
from resilience.telemetry.sentences import description
from resilience.telemetry.spans.shared import SpanState

_FAILED: Final = Status(StatusCode.ERROR)
_LIMITS: Final = frozenset({"attempts", "deadline", "max", "budget"})


@define(eq=False)
class _Child:
    """What runs inside a call right now: its span, and how to make the call's own span current again."""

    kind: Literal["attempt", "refresh", "verify"]
    span: Span
    token: Token[context.Context]
    number: int


@define(eq=False)
class CallSpan:
    """
    Records one call: gets its events in order, in the task that runs it.

    Whatever the events are, each span is ended once, and with the end of the
    call the caller's own span is current again.
    """

    _started: CallStarted
    _span: Span
    _tracer: trace.Tracer
    _shared: SpanState
    _context: context.Context
    _token: Token[context.Context] | None
    _child: _Child | None = field(default=None, init=False)
    _previous: SpanContext | None = field(default=None, init=False)
    _fault: Fault | None = field(default=None, init=False)
    _decision: Decision | None = field(default=None, init=False)

    @classmethod
    def begin(cls, started: CallStarted, span: Span, tracer: trace.Tracer, shared: SpanState) -> CallSpan:
        """Make a call's span the current one."""
        inside = trace.set_span_in_context(span)
        return cls(started, span, tracer, shared, inside, context.attach(inside))

    def __call__(self, event: Event) -> None:  # noqa: C901, PLR0912  # a branch for each event
        """Record what happened; nothing is recorded after the end."""
        if self._token is None:
            return
        match event:
            case AttemptStarted():
                self._attempt_started(event)
            case FaultInjected(injection=injection):
                made: Attributes = {names.CHAOS_ID: injection.id, names.CHAOS_APPLIED: injection.applied}
                self._describe("attempt", made, None)
            case AttemptSucceeded():
                self._close("attempt")
            case AttemptFailed():
                self._attempt_failed(event)
            case AttemptAborted():
                self._attempt_aborted(event)
            case RefreshStarted():
                self._refresh_started(event)
            case RefreshEnded():
                self._refresh_ended(event)
            case VerifyStarted():
                self._open("verify", f"verify {self._started.operation}", event.number, {})
            case VerifyEnded():
                self._verify_ended(event)
            case Waited(gate=gate, duration=duration):
                self._emit(names.ADMISSION_WAITED, {names.ADMISSION_GATE: gate, names.ADMISSION_DURATION: duration})
            case Recalled():
                self._recalled(event)
            case Renamed():
                self._renamed(event)
            case CallEnded():
                self._call_ended(event)

    def _recalled(self, event: Recalled) -> None:
        self._span.set_attribute(names.LEDGER_ANSWER, event.answer)
        self._emit(names.LEDGER_ANSWERED, {names.LEDGER_ANSWER: event.answer, names.LEDGER_WAITED: event.waited})

    def _attempt_started(self, event: AttemptStarted) -> None:
        links = []
        if self._previous is not None:
            links.append(Link(self._previous, {names.LINK_KIND: names.PREVIOUS_ATTEMPT}))
        span = self._open("attempt", f"attempt {self._started.operation}", event.number, {}, links)
        self._previous = span.get_span_context()

    def _attempt_failed(self, event: AttemptFailed) -> None:
        fault, decision = event.fault, event.decision
        self._fault, self._decision = fault, decision
        attributes = fault_attributes(fault) | decision_attributes(decision)
        attributes[names.EFFECT] = event.effect
        if event.cut:
            attributes[names.ATTEMPT_CUT] = True
        failure = None if isinstance(decision, Accept) else error_type(fault, None, self._listed())
        self._describe("attempt", attributes, failure)
        self._close("attempt")
        self._decided(decision, event.number)

    def _attempt_aborted(self, event: AttemptAborted) -> None:
        if event.error is not None:
            self._describe("attempt", {}, error_type(None, event.error, frozenset()))
        self._close("attempt")

    def _refresh_started(self, event: RefreshStarted) -> None:
        asked_for = isinstance(self._decision, Refresh)
        attributes: Attributes = {
            names.CREDENTIAL_PROVIDER: event.provider,
            names.CREDENTIAL_REASON: "fault" if asked_for else "ahead",
            names.CREDENTIAL_LEADS: event.leads,
            names.ATTEMPT_NUMBER: event.number,
        }
        code = cleaned(self._fault.code) if asked_for and self._fault is not None else None
        if code is not None:
            attributes[names.ERROR_CODE] = code
        self._emit(names.CREDENTIAL_REFRESH, attributes)
        if event.leads:
            about: Attributes = {names.CREDENTIAL_PROVIDER: event.provider}
            span = self._open("refresh", f"refresh_credentials {event.provider}", event.number, about)
            self._shared.lead(event.flight, span.get_span_context())
            return
        leader = self._shared.leader(event.flight)
        if leader is not None:
            self._span.add_link(leader, {names.LINK_KIND: names.REFRESH})

    def _refresh_ended(self, event: RefreshEnded) -> None:
        if event.error is not None and not event.cancelled:
            self._describe("refresh", {}, error_type(None, event.error, frozenset()))
        self._close("refresh")

    def _verify_ended(self, event: VerifyEnded) -> None:
        child, self._decision = self._child, event.decision
        number = 0 if child is None else child.number
        answered = answer(event)
        attributes: Attributes = {names.VERIFY_ANSWER: answered}
        if event.decision is not None:
            attributes |= decision_attributes(event.decision)
        failure = None if event.error is None else error_type(None, event.error, frozenset())
        self._describe("verify", attributes, failure)
        self._close("verify")
        self._emit(names.VERIFY_ANSWERED, {names.ATTEMPT_NUMBER: number, names.VERIFY_ANSWER: answered})
        if event.decision is not None:
            self._decided(event.decision, number)

    def _renamed(self, event: Renamed) -> None:
        shown = rename_attributes(event.field, event.new, show_name=self._shared.show_names)
        self._emit(names.INPUT_RENAMED, shown)

    def _decided(self, decision: Decision, number: int) -> None:
        """Tell of what follows; how the call ends is told when it has ended, also after a remedy that failed."""
        if not isinstance(decision, Wait | Verify):
            return
        attributes = self._about_fault(decision.rule)
        attributes[names.ATTEMPT_NUMBER] = number
        attributes[names.DELAY] = decision.delay
        if isinstance(decision, Verify):
            self._emit(names.VERIFY_SCHEDULED, attributes)
            return
        backoff = None if decision.action is None else decision.action.backoff
        attributes[names.JITTERED] = backoff is not None and backoff.jitter != "none"
        if self._fault is not None and self._fault.retry_after is not None:
            attributes[names.RETRY_AFTER] = self._fault.retry_after
        self._emit(names.RETRY_SCHEDULED, attributes)

    def _call_ended(self, event: CallEnded) -> None:
        token, self._token = self._token, None
        try:
            if self._child is not None:
                self._close(self._child.kind)
            self._say_how_it_ended(event)
        finally:
            self._span.end()
            if token is not None:
                context.detach(token)

    def _say_how_it_ended(self, event: CallEnded) -> None:
        attributes: Attributes = {names.ATTEMPT_COUNT: event.attempts, names.DELAY_TOTAL: event.waited}
        if event.ended is not None:
            attributes[names.OUTCOME] = event.ended
        if event.stop_reason is not None:
            attributes[names.STOP_REASON] = event.stop_reason
        for name, (_, new) in event.renamed.items():
            attributes |= rename_attributes(name, new, show_name=self._shared.show_names)
        attributes |= rule_attributes(event.rule)
        if event.ended == "accepted":
            attributes[names.VERIFIED] = bool(event.verified)
            self._emit(names.ERROR_ACCEPTED, self._about_fault(event.rule) | {names.VERIFIED: bool(event.verified)})
        if event.stop_reason is not None and event.stop_reason in _LIMITS:
            self._emit(names.RETRY_EXHAUSTED, {names.LIMIT: event.stop_reason, names.ATTEMPT_COUNT: event.attempts})
        if event.ended not in GOOD_ENDS:
            code = None if event.fault is None else cleaned(event.fault.code)
            if code is not None:
                attributes[names.ERROR_CODE] = code
            attributes[names.ERROR_TYPE] = call_error_type(event, self._listed())
            self._span.set_status(Status(StatusCode.ERROR, description(event)))
        self._span.set_attributes(attributes)

    def _open(
        self,
        kind: Literal["attempt", "refresh", "verify"],
        name: str,
        number: int,
        attributes: Attributes,
        links: list[Link] | None = None,
    ) -> Span:
        """Begin a child of the call and make it current; only one runs at a time, so a forgotten one ends here."""
        if self._child is not None:
            self._close(self._child.kind)
        span = self._tracer.start_span(
            name,
            context=self._context,
            attributes={names.ATTEMPT_NUMBER: number} | attributes,
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        )
        inside = trace.set_span_in_context(span, self._context)
        self._child = _Child(kind, span, context.attach(inside), number)
        return span

    def _describe(self, kind: str, attributes: Attributes, failure: str | None) -> None:
        """Add what is known now to the child, and mark it as an error if it failed."""
        child = self._child
        if child is None or child.kind != kind:
            return
        if failure is not None:
            attributes[names.ERROR_TYPE] = failure
            child.span.set_status(_FAILED)
        child.span.set_attributes(attributes)

    def _close(self, kind: str) -> None:
        child = self._child
        if child is None or child.kind != kind:
            return
        self._child = None
        child.span.end()
        context.detach(child.token)

    def _emit(self, name: str, attributes: Attributes) -> None:
        # The one place that makes events: OpenTelemetry means to replace span events by log events
        # (open-telemetry/opentelemetry-specification, oteps/4430, read 2026-11-21).
        self._span.add_event(name, attributes)

    def _about_fault(self, rule: Rule | None) -> Attributes:
        code = None if self._fault is None else cleaned(self._fault.code)
        attributes: Attributes = {} if code is None else {names.ERROR_CODE: code}
        if rule is not None:
            attributes[names.RULE_ID] = rule.id
        return attributes

    def _listed(self) -> frozenset[str]:
        return self._shared.listed.of(self._started.policy)
