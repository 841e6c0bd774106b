from __future__ import annotations

from any_events import ADAPTED, CHANGE
from scripted_calls import FAIL, THROTTLED, Recorded, accepted, ended, failed, gave_up, succeeded

from resilience.core.decision import Fail
from resilience.core.events import Waited
from resilience.telemetry import build_tree, names
from resilience.telemetry.contract import contract
from resilience.telemetry.spans.tree import _FACTS


def test_a_trace_becomes_a_tree_in_the_order_of_time() -> None:
    """Attempts stand below their operation, in the order in which they began, whatever order they are given in."""
    trace_ = Recorded()
    trace_.play(*failed(1), *succeeded(2), ended("success_after_retry", attempts=2, waited=1.5))
    (root,) = build_tree(reversed(trace_.spans()))
    assert root.name == "CreateGroupId"
    assert [child.name for child in root.children] == ["attempt CreateGroupId"] * 2
    assert [child.status for child in root.children] == ["error", "unset"]
    assert root.duration >= sum(child.duration for child in root.children) > 0


def test_facts_tell_what_failed_and_what_was_decided() -> None:
    """A failed attempt's facts name the code, the decision, the delay and the rule with its line."""
    trace_ = Recorded()
    trace_.play(*failed(1), *succeeded(2), ended("success_after_retry", attempts=2, waited=1.5))
    (root,) = build_tree(trace_.spans())
    first, second = root.children
    assert {
        "SystemOverFlow",
        "http 503",
        "so retry",
        "in 1.5 s",
        'by alibaba."SystemOverFlow"',
        "at policies/mqtt.toml:7",
        "request 5F3A-77",
    } <= set(first.facts)
    assert "link to previous attempt" in second.facts
    assert "waited 1.5 s" in root.facts
    (event,) = [fact for fact in root.facts if "retry scheduled" in fact]
    assert event.startswith("+0.")


def test_a_failed_call_begins_with_its_reason() -> None:
    """The first fact of a failed operation is why it failed."""
    trace_ = Recorded()
    trace_.play(*gave_up("attempts", attempts=5))
    (root,) = build_tree(trace_.spans())
    assert root.status == "error"
    assert root.facts[0] == "retries exhausted after 5 attempts"


def test_events_are_facts_with_their_time() -> None:
    """What was decided on the way is told with the seconds since the call began, and without true or false."""
    trace_ = Recorded()
    trace_.play(*failed(1), *accepted(verified=True))
    (root,) = build_tree(trace_.spans())
    scheduled, taken = (fact for fact in root.facts if fact.startswith("+"))
    assert scheduled.endswith(
        's retry scheduled, attempt 1, SystemOverFlow, in 1.5 s, server asks for 2 s, by alibaba."SystemOverFlow"'
    )
    assert taken.endswith('s error accepted, SystemOverFlow, verified yes, by alibaba."SystemOverFlow"')


def test_a_span_whose_parent_is_elsewhere_is_a_root() -> None:
    """What belongs to a trace of somebody else, and several calls, are roots side by side."""
    trace_ = Recorded()
    with trace_.user.start_as_current_span("script"):
        for _ in range(2):
            trace_.play(*failed(1, Fail(rule=THROTTLED, action=FAIL, reason="rule")), ended("failed", "rule"))
    without_script = [span for span in trace_.spans() if span.name != "script"]
    assert [root.name for root in build_tree(without_script)] == ["CreateGroupId", "CreateGroupId"]
    (script,) = build_tree(trace_.spans())
    assert [child.name for child in script.children] == ["CreateGroupId", "CreateGroupId"]


def test_no_spans_are_no_tree() -> None:
    """An empty trace has no roots."""
    assert build_tree([]) == ()


def test_a_wait_and_a_limit_that_adapts_say_for_what_and_how_much() -> None:
    """A reader of a slow call sees what it waited for, and how long."""
    trace_ = Recorded()
    trace_.play(Waited(gate="rate", duration=2.5), ADAPTED, CHANGE, *succeeded(1), ended())
    (root,) = build_tree(trace_.spans())
    waited, adapted, changed = (fact.partition(" s ")[2] for fact in root.facts if fact.startswith("+"))
    assert waited == "admission waited, for rate, 2.5 s"
    assert adapted == ("rate adapted, of CreateGroupId, from 10/s, to 6/s, declared 10/s, throttled 4, answered 11")
    assert changed == "breaker changed, of alibaba, now open, shadow yes, by hand no, failures 6, results 10"


def test_every_attribute_of_an_event_has_its_words() -> None:
    """No event is shown without what it says; whether a wait is jittered, and what a breaker was before, say little."""
    told = {name for event in contract().events for name in event.attributes}
    left_out = {names.JITTERED, names.BREAKER_BEFORE, names.RATE_PROVIDER}
    assert told - _FACTS.keys() == left_out
