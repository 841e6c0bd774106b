"""Several answers to one code: by the fault's message, for a time, and never a second attempt where one is allowed."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest
from core_values import (
    ACCEPT,
    FAIL,
    ONE_SECOND,
    REFRESH,
    RENAME,
    RETRY,
    START,
    VERIFY,
    action,
    fault,
    plan,
    policy,
    rule,
)
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.backoff import Backoff
from resilience.core.decision import Accept, Decision, Fail, Failed, Refresh, Refreshed, Verified, Verify, Wait
from resilience.core.fault import Fault, Message
from resilience.core.history import History
from resilience.core.machine import begin, step
from resilience.core.match import RuleTable
from resilience.core.plan import Plan
from resilience.core.policy import Action, Limits, Rule
from resilience.core.steps.limits import attempt_limit
from resilience.simulation.bounds import uses, worst

SECRET = "token-4711-of-nobody"


def answers(code: str, *entries: tuple[str | None, Action], **settings: Any) -> list[Rule]:
    """Return the rules of one array."""
    return [
        attrs.evolve(
            rule(code, do, **settings), id=f"{rule(code, do, **settings).id}[{index}]", message=text, entry=index
        )
        for index, (text, do) in enumerate(entries)
    ]


def said(code: str | None, message: str | None, **settings: Any) -> Fault:
    return attrs.evolve(fault(code, **settings) if code else Fault(provider="alibaba", **settings), message=message)


def answer(rules: list[Rule], met: Fault, operation: str = "CreateGroupId") -> str | None:
    found = RuleTable.of(rules, operation).match(met, "alibaba", operation)
    return None if found is None else found.id


DENIED = answers("Denied", ("role cannot be assumed", RETRY), ("Try Again", VERIFY), (None, FAIL))


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        pytest.param("The role cannot be assumed yet.", 0, id="the-first-that-fits"),
        pytest.param("THE ROLE CANNOT BE ASSUMED", 0, id="in-any-case"),
        pytest.param("please try again: role cannot be assumed", 0, id="order-of-the-array-decides"),
        pytest.param("try again", 1, id="the-second"),
        pytest.param("something else", 2, id="an-answer-without-message-fits-always"),
        pytest.param("role  cannot be assumed", 2, id="literal"),
        pytest.param("", 2, id="nothing-said"),
        pytest.param(None, 2, id="no-message-at-all"),
    ],
)
def test_the_first_answer_whose_message_fits_decides(message: str | None, entry: int) -> None:
    """A message is a literal text, looked for in whatever case; an answer without one fits every fault."""
    assert answer(DENIED, said("Denied", message)) == f'alibaba."Denied"[{entry}]'


@pytest.mark.parametrize(
    ("literal", "message"),
    [
        pytest.param("straße", "STRASSE gesperrt", id="sharp-s"),
        pytest.param("ÉCHEC", "un échec", id="accents"),
        pytest.param("繁忙", "系统繁忙,请稍后", id="chinese"),
        pytest.param("a.c", "xa.cx", id="a-dot-is-a-dot"),
        pytest.param("(", "f(x)", id="no-pattern"),
    ],
)
def test_messages_are_compared_in_any_alphabet(literal: str, message: str) -> None:
    """Upper and lower case are alike as Unicode has them, and no character has a meaning of its own."""
    assert answer(answers("X", (literal, RETRY)), said("X", message)) is not None
    assert answer(answers("X", ("a.c", RETRY)), said("X", "abc")) is None


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([rule("A", FAIL)], 'alibaba."A"', id="the-parent"),
        pytest.param([rule("A.B", FAIL)], 'alibaba."A.B"', id="the-rule-for-every-operation"),
        pytest.param([rule("A.B", FAIL, operation="Create*"), rule("A", FAIL)], 'alibaba."Create*/A.B"', id="a-glob"),
        pytest.param([rule("http-503", FAIL, scope="transport")], 'transport."http-503"', id="the-status"),
        pytest.param(
            [rule("http-5xx", FAIL, scope="transport.alibaba")], 'transport.alibaba."http-5xx"', id="own-status"
        ),
        pytest.param([], None, id="unknown"),
    ],
)
def test_a_rule_that_does_not_fit_is_as_if_it_were_not_there(rules: list[Rule], expected: str | None) -> None:
    """What would answer without it answers: more operations, the parent code, the status, or nothing."""
    narrow = answers("A.B", ("later", RETRY), operation="CreateGroupId")
    met = said("A.B", "never", status=503)
    assert answer([*narrow, *rules], met) == answer([*rules, *narrow], met) == expected
    assert answer([*narrow, *rules], said("A.B", "LATER", status=503)) == narrow[0].id


def test_statuses_and_lost_answers_have_messages_too() -> None:
    """Transport rules look at what the client says, common and own ones together, the own one first."""
    rules = [
        *answers("http-503", ("maintenance", RETRY), (None, FAIL), scope="transport"),
        *answers("http-503", ("nightly", VERIFY), scope="transport.alibaba"),
        *answers("http-5xx", ("disk", RETRY), scope="transport"),
        *answers("lost", ("reset", RETRY), scope="transport"),
    ]
    assert answer(rules, said(None, "Nightly maintenance", status=503)) == 'transport.alibaba."http-503"[0]'
    assert answer(rules, said(None, "maintenance", status=503)) == 'transport."http-503"[0]'
    assert answer(rules, said(None, "disk full", status=503)) == 'transport."http-503"[1]'
    assert answer(rules, said(None, "disk full", status=500)) == 'transport."http-5xx"[0]'
    assert answer(rules, said(None, "connection reset", transport="lost")) == 'transport."lost"[0]'
    assert answer(rules, said(None, "time out", transport="lost")) is None


def test_a_table_remembers_no_answer_of_another_message() -> None:
    """What is remembered of a code is all its answers, whatever message was met first, and never more with messages."""
    table = RuleTable.of(DENIED, "X")
    for _ in range(2):
        for text, entry in (("nothing", 2), ("try again", 1), ("role cannot be assumed", 0)):
            assert table.match(said("Denied", text), "alibaba", "X") is DENIED[entry]
    for number in range(50):
        table.match(said("Denied", f"request {number}"), "alibaba", "X")
    assert len(table._memo) == 1


@given(st.lists(st.sampled_from([None, "a", "b", "ab", "c"]), min_size=1, max_size=5), st.text("abc", max_size=4))
def test_the_answer_is_the_one_that_reading_in_order_finds(literals: list[str | None], message: str) -> None:
    """For any array and any message: the first entry that fits, and nothing behind it."""
    rules = answers("X", *((text, RETRY) for text in literals))
    wanted = next((index for index, text in enumerate(literals) if text is None or text in message), None)
    assert answer(rules, said("X", message)) == (None if wanted is None else f'alibaba."X"[{wanted}]')


def test_nothing_shows_a_message() -> None:
    """A fault that has one prints, compares, hashes and turns into a dictionary as one that has none."""
    quiet, loud = fault("X"), said("X", f"no such device: {SECRET}")
    assert quiet == loud
    assert hash(quiet) == hash(loud)
    assert SECRET in (loud.message or "")
    for shown in (repr(loud), str(attrs.asdict(loud)), str(attrs.astuple(loud)), f"{loud.message}", loud.label):
        assert SECRET not in shown
    assert SECRET not in repr(Failed((loud,)))
    assert SECRET in (pickle.loads(pickle.dumps(loud)).message or "")  # noqa: S301  # our own


def test_a_message_is_bounded() -> None:
    """Of a message that a proxy made a page of, the beginning is kept."""
    message = Message("a" * 5000 + "needle")
    assert "aaa" in message
    assert "needle" not in message


def played(of: Plan, *meets: tuple[float, Fault]) -> list[Decision]:
    """Return what is decided on faults at these times after the beginning."""
    history: History = begin(of, now=START)
    decisions = []
    for after, met in meets:
        history, decision = step(history, Failed((met,)), now=START + after, draw=0.5)
        decisions.append(decision)
    return decisions


def made(do: Action, **limits: Any) -> Plan:
    settings: dict[str, Any] = {"deadline": None, **limits}
    return plan(policy(rule("X", do), **settings), repeat="safe", credentials=frozenset({"alibaba"}))


def test_for_counts_from_the_first_use() -> None:
    """An action with ``for`` is used while so much time has not passed since its first use; then its ``then``."""
    patient = action("retry", key="patient", counts=False, lasts=60.0, then=FAIL)
    met = fault("X")
    decisions = played(made(patient), (100, met), (110, met), (159.9, met), (160, met))
    assert [type(each) for each in decisions] == [Wait, Wait, Wait, Fail]
    # The wait itself is not shortened: what begins in time goes on.
    assert decisions[2] == Wait(rule=decisions[2].rule, action=patient, delay=1.0)
    assert isinstance(decisions[3], Fail)
    assert decisions[3].reason == "max"


def test_for_and_max_end_an_action_whichever_comes_first() -> None:
    """``max`` and ``for`` stand beside each other, and what follows either is ``then``."""
    met, other = fault("X"), action("retry", key="other", max=1)
    patient = action("retry", key="patient", counts=False, lasts=60.0, max=2, then=other)
    by_max = played(made(patient), (0, met), (1, met), (2, met))
    assert [each.action and each.action.key for each in by_max] == ["patient", "patient", "other"]
    by_time = played(made(patient), (0, met), (60, met), (61, met))
    assert [each.action and each.action.key for each in by_time][:2] == ["patient", "other"]
    assert isinstance(by_time[2], Fail)


def test_each_action_has_a_time_of_its_own() -> None:
    """The answers of an array are counted and timed apart; a named action has one time for all its rules."""
    shared = action("retry", key="patient", counts=False, lasts=10.0)
    rules = [
        *answers("X", ("a", action("retry", key="a", counts=False, lasts=10.0)), ("b", shared)),
        rule("Y", shared),
    ]
    of = plan(policy(*rules, deadline=None), repeat="safe")
    decisions = played(
        of, (0, said("X", "a")), (5, said("X", "b")), (11, said("X", "a")), (14, fault("Y")), (15, fault("Y"))
    )
    assert [type(each) for each in decisions] == [Wait, Wait, Fail, Wait, Fail]


@pytest.mark.parametrize(
    "do",
    [
        pytest.param(action("retry", counts=False, backoff=ONE_SECOND), id="throttling-that-does-not-count"),
        pytest.param(RETRY, id="retry"),
        pytest.param(REFRESH, id="refresh"),
        pytest.param(RENAME, id="rename"),
        pytest.param(action("retry", counts=False, max=50, then=REFRESH), id="then"),
    ],
)
def test_one_attempt_means_one(do: Action) -> None:
    """``max_attempts = 1`` ends a call after its first attempt, whatever counts and whatever cures."""
    of = attrs.evolve(made(do, max_attempts=1), can_rename=True)
    (decision,) = played(of, (0, fault("X")))
    assert isinstance(decision, Fail)
    assert decision.reason == "attempts"
    assert uses(of, do) == 0
    assert worst(of, fault("X")).attempts == 1


def test_one_attempt_may_still_be_looked_at() -> None:
    """A look is no attempt: what may have happened is verified, and only what is not there ends the call."""
    of = plan(
        policy(rule("X", RETRY, effect="unknown"), deadline=None, max_attempts=1, settle=0.0),
        repeat="duplicate",
        can_verify=True,
    )
    history, decision = step(begin(of, now=START), Failed((fault("X"),)), now=START, draw=0.5)
    assert isinstance(decision, Verify)
    assert isinstance(step(history, Verified(there=True), now=START + 1, draw=0.5)[1], Accept)
    _, gone = step(history, Verified(there=False), now=START + 1, draw=0.5)
    assert isinstance(gone, Fail)
    assert gone.reason == "attempts"


def test_two_attempts_still_leave_room_for_remedies() -> None:
    """Only a limit of one ends what counts for nothing."""
    history = begin(made(REFRESH, max_attempts=2), now=START)
    history, decision = step(history, Failed((fault("X"),)), now=START, draw=0.5)
    assert isinstance(decision, Refresh)
    assert isinstance(step(history, Refreshed(), now=START, draw=0.5)[1], Wait)


@pytest.mark.parametrize("do", [RETRY, REFRESH, RENAME, VERIFY, ACCEPT, action("accept", condition="always")])
@pytest.mark.parametrize("effect", ["none", "unknown"])
def test_a_policy_that_is_switched_off_decides_nothing(do: Action, effect: Any) -> None:
    """Where the policy is switched off the first fault ends the call, and no remedy and no rule is asked."""
    of = attrs.evolve(
        plan(policy(rule("X", do, effect=effect)), repeat="duplicate", can_verify=True, can_rename=True),
        own_limits=Limits(deadline=None, max_attempts=1),
        enabled=False,
    )
    assert attempt_limit(begin(of, now=START), now=START) is None
    (decision,) = played(of, (0, fault("X")))
    assert decision == Fail(reason="attempts")


def test_a_call_may_have_limits_of_its_own() -> None:
    """The limits of a plan are its policy's, unless the call has others."""
    of = made(action("retry", counts=False), deadline=60.0)
    assert of.limits is of.policy.limits
    short = attrs.evolve(of, own_limits=Limits(deadline=0.5))
    assert begin(short, now=START).deadline == START + 0.5
    (decision,) = played(short, (0, fault("X")))
    assert isinstance(decision, Fail)
    assert decision.reason == "deadline"


def test_the_bounds_know_for() -> None:
    """Where no number ends the retries, ``for`` does: its time, the last wait and the last attempt."""
    patient = action("retry", key="patient", counts=False, lasts=60.0)
    bound = worst(made(patient, attempt_timeout=5.0), fault("X"))
    assert (bound.attempts, bound.reason, bound.duration) == (61, "max", 5.0 + 60.0 + 1.0 + 5.0)
    assert not bound.by_deadline
    at_random = attrs.evolve(patient, backoff=Backoff(base=1.0, cap=20.0))
    unsure = worst(made(at_random, attempt_timeout=5.0), fault("X"))
    assert (unsure.attempts, unsure.reason, unsure.duration) == (None, "max", 5.0 + 60.0 + 20.0 + 5.0)
    early = worst(made(patient, attempt_timeout=5.0, deadline=30.0), fault("X"))
    assert (early.reason, early.duration, early.by_deadline) == ("deadline", 30.0, True)
    counted = worst(made(attrs.evolve(patient, max=3), attempt_timeout=5.0), fault("X"))
    assert (counted.attempts, counted.reason, counted.duration) == (4, "max", 5.0 + 3 * 6.0)
    assert worst(made(patient), fault("X")).duration is None
