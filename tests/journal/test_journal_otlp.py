"""Spans as collectors and test agents write them: ours among others, in one document or line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from opentelemetry.sdk.trace import ReadableSpan
from recorded_calls import Case, Exported, run
from scripted_calls import ended, started, succeeded

from resilience import Journal
from resilience.core.admission.levels import RateChange
from resilience.core.events import BreakerChanged, RateAdapted, RetryPaid
from resilience.journal.model import RecordedCall, RecordsError
from resilience.journal.reader import read
from resilience.telemetry import Spans

TRACE, SPAN, CHILD = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"


def attribute(key: str, value: Any) -> dict[str, Any]:
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return {"key": key, "value": {kinds[type(value)]: str(value) if type(value) is int else value}}


def span(name: str, *, parent: str = "", own: str = SPAN, **said: Any) -> dict[str, Any]:
    """Return a span of ours; attributes are written with ``__`` for a dot, without the prefix."""
    return {
        "traceId": TRACE,
        "spanId": own,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": "1000000000000000000",
        "endTimeUnixNano": "1000000002500000000",
        "attributes": [
            attribute(
                key.replace("__", ".")
                if key.startswith(("error__type", "cloud"))
                else f"resilience.{key.replace('__', '.')}",
                value,
            )
            for key, value in said.items()
        ],
    }


def call(**said: Any) -> dict[str, Any]:
    return span("CreateGroupId", operation__name="CreateGroupId", cloud__provider="alibaba_cloud", **said)


def attempt(**said: Any) -> dict[str, Any]:
    return span("attempt CreateGroupId", parent=SPAN, own=CHILD, attempt__number=1, **said)


def request(*spans: dict[str, Any], scope: str = "resilience", **resource: Any) -> dict[str, Any]:
    about = [attribute(key.replace("__", "."), value) for key, value in resource.items()]
    scopes = [{"scope": {"name": scope, "version": "0.1.0"}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": {"attributes": about}, "scopeSpans": scopes}]}


def written(path: Path, *requests: Any) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in requests), encoding="utf-8")
    return path


def only_call(path: Path) -> RecordedCall:
    (found,) = read(path).calls
    return found


def test_a_call_is_read_from_its_span(tmp_path: Path) -> None:
    """Times come as strings of nanoseconds, and values with their types."""
    one = request(
        call(outcome="success", stop_reason="success", retry__delay__total=0.5, policy__env="prod"),
        attempt(),
        service__instance__id="i-1",
        process__pid=7,
    )
    recording = read(written(tmp_path / "spans", one))
    (found,), (run_,) = recording.calls, recording.runs
    assert (found.operation, found.provider, found.env) == ("CreateGroupId", "alibaba", "prod")
    assert (found.started_at, found.duration, found.waited) == (1e9, 2.5, 0.5)
    assert (found.trace_id, found.span_id, found.run) == (TRACE, SPAN, "i-1")
    assert [each.succeeded for each in found.attempts] == [True]
    assert (run_.id, run_.version, run_.pids) == ("i-1", "0.1.0", (7,))


def test_spans_of_one_call_may_come_in_any_order_and_line(tmp_path: Path) -> None:
    """Exporters send what has ended, attempts before their call, and in as many requests as they like."""
    lines = [request(attempt()), request(call(outcome="success"))]
    assert len(only_call(written(tmp_path / "a", *lines)).attempts) == 1
    assert only_call(written(tmp_path / "b", *reversed(lines))) == only_call(tmp_path / "a")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("is_list", [False, True], ids=["request", "list"])
def test_one_document_is_read_as_well(tmp_path: Path, indent: int | None, *, is_list: bool) -> None:
    """A request over many lines, or a list of requests, gives the same as lines."""
    one = request(call(outcome="success"), attempt())
    (tmp_path / "doc").write_text(json.dumps([one] if is_list else one, indent=indent), encoding="utf-8")
    recording = read(tmp_path / "doc")
    assert [len(each.attempts) for each in recording.calls] == [1]
    assert recording.problems == ()


def test_spans_of_others_are_left_out_and_counted(tmp_path: Path) -> None:
    """A collector's file holds the spans of everything; one problem says how many were not ours."""
    others = [request(span("GET"), span("POST"), scope="requests"), request(call()), request(span("x"), scope="httpx")]
    recording = read(written(tmp_path / "spans", *others))
    assert len(recording.calls) == 1
    assert [str(each) for each in recording.problems] == [
        "line 1: from here on, 3 spans of others left out (httpx, requests)"
    ]


def test_a_span_of_ours_that_is_no_part_of_a_call_is_no_call(tmp_path: Path) -> None:
    """A span around a whole program has our scope, and is passed over."""
    recording = read(written(tmp_path / "spans", request(span("run provision.py"), call(outcome="success"))))
    assert [each.operation for each in recording.calls] == ["CreateGroupId"]
    assert recording.problems == ()


