from __future__ import annotations

from typing import get_args

import pytest
from any_events import ENDS, EVENTS
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from scripted_calls import (
    OVERFLOW,
    RETRY,
    THROTTLED,
    Flight,
    Recorded,
    accepted,
    attributes_of,
    ended,
    failed,
    gave_up,
    parent_id_of,
    span_id_of,
    started,
    succeeded,
)

from resilience.core.decision import Accept, Fail, Refresh, Rename, Verify
from resilience.core.events import (
    AttemptAborted,
    AttemptStarted,
    CallEnded,
    Event,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    ResourceRenamed,
    VerifyEnded,
    VerifyStarted,
)
from resilience.core.fault import Fault, Origin
from resilience.telemetry.spans.call_span import CallSpan


def test_an_operation_is_a_client_span_and_each_attempt_an_internal_child() -> None:
    """The operation covers every attempt, the first one too, and only attempts are its children."""
    trace_ = Recorded()
    trace_.play(*failed(1), *succeeded(2), ended("success_after_retry", attempts=2, waited=1.5))
    assert trace_.names() == ["CreateGroupId", "attempt CreateGroupId", "attempt CreateGroupId"]
    operation = trace_.operation()
    for attempt in trace_.spans()[1:]:
        assert attempt.kind is SpanKind.INTERNAL
        assert parent_id_of(attempt) == span_id_of(operation)
        assert operation.start_time is not None
        assert operation.end_time is not None
        assert attempt.start_time is not None
        assert attempt.end_time is not None
        assert operation.start_time <= attempt.start_time <= attempt.end_time <= operation.end_time


def test_what_the_ledger_knew_is_on_the_operation() -> None:
    """The answer is an attribute of the operation, and an event says when it came and what was waited for."""
    trace_ = Recorded()
    trace_.play(Recalled(answer="unfinished", waited=0.25), *succeeded(1), ended())
    assert attributes_of(trace_.operation())["resilience.ledger.answer"] == "unfinished"
    (answered,) = trace_.events("resilience.ledger.answered")
    assert answered == {"resilience.ledger.answer": "unfinished", "resilience.ledger.waited": 0.25}
    assert "resilience.ledger.answer" not in attributes_of(trace_.span("attempt CreateGroupId"))


def test_an_attempt_links_to_the_one_before_it() -> None:
    """A link says which attempt came before; the first attempt has none."""
    trace_ = Recorded()
    trace_.play(*failed(1), *failed(2), *succeeded(3), ended("success_after_retry", attempts=3))
    first, second, third = (trace_.span("attempt CreateGroupId", index) for index in range(3))
    assert not first.links
    for span, previous in ((second, first), (third, second)):
        (link,) = span.links
        assert link.context == previous.context
        assert dict(link.attributes or {}) == {"resilience.link.kind": "previous_attempt"}


def test_a_successful_call_says_how_it_went_and_has_no_error() -> None:
    """A retried error is no error of the operation: its status stays unset, and error.type is absent."""
    trace_ = Recorded()
    trace_.play(*failed(1), *succeeded(2), ended("success_after_retry", attempts=2, waited=1.5))
    operation = trace_.operation()
    assert operation.status.status_code is StatusCode.UNSET
    assert attributes_of(operation) == {
        "resilience.operation.name": "CreateGroupId",
        "resilience.policy.name": "provisioning",
        "resilience.policy.hash": "0123456789ab",
        "resilience.policy.env": "staging",
        "cloud.provider": "alibaba_cloud",
        "resilience.outcome": "success_after_retry",
        "resilience.stop_reason": "success",
        "resilience.attempt.count": 2,
        "resilience.retry.delay.total": 1.5,
    }


