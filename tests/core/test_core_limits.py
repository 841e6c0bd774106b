"""What ends a call: used-up actions, attempts and time, in this order."""

from __future__ import annotations

import pytest
from core_values import (
    LOST,
    REFRESH,
    RENAME,
    RETRY,
    START,
    VERIFY,
    Shell,
    action,
    fault,
    plan,
    policy,
    reason,
    rule,
)

from resilience.core.backoff import Backoff
from resilience.core.decision import Accept, Decision, Refresh, Rename, Verify, Wait
from resilience.core.machine import begin
from resilience.core.steps.limits import attempt_limit, remedy_limit

A, B = fault("A"), fault("B")
ALWAYS = action("accept", condition="always")
FREE = action("retry", key="free", counts=False)


def retry_after(seconds: float) -> Backoff:
    return Backoff(kind="constant", base=seconds, jitter="none", cap=1000.0)


@pytest.mark.parametrize("max_attempts", [1, 2, 6])
def test_max_attempts_includes_the_first(max_attempts: int) -> None:
    """The last attempt that ``max_attempts`` allows is not followed by another one."""
    shell = Shell.of(plan(policy(rule("A", RETRY), max_attempts=max_attempts)))
    for _ in range(max_attempts - 1):
        assert isinstance(shell.fails(A), Wait)
    assert reason(shell.fails(A)) == "attempts"
    assert shell.history.attempts == max_attempts


def test_attempts_that_do_not_count_are_free() -> None:
    """An action with ``counts = false`` does not use up ``max_attempts``."""
    shell = Shell.of(plan(policy(rule("A", FREE), rule("B", RETRY), max_attempts=2)))
    for _ in range(20):
        assert isinstance(shell.fails(A), Wait)
    assert isinstance(shell.fails(B), Wait)
    assert isinstance(shell.fails(A), Wait) is True
    assert reason(shell.fails(B)) == "attempts"


@pytest.mark.parametrize("counts", [False, True])
def test_remedies_count_only_if_they_say_so(counts: bool) -> None:  # noqa: FBT001  # a column of the table
    """A refresh or rename uses up an attempt only with ``counts = true``."""
    rules = [rule("A", action("refresh", counts=counts)), rule("B", action("rename", counts=counts))]
    facts = plan(policy(*rules, max_attempts=2), can_rename=True, credentials=frozenset({"alibaba"}))
    shell = Shell.of(facts)
    assert isinstance(shell.fails(A), Refresh)
    shell.refreshed()
    decision = shell.fails(B)
    if counts:
        assert reason(decision) == "attempts"
    else:
        assert isinstance(decision, Rename)


def test_a_used_up_action_comes_before_the_attempts() -> None:
    """Precedence: where both are used up, the ``then`` of the action is taken."""
    shell = Shell.of(plan(policy(rule("A", action("retry", max=1, then=ALWAYS)), max_attempts=2)))
    shell.fails(A)
    assert isinstance(shell.fails(A), Accept)
    plain = Shell.of(plan(policy(rule("A", action("retry", max=1)), max_attempts=2)))
    plain.fails(A)
    assert reason(plain.fails(A)) == "max"


def test_attempts_come_before_the_deadline() -> None:
    """Precedence: where the attempts are used up and the wait would not fit, the attempts are the reason."""
    shell = Shell.of(plan(policy(rule("A", RETRY), max_attempts=1, deadline=10.0)))
    assert reason(shell.fails(A, took=10.0)) == "attempts"


def test_used_up_attempts_follow_no_then() -> None:
    """``then`` belongs to ``max``; ``max_attempts`` ends the call whatever ``then`` says."""
    shell = Shell.of(plan(policy(rule("A", action("retry", then=ALWAYS)), max_attempts=1)))
    assert reason(shell.fails(A)) == "attempts"


@pytest.mark.parametrize(
    ("took", "delay", "fits"),
    [
        pytest.param(0.0, 9.9, True, id="just-fits"),
        pytest.param(0.0, 10.0, False, id="reaches-the-deadline"),
        pytest.param(0.0, 10.1, False, id="passes-it"),
        pytest.param(5.0, 4.9, True, id="fits-into-the-rest"),
        pytest.param(5.0, 5.0, False, id="reaches-it-with-the-rest"),
        pytest.param(10.0, 0.0, False, id="no-time-left"),
    ],
)
@pytest.mark.parametrize("do", ["retry", "refresh", "rename"])
def test_a_wait_that_would_reach_the_deadline_is_never_begun(do: str, took: float, delay: float, fits: bool) -> None:  # noqa: FBT001  # a column of the table
    """A wait, also one before a remedy, ends before the deadline or is not begun."""
    waiting = action(do, backoff=retry_after(delay))  # type: ignore[arg-type]  # pytest hands over a plain string
    facts = plan(policy(rule("A", waiting), deadline=10.0), can_rename=True, credentials=frozenset({"alibaba"}))
    decision = Shell.of(facts).fails(A, took=took)
    if fits:
        assert isinstance(decision, Wait | Refresh | Rename)
        assert decision.delay == delay
    else:
        assert reason(decision) == "deadline"


