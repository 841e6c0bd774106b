from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from any_events import ADAPTED, CHANGE
from attrs import evolve
from measured_calls import Measured
from scripted_calls import (
    FAIL,
    INJECTION,
    OVERFLOW,
    RETRY,
    THROTTLED,
    Flight,
    accepted,
    ended,
    failed,
    gave_up,
    started,
    succeeded,
)

import resilience.telemetry
from resilience.core.admission.admission import Admission
from resilience.core.admission.breaker import Breaker
from resilience.core.admission.budget import budget_of
from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.decision import Accept, Fail, Refresh, Rename, Verify
from resilience.core.events import (
    AttemptAborted,
    AttemptStarted,
    Event,
    FaultInjected,
    LimitsInForce,
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
from resilience.telemetry import Logs, names
from resilience.telemetry.contract import contract, with_tables

_VERIFY = Verify(rule=THROTTLED, action=RETRY, delay=0.5)
_LOST = Fault(transport="lost", error="resilience.DeadlineExceeded")
_FLIGHT = Flight()

# Calls in which everything happens that the contract has a word for.
_CALLS: list[list[Event]] = [
    [*succeeded(1), ended()],
    [Waited(gate="ledger", duration=0.2), Waited(gate="credentials", duration=0.1), *succeeded(1), ended()],
    [Waited(gate="thread", duration=0.2), *succeeded(1), ended()],
    [Recalled(answer="new", waited=0.0), *succeeded(1), ended()],
    [Recalled(answer="done", waited=0.2), ended("accepted", "accepted", verified=True)],
    [Recalled(answer="unfinished", waited=0.0), ended("failed", "unverified", error="resilience.LedgerError")],
    [*failed(1), *succeeded(2), ended("success_after_retry", waited=1.5)],
    accepted(),
    accepted(_LOST),
    gave_up(),
    gave_up(fault=_LOST),
    [ADAPTED, *succeeded(1), ended()],
    [evolve(ADAPTED, change=evolve(ADAPTED.change, new=12.0, refused=0)), *succeeded(1), ended()],
    [CHANGE, ended("refused", "breaker", error="resilience.BreakerOpen")],
    [evolve(CHANGE, old="open", new="half_open", results=0), *succeeded(1), ended()],
    [evolve(CHANGE, old="half_open", new="closed", by_hand=True, results=0), *succeeded(1), ended()],
    [StateChanged(is_away=True, on_unavailable="local"), *succeeded(1), ended()],
    [failed(1)[0], failed(1)[1], RetryPaid(provider="alibaba", retries_left=3), *succeeded(2), ended()],
    [
        *failed(1, Refresh(rule=THROTTLED, action=RETRY, provider="alibaba")),
        RefreshStarted(provider="alibaba", flight=_FLIGHT, leads=True, number=1),
        RefreshEnded(flight=_FLIGHT, duration=0.1, error="OSError"),
        RefreshStarted(provider="alibaba", flight=_FLIGHT, leads=True, number=1),
        RefreshEnded(flight=_FLIGHT, duration=0.1),
        *failed(2, Rename(rule=THROTTLED, action=RETRY, number=2), fault=_LOST, cut=True),
        ResourceRenamed(operation="CreateGroupId", provider="alibaba", field="GroupId", old="a", new="a-2"),
        AttemptStarted(number=3),
        FaultInjected(number=3, injection=INJECTION),
        failed(3, _VERIFY)[-1],
        VerifyStarted(number=3),
        VerifyEnded(there=None, decision=_VERIFY, duration=0.1, error="OSError"),
        VerifyStarted(number=3),
        VerifyEnded(there=False, decision=_VERIFY, duration=0.1),
        VerifyStarted(number=3),
        VerifyEnded(there=False, decision=_VERIFY, duration=0.1, discarded=True),
        VerifyStarted(number=3),
        VerifyEnded(there=True, decision=Accept(rule=THROTTLED, action=FAIL), duration=0.1),
        ended("accepted", "accepted", verified=True, rule=THROTTLED),
    ],
    [*failed(1, Fail(reason="unknown")), ended("failed", "unknown", fault=OVERFLOW, error="sdk.ServerError")],
    [*failed(1, Fail(reason="unknown"), fault=_LOST), ended("failed", "inner", error="OSError")],
    [
        AttemptStarted(number=1),
        AttemptAborted(number=1, duration=0.1, error="TypeError"),
        ended(None, None, error="TypeError"),
    ],
    [ended("cancelled", "cancelled")],
]

_LIMITS = RateLimits(
    per_host=Rate(9.0, 1.0),
    default=Rate(8.0, 1.0),
    operations={"CreateGroupId": Rate(7.0, 1.0)},
    concurrency=3,
)
_SHARED = LimitsInForce(
    admission=Admission(_LIMITS),
    breaker=Breaker(BreakerLimits(failure_rate=0.5)),
    budget=budget_of(BudgetLimits()),
)
if _SHARED.admission is not None:
    _SHARED.admission.enter("CreateGroupId", "host", 0.0)

_TYPES = {"string": str, "int": int, "double": float, "bool": bool}


@pytest.fixture
def measured() -> Measured:
    """Measure every call."""
    measured = Measured()
    for call in _CALLS:
        measured.play(*call)
    measured.play(*succeeded(1), ended(), call=evolve(started(), shared=lambda: _SHARED))
    return measured


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, Any]]]:
    """Log every call; return name, level and fields of each record."""
    caplog.set_level(logging.DEBUG, "resilience")
    logs = Logs()
    for call in _CALLS:
        sink = logs.watch(started())
        assert sink is not None
        for event in call:
            sink(event)
    told = []
    for record in caplog.records:
        fields = {name: value for name, value in vars(record).items() if "." in name}
        told.append((fields[names.EVENT_NAME], record.levelname, fields))
    return told


