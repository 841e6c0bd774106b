from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest
from any_events import ENDS, EVENTS
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from measured_calls import ALONE, Measured, key
from opentelemetry.metrics import Histogram
from opentelemetry.metrics import NoOpMeter as OtherMeter
from opentelemetry.sdk.metrics.export import AggregationTemporality, Sum
from scripted_calls import (
    OVERFLOW,
    POLICY,
    RETRY,
    THROTTLED,
    Flight,
    accepted,
    ended,
    failed,
    gave_up,
    rule,
    started,
    succeeded,
)

from resilience.core.decision import Accept, Fail, Refresh, Verify, Wait
from resilience.core.events import (
    AttemptAborted,
    AttemptStarted,
    CallEnded,
    Event,
    Recalled,
    RefreshEnded,
    RefreshStarted,
    VerifyEnded,
    VerifyStarted,
)
from resilience.core.fault import Fault
from resilience.telemetry import Metrics, names
from resilience.telemetry.contract import contract
from resilience.telemetry.metrics.active import Active, _registered
from resilience.telemetry.metrics.instruments import Instruments
from resilience.telemetry.providers.scope import SCOPE, version

_BY_STATUS = rule("http-5xx", scope="transport", line=12)
_BY_ONE = rule("http-503", scope="transport", line=13)
_VERIFY = Verify(rule=THROTTLED, action=RETRY, delay=0.5)


def test_a_call_that_succeeds_at_once_is_one_operation_and_one_attempt() -> None:
    """It has its duration and its attempt's, nothing was decided, and no failure has a type."""
    measured = Measured()
    measured.play(*succeeded(1), ended())
    assert measured.values("operation.duration") == {key(outcome="success"): 0.2}
    assert measured.values("attempt.duration") == {key(kind="original"): 0.1}
    assert measured.series("decisions") == {}
    assert measured.series("retry.delay") == {}


def test_what_the_ledger_knew_is_counted() -> None:
    """What an earlier run has done, or began, is told from what is new; without a ledger there is no answer."""
    measured = Measured()
    measured.play(*succeeded(1), ended())
    assert measured.values("ledger.answers") == {}
    measured.play(Recalled(answer="new", waited=0.0), *succeeded(1), ended())
    for _ in range(2):
        measured.play(Recalled(answer="unfinished", waited=0.0), *succeeded(1), ended())
    assert measured.values("ledger.answers") == {key(knew="new"): 1, key(knew="unfinished"): 2}


def test_operations_and_attempts_are_counted_apart() -> None:
    """Two attempts of one call are two of attempts and one of operations; the wait between has its own place."""
    measured = Measured()
    measured.play(*failed(1), *succeeded(2), ended("success_after_retry"))
    assert measured.values("attempt.duration") == {
        key(kind="original", failure="SystemOverFlow"): 0.1,
        key(kind="retry"): 0.1,
    }
    assert measured.values("operation.duration") == {key(outcome="success_after_retry"): 0.2}
    assert measured.values("decisions") == {key(action="retry", failure="SystemOverFlow"): 1}
    assert measured.values("retry.delay") == {key(action="retry"): 1.5}


