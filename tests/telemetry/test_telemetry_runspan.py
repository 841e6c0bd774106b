"""The span of a run is known before it is made, in every process that has a part in it."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import StatusCode
from scripted_calls import POLICY, Recorded, ended, started, succeeded

from resilience.telemetry import Spans
from resilience.telemetry.spans.run_span import RunSpan

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
OUTER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def run_span(trace_: Recorded, traceparent: str = "", trace_id: str = TRACE) -> RunSpan:
    return RunSpan("script.py", POLICY, trace_id, SPAN, traceparent, trace_.provider)


def one_call(trace_: Recorded, span: RunSpan) -> None:
    observer = Spans(trace_.provider)
    observer.parent = span.parent
    sink = observer.watch(started())
    assert sink is not None
    for event in (*succeeded(1), ended()):
        sink(event)


def test_calls_are_below_the_run_although_it_is_made_after_them() -> None:
    """Ids are those that were chosen, and it begins when it is said to have begun."""
    trace_ = Recorded()
    span = run_span(trace_)
    one_call(trace_, span)
    span.end(began=1_000, calls=1, failures=0)
    run, call = trace_.span("run script.py"), trace_.operation()
    assert call.parent is not None
    assert run.context is not None
    assert (call.parent.span_id, call.context.trace_id) == (run.context.span_id, run.context.trace_id)
    assert (f"{run.context.trace_id:032x}", f"{run.context.span_id:016x}", run.parent) == (TRACE, SPAN, None)
    assert (run.start_time, run.status.status_code) == (1_000, StatusCode.UNSET)


def test_other_spans_keep_their_own_ids() -> None:
    """The ids were chosen for one span; what the same tracer makes afterwards has others."""
    trace_ = Recorded()
    run_span(trace_).end(began=0, calls=1, failures=0)
    one_call(trace_, RunSpan("x", POLICY, TRACE, SPAN))
    assert {f"{span.context.span_id:016x}" for span in trace_.spans() if span.context} - {SPAN}
    assert trace_.operation().context.trace_id != int(TRACE, 16)


def test_a_call_inside_of_a_span_stays_there() -> None:
    """The program's own span is nearer than the run."""
    trace_ = Recorded()
    with trace_.user.start_as_current_span("mine"):
        one_call(trace_, run_span(trace_))
    mine = trace_.span("mine")
    assert trace_.operation().parent == mine.context


def test_a_run_that_was_started_by_a_traced_program_is_in_its_trace() -> None:
    """The trace of TRACEPARENT is the run's, in every process, and its span is above."""
    trace_ = Recorded()
    span = run_span(trace_, OUTER)
    one_call(trace_, span)
    span.end(began=0, calls=1, failures=1)
    run = trace_.span("run script.py")
    assert run.parent is not None
    assert f"{run.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert trace_.operation().context.trace_id == run.context.trace_id == int(OUTER.split("-")[1], 16)
    assert (run.status.status_code, run.status.description) == (StatusCode.ERROR, "1 of 1 calls failed")


def test_a_traceparent_that_is_none_is_ignored() -> None:
    """Whatever stands in the variable, there is a trace."""
    trace_ = Recorded()
    run_span(trace_, "nonsense").end(began=0, calls=1, failures=0)
    assert trace_.span("run script.py").parent is None


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF, TraceIdRatioBased(0.5)])
@pytest.mark.parametrize("trace_id", ["1" * 32, "e" * 32])
def test_run_and_calls_are_sampled_alike(sampler: Sampler, trace_id: str) -> None:
    """A trace is sent as a whole or not at all."""
    trace_ = Recorded(ParentBased(sampler))
    observer = Spans(trace_.provider)
    span = run_span(trace_, trace_id=trace_id)
    observer.parent = span.parent
    sink = observer.watch(started())
    assert sink is not None
    sink(ended())
    span.end(began=0, calls=1, failures=0)
    assert len(trace_.spans()) in {0, 2}


def test_without_an_sdk_there_is_no_run() -> None:
    """The API's own provider makes nothing: calls have no parent, and the end says nothing."""
    span = RunSpan("script.py", POLICY, TRACE, SPAN, "", trace.NoOpTracerProvider())
    assert span.parent() is None
    span.end(began=0, calls=1, failures=0)
