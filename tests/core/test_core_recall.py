"""How a call begins that an earlier run has started, or done."""

from __future__ import annotations

import pytest
from core_values import ACCEPT, LOST, RETRY, START, Shell, fault, plan, policy, reason, rule

from resilience.core.decision import Accept, Decision, Fail, KnownBefore, Verify, Wait
from resilience.core.fault import Repeat
from resilience.core.machine import begin, step
from resilience.core.plan import Plan

REPEATS = ["safe", "conflict", "duplicate"]


def resumed(facts: Plan, *, verify: bool) -> tuple[Shell, Decision]:
    """Begin a call that an earlier run started and never finished."""
    shell = Shell.of(facts, ours=True)
    return shell, shell.tell(KnownBefore(is_done=False, then="verify" if verify else "retry"))


@pytest.mark.parametrize("repeat", REPEATS)
def test_what_is_done_is_a_success(repeat: Repeat) -> None:
    """An earlier run did it: without a verifier that is believed, and the decision says that nobody looked."""
    decision = Shell.of(plan(policy(), repeat=repeat)).tell(KnownBefore(is_done=True))
    assert isinstance(decision, Accept)
    assert not decision.verified


@pytest.mark.parametrize("repeat", REPEATS)
def test_what_is_gone_since_is_made_again(repeat: Repeat) -> None:
    """With a verifier it is looked at: there is a verified success, not there means an attempt at once."""
    before = begin(plan(policy(), repeat=repeat, can_verify=True), now=START)
    history, decision = step(before, KnownBefore(is_done=True), now=START, draw=0.5)
    assert isinstance(decision, Verify)
    assert decision.delay == 0.0
    found = Shell(history).is_there()
    assert isinstance(found, Accept)
    assert found.verified
    again = Shell(history).is_not_there()
    assert isinstance(again, Wait)
    assert again.delay == 0.0


@pytest.mark.parametrize(
    ("repeat", "can_verify", "verify", "decision"),
    [
        pytest.param("safe", True, True, Wait, id="safe-has-nothing-to-fear"),
        pytest.param("conflict", True, True, Verify, id="conflict-verifies-if-it-can"),
        pytest.param("conflict", False, True, Wait, id="conflict-else-retries"),
        pytest.param("conflict", True, False, Wait, id="conflict-retries-if-told-to"),
        pytest.param("duplicate", True, True, Verify, id="duplicate-verifies"),
        pytest.param("duplicate", True, False, Verify, id="duplicate-verifies-anyway"),
        pytest.param("duplicate", False, True, Fail, id="duplicate-or-stops"),
        pytest.param("duplicate", False, False, Fail, id="duplicate-stops-anyway"),
    ],
)
def test_what_is_unfinished_is_looked_into(repeat: Repeat, can_verify: bool, verify: bool, decision: type) -> None:  # noqa: FBT001  # columns of the table
    """What a repeat would do twice is never repeated blindly, whatever ``on_unfinished`` says; else it decides."""
    _, made = resumed(plan(policy(), repeat=repeat, can_verify=can_verify), verify=verify)
    assert type(made) is decision
    if isinstance(made, Fail):
        assert made.reason == "unverified"


@pytest.mark.parametrize("repeat", ["conflict", "duplicate"])
def test_the_doubt_of_an_earlier_run_is_fresh(repeat: Repeat) -> None:
    """Nobody knows when the earlier run stopped, so "not there" counts when ``settle`` has passed from now."""
    shell, _ = resumed(plan(policy(), repeat=repeat, can_verify=True), verify=True)
    assert isinstance(shell.is_not_there(), Verify)
    assert isinstance(shell.is_not_there(took=30.0), Wait)


def test_beginning_again_uses_up_no_attempt() -> None:
    """The attempts of the earlier run are over: this call has all of its own."""
    values = policy(rule("A", RETRY), rule("B", ACCEPT), rule("lost", RETRY, scope="transport"), max_attempts=2)
    shell, decision = resumed(plan(values), verify=False)
    assert isinstance(decision, Wait)
    assert isinstance(shell.fails(fault("A")), Wait)
    assert reason(shell.fails(LOST)) == "attempts"


def test_what_an_earlier_run_may_have_done_is_ours() -> None:
    """An "it exists already" after an unfinished run is a success at the first attempt."""
    shell, _ = resumed(plan(policy(rule("B", ACCEPT))), verify=False)
    assert isinstance(shell.fails(fault("B")), Accept)