def test_attempts_tell_of_a_call_that_never_ended(tmp_path: Path) -> None:
    """A call whose process was killed exports no span, but those of its finished attempts are there."""
    failed = attempt(decision__action="retry", error__code="SystemOverFlow", effect="unknown", retry__delay=1.5)
    found = only_call(written(tmp_path / "spans", request(failed)))
    assert found.is_unfinished
    assert (found.operation, found.ended, found.span_id) == ("CreateGroupId", None, SPAN)
    assert [(each.action, each.delay) for each in found.attempts] == [("retry", 1.5)]


@pytest.mark.parametrize(
    ("effect", "own"),
    [
        pytest.param("none", None, id="as-the-catalogue-says"),
        pytest.param("unknown", "unknown", id="as-somebody-else-said"),
    ],
)
def test_an_effect_that_nobody_would_have_guessed_is_the_faults_own(
    effect: str, own: str | None, tmp_path: Path
) -> None:
    """Spans tell an effect without its source; where catalogue and status say otherwise, the fault keeps it."""
    failed = attempt(decision__action="retry", error__code="InvalidParameter", error__status=400, effect=effect)
    (found,) = only_call(written(tmp_path / "spans", request(call(), failed))).attempts
    assert found.fault is not None
    assert (found.effect, found.fault.effect) == (effect, own)


def test_an_attempt_that_was_cut_short_is_told_as_the_executor_tells_it(tmp_path: Path) -> None:
    """What our own limit cut short may have taken effect, and was no answer."""
    cut = attempt(decision__action="fail", attempt__cut=True, effect="unknown", error__type="timeout")
    (found,) = only_call(written(tmp_path / "spans", request(call(stop_reason="attempts"), cut))).attempts
    assert found.fault is not None
    assert (found.cut, found.fault.transport, found.stop_reason) == (True, "lost", "attempts")


@pytest.mark.parametrize(("outcome", "aborted"), [("success", False), ("cancelled", True)])
def test_a_success_is_told_from_a_cancellation_by_how_the_call_ended(
    outcome: str, tmp_path: Path, *, aborted: bool
) -> None:
    """Neither leaves a word on the span of the attempt."""
    (found,) = only_call(written(tmp_path / "spans", request(call(outcome=outcome), attempt()))).attempts
    assert (found.aborted, found.succeeded) == (aborted, not aborted)


