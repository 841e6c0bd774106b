"""Calls as scripts of events, and the spans that came of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import Span

from resilience.core.backoff import Backoff
from resilience.core.decision import Accept, Decision, Fail, Wait
from resilience.core.events import AttemptFailed, AttemptStarted, AttemptSucceeded, CallEnded, CallStarted, Event
from resilience.core.fault import Effect, Fault, Origin
from resilience.core.observer import Sink
from resilience.core.policy import Action, Limits, PolicyValues, Rule
from resilience.core.settings.chaos import Injection
from resilience.telemetry import Spans

RETRY = Action(key="retry", do="retry", backoff=Backoff(), counts=True)
FAIL = Action(key="fail", do="fail")


def rule(code: str, action: Action = RETRY, *, scope: str = "alibaba", line: int = 7) -> Rule:
    """Return a rule that stands in a file."""
    return Rule(
        id=f'{scope}."{code}"',
        scope=scope,
        operation=None,
        code=code,
        action=action,
        locate=lambda: Origin("policies/mqtt.toml", line, 1),
    )


THROTTLED = rule("SystemOverFlow")
POLICY = PolicyValues(
    name="provisioning",
    digest="0123456789ab",
    env="staging",
    limits=Limits(deadline=120.0),
    rules=(THROTTLED, rule("InvalidParameter", FAIL, line=9), rule("lost", scope="transport", line=11)),
    unknown=FAIL,
)
OVERFLOW = Fault(
    provider="alibaba",
    code="SystemOverFlow",
    status=503,
    request_id="5F3A-77",
    retry_after=2.0,
    error="sdk.ServerError",
)


INJECTION = Injection(
    id='alibaba."SystemOverFlow"',
    provider="alibaba",
    operation=None,
    code="SystemOverFlow",
    fault=OVERFLOW,
    rate=0.5,
    applied=True,
)


def started(operation: str = "CreateGroupId", *, provider: str | None = "alibaba") -> CallStarted:
    return CallStarted(operation=operation, provider=provider, policy=POLICY)


def failed(
    number: int,
    decision: Decision | None = None,
    *,
    fault: Fault = OVERFLOW,
    effect: Effect = "unknown",
    cut: bool = False,
    condition: str | None = None,
) -> list[Event]:
    """Return an attempt that failed, by default to be retried after 1.5 seconds."""
    decision = decision or Wait(rule=THROTTLED, action=RETRY, delay=1.5)
    return [
        AttemptStarted(number=number),
        AttemptFailed(
            number=number,
            fault=fault,
            effect=effect,
            decision=decision,
            duration=0.1,
            cut=cut,
            condition=condition,
        ),
    ]


def succeeded(number: int) -> list[Event]:
    return [AttemptStarted(number=number), AttemptSucceeded(number=number, duration=0.1)]


def ended(how: Any = "success", why: Any = "success", **more: Any) -> CallEnded:
    return CallEnded(
        **{"ended": how, "stop_reason": why, "attempts": 1, "waited": 0.0, "duration": 0.2, "renamed": {}} | more
    )


def gave_up(reason: Any = "attempts", how: Any = "exhausted", *, fault: Fault = OVERFLOW, **more: Any) -> list[Event]:
    """Return a call of one attempt that failed for good."""
    decision = Fail(rule=THROTTLED, action=RETRY, reason=reason)
    end: dict[str, Any] = {"fault": fault, "error": fault.error, "rule": THROTTLED} | more
    return [*failed(1, decision, fault=fault), ended(how, reason, **end)]


def accepted(fault: Fault = OVERFLOW, *, verified: bool = False) -> list[Event]:
    return [
        *failed(1, Accept(rule=THROTTLED, action=RETRY, verified=verified), fault=fault),
        ended("accepted", "accepted", verified=verified, rule=THROTTLED),
    ]


class Flight:
    """Stands for one refresh."""


class _Counting(SpanProcessor):
    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # the SDK's signature
        self.begun += 1

    def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002  # the SDK's signature
        self.ended += 1


class _Complaints(logging.Handler):
    """Keeps what OpenTelemetry only logs: spans ended twice, tokens of another context."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.said.append(record.getMessage())


class Recorded:
    """A real tracer provider in memory, the observer under test, and what came out."""

    def __init__(self, sampler: Sampler | None = None, *, show_names: bool = True) -> None:
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.counted = _Counting()
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(self.counted)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.observer = Spans(self.provider, show_names=show_names)
        self.user = self.provider.get_tracer("user")

    def watch(self, call: CallStarted | None = None) -> Sink:
        """Begin one call."""
        sink = self.observer.watch(call or started())
        assert sink is not None
        return sink

    def play(self, *events: Event, call: CallStarted | None = None) -> list[str]:
        """Record one call; return what OpenTelemetry complained about meanwhile."""
        complaints = _Complaints()
        logger = logging.getLogger("opentelemetry")
        logger.addHandler(complaints)
        try:
            sink = self.watch(call)
            for event in events:
                sink(event)
        finally:
            logger.removeHandler(complaints)
        return complaints.said

    def spans(self) -> Sequence[ReadableSpan]:
        """Return the finished spans in the order in which they began."""
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def names(self) -> list[str]:
        """Return the names of all spans, in the order in which they began."""
        return [span.name for span in self.spans()]

    def span(self, name: str, index: int = 0) -> ReadableSpan:
        """Return the first span of this name, or the one at this index."""
        return [span for span in self.spans() if span.name == name][index]

    def operation(self) -> ReadableSpan:
        """Return the operation span of the only call."""
        return next(span for span in self.spans() if span.kind is trace.SpanKind.CLIENT)

    def events(self, name: str, *, of: str | None = None) -> list[dict[str, Any]]:
        """Return the attributes of each event of this name on an operation span, by default the only one."""
        span = self.operation() if of is None else self.span(of)
        return [dict(event.attributes or {}) for event in span.events if event.name == name]


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def span_id_of(span: ReadableSpan) -> int:
    context = span.context
    assert context is not None
    span_id: int = context.span_id
    return span_id


def parent_id_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id
