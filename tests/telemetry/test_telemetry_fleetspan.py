"""The span of a fleet is above its calls, and goes to other processes as W3C Trace Context writes it."""

from __future__ import annotations

import pytest
from opentelemetry.trace import StatusCode
from scripted_calls import POLICY, Recorded, ended, started, succeeded

from resilience.telemetry import Spans
from resilience.telemetry.spans.fleet_span import current_traceparent, fleet_span, under

OUTER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OUTER_TRACE, OUTER_SPAN = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7


def one_call(trace_: Recorded) -> None:
    sink = Spans(trace_.provider).watch(started())
    assert sink is not None
    for event in (*succeeded(1), ended()):
        sink(event)


def test_calls_of_another_process_are_below_the_fleet() -> None:
    """The text names the fleet, and a call under it is in the same trace."""
    trace_ = Recorded()
    with fleet_span("fleet x", POLICY, 1, tracer_provider=trace_.provider):
        text = current_traceparent()
    assert current_traceparent() is None
    with under(text):
        one_call(trace_)
    fleet = trace_.span("fleet x")
    assert fleet.context is not None
    parent = trace_.operation().parent
    assert parent is not None
    assert (parent.trace_id, parent.span_id) == (fleet.context.trace_id, fleet.context.span_id)


def test_a_span_that_is_current_is_nearer_than_a_given_one() -> None:
    """A program's own span keeps its fleet; without one, the given span is around it."""
    trace_ = Recorded()
    with (
        trace_.user.start_as_current_span("mine"),
        fleet_span("fleet x", POLICY, 1, traceparent=OUTER, tracer_provider=trace_.provider),
    ):
        pass
    with fleet_span("fleet y", POLICY, 1, traceparent=OUTER, tracer_provider=trace_.provider):
        pass
    assert trace_.span("fleet x").parent == trace_.span("mine").context
    parent = trace_.span("fleet y").parent
    assert parent is not None
    assert (parent.trace_id, parent.span_id) == (OUTER_TRACE, OUTER_SPAN)


def test_a_text_that_is_no_span_is_ignored() -> None:
    """A broken text makes a trace of its own, and no error."""
    trace_ = Recorded()
    with fleet_span("fleet x", POLICY, 1, traceparent="no span", tracer_provider=trace_.provider):
        pass
    assert trace_.span("fleet x").parent is None


def test_rows_that_come_again_are_linked_to_the_span_that_had_them() -> None:
    """The span says how often they came; what is no span is left out."""
    trace_ = Recorded()
    with fleet_span("chunk x", POLICY, 1, delivery=3, earlier=[OUTER, "", "no span"], tracer_provider=trace_.provider):
        pass
    span = trace_.span("chunk x")
    assert span.attributes is not None
    assert span.attributes["resilience.fleet.delivery"] == 3
    assert [(link.context.trace_id, link.context.span_id) for link in span.links] == [(OUTER_TRACE, OUTER_SPAN)]


def test_failed_rows_make_the_fleet_an_error() -> None:
    """Its status says how many; without failures it is unset."""
    trace_ = Recorded()
    for name, failed in (("fleet good", 0), ("fleet bad", 2)):
        with fleet_span(name, POLICY, 5, tracer_provider=trace_.provider) as counts:
            counts.done, counts.failed = 3, failed
    good, bad = trace_.span("fleet good"), trace_.span("fleet bad")
    assert good.status.status_code is StatusCode.UNSET
    assert (bad.status.status_code, bad.status.description) == (StatusCode.ERROR, "2 of 5 rows failed")
    assert bad.attributes is not None
    found = {name: bad.attributes[f"resilience.fleet.{name}"] for name in ("rows", "done", "failures")}
    assert found == {"rows": 5, "done": 3, "failures": 2}


def test_an_error_of_the_fleet_tells_its_class_and_no_message() -> None:
    """Messages may have secrets in them."""
    trace_ = Recorded()
    with (
        pytest.raises(LookupError),
        fleet_span("fleet x", POLICY, 5, tracer_provider=trace_.provider),
    ):
        raise LookupError("secret")
    span = trace_.span("fleet x")
    assert span.attributes is not None
    assert span.attributes["error.type"] == "LookupError"
    assert "secret" not in span.to_json()