def test_a_refresh_that_another_call_runs_is_told(tmp_path: Path) -> None:
    """A call that only waits for new credentials has no span of that; how long it waited is not known."""
    waiting = call(outcome="success")
    about = [
        attribute("resilience.credential.leads", value=False),
        attribute("resilience.credential.provider", "alibaba"),
    ]
    waiting["events"] = [
        {"name": "resilience.credential.refresh", "timeUnixNano": "1000000000500000000", "attributes": about}
    ]
    (found,) = only_call(written(tmp_path / "spans", request(waiting))).remedies
    assert (found.kind, found.provider, found.leads, found.answer) == ("refresh", "alibaba", False, None)
    assert (found.started_at, found.duration) == (1e9 + 0.5, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"startTimeUnixNano": "soon"}, "startTimeUnixNano: expected a whole number", id="time"),
        pytest.param({"startTimeUnixNano": None}, "startTimeUnixNano is missing", id="no-time"),
        pytest.param({"traceId": "***"}, "traceId: expected hex digits or base64", id="id"),
        pytest.param({"attributes": ["x"]}, "expected an object for an attribute", id="attribute"),
        pytest.param({"events": 3}, "events: expected a list", id="events"),
    ],
)
def test_a_broken_span_is_said_with_its_line(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A span that cannot be understood is left out, and those beside it are read."""
    lines = [request(call(outcome="success")), request({**attempt(), **change})]
    recording = read(written(tmp_path / "spans", *lines))
    assert [each.line for each in recording.problems] == [2]
    assert message in recording.problems[0].message
    assert [each.ended for each in recording.calls] == ["success"]


def test_a_programming_error_is_no_fault(tmp_path: Path) -> None:
    """An attempt with an error and without a decision was aborted."""
    path = written(tmp_path / "spans", request(call(), attempt(error__type="TypeError", chaos__id="alibaba.X")))
    (found,) = only_call(path).attempts
    assert (found.aborted, found.error, found.fault, found.chaos) == (True, "TypeError", None, "alibaba.X")


def test_a_request_that_is_none_is_said_with_its_line(tmp_path: Path) -> None:
    """A request whose spans are no list is a problem, and the next one is read."""
    recording = read(written(tmp_path / "spans", {"resourceSpans": 3}, request(call(outcome="success"))))
    assert [str(each) for each in recording.problems] == ["line 1: resourceSpans: expected a list"]
    assert len(recording.calls) == 1


def test_a_call_with_an_unknown_word_is_left_out(tmp_path: Path) -> None:
    """What a later version may say is not guessed at."""
    recording = read(written(tmp_path / "spans", request(call(outcome="exploded"))))
    assert recording.calls == ()
    assert "outcome: unknown word 'exploded'" in recording.problems[0].message


def test_measurements_are_no_recording(tmp_path: Path) -> None:
    """Metrics and logs in OTLP JSON are told from spans."""
    with pytest.raises(RecordsError, match="got something else"):
        read(written(tmp_path / "metrics", {"resourceMetrics": []}))


def test_a_journal_and_spans_may_share_a_file(tmp_path: Path) -> None:
    """Each line is taken for what it is."""
    path = tmp_path / "both"
    run(Case(), "asyncio", path)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(request(call(outcome="success"))) + "\n")
    assert [each.ended for each in read(path).calls] == ["success", "success"]


def test_a_call_without_its_own_span_is_read_from_real_exports(tmp_path: Path) -> None:
    """Without the span of the call, its attempts and its verification still tell a call."""
    exported = Exported()
    run(Case("tencent:CreateInstance", script=("lost",), replies=("there",)), "asyncio", spans=exported.provider)

    def is_part(each: ReadableSpan) -> bool:
        return each.parent is not None

    found = only_call(exported.write(tmp_path / "spans", only=is_part))
    assert found.is_unfinished
    assert [each.action for each in found.attempts] == ["verify"]
    assert [(each.kind, each.answer) for each in found.remedies] == [("verify", "there")]


def test_waits_before_attempts_are_read_from_events(tmp_path: Path) -> None:
    """Waits for one gate are added up; an event that does not say how long is left out, and the call is not."""
    waits: list[dict[str, Any]] = [
        {"admission__gate": "rate", "admission__duration": 1.5},
        {"admission__gate": "rate", "admission__duration": 0.5},
        {"admission__gate": "thread", "admission__duration": 0.25},
        {"admission__gate": "ledger"},
    ]
    one = call(outcome="success", stop_reason="success")
    one["events"] = [
        {
            "timeUnixNano": "1000000000000000000",
            "name": "resilience.admission.waited",
            "attributes": [attribute(f"resilience.{key.replace('__', '.')}", value) for key, value in each.items()],
        }
        for each in waits
    ]
    found = only_call(written(tmp_path / "spans", request(one, attempt())))
    assert found.gate_waits == {"rate": 2.0, "thread": 0.25}


def test_changes_of_limits_are_read_from_spans_as_from_a_journal(tmp_path: Path) -> None:
    """What adapted and which breaker changed is the same in both; so is the number of retries that a budget paid."""
    exported, journal = Exported(), Journal(tmp_path / "journal.jsonl")
    adapted = RateChange(operation="CreateGroupId", old=10.0, new=6.0, declared=10.0, refused=4, answered=11)
    opened = BreakerChanged(
        provider="alibaba",
        operation="CreateGroupId",
        old="closed",
        new="open",
        by_hand=False,
        is_shadow=True,
        failures=6,
        results=10,
    )
    spans, journalled = Spans(exported.provider).watch(started()), journal.watch(started())
    assert spans is not None
    for event in (
        RateAdapted(provider="alibaba", change=adapted),
        opened,
        evolve(opened, old="open", new="closed", by_hand=True, failures=0, results=0),
        RetryPaid(provider="alibaba", retries_left=3),
        *succeeded(1),
        ended(),
    ):
        spans(event)
        journalled(event)
    one, other = read(tmp_path / "journal.jsonl"), read(exported.write(tmp_path / "spans.jsonl"))
    assert (one.problems, other.problems) == ((), ())
    assert _without_place(one.adaptations) == _without_place(other.adaptations)
    assert _without_place(one.breaker_changes) == _without_place(other.breaker_changes)
    (first,), (change, _) = one.adaptations, one.breaker_changes
    assert (first.operation, first.old, first.new, first.declared, first.refused) == ("CreateGroupId", 10, 6, 10, 4)
    assert (change.breaker, change.new, change.is_shadow, change.failures) == ("alibaba:CreateGroupId", "open", True, 6)
    assert [call.retries_paid for call in (*one.calls, *other.calls)] == [1, 1]
    assert other.calls[0].process == other.adaptations[0].process
    assert one.calls[0].process == one.adaptations[0].process


def _without_place(changes: Any) -> list[Any]:
    return [evolve(each, at=0.0, run="", process="") for each in changes]