def test_instruments_are_exactly_those_of_the_contract(measured: Measured) -> None:
    """Every instrument that calls use is in the contract with its unit, and every one there is used."""
    made = {name: metric.unit for name, metric in measured.metrics().items()}
    assert {each.name: each.unit for each in contract().instruments} == made


def test_kinds_of_instruments_are_those_of_the_contract(measured: Measured) -> None:
    """What the contract calls a counter only goes up; an updowncounter may go down; a histogram has buckets."""
    made = {}
    for name, metric in measured.metrics().items():
        if hasattr(metric.data, "is_monotonic"):
            made[name] = "counter" if metric.data.is_monotonic else "updowncounter"
        else:
            made[name] = "histogram"
    assert {each.name: each.kind for each in contract().instruments} == made


def test_attributes_of_instruments_are_exactly_those_of_the_contract(measured: Measured) -> None:
    """No series has an attribute that the contract does not name for it, and each of those is on some series."""
    documented = {(each.name, attribute) for each in contract().instruments for attribute in each.attributes}
    made = {
        (f"resilience.{name}", attribute)
        for name, series in measured.read().items()
        for attributes in series
        for attribute, _ in attributes
    }
    assert documented == made


def test_attributes_of_metrics_are_bounded_and_have_their_types(measured: Measured) -> None:
    """What series are told apart by is explained, with what bounds it, and nothing else is."""
    documented = {each.name: each for each in contract().metric_attributes}
    made = {pair for series in measured.read().values() for attributes in series for pair in attributes}
    assert documented.keys() == {name for name, _ in made}
    assert all(type(value) is _TYPES[documented[name].type] for name, value in made)
    assert all(each.meaning for each in documented.values())


def test_words_that_the_contract_lists_are_all_there_are(measured: Measured) -> None:
    """An attribute of few words has exactly those that the contract spells out."""
    for name in (
        names.OUTCOME,
        names.ATTEMPT_TYPE,
        names.VERIFY_ANSWER,
        names.LEDGER_ANSWER,
        names.ACTION,
        names.BREAKER_STATE,
        names.RATE_SCOPE,
        names.RATE_DIRECTION,
    ):
        (documented,) = [each.meaning for each in contract().metric_attributes if each.name == name]
        made = {
            value
            for series in measured.read().values()
            for attributes in series
            for attribute, value in attributes
            if attribute == name
        }
        assert set(re.findall(r"`(\w+)`", documented)) == made


def test_records_are_exactly_those_of_the_contract(records: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Every record has its row with its level, and every row has its record."""
    documented = {(record.name, level) for record in contract().records for level in record.levels}
    assert documented == {(name, level) for name, level, _ in records}


def test_fields_of_records_are_exactly_those_of_the_contract(records: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Every field that a record has is in its row or in those of all records, and the other way round."""
    common = {each.name for each in contract().record_fields}
    documented = {(record.name, field) for record in contract().records for field in {*record.fields, *common}}
    assert documented == {(name, field) for name, _, fields in records for field in fields}


def test_fields_have_the_types_of_the_spans_attributes(records: list[tuple[str, str, dict[str, Any]]]) -> None:
    """A field is named like an attribute of spans and has its type."""
    known = (*contract().attributes, *contract().event_attributes, *contract().record_fields)
    types = {each.name: _TYPES[each.type] for each in known}
    assert all(type(value) is types[name] for _, _, fields in records for name, value in fields.items())


def test_an_instrument_is_found_by_its_name() -> None:
    """A misspelt name is an error, so that a chart of nothing is not drawn."""
    assert contract().instrument("resilience.decisions").kind == "counter"
    with pytest.raises(LookupError, match="no instrument is named"):
        contract().instrument("resilience.decision")


def test_the_docstring_says_which_version_it_is() -> None:
    """A reader of the contract sees the version that programs get."""
    assert f"a contract, version {contract().version}, " in (resilience.telemetry.__doc__ or "")


def test_the_docstring_has_the_tables_of_the_contract() -> None:
    """Whoever changes the contract makes the tables anew."""
    source = Path(resilience.telemetry.__file__).read_text(encoding="utf-8")
    assert with_tables(source) == source
    assert with_tables(source.replace("| `.effect` |", "| `.efect` |")) == source


def test_the_contract_is_there_without_docstrings() -> None:
    """It is the same under ``python -OO``."""
    ran = subprocess.run(
        [sys.executable, "-OO", "-c", "from resilience.telemetry.contract import contract; print(contract())"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.strip() == str(contract())