def test_the_deadline_counts_from_the_beginning() -> None:
    """Attempts, waits and remedies share one deadline."""
    facts = plan(policy(rule("A", RETRY), rule("B", REFRESH), deadline=10.0), credentials=frozenset({"alibaba"}))
    shell = Shell.of(facts)
    assert isinstance(shell.fails(A, took=3.0), Wait)
    assert isinstance(shell.fails(B, took=3.0), Refresh)
    assert isinstance(shell.refreshed(took=1.0), Wait)
    assert isinstance(shell.fails(A, took=0.5), Wait)
    assert reason(shell.fails(A, took=0.5)) == "deadline"


def test_a_remedy_that_took_too_long_is_followed_by_nothing() -> None:
    """After a refresh that came back at the deadline there is no other attempt; the attempt's rule is still named."""
    facts = plan(policy(rule("A", REFRESH), deadline=10.0), credentials=frozenset({"alibaba"}))
    shell = Shell.of(facts)
    asked = shell.fails(A)
    decision = shell.refreshed(took=10.0)
    assert reason(decision) == "deadline"
    assert decision.rule == asked.rule


def test_a_rename_at_the_deadline_is_followed_by_nothing() -> None:
    """A name that was found too late is not tried."""
    shell = Shell.of(plan(policy(rule("A", RENAME), deadline=10.0), can_rename=True))
    shell.fails(A)
    shell.now = START + 10.0
    assert reason(shell.renamed()) == "deadline"


def last_fault(shell: Shell, *, took: float = 0.0) -> list[Decision]:
    """Use up the only attempt with a fault of each kind, each in a call of its own."""
    return [Shell(shell.history, shell.now).fails(met, took=took) for met in (A, B, LOST)]


@pytest.mark.parametrize("took", [0.0, 10.0], ids=["attempts-used-up", "deadline-passed"])
def test_caps_stop_only_what_leads_to_another_attempt(took: float) -> None:
    """An accept, a verification and a fail are decided as ever when attempts or time are used up."""
    values = policy(
        rule("A", ALWAYS),
        rule("B", action("fail", key="stop")),
        rule("lost", VERIFY, scope="transport"),
        max_attempts=1,
        deadline=10.0,
    )
    believing = last_fault(Shell.of(plan(values)), took=took)
    assert isinstance(believing[0], Accept)
    assert reason(believing[1]) == "rule"
    verifying = last_fault(Shell.of(plan(values, can_verify=True, repeat="duplicate")), took=took)
    assert isinstance(verifying[0], Verify)
    assert isinstance(verifying[2], Verify)


def test_a_verification_after_the_last_attempt_can_save_the_call() -> None:
    """With the attempts used up a doubt is still looked into: there is a success, not there the end."""
    values = policy(rule("lost", RETRY, scope="transport"), max_attempts=1)
    facts = plan(values, can_verify=True, repeat="duplicate")
    found, missing = Shell.of(facts), Shell.of(facts)
    found.fails(LOST)
    missing.fails(LOST)
    assert isinstance(found.is_there(), Accept)
    assert reason(missing.is_not_there(took=30.0)) == "attempts"


@pytest.mark.parametrize(
    ("deadline", "timeout", "limit"),
    [
        pytest.param(None, None, None, id="no-limit"),
        pytest.param(100.0, None, 100.0, id="deadline"),
        pytest.param(None, 20.0, 60.0, id="timeout"),
        pytest.param(100.0, 20.0, 60.0, id="the-timeout-is-earlier"),
        pytest.param(50.0, 20.0, 50.0, id="the-deadline-is-earlier"),
    ],
)
def test_attempts_and_remedies_are_cut_by_the_earlier_limit(
    deadline: float | None, timeout: float | None, limit: float | None
) -> None:
    """What starts 40 seconds into the call ends at the earlier of its own timeout and the deadline."""
    history = begin(plan(policy(deadline=deadline, attempt_timeout=timeout)), now=START)
    expected = None if limit is None else START + limit
    assert attempt_limit(history, now=START + 40.0) == expected
    assert remedy_limit(history, now=START + 40.0) == expected


def test_a_remedy_may_use_the_room_that_attempts_leave() -> None:
    """The room that is kept for a verification is there for it."""
    facts = plan(policy(deadline=120.0), repeat="duplicate", can_verify=True)
    assert remedy_limit(begin(facts, now=START), now=START) == START + 120.0


def test_a_new_history_knows_nothing() -> None:
    """A call begins without doubt, with all of its time, and with the caller's own name."""
    history = begin(plan(policy(deadline=120.0)), now=START)
    assert history.deadline == START + 120.0
    assert (history.ours, history.unresolved, history.attempts, history.counted, history.name) == (
        False,
        False,
        0,
        0,
        1,
    )
