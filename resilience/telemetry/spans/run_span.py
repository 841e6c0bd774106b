"""The span of a whole run; several processes share it, and one of them sends it."""

from __future__ import annotations

from copy import copy
from typing import Any

from attrs import define, field, frozen
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from resilience.core.policy import PolicyValues
from resilience.telemetry import names
from resilience.telemetry.attributes import policy_attributes
from resilience.telemetry.providers.scope import SCOPE, version


@define(eq=False)
class RunSpan:
    """
    One span for a run of a program, around the calls of all its processes.

    Its ids are chosen before the run, so that every process can make it the parent of its
    calls. The process that sends the span makes it at the end of the run.

    Args:
        title: The title of the run.
        policy: The run's policy.
        trace_id: The id of a new trace, in 32 hex digits; unused if ``traceparent`` names a trace.
        span_id: The id of the span, in 16 hex digits.
        traceparent: The span around the run, as W3C Trace Context writes it; "" for none.
        tracer_provider: The provider of the span; by default the one that the program sets, before or after.
    """

    title: str
    policy: PolicyValues
    trace_id: str
    span_id: str
    traceparent: str = ""
    tracer_provider: trace.TracerProvider | None = None
    _parent: Context | None = field(default=None, init=False)

    def parent(self) -> Context | None:
        """Return the context for calls without a span around them; None if their tracer is not the SDK's."""
        if self._parent is None:
            tracer = self._tracer()
            if not _is_sdk(tracer):
                return None
            self._parent = self._around(tracer)
        return self._parent

    def end(self, *, began: int, calls: int, failures: int) -> None:
        """
        Make the span, and end it now.

        Args:
            began: The start of the run's first call, in nanoseconds since the epoch.
            calls: The number of calls.
            failures: The number of calls that failed.
        """
        tracer = self._tracer()
        if not _is_sdk(tracer):
            return
        # A copy, because the tracer itself goes on choosing random ids.
        tracer = copy(tracer)
        tracer.id_generator = _Known(self._trace(), int(self.span_id, 16))
        span = tracer.start_span(
            self._name,
            context=self._outer(),
            kind=SpanKind.INTERNAL,
            attributes=policy_attributes(self.policy),
            start_time=began,
            record_exception=False,
            set_status_on_exception=False,
        )
        span.set_attributes({names.RUN_CALLS: calls, names.RUN_FAILURES: failures})
        if failures:
            span.set_status(Status(StatusCode.ERROR, f"{failures} of {calls} calls failed"))
        span.end()

    @property
    def _name(self) -> str:
        return f"run {self.title}"

    def _tracer(self) -> Any:
        return trace.get_tracer(SCOPE, version(), tracer_provider=self.tracer_provider, schema_url=names.SCHEMA_URL)

    def _outer(self) -> Context:
        """Return the context around the run: the one that its environment names, or an empty one."""
        return TraceContextTextMapPropagator().extract({"traceparent": self.traceparent}, context=Context())

    def _trace(self) -> int:
        outer = trace.get_current_span(self._outer()).get_span_context()
        return outer.trace_id if outer.is_valid else int(self.trace_id, 16)

    def _around(self, tracer: Any) -> Context:
        # Each process asks its own sampler before the span exists. Samplers that decide by the trace id or by the
        # parent decide alike.
        sampled = tracer.sampler.should_sample(
            self._outer(), self._trace(), self._name, SpanKind.INTERNAL, policy_attributes(self.policy), ()
        )
        flags = TraceFlags.SAMPLED if sampled.decision.is_sampled() else TraceFlags.DEFAULT
        known = SpanContext(self._trace(), int(self.span_id, 16), is_remote=False, trace_flags=TraceFlags(flags))
        return trace.set_span_in_context(NonRecordingSpan(known), Context())


@frozen
class _Known:
    """Returns ids that were chosen before the run."""

    trace_id: int
    span_id: int

    def generate_trace_id(self) -> int:
        """Return the trace id."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """Return the span id."""
        return self.span_id

    def is_trace_id_random(self) -> bool:
        """Return True: the trace id is random, although it was chosen elsewhere."""
        return True


def _is_sdk(tracer: Any) -> bool:
    """Tell whether a tracer is the SDK's, by its attributes (opentelemetry-sdk 1.25.0 and 1.45.2, read 2026-11-21)."""
    return hasattr(tracer, "sampler") and hasattr(tracer, "id_generator")
