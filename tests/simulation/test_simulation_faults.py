"""The language of fault scripts, as a simulation reads it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from resilience.core.fault import Fault
from resilience.simulation import ScriptedResponse, meetings, read_script

LATENCY = 0.1
LOST = Fault(transport="lost")


def met(script: str, count: int) -> list[ScriptedResponse]:
    read = read_script(script, provider="alibaba", latency=LATENCY)
    return list(itertools.islice(meetings(read, latency=LATENCY), count))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param("ok", {"fault": None, "duration": LATENCY, "lands": 0.0}, id="ok"),
        pytest.param("slow 250ms", {"fault": None, "duration": 0.25, "lands": 0.0}, id="slow"),
        pytest.param("lost", {"fault": LOST, "duration": LATENCY, "lands": None}, id="lost"),
        pytest.param("applied reset 2s", {"fault": LOST, "duration": 2.0, "lands": 0.0}, id="applied"),
        pytest.param("late hangup 5s", {"fault": LOST, "duration": LATENCY, "lands": 5.0}, id="late"),
        pytest.param("hang", {"fault": LOST, "duration": None, "lands": None}, id="hang"),
        pytest.param("hang 15s", {"fault": LOST, "duration": 15.0, "lands": None}, id="hang-that-ends"),
        pytest.param("late hang 5s", {"fault": LOST, "duration": None, "lands": 5.0}, id="late-hang"),
        pytest.param("unsent", {"fault": Fault(transport="unsent"), "duration": LATENCY}, id="unsent"),
        pytest.param("truncated", {"fault": Fault(transport="garbled"), "duration": LATENCY, "lands": 0.0}, id="cut"),
        pytest.param("http-503", {"fault": Fault(transport="garbled", status=503), "duration": LATENCY}, id="status"),
        pytest.param(
            "SystemOverFlow",
            {"fault": Fault(provider="alibaba", code="SystemOverFlow", status=500), "duration": LATENCY},
            id="code-with-the-catalogues-status",
        ),
        pytest.param(
            "not_authorised",
            {"fault": Fault(provider="alibaba", code="not_authorised"), "duration": LATENCY},
            id="code-in-lower-case",
        ),
        pytest.param("409001", {"fault": Fault(provider="alibaba", code="409001"), "duration": LATENCY}, id="number"),
    ],
)
def test_a_word_is_what_an_attempt_meets(entry: str, expected: dict[str, Any]) -> None:
    """Each word stands for a fault or a success, how long it takes, and when it takes effect."""
    assert met(entry, 1) == [ScriptedResponse(**expected)]


def test_entries_come_in_order_and_then_all_is_well() -> None:
    """``*3`` repeats an entry, and after the last one every attempt succeeds."""
    labels = [None if each.fault is None else each.fault.label for each in met("lost*2, ok, unsent", 6)]
    assert labels == ["lost", "lost", None, "unsent", None, None]


def test_a_star_without_a_number_is_for_ever() -> None:
    """``X*`` is met by every attempt from there on."""
    assert {each.fault for each in met("lost*", 50)} == {LOST}


def test_an_empty_script_is_no_fault_at_all() -> None:
    """Without faults the first attempt succeeds."""
    assert met("", 1)[0].fault is None


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param("losst", "neither a word of the script language nor a code; did you mean 'lost'", id="word"),
        pytest.param("SystemOverflow", "did you mean 'SystemOverFlow'", id="code"),
        pytest.param("slow", "slow needs a delay", id="slow"),
        pytest.param("late lost", "late needs a delay", id="late"),
        pytest.param("applied ok", "carried out anyway", id="applied-ok"),
        pytest.param("applied unsent", "never sent", id="applied-unsent"),
        pytest.param("lost, , ok", "expected \\[applied", id="empty-entry"),
        pytest.param("lost*0", "times >= 1", id="never"),
    ],
)
def test_what_cannot_be_meant_is_refused(script: str, message: str) -> None:
    """A word that nobody knows, or that contradicts itself, is an error that says what was probably meant."""
    with pytest.raises(ValueError, match=message):
        read_script(script, provider="alibaba", latency=LATENCY)


@pytest.mark.parametrize(
    ("script", "label", "literal"),
    [
        pytest.param('lost("reset by peer")', "lost", "RESET", id="a-lost-answer"),
        pytest.param("503 ('maintenance, nightly') 2s", "http-503", "nightly", id="a-status-with-a-delay"),
        pytest.param(r'applied InternalError("a \"b\" c")*2', "InternalError", '"b"', id="quotes"),
    ],
)
def test_a_fault_may_say_something(script: str, label: str, literal: str) -> None:
    """What stands in parentheses after a word is what rules with a message look at, and nothing shows it."""
    fault = met(script, 1)[0].fault
    assert fault is not None
    assert fault.label == label
    assert fault.message is not None
    assert literal in fault.message
    (scripted,) = read_script(script, provider="alibaba", latency=LATENCY)
    assert literal not in scripted.text
