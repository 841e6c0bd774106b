"""Bounds hold: no call takes longer or tries more often than is said before it."""

from __future__ import annotations

import functools
import math
import random

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience import Policy
from resilience.cli.plans import operation_of, plan_of
from resilience.core.backoff import JITTERS, Backoff
from resilience.core.fault import Fault
from resilience.core.plan import Plan
from resilience.simulation import fault_of
from resilience.simulation.bounds import WorstCase, uses, waits, worst
from resilience.simulation.play import play
from resilience.simulation.played import Environment, ScriptedResponse


@functools.cache
def shipped(env: str | None) -> Policy:
    return Policy.load("builtin:provisioning", env=env)


def plan(operation: str, env: str | None = None, *, verifier: bool = False) -> Plan:
    policy = shipped(env)
    return plan_of(policy, operation_of(operation, policy), verifier=verifier, credentials=True)


@pytest.mark.parametrize("jitter", JITTERS)
@given(draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=6, max_size=6))
@settings(max_examples=50, deadline=None)
def test_a_wait_is_within_its_span(jitter: str, draws: list[float]) -> None:
    """Whatever is drawn, each wait lies between the shortest and the longest that were announced."""
    backoff = Backoff(base=1.0, factor=3.0, cap=30.0, jitter=jitter)  # type: ignore[arg-type]  # one of JITTERS
    previous = None
    for number, (span, draw) in enumerate(zip(waits(backoff, 6), draws, strict=True), start=1):
        previous = backoff.delay(number, draw=draw, previous=previous)
        assert span.shortest - 1e-9 <= previous <= span.longest + 1e-9


def test_decorrelated_waits_grow_to_the_cap() -> None:
    """The longest decorrelated waits are three times the one before, up to the cap."""
    spans = waits(Backoff(base=1.0, cap=20.0, jitter="decorrelated"), 4)
    assert [span.longest for span in spans] == [3.0, 9.0, 20.0, 20.0]
    assert [span.shortest for span in spans] == [1.0, 1.0, 1.0, 1.0]


def test_an_action_without_backoff_does_not_wait() -> None:
    """A refresh or a rename without a backoff is announced as no wait at all."""
    assert {(span.shortest, span.longest) for span in waits(None, 3)} == {(0.0, 0.0)}


@pytest.mark.parametrize(
    ("code", "count"),
    [
        pytest.param("ApplyTokenOverFlow", 50, id="free-attempts-have-their-max"),
        pytest.param("SystemOverFlow", 4, id="counted-attempts-have-max-attempts"),
        pytest.param("SignatureNonceUsed", 1, id="the-smaller-counts"),
    ],
)
def test_uses_of_an_action_are_limited_by_what_ends_first(code: str, count: int) -> None:
    """An action is used as often as its ``max`` or ``max_attempts`` allow."""
    usual = plan("ApplyToken")
    rule = usual.rule(fault_of(code, provider="alibaba"))
    assert rule is not None
    assert uses(usual, rule.action) == count


CODES = [
    "SystemOverFlow",
    "ApplyTokenOverFlow",
    "InternalError",
    "InvalidSecurityToken.Expired",
    "InvalidParameter",
    "GroupIdAlreadyUsedByOtherUsers",
    "lost",
    "unsent",
    "503",
    "hang",
]


@functools.cache
def bounded(operation: str, env: str | None, code: str, *, verifier: bool) -> tuple[Plan, Fault, WorstCase]:
    """Return a plan, a fault and the worst case, once for all that is drawn."""
    usual, fault = plan(operation, env, verifier=verifier), fault_of(code, provider="alibaba")
    return usual, fault, worst(usual, fault)


@pytest.mark.parametrize("verifier", [False, True], ids=["without-verifier", "with-verifier"])
@pytest.mark.parametrize("operation", ["CreateGroupId", "alibaba:ApplyToken", "alibaba:RegisterDeviceCredential"])
@pytest.mark.parametrize("code", CODES)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_no_call_is_worse_than_the_worst(code: str, operation: str, *, verifier: bool, data: st.DataObject) -> None:
    """Whatever is drawn and however long attempts take, the announced time and number of attempts hold."""
    usual, fault, bound = bounded(operation, data.draw(st.sampled_from([None, "dev", "prod"])), code, verifier=verifier)
    chance = random.Random(data.draw(st.integers(0, 10_000)))  # noqa: S311  # reproducible, not secret
    # A slower attempt is cut short, and meets another fault.
    slowest = data.draw(st.sampled_from([0.0, 0.01, 0.5, 0.999])) * (usual.policy.limits.attempt_timeout or 0.0)
    environment = Environment(verifier="missing", verifying=slowest, refreshing=slowest)
    played = play(
        usual,
        lambda: ScriptedResponse(fault=fault, duration=chance.uniform(0.0, slowest)),
        environment,
        draw=chance.random,
    )
    assert played.duration <= (math.inf if bound.duration is None else bound.duration)
    assert played.attempts <= (math.inf if bound.attempts is None else bound.attempts)


