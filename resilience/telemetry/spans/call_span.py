"""The spans of one call, from its first event to its last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any, ClassVar, Final, Literal

from opentelemetry import context, trace
from opentelemetry.trace import Link, Span, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from resilience.core.decision import Accept, Decision, Refresh, Verify, Wait
from resilience.core.events import (
    AttemptAborted,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    BreakerChanged,
    CallEnded,
    CallStarted,
    Event,
    FaultInjected,
    RateAdapted,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    ResourceRenamed,
    RetryPaid,
    StateChanged,
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
    adapted_attributes,
    breaker_attributes,
    decision_attributes,
    fault_attributes,
    rename_attributes,
    rule_attributes,
)
from resilience.telemetry.sentences import description
from resilience.telemetry.spans.shared import SpanState

ChildKind = Literal["attempt", "refresh", "verify"]

_FAILED: Final = Status(StatusCode.ERROR)
_LIMITS: Final = frozenset({"attempts", "deadline", "max", "budget"})
_TO_PREVIOUS: Final[Attributes] = {names.LINK_KIND: names.PREVIOUS_ATTEMPT}


class CallSpan:
    """
    Records one call. The executor passes the call's events in order, in the task of the call.

    Whatever the events are, each span ends once, and after the end of the call the caller's own span is current again.
    The SDK's work takes longer than all else here, so the SDK is called rarely: a span gets its attributes in two
    portions, when it begins and when it ends.

    Args:
        started: The event with which the call begins.
        span: The span of the call. It becomes the current span.
        current: The current context.
        tracer: Makes the spans inside of the call.
        shared: The state that the calls of one observer share.
    """

    # The child that runs now: its span, its kind, its number, and the token that makes the call's own span current
    # again. Only one child runs at a time.
    _child: Span | None = None
    _kind: ChildKind
    _number: int
    _child_token: Token[context.Context]
    _last_attempt: Span | None = None
    _fault: Fault | None = None
    _code: AttributeValue | None = None
    _decision: Decision | None = None

    def __init__(
        self, started: CallStarted, span: Span, current: context.Context, tracer: trace.Tracer, shared: SpanState
    ) -> None:
        self._started = started
        self._span = span
        self._tracer = tracer
        self._shared = shared
        self._context = trace.set_span_in_context(span, current)
        self._token: Token[context.Context] | None = context.attach(self._context)

    def __call__(self, event: Event) -> None:
        """Record an event; after the end of the call record nothing."""
        if self._token is not None:
            self._RECORD[type(event)](self, event)

    def _injected(self, event: FaultInjected) -> None:
        injection = event.injection
        self._describe("attempt", {names.CHAOS_ID: injection.id, names.CHAOS_APPLIED: injection.applied}, None)

    def _waited(self, event: Waited) -> None:
        self._emit(names.ADMISSION_WAITED, {names.ADMISSION_GATE: event.gate, names.ADMISSION_DURATION: event.duration})

    def _breaker_changed(self, event: BreakerChanged) -> None:
        self._emit(names.BREAKER_CHANGED, breaker_attributes(event))

    def _rate_adapted(self, event: RateAdapted) -> None:
        self._emit(names.RATE_ADAPTED, adapted_attributes(event))

    def _state_changed(self, event: StateChanged) -> None:
        self._emit(
            names.STATE_CHANGED,
            {names.STATE_AWAY: event.is_away, names.STATE_UNAVAILABLE: event.on_unavailable},
        )

    def _retry_paid(self, event: RetryPaid) -> None:
        self._emit(names.BUDGET_PAID, {names.BUDGET_PROVIDER: event.provider, names.BUDGET_LEFT: event.retries_left})

    def _recalled(self, event: Recalled) -> None:
        self._span.set_attribute(names.LEDGER_ANSWER, event.answer)
        self._emit(names.LEDGER_ANSWERED, {names.LEDGER_ANSWER: event.answer, names.LEDGER_WAITED: event.waited})

    def _attempt_started(self, event: AttemptStarted) -> None:
        last, number = self._last_attempt, event.number
        links = None if last is None else [Link(last.get_span_context(), _TO_PREVIOUS)]
        about: Attributes = {names.ATTEMPT_NUMBER: number}
        self._last_attempt = self._open("attempt", f"attempt {self._started.operation}", number, about, links)

    def _attempt_succeeded(self, event: AttemptSucceeded) -> None:  # noqa: ARG002  # one signature for all events
        self._close("attempt")

    def _attempt_failed(self, event: AttemptFailed) -> None:
        fault, decision = event.fault, event.decision
        attributes = fault_attributes(fault)
        self._fault, self._code, self._decision = fault, attributes.get(names.ERROR_CODE), decision
        attributes |= decision_attributes(decision)
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
        if asked_for and self._code is not None:
            attributes[names.ERROR_CODE] = self._code
        self._emit(names.CREDENTIAL_REFRESH, attributes)
        if event.leads:
            about: Attributes = {names.ATTEMPT_NUMBER: event.number, names.CREDENTIAL_PROVIDER: event.provider}
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

    def _verify_started(self, event: VerifyStarted) -> None:
        about: Attributes = {names.ATTEMPT_NUMBER: event.number}
        self._open("verify", f"verify {self._started.operation}", event.number, about)

    def _verify_ended(self, event: VerifyEnded) -> None:
        self._decision = event.decision
        number = 0 if self._child is None else self._number
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

    def _renamed(self, event: ResourceRenamed) -> None:
        shown = rename_attributes(event.field, event.new, show_name=self._shared.show_names)
        self._emit(names.INPUT_RENAMED, shown)

    def _decided(self, decision: Decision, number: int) -> None:
        """Record a wait or a verification that was decided; other decisions show at the end of the call."""
        if not isinstance(decision, (Wait, Verify)):
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
                self._close(self._kind)
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
        self, kind: ChildKind, name: str, number: int, attributes: Attributes, links: list[Link] | None = None
    ) -> Span:
        """Begin a child of the call and make it current; end one that has not ended."""
        if self._child is not None:
            self._close(self._kind)
        inside = self._context
        span = self._tracer.start_span(
            name, inside, attributes=attributes, links=links, record_exception=False, set_status_on_exception=False
        )
        self._child_token = context.attach(trace.set_span_in_context(span, inside))
        self._child, self._kind, self._number = span, kind, number
        return span

    def _describe(self, kind: ChildKind, attributes: Attributes, failure: str | None) -> None:
        """Add attributes to the child, and mark it as an error if it failed."""
        child = self._child
        if child is None or self._kind != kind:
            return
        if failure is not None:
            attributes[names.ERROR_TYPE] = failure
            child.set_status(_FAILED)
        child.set_attributes(attributes)

    def _close(self, kind: ChildKind) -> None:
        child = self._child
        if child is None or self._kind != kind:
            return
        self._child = None
        child.end()
        context.detach(self._child_token)

    def _emit(self, name: str, attributes: Attributes) -> None:
        # The only place that makes span events: OpenTelemetry plans to replace them by log events
        # (open-telemetry/opentelemetry-specification, oteps/4430, read 2026-11-21).
        self._span.add_event(name, attributes)

    def _about_fault(self, rule: Rule | None) -> Attributes:
        attributes: Attributes = {} if self._code is None else {names.ERROR_CODE: self._code}
        if rule is not None:
            attributes[names.RULE_ID] = rule.id
        return attributes

    def _listed(self) -> frozenset[str]:
        return self._shared.listed.of(self._started.policy)

    # A look-up is faster than comparing an event with each class in turn.
    _RECORD: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {
        AttemptStarted: _attempt_started,
        FaultInjected: _injected,
        AttemptSucceeded: _attempt_succeeded,
        AttemptFailed: _attempt_failed,
        AttemptAborted: _attempt_aborted,
        RefreshStarted: _refresh_started,
        RefreshEnded: _refresh_ended,
        VerifyStarted: _verify_started,
        VerifyEnded: _verify_ended,
        Waited: _waited,
        BreakerChanged: _breaker_changed,
        RateAdapted: _rate_adapted,
        StateChanged: _state_changed,
        RetryPaid: _retry_paid,
        Recalled: _recalled,
        ResourceRenamed: _renamed,
        CallEnded: _call_ended,
    }