def test_a_failed_attempt_says_what_failed_and_what_was_decided() -> None:
    """An attempt span holds the code, the request id, the effect, the rule with its line, and the decision."""
    trace_ = Recorded()
    trace_.play(*failed(1), *succeeded(2), ended("success_after_retry"))
    attempt = trace_.span("attempt CreateGroupId")
    assert attempt.status.status_code is StatusCode.ERROR
    assert attempt.status.description is None
    assert attributes_of(attempt) == {
        "resilience.attempt.number": 1,
        "resilience.error.code": "SystemOverFlow",
        "resilience.error.status": 503,
        "resilience.request.id": "5F3A-77",
        "resilience.effect": "unknown",
        "resilience.rule.id": 'alibaba."SystemOverFlow"',
        "resilience.rule.origin": "policies/mqtt.toml:7",
        "resilience.decision.action": "retry",
        "resilience.retry.delay": 1.5,
        "error.type": "SystemOverFlow",
    }
    assert attributes_of(trace_.span("attempt CreateGroupId", 1)) == {"resilience.attempt.number": 2}


def test_a_scheduled_retry_is_an_event_with_the_servers_hint() -> None:
    """The operation tells when another attempt was decided, after how long, and what the server asked for."""
    trace_ = Recorded()
    trace_.play(*failed(1), *succeeded(2), ended("success_after_retry"))
    assert trace_.events("resilience.retry.scheduled") == [
        {
            "resilience.attempt.number": 1,
            "resilience.retry.delay": 1.5,
            "resilience.retry.jittered": True,
            "resilience.retry.after": 2.0,
            "resilience.error.code": "SystemOverFlow",
            "resilience.rule.id": 'alibaba."SystemOverFlow"',
        }
    ]


@pytest.mark.parametrize("verified", [True, False])
def test_an_accepted_fault_leaves_no_error_behind(verified: bool) -> None:  # noqa: FBT001  # a table of two
    """Attempt and operation stay unset, keep the code, and say whether anybody verified it."""
    trace_ = Recorded()
    trace_.play(*accepted(verified=verified))
    attempt, operation = trace_.span("attempt CreateGroupId"), trace_.operation()
    assert {span.status.status_code for span in (attempt, operation)} == {StatusCode.UNSET}
    assert attributes_of(attempt)["resilience.error.code"] == "SystemOverFlow"
    assert attributes_of(attempt)["resilience.decision.action"] == "accept"
    assert not {"error.type"} & (attributes_of(attempt).keys() | attributes_of(operation).keys())
    assert attributes_of(operation)["resilience.verified"] is verified
    (event,) = trace_.events("resilience.error.accepted")
    assert event["resilience.verified"] is verified
    assert event["resilience.error.code"] == "SystemOverFlow"


@pytest.mark.parametrize(
    ("reason", "how", "description"),
    [
        pytest.param("attempts", "exhausted", "retries exhausted after 5 attempts", id="attempts"),
        pytest.param("deadline", "exhausted", "deadline reached after 5 attempts", id="deadline"),
        pytest.param("rule", "failed", "a rule says fail, after 5 attempts", id="rule"),
        pytest.param("budget", "refused", "retry budget exhausted after 5 attempts", id="budget"),
        pytest.param("inner", "failed", "decided by an inner call, after 5 attempts", id="inner"),
        pytest.param(
            "not_ours", "failed", "it exists already, and is not known to be ours, after 5 attempts", id="exists"
        ),
    ],
)
def test_a_failed_call_says_why_in_our_words(reason: str, how: str, description: str) -> None:
    """The status description is the stop reason in words; code, rule and error.type stand beside it."""
    trace_ = Recorded()
    trace_.play(*gave_up(reason, how, attempts=5))
    operation = trace_.operation()
    assert operation.status.status_code is StatusCode.ERROR
    assert operation.status.description == description
    attributes = attributes_of(operation)
    assert attributes["resilience.outcome"] == how
    assert attributes["resilience.stop_reason"] == reason
    assert attributes["resilience.error.code"] == "SystemOverFlow"
    assert attributes["resilience.rule.origin"] == "policies/mqtt.toml:7"
    assert attributes["error.type"] == ("timeout" if reason == "deadline" else "SystemOverFlow")


