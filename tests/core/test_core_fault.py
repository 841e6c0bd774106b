"""Faults, where things stand, how calls end, and what a plan knows."""

from __future__ import annotations

from typing import get_args

import pytest
from attrs.exceptions import FrozenInstanceError
from core_values import ACCEPT, FAIL, RENAME, RETRY, action, plan, policy, rule

from resilience.core.decision import Ended, StopReason, ended_by
from resilience.core.fault import Effect, Fault, Origin, Transport
from resilience.core.plan import Plan
from resilience.core.policy import Action, Rule, ready_made


@pytest.mark.parametrize(
    ("fault", "label"),
    [
        pytest.param(Fault(code="Throttling", status=400, transport="garbled"), "Throttling", id="code"),
        pytest.param(Fault(status=503, transport="garbled", error="x.Y"), "http-503", id="status"),
        pytest.param(Fault(transport="lost", error="x.Y"), "lost", id="transport"),
        pytest.param(Fault(error="x.Y"), "x.Y", id="class"),
        pytest.param(Fault(), "unknown", id="nothing"),
    ],
)
def test_a_fault_is_called_by_the_best_word_there_is(fault: Fault, label: str) -> None:
    """The service's code names a fault; else its status, its transport, its class."""
    assert fault.label == label


@pytest.mark.parametrize(
    ("fault", "effect"),
    [
        pytest.param(Fault(code="Any", status=400), "none", id="first-of-4xx"),
        pytest.param(Fault(code="Any", status=499), "none", id="last-of-4xx"),
        pytest.param(Fault(code="Any", status=399), "unknown", id="below-4xx"),
        pytest.param(Fault(code="Any", status=500), "unknown", id="above-4xx"),
        pytest.param(Fault(code="Any"), "unknown", id="no-status"),
        pytest.param(Fault(transport="unsent"), "none", id="unsent"),
        pytest.param(Fault(transport="lost"), "unknown", id="lost"),
        pytest.param(Fault(transport="garbled"), "unknown", id="garbled"),
        pytest.param(Fault(code="Any", status=400, effect="unknown"), "unknown", id="the-transport-knows-better"),
        pytest.param(Fault(transport="lost", effect="none"), "none", id="the-transport-knows-nothing-happened"),
    ],
)
def test_an_unlisted_code_has_no_effect_only_as_a_4xx(fault: Fault, effect: Effect) -> None:
    """Where nobody knows the code: none for 4xx and for what was never sent, unknown otherwise."""
    assert fault.effect_or_default() == effect
    assert plan(policy()).effect(fault, None) == effect


def _catalogue(provider: str | None, code: str) -> Effect | None:
    return {("alibaba", "Known"): "none", ("tencent", "Known"): "unknown"}.get((provider or "", code))  # type: ignore[return-value]  # mypy widens the literals


@pytest.mark.parametrize(
    ("fault", "by_rule", "effect"),
    [
        pytest.param(Fault(code="Known", status=500), None, "none", id="the-catalogue-before-the-status"),
        pytest.param(Fault(code="Known", status=500), "unknown", "unknown", id="the-rule-before-the-catalogue"),
        pytest.param(Fault(code="Known", effect="unknown"), None, "unknown", id="the-transport-before-the-catalogue"),
        pytest.param(Fault(code="Known", effect="unknown"), "none", "none", id="the-rule-before-the-transport"),
        pytest.param(Fault(code="Other", status=500), None, "unknown", id="a-silent-catalogue"),
        pytest.param(Fault(code="Known", provider="tencent"), None, "unknown", id="the-faults-own-provider"),
        pytest.param(Fault(status=500), None, "unknown", id="no-code"),
    ],
)
def test_the_rule_knows_an_effect_best(fault: Fault, by_rule: Effect | None, effect: Effect) -> None:
    """An effect is what the rule says; else what the transport, the catalogue or the status says."""
    facts = plan(policy(), effect_of=_catalogue)
    assert facts.effect(fault, rule("Known", RETRY, effect=by_rule)) == effect


def test_an_origin_reads_like_a_compilers() -> None:
    """An origin is printed so that a terminal can follow it."""
    assert str(Origin("policies/mqtt.toml", 7, 20)) == "policies/mqtt.toml:7:20"


def test_a_rule_finds_its_origin_when_asked() -> None:
    """A rule of a file knows where it stands; one built in Python does not."""
    located = Rule(
        id="x", scope="alibaba", operation=None, code="x", action=RETRY, locate=lambda: Origin("mqtt.toml", 3, 1)
    )
    assert located.origin == Origin("mqtt.toml", 3, 1)
    assert rule("x", RETRY).origin is None


