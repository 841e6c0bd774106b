"""What a verifier has discarded: it was there, so nothing is waited for, and it is nobody's any more."""

from __future__ import annotations

import pytest
from core_values import ACCEPT, LOST, REFRESH, RENAME, RETRY, START, VERIFY, Shell, fault, plan, policy, reason, rule

from resilience.core.decision import Fail, Refresh, Rename, Verify, Wait
from resilience.core.fault import Repeat
from resilience.core.plan import Plan
from resilience.core.policy import Action

EXISTS = fault("EXISTS")


def made(do: Action = RETRY, *, repeat: Repeat = "duplicate", **limits: float | None) -> Plan:
    values = policy(rule("lost", do, scope="transport"), rule("EXISTS", ACCEPT), **limits)  # type: ignore[arg-type]  # mypy cannot see which keyword is which
    return plan(values, repeat=repeat, can_verify=True, can_rename=True, credentials=frozenset({"alibaba"}))


@pytest.mark.parametrize(
    ("do", "decision"),
    [(RETRY, Wait), (VERIFY, Wait), (REFRESH, Refresh), (RENAME, Rename)],
    ids=["retry", "verify", "refresh", "rename"],
)
def test_what_was_pending_follows_at_once(do: Action, decision: type) -> None:
    """The verifier has seen the effect, so there is no settling: the next attempt is not waited for."""
    shell = Shell.of(made(do))
    assert isinstance(shell.fails(LOST), Verify)
    asked = shell.now
    assert type(shell.is_discarded()) is decision
    assert shell.now == asked < START + 30.0
    assert not shell.history.may_exist


def test_a_second_loss_is_looked_into_again() -> None:
    """Each attempt is a doubt of its own."""
    shell = Shell.of(made())
    shell.fails(LOST)
    shell.is_discarded()
    assert isinstance(shell.fails(LOST), Verify)
    assert shell.history.may_exist


def test_what_exists_after_a_discard_is_not_ours() -> None:
    """The call's own is gone, so "it exists" means another program's: it is not accepted, and not discarded."""
    shell = Shell.of(made(repeat="conflict"))
    shell.fails(LOST)
    assert isinstance(shell.fails(EXISTS), Verify)
    assert isinstance(shell.is_discarded(), Wait)
    assert reason(shell.fails(EXISTS)) == "not_ours"


def test_a_discard_leads_to_no_more_attempts_than_the_policy_allows() -> None:
    """Also where each attempt is lost, and each is discarded."""
    shell = Shell.of(made(max_attempts=3))
    for _ in range(2):
        shell.fails(LOST)
        assert isinstance(shell.is_discarded(), Wait)
    shell.fails(LOST)
    assert isinstance(shell.is_discarded(), Fail)
    assert not shell.history.may_exist


def test_an_accept_that_ends_in_a_discard_counts() -> None:
    """A service that always says "it exists", and a verifier that always discards, do not go on for ever."""
    always = Action(key="always", do="accept", condition="always", counts=False)
    shell = Shell.of(plan(policy(rule("EXISTS", always), max_attempts=3), repeat="conflict", can_verify=True))
    for _ in range(2):
        assert isinstance(shell.fails(EXISTS), Verify)
        assert isinstance(shell.is_discarded(), Wait)
    assert isinstance(shell.fails(EXISTS), Verify)
    assert reason(shell.is_discarded()) == "attempts"