def test_a_name_that_was_given_away_is_told_from_one_that_is_there() -> None:
    """Both stop for the same reason; without an attempt it was no answer of the service."""
    trace_ = Recorded()
    trace_.play(ended("failed", "not_ours", attempts=0, error="resilience.RemedyFailed"))
    assert trace_.operation().status.description == "a rename has given its name to another resource, after 0 attempts"


@pytest.mark.parametrize(
    ("reason", "limited"), [("attempts", True), ("max", True), ("deadline", True), ("rule", False)]
)
def test_only_a_limit_exhausts_a_call(reason: str, limited: bool) -> None:  # noqa: FBT001  # a table
    """The event that retries are exhausted names the limit, and comes only if one was reached."""
    trace_ = Recorded()
    trace_.play(*gave_up(reason))
    wanted = [{"resilience.retry.limit": reason, "resilience.attempt.count": 1}] if limited else []
    assert trace_.events("resilience.retry.exhausted") == wanted


@pytest.mark.parametrize("moment", ["attempt", "wait", "refresh", "verify"])
def test_a_cancelled_call_ends_unset_whenever_it_is_cancelled(moment: str) -> None:
    """Cancellation is no error: every span ends, and none has a status or an error.type."""
    script: dict[str, list[Event]] = {
        "attempt": [AttemptStarted(number=1), AttemptAborted(number=1, duration=0.1, error=None)],
        "wait": [],
        "refresh": [
            RefreshStarted(provider="alibaba", flight=(flight := Flight()), leads=True, number=0),
            RefreshEnded(flight=flight, duration=0.1, cancelled=True),
        ],
        "verify": [VerifyStarted(number=0), VerifyEnded(there=None, decision=None, duration=0.1)],
    }
    trace_ = Recorded()
    before = trace.get_current_span()
    assert trace_.play(*script[moment], ended("cancelled", "cancelled")) == []
    assert trace.get_current_span() is before
    assert trace_.counted.begun == trace_.counted.ended == (1 if moment == "wait" else 2)
    for span in trace_.spans():
        assert span.status.status_code is StatusCode.UNSET
        assert "error.type" not in attributes_of(span)
    assert attributes_of(trace_.operation())["resilience.outcome"] == "cancelled"


def test_a_programming_error_is_an_error_without_an_outcome() -> None:
    """What no policy decides marks attempt and operation with its class, and claims no outcome."""
    trace_ = Recorded()
    trace_.play(
        AttemptStarted(number=1),
        AttemptAborted(number=1, duration=0.1, error="TypeError"),
        ended(None, None, error="TypeError"),
    )
    for span in trace_.spans():
        assert span.status.status_code is StatusCode.ERROR
        assert attributes_of(span)["error.type"] == "TypeError"
    assert trace_.operation().status.description == "programming error, after 1 attempt"
    assert "resilience.outcome" not in attributes_of(trace_.operation())


def test_a_refresh_has_a_span_in_the_call_that_runs_it_and_a_link_in_those_that_wait() -> None:
    """One refresh is one span, however many calls wait for it; each waiter links to it."""
    trace_, flight = Recorded(), Flight()
    decision = Refresh(rule=THROTTLED, action=RETRY, provider="alibaba")
    leader, waiter = trace_.watch(started("CreateGroupId")), trace_.watch(started("ListGroupId"))
    for sink, leads in ((leader, True), (waiter, False)):
        for event in failed(1, decision, effect="none"):
            sink(event)
        sink(RefreshStarted(provider="alibaba", flight=flight, leads=leads, number=1))
    for sink in (waiter, leader):
        sink(RefreshEnded(flight=flight, duration=0.1))
        for event in (*succeeded(2), ended("success_after_retry", attempts=2)):
            sink(event)
    assert trace_.names().count("refresh_credentials alibaba") == 1
    refresh = trace_.span("refresh_credentials alibaba")
    assert parent_id_of(refresh) == span_id_of(trace_.span("CreateGroupId"))
    assert attributes_of(refresh) == {"resilience.attempt.number": 1, "resilience.credential.provider": "alibaba"}
    assert refresh.status.status_code is StatusCode.UNSET
    assert not trace_.span("CreateGroupId").links
    (link,) = trace_.span("ListGroupId").links
    assert link.context == refresh.context
    assert dict(link.attributes or {}) == {"resilience.link.kind": "refresh"}
    (awaited,) = trace_.events("resilience.credential.refresh", of="ListGroupId")
    assert awaited == {
        "resilience.credential.provider": "alibaba",
        "resilience.credential.reason": "fault",
        "resilience.credential.leads": False,
        "resilience.attempt.number": 1,
        "resilience.error.code": "SystemOverFlow",
    }