def test_a_call_that_asks_a_verifier_is_bounded_by_its_deadline() -> None:
    """How long verifications take depends on what they find and when, so the deadline alone bounds them."""
    fault = fault_of("InternalError", provider="tencent")
    verified = worst(plan("tencent:CreateInstance", verifier=True), fault)
    assert (verified.duration, verified.by_deadline) == (300.0, True)
    stopped = worst(plan("tencent:CreateInstance"), fault)
    assert (stopped.attempts, stopped.reason, stopped.by_deadline) == (1, "unverified", False)


def test_the_worst_case_is_met() -> None:
    """The bound on time is no more than what the slowest attempts and longest waits add up to."""
    bound = worst(plan("CreateGroupId", "prod"), fault_of("ServiceUnavailable", provider="alibaba"))
    assert (bound.attempts, bound.reason, bound.by_deadline) == (5, "attempts", False)
    assert bound.duration == pytest.approx(5 * 20 + 1 + 2 + 4 + 8)
    assert bound.hinted == pytest.approx(5 * 20 + 4 * 30)


def test_only_the_deadline_ends_what_is_throttled() -> None:
    """Under rate limits no number of throttled attempts does; where an attempt may have had an effect, doubt does."""
    bound = worst(plan("CreateGroupId", "prod"), fault_of("SystemOverFlow", provider="alibaba"))
    assert (bound.attempts, bound.reason, bound.duration, bound.by_deadline) == (None, "deadline", 600.0, True)
    doubtful = worst(plan("RefreshDeviceCredential", "prod"), fault_of("SystemOverFlow", provider="alibaba"))
    assert (doubtful.attempts, doubtful.reason) == (1, "unverified")


def test_where_nothing_else_ends_a_call_the_deadline_does() -> None:
    """Free attempts without a ``max`` are bounded by the deadline alone, and that is said."""
    policy = Policy.loads(
        """
        schema = 1
        limits = { deadline = "2m" }
        rules.alibaba.Busy = { do = "retry", counts = false }
        """
    )
    busy = plan_of(policy, operation_of("CreateGroupId", policy), verifier=False, credentials=False)
    bound = worst(busy, Fault(code="Busy", effect="none"))
    assert (bound.attempts, bound.duration, bound.by_deadline) == (None, 120.0, True)
    assert worst(evolve(busy, policy=_without_deadline()), Fault(code="Busy")).duration is None


def _without_deadline() -> Policy:
    return Policy.loads(
        """
        schema = 1
        limits = { deadline = "none" }
        rules.alibaba.Busy = { do = "retry", counts = false }
        """
    )


def test_what_depends_on_other_calls_is_said_to_be_left_out() -> None:
    """Waits for a turn come on top of a bound, unless the deadline is the bound; budget and breaker end a call."""
    base = 'schema = 1\nlimits = { deadline = "5m", attempt_timeout = "5s", max_attempts = 3 }\n'
    base += 'rules.acme.BUSY = "retry"\nrules.acme.NO = "fail"\noperations.acme = { Get = "safe", Put = "safe" }\n'

    def left_out(more: str, operation: str = "Get", code: str = "BUSY") -> tuple[str, ...]:
        policy = Policy.loads(base + more)
        found = plan_of(policy, operation_of(f"acme:{operation}", policy), verifier=False, credentials=False)
        return worst(found, Fault(provider="acme", code=code, effect="none")).leaves_out

    assert left_out("") == ()
    assert left_out('rate.acme.operations.Get = "1/s"\n') == ("rate",)
    assert left_out('rate.acme.operations.Get = "1/s"\n', operation="Put") == ()
    assert left_out('rate.acme.default = "1/s"\n', code="NO") == ("rate",)
    shared = "budget.acme.capacity = 5\nbreaker.acme.probes = 1\n"
    assert left_out(shared) == ("budget", "breaker")
    assert left_out(shared, code="NO") == ()
    assert left_out(shared.replace("acme", "other")) == ()
