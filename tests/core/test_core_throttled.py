"""A throttled request, where rate limits hold requests back: it uses up no number, and the deadline bounds it."""

from __future__ import annotations

from typing import Any

import pytest
from core_values import FAIL, RENAME, RETRY, VERIFY, Shell, action, fault, plan, policy, reason, rule

from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.backoff import Backoff
from resilience.core.decision import Rename, Verify, Wait
from resilience.core.plan import Plan
from resilience.core.policy import Action

SLOW = fault("Slow")
BROKEN = fault("Broken", status=500)
DECLARED = RateLimits(operations={"CreateGroupId": Rate(10, 1.0)})
ADAPTIVE = RateLimits(adaptive=True)
IN_FORCE = [
    pytest.param(DECLARED, id="declared"),
    pytest.param(RateLimits(default=Rate(10, 1.0)), id="of-the-account"),
    pytest.param(RateLimits(per_host=Rate(10, 1.0)), id="of-the-host"),
    pytest.param(ADAPTIVE, id="adaptive"),
]
NONE_IN_FORCE = [
    pytest.param(None, id="no-table"),
    pytest.param(RateLimits(operations={"DeleteGroupId": Rate(10, 1.0)}), id="of-another-operation"),
    pytest.param(RateLimits(concurrency=4), id="only-concurrency"),
]


def limited(rates: RateLimits | None, do: Action = RETRY, *, max_attempts: int = 3, **facts: Any) -> Plan:
    """Return a plan under rate limits, of a catalogue that knows ``Slow`` as throttling."""
    deadline = facts.pop("deadline", 120.0)
    values = policy(
        rule("Slow", do),
        rule("Broken", RETRY),
        max_attempts=max_attempts,
        deadline=deadline,
        rates={} if rates is None else {"alibaba": rates},
    )
    return plan(values, result_of_code=lambda _, code: "throttled" if code == "Slow" else None, **facts)


@pytest.mark.parametrize("rates", IN_FORCE)
@pytest.mark.parametrize(
    "do",
    [
        pytest.param(RETRY, id="the-attempt-counts"),
        pytest.param(action("retry", max=2), id="max"),
        pytest.param(action("retry", max=2, counts=False), id="max-of-what-counts-nothing"),
        pytest.param(action("retry", max=2, then=FAIL), id="then"),
        pytest.param(action("verify", max=2), id="verify-on-what-may-be-repeated"),
    ],
)
def test_a_throttled_attempt_uses_up_no_number(rates: RateLimits, do: Action) -> None:
    """Neither ``max_attempts`` nor ``max`` ends a call that is only ever throttled, before its deadline does."""
    shell = Shell.of(limited(rates, do, repeat="safe"))
    for _ in range(25):
        assert isinstance(shell.fails(SLOW, took=3.0), Wait)
    while isinstance(decision := shell.fails(SLOW, took=3.0), Wait):
        assert shell.now < 1000.0 + 120.0
    assert reason(decision) == "deadline"


@pytest.mark.parametrize("rates", NONE_IN_FORCE)
@pytest.mark.parametrize(
    ("do", "ended_by"),
    [pytest.param(RETRY, "attempts", id="counts"), pytest.param(action("retry", max=2, counts=False), "max", id="max")],
)
def test_without_rate_limits_the_numbers_hold(rates: RateLimits | None, do: Action, ended_by: str) -> None:
    """Then nothing but the numbers says how often a service that refuses requests is asked again."""
    shell = Shell.of(limited(rates, do))
    assert isinstance(shell.fails(SLOW), Wait)
    assert isinstance(shell.fails(SLOW), Wait)
    assert reason(shell.fails(SLOW)) == ended_by


@pytest.mark.parametrize("rates", IN_FORCE)
def test_without_a_deadline_the_numbers_hold(rates: RateLimits) -> None:
    """No call goes on for ever."""
    shell = Shell.of(limited(rates, deadline=None))
    assert isinstance(shell.fails(SLOW), Wait)
    assert isinstance(shell.fails(SLOW), Wait)
    assert reason(shell.fails(SLOW)) == "attempts"


@pytest.mark.parametrize("rates", IN_FORCE)
def test_other_faults_have_the_whole_of_their_attempts(rates: RateLimits) -> None:
    """After ten throttled attempts a service that fails is tried as often as without them."""
    shell = Shell.of(limited(rates))
    for _ in range(5):
        assert isinstance(shell.fails(SLOW), Wait)
    assert isinstance(shell.fails(BROKEN), Wait)
    for _ in range(5):
        assert isinstance(shell.fails(SLOW), Wait)
    assert isinstance(shell.fails(BROKEN), Wait)
    assert isinstance(shell.fails(SLOW), Wait)
    assert reason(shell.fails(BROKEN)) == "attempts"