def test_a_refresh_ahead_of_need_says_so() -> None:
    """A refresh that no fault asked for has the reason ahead, before the first attempt and between attempts."""
    trace_, flights = Recorded(), (Flight(), Flight())
    script: list[Event] = []
    for number, flight in enumerate(flights):
        script += [
            RefreshStarted(provider="tencent", flight=flight, leads=True, number=number),
            RefreshEnded(flight=flight, duration=0.1),
            *failed(number + 1),
        ]
    trace_.play(*script, ended("failed", "rule"))
    events = trace_.events("resilience.credential.refresh")
    assert [event["resilience.credential.reason"] for event in events] == ["ahead", "ahead"]
    assert "resilience.error.code" not in events[1]


def test_a_failed_refresh_is_an_error_of_its_span() -> None:
    """The refresh span names the class of the error; so does the operation, by our own exception."""
    trace_, flight = Recorded(), Flight()
    trace_.play(
        RefreshStarted(provider="alibaba", flight=flight, leads=True, number=0),
        RefreshEnded(flight=flight, duration=0.1, error="ConnectionResetError"),
        ended("failed", "remedy", error="resilience.engine.errors.RemedyFailed", fault=OVERFLOW),
    )
    refresh = trace_.span("refresh_credentials alibaba")
    assert refresh.status.status_code is StatusCode.ERROR
    assert attributes_of(refresh)["error.type"] == "ConnectionResetError"
    assert attributes_of(trace_.operation())["error.type"] == "resilience.engine.errors.RemedyFailed"


def test_a_verification_has_a_span_and_an_answer() -> None:
    """Being asked, the answer and what followed it are told, and the accepted call counts as verified."""
    trace_ = Recorded()
    ask, take = Verify(rule=THROTTLED, action=RETRY, delay=0.5), Accept(rule=THROTTLED, action=RETRY, verified=True)
    trace_.play(
        *failed(1, ask),
        VerifyStarted(number=1),
        VerifyEnded(there=False, decision=ask, duration=0.1),
        VerifyStarted(number=1),
        VerifyEnded(there=True, decision=take, duration=0.1),
        ended("accepted", "accepted", verified=True),
    )
    first, second = (trace_.span("verify CreateGroupId", index) for index in range(2))
    assert parent_id_of(first) == span_id_of(trace_.operation())
    assert attributes_of(first)["resilience.verify.answer"] == "not_there"
    assert attributes_of(first)["resilience.decision.action"] == "verify"
    assert attributes_of(second)["resilience.verify.answer"] == "there"
    assert attributes_of(second)["resilience.decision.action"] == "accept"
    assert [event["resilience.retry.delay"] for event in trace_.events("resilience.verify.scheduled")] == [0.5, 0.5]
    answers = [event["resilience.verify.answer"] for event in trace_.events("resilience.verify.answered")]
    assert answers == ["not_there", "there"]


def test_a_failed_verification_is_an_error_of_its_span() -> None:
    """A verifier that fails marks its own span; one that our limit cut short is a timeout."""
    trace_ = Recorded()
    ask = Verify(rule=THROTTLED, action=RETRY, delay=0.5)
    trace_.play(
        *failed(1, ask),
        VerifyStarted(number=1),
        VerifyEnded(there=None, decision=ask, duration=0.1, error="sdk.ServerError"),
        VerifyStarted(number=1),
        VerifyEnded(
            there=None, decision=Fail(reason="remedy"), duration=0.1, error="resilience.engine.errors.DeadlineExceeded"
        ),
        ended("failed", "remedy", error="sdk.ServerError", fault=OVERFLOW),
    )
    first, second = (trace_.span("verify CreateGroupId", index) for index in range(2))
    assert first.status.status_code is second.status.status_code is StatusCode.ERROR
    assert [attributes_of(span)["error.type"] for span in (first, second)] == ["sdk.ServerError", "timeout"]