@pytest.mark.parametrize(
    ("events", "outcome", "failures"),
    [
        pytest.param([*succeeded(1), ended()], key(outcome="success"), 0, id="success"),
        pytest.param(accepted(), key(outcome="accepted"), 0, id="accepted"),
        pytest.param([ended("cancelled", "cancelled")], key(outcome="cancelled"), 0, id="cancelled"),
        pytest.param(gave_up(), key(outcome="exhausted", failure="SystemOverFlow"), 1, id="exhausted"),
        pytest.param(gave_up("deadline"), key(outcome="exhausted", failure="timeout"), 1, id="deadline"),
        pytest.param(gave_up("rule", "failed"), key(outcome="failed", failure="SystemOverFlow"), 1, id="failed"),
        pytest.param(
            [ended("refused", "breaker", error="resilience.BreakerOpen")],
            key(outcome="refused", failure="resilience.BreakerOpen"),
            1,
            id="refused",
        ),
        pytest.param(
            [
                AttemptStarted(number=1),
                AttemptAborted(number=1, duration=0.1, error="TypeError"),
                ended(None, None, error="TypeError"),
            ],
            key(failure="TypeError"),
            1,
            id="programming-error",
        ),
    ],
)
def test_an_operation_says_how_it_ended(events: list[Event], outcome: Any, failures: int) -> None:
    """Each end has its outcome, a failure its type, and only failures count as such; nothing stays under way."""
    measured = Measured()
    measured.play(*events)
    assert measured.values("operation.duration") == {outcome: 0.2}
    assert measured.values("operation.failures") == {ALONE: failures}
    assert measured.values("operation.active") == {ALONE: 0}


def test_what_must_not_happen_is_counted_from_zero() -> None:
    """As soon as a first call begins, an alert on an increase has a zero to compare with; it is added once."""
    measured = Measured()
    sink = measured.watch()
    assert measured.values("operation.failures") == {ALONE: 0}
    assert measured.values("faults.unmatched") == {ALONE: 0}
    sink(ended("failed", "rule"))
    measured.watch()
    assert measured.values("operation.failures") == {ALONE: 1}


def test_a_call_counts_as_under_way_until_it_ends_and_ends_once() -> None:
    """What comes after the end changes nothing."""
    measured = Measured()
    first, second = measured.watch(), measured.watch()
    assert measured.values("operation.active") == {ALONE: 2}
    for _ in range(2):
        for event in (*succeeded(1), ended()):
            first(event)
    assert measured.values("operation.active") == {ALONE: 1}
    assert measured.series("operation.duration")[key(outcome="success")].count == 1
    assert measured.series("attempt.duration")[key(kind="original")].count == 1
    second(ended())
    assert measured.values("operation.active") == {ALONE: 0}


@pytest.mark.parametrize(
    ("decision", "fault", "gaps"),
    [
        pytest.param(Fail(rule=THROTTLED, reason="rule"), OVERFLOW, 0, id="a-rule-is-for-it"),
        pytest.param(Fail(reason="unknown"), OVERFLOW, 1, id="no-rule"),
        pytest.param(Wait(action=RETRY, delay=1.0), OVERFLOW, 1, id="no-rule-and-unknown-is-retried"),
        pytest.param(Fail(reason="inner"), OVERFLOW, 0, id="decided-inside"),
        pytest.param(Fail(rule=_BY_STATUS, reason="rule"), OVERFLOW, 1, id="a-code-and-only-its-status-has-a-rule"),
        pytest.param(Fail(rule=_BY_STATUS, reason="rule"), Fault(status=503), 0, id="a-status-and-its-rule"),
        pytest.param(Fail(rule=_BY_ONE, reason="rule"), OVERFLOW, 0, id="a-code-and-a-rule-for-just-its-status"),
    ],
)
def test_a_fault_without_a_rule_is_a_gap_in_the_policy(decision: Any, fault: Fault, gaps: int) -> None:
    """It is counted whatever the policy does with the unknown, and not where another policy has decided."""
    measured = Measured()
    measured.play(*failed(1, decision, fault=fault), ended("failed", "rule"))
    assert measured.values("faults.unmatched") == {ALONE: gaps}