def test_the_max_of_a_shared_action_counts_other_faults_only() -> None:
    """A named action answers throttling and failures: the first kind leaves its ``max`` to the second."""
    shared = action("retry", key="patient", max=2)
    values = policy(rule("Slow", shared), rule("Broken", shared), rates={"alibaba": DECLARED})
    shell = Shell.of(plan(values, result_of_code=lambda _, code: "throttled" if code == "Slow" else None))
    for _ in range(5):
        assert isinstance(shell.fails(SLOW), Wait)
    assert isinstance(shell.fails(BROKEN), Wait)
    assert isinstance(shell.fails(BROKEN), Wait)
    assert reason(shell.fails(BROKEN)) == "max"


@pytest.mark.parametrize("rates", IN_FORCE)
def test_one_attempt_is_one(rates: RateLimits) -> None:
    """``max_attempts = 1`` means one attempt, throttled or not."""
    assert reason(Shell.of(limited(rates, max_attempts=1)).fails(SLOW)) == "attempts"


@pytest.mark.parametrize("rates", IN_FORCE)
def test_a_time_of_the_rule_holds(rates: RateLimits) -> None:
    """``for`` is a time like the deadline, and no number."""
    shell = Shell.of(limited(rates, action("retry", lasts=10.0)))
    assert isinstance(shell.fails(SLOW), Wait)
    assert reason(shell.fails(SLOW, took=10.0)) == "max"


def test_what_follows_a_time_that_is_over_counts_for_itself() -> None:
    """A throttled call that takes another name has as many names as the policy gives it."""
    renames = action("rename", max=1)
    shell = Shell.of(limited(ADAPTIVE, action("retry", lasts=10.0, then=renames), can_rename=True))
    assert isinstance(shell.fails(SLOW), Wait)
    assert isinstance(shell.fails(SLOW, took=10.0), Rename)
    shell.renamed()
    assert reason(shell.fails(SLOW)) == "max"


@pytest.mark.parametrize(
    ("rates", "delays"),
    [pytest.param(DECLARED, [1.0, 2.0, 4.0, 8.0], id="declared"), pytest.param(ADAPTIVE, [0.0] * 4, id="adaptive")],
)
def test_a_backoff_grows_where_limits_do_not_adapt(rates: RateLimits, delays: list[float]) -> None:
    """Limits that adapt say themselves when to repeat; others go on at the rate that was refused."""
    backoff = Backoff(kind="exponential", base=1.0, factor=2.0, cap=60.0, jitter="none")
    shell = Shell.of(limited(rates, action("retry", backoff=backoff), max_attempts=2))
    for delay in delays:
        assert shell.fails(SLOW) == Wait(
            rule=shell.history.plan.rule(SLOW), action=action("retry", backoff=backoff), delay=delay
        )


def test_in_doubt_the_verifier_is_asked_with_a_backoff() -> None:
    """The limits pace attempts; a verifier asks the service by other ways."""
    shell = Shell.of(limited(ADAPTIVE, repeat="duplicate", can_verify=True))
    decision = shell.fails(fault("Slow", effect="unknown"))
    assert isinstance(decision, Verify)
    assert decision.delay == 1.0


def test_a_verifier_that_is_throttled_is_asked_again_until_the_deadline() -> None:
    """A throttled question is no broken verifier, and the doubt is worth the time."""
    shell = Shell.of(limited(DECLARED, VERIFY, repeat="duplicate", can_verify=True))
    assert isinstance(shell.fails(fault("Broken", effect="unknown")), Verify)
    for _ in range(20):
        assert isinstance(shell.cannot_verify(SLOW, took=1.0), Verify)
    assert isinstance(shell.cannot_verify(BROKEN), Verify)
    assert isinstance(shell.cannot_verify(BROKEN), Verify)
    assert reason(shell.cannot_verify(BROKEN)) == "remedy"


def test_a_rename_is_answered_as_without_limits() -> None:
    """A rule that has another answer to throttling than another attempt is obeyed, with its numbers."""
    shell = Shell.of(limited(ADAPTIVE, RENAME, can_rename=True))
    for _ in range(5):
        assert isinstance(shell.fails(SLOW), Rename)
        shell.renamed()
    assert reason(shell.fails(SLOW)) == "max"