@pytest.mark.parametrize("show_names", [True, False])
def test_a_new_name_is_told_unless_it_must_not_be(show_names: bool) -> None:  # noqa: FBT001  # a table of two
    """The field that was renamed is always told, the name unless ``show_names=False``, the old one never."""
    trace_ = Recorded(show_names=show_names)
    trace_.play(
        *failed(1, Rename(rule=THROTTLED, action=RETRY, number=2)),
        ResourceRenamed(
            operation="CreateGroupId", provider="alibaba", field="GroupId", old="GID_sensors", new="GID_sensors-2"
        ),
        *succeeded(2),
        ended("success_after_retry", renamed={"GroupId": ("GID_sensors", "GID_sensors-2")}),
    )
    wanted = {"resilience.input.field": "GroupId"}
    if show_names:
        wanted["resilience.input.name"] = "GID_sensors-2"
    assert trace_.events("resilience.input.renamed") == [wanted]
    shown = {key: value for key, value in attributes_of(trace_.operation()).items() if ".input." in key}
    assert shown == wanted


def test_an_attempt_that_we_cut_short_is_a_timeout() -> None:
    """Our own limit shows as ``resilience.attempt.cut`` and as ``error.type`` timeout."""
    trace_ = Recorded()
    lost = Fault(transport="lost", effect="unknown", error="resilience.DeadlineExceeded")
    trace_.play(*failed(1, fault=lost, cut=True), *succeeded(2), ended("success_after_retry"))
    attributes = attributes_of(trace_.span("attempt CreateGroupId"))
    assert attributes["resilience.attempt.cut"] is True
    assert attributes["error.type"] == "timeout"


def test_nothing_is_recorded_after_the_end() -> None:
    """Events that come too late change nothing and begin nothing."""
    trace_ = Recorded()
    assert trace_.play(ended(), *failed(1), ended("failed", "rule")) == []
    assert trace_.names() == ["CreateGroupId"]
    assert attributes_of(trace_.operation())["resilience.outcome"] == "success"


def test_a_rule_that_cannot_be_located_leaves_no_span_open() -> None:
    """If recording fails, the observer says so, and what is open still ends with the call."""

    def gone() -> Origin:
        raise OSError("the policy file is gone")

    trace_ = Recorded()
    before = trace.get_current_span()
    sink = trace_.watch()
    lost = evolve(THROTTLED, locate=gone)
    begun, ended_badly = failed(1, Fail(rule=lost, action=RETRY, reason="rule"))
    sink(begun)
    for event in (ended_badly, ended("failed", "rule", rule=lost, error="sdk.ServerError")):
        with pytest.raises(OSError, match="gone"):
            sink(event)
    assert trace.get_current_span() is before
    assert trace_.counted.begun == trace_.counted.ended == 2


@settings(max_examples=150, deadline=None)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=12), end=st.sampled_from(ENDS))
def test_every_span_ends_once_whatever_happens(events: list[Event], end: CallEnded) -> None:
    """In whatever order events come, each span ends once, and the caller's own span is current again."""
    trace_ = Recorded()
    before = trace.get_current_span()
    assert trace_.play(*events, end) == []
    assert trace.get_current_span() is before
    assert trace_.counted.begun == trace_.counted.ended == len(trace_.spans())
    operation = trace_.operation()
    assert all(parent_id_of(span) == span_id_of(operation) for span in trace_.spans() if span is not operation)


def test_no_event_is_unknown_to_spans() -> None:
    """Each event has a method that records it, also one that is added later."""
    assert set(CallSpan._RECORD) == set(get_args(Event))