def test_a_refresh_is_measured_where_it_runs() -> None:
    """The call that runs it is measured, a waiter is not, nor a refresh that is cancelled; a failure has its type."""
    measured, flight = Measured(), Flight()
    for leads, error, cancelled in (
        (True, None, False),
        (False, None, False),
        (True, "OSError", False),
        (True, None, True),
    ):
        sink = measured.watch()
        for event in failed(1, Refresh(rule=THROTTLED, action=RETRY, provider="alibaba")):
            sink(event)
        sink(RefreshStarted(provider="alibaba", flight=flight, leads=leads, number=1))
        sink(RefreshEnded(flight=flight, duration=0.3, error=error, cancelled=cancelled))
        sink(ended())
    source = ("resilience.credential.provider", "alibaba")
    assert measured.values("credential.refresh.duration") == {
        frozenset({source}): 0.3,
        frozenset({source, ("error.type", "OSError")}): 0.3,
    }
    assert measured.values("decisions") == {key(action="refresh", failure="SystemOverFlow"): 4}
    assert measured.series("retry.delay") == {}


def test_a_verification_is_measured_and_its_decision_counts() -> None:
    """Each answer has its duration; what is decided on it answers the fault that was in doubt."""
    measured = Measured()
    measured.play(
        *failed(1, _VERIFY),
        VerifyStarted(number=1),
        VerifyEnded(there=None, decision=_VERIFY, duration=0.1, error="OSError"),
        VerifyStarted(number=1),
        VerifyEnded(there=False, decision=_VERIFY, duration=0.1),
        VerifyStarted(number=1),
        VerifyEnded(there=True, decision=Accept(verified=True), duration=0.1),
        ended("accepted", "accepted"),
    )
    assert measured.values("verify.duration") == {
        key(answer="failed", failure="OSError"): 0.1,
        key(answer="not_there"): 0.1,
        key(answer="there"): 0.1,
    }
    assert measured.values("decisions") == {
        key(action="verify", failure="SystemOverFlow"): 3,
        key(action="accept", failure="SystemOverFlow"): 1,
    }
    assert measured.values("retry.delay") == {key(action="verify"): 1.5}


def test_what_is_cancelled_is_not_measured() -> None:
    """A cancelled attempt or verification would look like a quick one; the operation says that it was cancelled."""
    measured = Measured()
    measured.play(
        AttemptStarted(number=1),
        AttemptAborted(number=1, duration=0.1, error=None),
        ended("cancelled", "cancelled"),
    )
    measured.play(
        *failed(1, _VERIFY),
        VerifyStarted(number=1),
        VerifyEnded(there=None, decision=None, duration=0.1),
        ended("cancelled", "cancelled"),
    )
    assert measured.values("attempt.duration") == {key(kind="original", failure="SystemOverFlow"): 0.1}
    assert measured.series("verify.duration") == {}
    assert measured.series("operation.duration")[key(outcome="cancelled")].count == 2


def test_classes_without_end_become_one_series() -> None:
    """Exceptions of the first hundred classes have a type of their own, later ones share one, and listed codes stay."""
    measured = Measured()
    for number in range(150):
        measured.play(*gave_up("rule", "failed", fault=Fault(error=f"made.Error{number}")))
    measured.play(*gave_up("rule", "failed"))
    types = {dict(attributes)["error.type"] for attributes in measured.series("operation.duration")}
    assert types == {f"made.Error{number}" for number in range(100)} | {"_OTHER", "SystemOverFlow"}


def test_buckets_are_those_of_the_contract() -> None:
    """Every histogram has the buckets that the contract says, and the other instruments have none."""
    measured = Measured()
    measured.play(*failed(1, _VERIFY), *succeeded(2), ended())
    for name, metric in measured.metrics().items():
        points = measured.series(name.removeprefix("resilience.")).values()
        assert {point.bounds for point in points} == {contract().instrument(name).buckets}
        assert metric.unit == contract().instrument(name).unit


def test_a_meter_that_takes_no_advice_gets_none() -> None:
    """Before opentelemetry-api 1.30 there was no advice on buckets; the instruments are made all the same."""

    class Older(OtherMeter):
        made: list[str] = []  # noqa: RUF012  # of this test alone

        def create_histogram(self, name: str, unit: str = "", description: str = "") -> Histogram:  # type: ignore[override]  # as it was
            self.made.append(name)
            return super().create_histogram(name, unit, description)

    instruments = Instruments.make(Older("older"))
    assert set(Older.made) == {each.name for each in contract().instruments if each.kind == "histogram"}
    instruments.attempt_duration.record(0.1)


