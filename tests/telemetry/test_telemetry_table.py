from __future__ import annotations

from contextlib import suppress

from any_events import ADAPTED, CHANGE
from opentelemetry.sdk.trace import ReadableSpan
from scripted_calls import (
    FAIL,
    INJECTION,
    OVERFLOW,
    POLICY,
    RETRY,
    THROTTLED,
    Flight,
    Recorded,
    accepted,
    ended,
    failed,
    gave_up,
    succeeded,
)

from resilience.core.decision import Accept, Refresh, Rename, Verify
from resilience.core.events import (
    AttemptStarted,
    FaultInjected,
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
from resilience.telemetry.contract import contract
from resilience.telemetry.spans.fleet_span import fleet_span
from resilience.telemetry.spans.run_span import RunSpan

_KINDS = ("attempt", "refresh", "verify", "run", "fleet", "chunk")


def _grain(span: ReadableSpan) -> str:
    return next((kind for kind in _KINDS if span.name.startswith(kind)), "operation")


def _faulty_runs() -> Recorded:
    """Play calls in which everything happens that the table has a word for."""
    trace_ = Recorded()
    flight, verify = Flight(), Verify(rule=THROTTLED, action=RETRY, delay=0.5)
    leader, waiter = trace_.watch(), trace_.watch()
    for sink, leads in ((leader, True), (waiter, False)):
        for event in failed(1, Refresh(rule=THROTTLED, action=RETRY, provider="alibaba")):
            sink(event)
        sink(RefreshStarted(provider="alibaba", flight=flight, leads=leads, number=1))
    for sink in (waiter, leader):
        sink(RefreshEnded(flight=flight, duration=0.1, error="OSError"))
        sink(ended("failed", "remedy", error="OSError"))
    lost = Fault(transport="lost", error="resilience.DeadlineExceeded")
    trace_.play(
        *failed(1, fault=lost, cut=True),
        AttemptStarted(number=2),
        FaultInjected(number=2, injection=INJECTION),
        failed(2)[-1],
        *failed(3, Rename(rule=THROTTLED, action=RETRY, number=2)),
        ResourceRenamed(operation="CreateGroupId", provider="alibaba", field="GroupId", old="a", new="a-2"),
        *failed(4, verify),
        VerifyStarted(number=4),
        VerifyEnded(there=None, decision=verify, duration=0.1, error="OSError"),
        VerifyStarted(number=4),
        VerifyEnded(there=True, decision=Accept(rule=THROTTLED, action=FAIL), duration=0.1),
        ended("accepted", "accepted", verified=True, rule=THROTTLED, renamed={"GroupId": ("a", "a-2")}),
    )
    trace_.play(*accepted())
    trace_.play(*gave_up(fault=OVERFLOW))
    away = StateChanged(is_away=True, on_unavailable="local")
    trace_.play(ADAPTED, CHANGE, away, RetryPaid(provider="alibaba", retries_left=3), *succeeded(1), ended())
    trace_.play(Waited(gate="ledger", duration=0.2), Recalled(answer="new", waited=0.2), *succeeded(1), ended())
    ids = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    RunSpan("<script>", POLICY, *ids, tracer_provider=trace_.provider).end(began=0, calls=3, failures=1)
    for name, delivery in (("fleet CreateGroupId", 1), ("chunk CreateGroupId", 2)):
        with suppress(OSError), fleet_span(name, POLICY, 3, delivery=delivery, tracer_provider=trace_.provider):
            raise OSError
    return trace_


def test_spans_are_exactly_those_of_the_table() -> None:
    """Every kind of span that runs make has its row, with its kind, and every row has its span."""
    made = {
        (
            span.name.replace("CreateGroupId", "<operation>").replace("alibaba", "<provider>"),
            span.kind.name,
        )
        for span in _faulty_runs().spans()
    }
    assert {(span.name, span.kind) for span in contract().spans} == made


def test_attributes_of_spans_are_exactly_those_of_the_table() -> None:
    """Every attribute that a span has is in the table for that kind of span, and the other way round."""
    documented = {(kind, attribute.name) for attribute in contract().attributes for kind in attribute.on}
    made = {(_grain(span), name) for span in _faulty_runs().spans() for name in span.attributes or {}}
    assert documented == made


def test_types_of_attributes_are_those_of_the_table() -> None:
    """A string is a string, a count an int, a duration a double."""
    types = {"string": str, "int": int, "double": float, "bool": bool}
    known = (*contract().attributes, *contract().event_attributes)
    documented = {attribute.name: types[attribute.type] for attribute in known}
    for span in _faulty_runs().spans():
        for attributes in (span.attributes, *(event.attributes for event in span.events)):
            for name, value in (attributes or {}).items():
                assert type(value) is documented[name], name


def test_events_are_exactly_those_of_the_table() -> None:
    """Every event and each of its attributes is in the table, and the other way round; only operations have events."""
    documented = {(event.name, name) for event in contract().events for name in event.attributes}
    spans = _faulty_runs().spans()
    made = {(event.name, name) for span in spans for event in span.events for name in event.attributes or {}}
    assert documented == made
    assert {_grain(span) for span in spans if span.events} == {"operation"}


def test_attributes_of_events_have_a_meaning() -> None:
    """What only events have is explained, and nothing is explained that no event has."""
    known = {attribute.name for attribute in contract().attributes}
    used = {name for event in contract().events for name in event.attributes}
    assert {attribute.name for attribute in contract().event_attributes} == used - known


def test_links_are_exactly_those_of_the_table() -> None:
    """Every link says which one it is, and the table has them all."""
    links = [dict(link.attributes or {}) for span in _faulty_runs().spans() for link in span.links]
    assert {name for link in links for name in link} == {"resilience.link.kind"}
    documented = {link.kind for link in contract().links}
    assert documented == {link["resilience.link.kind"] for link in links}