@pytest.mark.parametrize(
    ("reason", "attempts", "ended"),
    [
        ("success", 0, "success"),
        ("success", 1, "success"),
        ("success", 2, "success_after_retry"),
        ("accepted", 1, "accepted"),
        ("dry_run", 3, "accepted"),
        ("rule", 1, "failed"),
        ("unknown", 1, "failed"),
        ("max", 3, "exhausted"),
        ("attempts", 6, "exhausted"),
        ("deadline", 2, "exhausted"),
        ("unverified", 1, "failed"),
        ("not_ours", 1, "failed"),
        ("remedy", 1, "failed"),
        ("no_credentials", 1, "failed"),
        ("budget", 1, "refused"),
        ("breaker", 0, "refused"),
        ("rate", 0, "refused"),
        ("ledger", 0, "refused"),
        ("state", 0, "refused"),
        ("inner", 1, "failed"),
    ],
)
def test_a_stop_reason_says_how_a_call_ended(reason: StopReason, attempts: int, ended: Ended) -> None:
    """Each stop reason belongs to one way to end."""
    assert ended_by(reason, attempts=attempts) == ended


def test_the_vocabularies_are_the_documented_ones() -> None:
    """Stop reasons, ends and transports are words that users meet: none comes or goes unnoticed."""
    assert get_args(StopReason) == (
        *("success", "accepted", "dry_run", "rule", "unknown", "max", "attempts", "deadline", "unverified"),
        *("not_ours", "remedy", "no_credentials", "budget", "breaker", "rate", "ledger", "state", "inner"),
        "cancelled",
    )
    assert get_args(Ended) == ("success", "success_after_retry", "accepted", "failed", "exhausted", "refused")
    assert get_args(Transport) == ("unsent", "lost", "garbled")


def test_the_ready_made_actions_are_those_of_the_table() -> None:
    """Each verb is also an action: retry and verify wait and count, a rename is tried five times."""
    made = ready_made(RETRY.backoff or pytest.fail("a retry waits"))
    assert {name: (each.do, each.backoff is not None, each.counts, each.max) for name, each in made.items()} == {
        "retry": ("retry", True, True, None),
        "refresh": ("refresh", False, False, None),
        "rename": ("rename", False, False, 5),
        "verify": ("verify", True, True, None),
        "accept": ("accept", False, False, None),
        "fail": ("fail", False, False, None),
    }
    assert made["accept"].condition == "ours"
    assert [each.then for each in made.values()] == [None] * 6


def test_an_operation_that_nobody_knows_is_done_twice() -> None:
    """A plan without a fact about repeats takes the worst for granted; a safe or refused repeat is not the worst."""
    unknown = Plan(operation="Anything", policy=policy())
    assert unknown.repeat == "duplicate"
    assert unknown.must_verify_first
    assert not plan(policy(), repeat="conflict").must_verify_first
    assert not plan(policy(), repeat="safe").must_verify_first


def test_a_plan_knows_every_action_that_it_can_reach() -> None:
    """What a call can meet: its provider's rules, the transport's, and ``unknown``, each with all of its ``then``."""
    last = action("accept", key="last")
    first = action("retry", key="first", then=last)
    values = policy(
        rule("A", first),
        rule("B", RENAME, scope="tencent"),
        rule("lost", RETRY, scope="transport"),
        rule("lost", ACCEPT, scope="transport.tencent"),
        rule("unsent", RETRY, scope="transport.alibaba"),
        rule("C", RENAME, operation="DeleteGroupId"),
    )

    def reached(provider: str | None) -> list[tuple[str | None, Action]]:
        pairs = plan(values, provider=provider).reachable()
        return [(None if met is None else met.id, each) for met, each in pairs]

    assert reached("alibaba") == [
        ('alibaba."A"', first),
        ('alibaba."A"', last),
        ('transport."lost"', RETRY),
        ('transport.alibaba."unsent"', RETRY),
        (None, FAIL),
    ]
    assert ('tencent."B"', RENAME) in reached(None)


def test_a_policy_cannot_be_changed() -> None:
    """A policy is shared by every call: neither it nor its tables take a change."""
    values = policy(actions={"fail": FAIL})
    with pytest.raises(TypeError):
        values.actions["fail"] = RETRY  # type: ignore[index]  # the point of the test
    with pytest.raises(FrozenInstanceError):
        values.name = "y"  # type: ignore[misc]  # the point of the test


def test_a_policy_keeps_nothing_of_the_table_it_was_made_from() -> None:
    """Whoever built a policy and changes his own dictionary changes no policy."""
    actions = {"fail": FAIL}
    values = policy(actions=actions)
    actions.clear()
    assert dict(values.actions) == {"fail": FAIL}