def test_the_scope_says_who_measured() -> None:
    """Name, version and schema are those of the spans."""
    measured = Measured()
    measured.play(ended())
    scope = measured.scope()
    assert (scope.name, scope.schema_url) == ("resilience", "https://opentelemetry.io/schemas/1.44.0")
    assert scope.version


def test_operations_have_series_of_their_own() -> None:
    """Calls of two operations do not mix."""
    measured = Measured()
    measured.play(ended(), call=started("DeleteGroupId"))
    measured.play(ended())
    names = {dict(attributes)["resilience.operation.name"] for attributes in measured.series("operation.duration")}
    assert names == {"CreateGroupId", "DeleteGroupId"}


def test_series_are_told_apart_by_the_policy_that_decided() -> None:
    """One observer may watch executors with different policies: a code counts where its own policy lists it."""
    measured = Measured()
    measured.play(*gave_up())
    measured.play(*gave_up(), call=evolve(started(), policy=evolve(POLICY, rules=())))
    types = {dict(attributes).get("error.type") for attributes in measured.series("operation.duration")}
    assert types == {"SystemOverFlow", "sdk.ServerError"}


def test_observers_of_one_provider_count_together() -> None:
    """Each executor may have an observer of its own: the instruments are the same, and nothing is lost or doubled."""
    measured = Measured()
    for observer in (measured.observer, Metrics(measured.provider)):
        sink = observer.watch(started())
        assert sink is not None
        for event in gave_up():
            sink(event)
    assert measured.values("operation.failures") == {ALONE: 2}
    assert measured.values("operation.active") == {ALONE: 0}
    assert measured.series("attempt.duration")[key(kind="original", failure="SystemOverFlow")].count == 2


def test_calls_under_way_of_several_observers_are_one_sum() -> None:
    """Whoever reads the metrics finds one sum that may fall, of all observers that share a meter."""
    measured = Measured()
    first = measured.watch()
    second = Metrics(measured.provider).watch(started())
    assert second is not None
    data = measured.metrics()["resilience.operation.active"].data
    assert isinstance(data, Sum)
    assert not data.is_monotonic
    assert data.aggregation_temporality is AggregationTemporality.CUMULATIVE
    assert measured.values("operation.active") == {ALONE: 2}
    first(ended())
    assert measured.values("operation.active") == {ALONE: 1}
    second(ended())
    assert measured.values("operation.active") == {ALONE: 0}


def test_no_meter_is_kept_alive() -> None:
    """A provider that a program lets go of, as tests do, is gone, and so are its numbers."""
    measured = Measured()
    measured.play(*succeeded(1), ended())
    meter = weakref.ref(measured.provider.get_meter(SCOPE, version() or "", names.SCHEMA_URL))
    assert meter() in _registered
    before = len(_registered)
    del measured
    gc.collect()
    assert meter() is None
    assert len(_registered) < before


def test_calls_that_threads_begin_and_end_are_all_counted() -> None:
    """Threads that begin and end calls of one operation at once lose none."""
    active = Active("CreateGroupId")

    def work() -> None:
        for _ in range(2000):
            active.begin()
            active.begin()
            active.end()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert active.count == 8000


@settings(max_examples=60, deadline=None)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=12), end=st.sampled_from(ENDS))
def test_a_call_is_counted_once_whatever_happens(events: list[Event], end: CallEnded) -> None:
    """In whatever order events come, a call is under way until its end, and has one duration."""
    measured = Measured()
    sink = measured.watch()
    for event in events:
        sink(event)
    assert measured.values("operation.active") == {ALONE: 1}
    sink(end)
    assert measured.values("operation.active") == {ALONE: 0}
    assert sum(point.count for point in measured.series("operation.duration").values()) == 1
