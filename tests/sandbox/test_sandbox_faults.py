from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.catalog import providers
from resilience.sandbox.faults import make_fault
from resilience.sandbox.script import Script, parse_script


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("ok", {"kind": "ok", "effect": True}, id="ok"),
        pytest.param("SystemOverFlow*3", {"kind": "code", "code": "SystemOverFlow", "times": 3}, id="repeat"),
        pytest.param("InvalidParameter.Actions*", {"code": "InvalidParameter.Actions", "times": None}, id="for-ever"),
        pytest.param("503", {"kind": "status", "status": 503, "answer": "http-503"}, id="status"),
        pytest.param("http-429", {"kind": "status", "status": 429}, id="http-status"),
        pytest.param("lost", {"kind": "hangup", "effect": False}, id="lost"),
        pytest.param("applied reset", {"kind": "reset", "effect": True}, id="applied"),
        pytest.param(" late  lost ", {"kind": "hangup", "effect": "late", "delay": None}, id="late"),
        pytest.param("late InternalError 1.5s", {"code": "InternalError", "effect": "late", "delay": 1.5}, id="when"),
        pytest.param(
            'SystemOverFlow("busy, (later)")*2', {"code": "SystemOverFlow", "message": "busy, (later)"}, id="message"
        ),
        pytest.param("503('nightly')", {"kind": "status", "status": 503, "body": b"nightly"}, id="page"),
        pytest.param("slow 250ms*2", {"kind": "slow", "delay": 0.25, "times": 2, "effect": True}, id="slow"),
    ],
)
def test_words_mean_faults(text: str, expected: dict[str, Any]) -> None:
    """Each word of the script language gives the fault that the module describes."""
    (fault,) = parse_script("CreateGroupId", text)
    assert {name: getattr(fault, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("operation", "script", "message"),
    [
        pytest.param("CreateGroupID", "ok", "did you mean 'CreateGroupId'", id="operation"),
        pytest.param("tencent:CreateGroupId", "ok", "unknown operation 'CreateGroupId' of tencent", id="provider"),
        pytest.param("nobody:CreateTopic", "ok", f"expected one of {', '.join(providers())}", id="no-provider"),
        pytest.param("CreateTopic", "ok, ", "expected \\[applied|late\\] WORD", id="empty"),
        pytest.param("CreateTopic", "applied", "expected \\[applied|late\\] WORD", id="no-word"),
        pytest.param("CreateTopic", "two words", "expected \\[applied|late\\] WORD", id="two-words"),
        pytest.param("CreateTopic", "slow", "needs a delay", id="slow"),
        pytest.param("CreateTopic", "late ok", "for a later effect use 'hang'", id="late-ok"),
        pytest.param("CreateTopic", "-3-", "neither a word of the script language nor a code", id="no-code"),
        pytest.param("CreateTopic", "loost", "nor a code; did you mean 'lost'", id="alias"),
        pytest.param("CreateTopic", "applied resett", "nor a code; did you mean 'reset'", id="word"),
        pytest.param("CreateTopic", 'lost("gone")', "message does not go with kind 'hangup'", id="no-one-says-it"),
        pytest.param("CreateTopic", "reset*0", "times >= 1", id="never"),
        pytest.param("CreateGroupId", "GroupIdAlreadyExisted", "did you mean 'GroupIdAlreadyExsited'", id="spelling"),
    ],
)
def test_a_script_that_cannot_be_meant_is_an_error(operation: str, script: str, message: str) -> None:
    """What is not understood is a ValueError that shows it, and suggests what was probably meant."""
    with pytest.raises(ValueError, match=message):
        parse_script(operation, script)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        pytest.param({}, "expected a code, a status, fields or a kind", id="nothing"),
        pytest.param({"kind": "explode"}, "unknown kind 'explode'", id="kind"),
        pytest.param({"kind": "status"}, "needs status", id="status"),
        pytest.param({"kind": "reset", "code": "X"}, "code does not go with kind 'reset'", id="both"),
        pytest.param({"status": "503"}, "from 200 to 599, got '503'", id="text"),
        pytest.param({"kind": "hang", "status": 503}, "only with code, status, garbage", id="hang-status"),
        pytest.param({"kind": "slow", "delay": 1, "applied": False}, "gives the usual answer", id="slow-without"),
        pytest.param({"kind": "reset", "applied": "soon"}, "expected True, False or 'late'", id="applied"),
        pytest.param({"kind": "reset", "delay": -1}, "delay >= 0", id="delay"),
    ],
)
def test_a_fault_that_contradicts_itself_is_an_error(what: dict[str, Any], message: str) -> None:
    """Parts that do not fit together are refused where the fault is made."""
    with pytest.raises(ValueError, match=message):
        make_fault("CreateTopic", **what)


def test_an_odd_code_can_be_insisted_on() -> None:
    """A code that looks misspelled is sent all the same if the kind is said."""
    fault = make_fault("CreateGroupId", "GroupIdAlreadyExisted", kind="code")
    assert fault.answer == "GroupIdAlreadyExisted"


def test_faults_are_taken_in_order_by_those_they_meet() -> None:
    """A call takes the first fault that meets it; others keep theirs, and after the last one all is healthy."""
    script = Script()
    script.add(*parse_script("alibaba:Create*", "SystemOverFlow, ok"), *parse_script("CreateTopic", "reset"))
    script.add(make_fault("CreateGroupId", "InternalError", after=1))

    taken = [("tencent", "CreateTopic"), *[("alibaba", "CreateGroupId")] * 5]
    assert [script.next(*call).answer for call in taken] == [
        "reset",
        "SystemOverFlow",
        "ok",
        "ok",
        "InternalError",
        "ok",
    ]
    assert script.pending() == ()


def test_what_is_left_of_a_fault_can_be_seen() -> None:
    """A repeated fault shows how often it will still come, and clearing forgets it."""
    script = Script()
    script.add(make_fault("CreateTopic", kind="reset", times=3))
    script.next("tencent", "CreateTopic")
    assert [fault.times for fault in script.pending()] == [2]
    script.clear()
    assert script.next("tencent", "CreateTopic").kind == "ok"


@given(seed=st.integers(0, 2**32), rate=st.floats(0, 1))
def test_chaos_is_fixed_by_its_seed(seed: int, rate: float) -> None:
    """The same seed gives the same faults, rate 0 gives none, and rate 1 gives one for every call."""

    def run() -> list[str]:
        script = Script()
        script.mix("tencent:*", rate, seed, ["reset", "applied InternalError"])
        return [script.next("tencent", "CreateTopic").answer for _ in range(20)]

    drawn = run()
    assert drawn == run()
    assert set(drawn) <= {"ok", "reset", "InternalError"}
    if rate in (0, 1):
        assert ("ok" in drawn) == (rate == 0)


def test_chaos_spares_other_operations_and_yields_to_scripts() -> None:
    """A scripted fault comes before a random one, and operations outside the glob are healthy."""
    script = Script()
    script.mix("Create*", 1.0, 1, ["reset"])
    script.add(*parse_script("CreateTopic", "ok"))
    assert [script.next("tencent", "CreateTopic").answer for _ in range(2)] == ["ok", "reset"]
    assert script.next("tencent", "DescribeTopic").answer == "ok"
    with pytest.raises(ValueError, match="from 0 to 1"):
        script.mix("*", 2.0, 1, ["reset"])
    with pytest.raises(ValueError, match="at least one"):
        script.mix("*", 0.5, 1, [])
