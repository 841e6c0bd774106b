"""What may have happened: never twice, never lost."""

from __future__ import annotations

import pytest
from core_values import (
    ACCEPT,
    FAIL,
    LOST,
    ONE_SECOND,
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
from resilience.core.decision import Accept, Decision, Fail, Refresh, Rename, Verify, Wait
from resilience.core.fault import Repeat
from resilience.core.plan import Plan
from resilience.core.policy import Action, PolicyValues
from resilience.core.steps.limits import attempt_limit

A, B = fault("A"), fault("B")


def after_loss(do: Action = RETRY, **limits: float | None) -> PolicyValues:
    return policy(rule("lost", do, scope="transport"), rule("A", RETRY), rule("B", ACCEPT), **limits)  # type: ignore[arg-type]  # mypy cannot see which keyword is which


def duplicate(values: PolicyValues, *, can_verify: bool = True) -> Plan:
    return plan(values, repeat="duplicate", can_verify=can_verify, can_rename=True, credentials=frozenset({"alibaba"}))


def ask_until_settled(shell: Shell) -> tuple[list[float], Decision]:
    """Answer "not there" until something else than another question follows; return the pauses and that."""
    pauses: list[float] = []
    for _ in range(1000):
        decision = shell.is_not_there()
        if not isinstance(decision, Verify):
            return pauses, decision
        pauses.append(decision.delay)
    raise AssertionError("endless questions")


LEADS_ON = [
    pytest.param(RETRY, Wait, id="retry"),
    pytest.param(VERIFY, Wait, id="verify"),
    pytest.param(REFRESH, Refresh, id="refresh"),
    pytest.param(RENAME, Rename, id="rename"),
]


@pytest.mark.parametrize(("do", "decision"), LEADS_ON)
def test_a_duplicate_in_doubt_is_verified_first(do: Action, decision: type) -> None:
    """Nothing that leads to another attempt comes before a verification; after a settled "not there" it does."""
    shell = Shell.of(duplicate(after_loss(do)))
    assert isinstance(shell.fails(LOST), Verify)
    _, then = ask_until_settled(shell)
    assert type(then) is decision
    assert shell.now >= START + 30.0


@pytest.mark.parametrize(("do", "decision"), LEADS_ON)
def test_a_duplicate_in_doubt_that_nobody_can_verify_stops(do: Action, decision: type) -> None:  # noqa: ARG001  # shares its table
    """Without a verifier the call stops, unverified."""
    shell = Shell.of(duplicate(after_loss(do), can_verify=False))
    assert reason(shell.fails(LOST)) == "unverified"
    assert shell.history.unresolved


@pytest.mark.parametrize("repeat", ["safe", "conflict"])
@pytest.mark.parametrize(("do", "decision"), LEADS_ON)
def test_other_operations_are_repeated_in_doubt(do: Action, decision: type, repeat: Repeat) -> None:
    """Where a repeat changes nothing or is refused, doubt alone stops nothing."""
    facts = plan(after_loss(do), repeat=repeat, can_rename=True, credentials=frozenset({"alibaba"}))
    assert type(Shell.of(facts).fails(LOST)) is decision


def test_without_doubt_a_duplicate_is_repeated() -> None:
    """A refused attempt changed nothing: the next one needs no verifier."""
    assert isinstance(Shell.of(duplicate(after_loss(), can_verify=False)).fails(A), Wait)


def test_doubt_stays_when_a_later_attempt_changed_nothing() -> None:
    """An operation in doubt is in doubt until somebody looks, whatever its later attempts say."""
    shell = Shell.of(plan(after_loss()))
    shell.fails(LOST)
    shell.fails(A)
    assert (shell.history.unresolved, shell.history.ours) == (True, True)


def test_a_doubt_from_an_earlier_run_is_a_doubt() -> None:
    """What the ledger knows as started is verified before a duplicate's next attempt, and counts as fresh."""
    shell = Shell.of(duplicate(after_loss()), ours=True)
    assert isinstance(shell.fails(A, took=5.0), Verify)
    assert isinstance(shell.is_not_there(), Verify)
    assert isinstance(shell.is_not_there(took=25.0), Wait)


def test_what_is_there_is_believed_at_once() -> None:
    """A verifier that says "it is there" needs no time to settle, and the call has ended."""
    because = rule("lost", RETRY, scope="transport")
    shell = Shell.of(duplicate(policy(because)))
    shell.fails(LOST)
    assert shell.is_there() == Accept(rule=because, action=RETRY, verified=True)
    assert not shell.history.unresolved


def test_what_is_not_there_is_asked_again_until_it_settles() -> None:
    """Pauses grow with the backoff, and the last question comes when ``settle`` has passed since the attempt ended."""
    grow = action("retry", backoff=Backoff(kind="exponential", base=1.0, jitter="none", cap=20.0))
    shell = Shell.of(duplicate(after_loss(grow)))
    shell.fails(LOST, took=7.0)
    ended = START + 7.0
    pauses, then = ask_until_settled(shell)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 14.0]
    assert shell.now == ended + 30.0
    assert isinstance(then, Wait)
    assert then.delay == 0.0


def test_pauses_between_questions_are_no_busy_loop() -> None:
    """A backoff of zero seconds asks twice a second, not without end."""
    at_once = action("retry", backoff=Backoff(kind="constant", base=0.0))
    shell = Shell.of(duplicate(after_loss(at_once)))
    shell.fails(LOST)
    pauses, _ = ask_until_settled(shell)
    assert set(pauses) == {0.5}
    assert len(pauses) == 60


def test_an_action_without_a_backoff_asks_with_the_default_one() -> None:
    """A refresh or rename in doubt asks at once, then with the backoff named ``default``."""
    steady = Backoff(kind="constant", base=10.0, jitter="none")
    values = policy(rule("lost", REFRESH, scope="transport"), backoffs={"default": steady})
    shell = Shell.of(duplicate(values))
    first = shell.fails(LOST)
    assert isinstance(first, Verify)
    assert first.delay == 0.0
    assert ask_until_settled(shell)[0] == [10.0, 10.0, 10.0]


def test_an_effect_that_comes_late_is_found() -> None:
    """First "not there" and then "there" ends with the resource, and without a second one."""
    shell = Shell.of(duplicate(after_loss()))
    shell.fails(LOST)
    assert isinstance(shell.is_not_there(), Verify)
    assert isinstance(shell.is_not_there(), Verify)
    assert isinstance(shell.is_there(), Accept)


def test_settle_counts_from_the_last_doubtful_attempt() -> None:
    """A second doubt starts the time anew; an attempt that changed nothing does not."""
    shell = Shell.of(plan(after_loss(VERIFY), can_verify=True))
    shell.fails(LOST)
    assert isinstance(shell.is_not_there(took=30.0), Wait)
    shell.fails(LOST, took=5.0)
    assert isinstance(shell.is_not_there(took=28.0), Verify)
    assert isinstance(shell.is_not_there(), Wait)


def test_settle_of_zero_believes_at_once() -> None:
    """With ``settle = "0s"`` the first "not there" counts."""
    shell = Shell.of(duplicate(after_loss(settle=0.0)))
    shell.fails(LOST)
    assert isinstance(shell.is_not_there(), Wait)


def test_without_doubt_not_there_is_believed_at_once() -> None:
    """A verification of an attempt that changed nothing has nothing to settle."""
    shell = Shell.of(duplicate(policy(rule("A", VERIFY))))
    assert isinstance(shell.fails(A), Verify)
    assert isinstance(shell.is_not_there(), Wait)


def test_a_verification_resolves_the_doubt_and_keeps_what_is_ours() -> None:
    """After a settled "not there" the next attempt is not verified again, but "it exists" is still ours."""
    shell = Shell.of(duplicate(after_loss()))
    shell.fails(LOST)
    ask_until_settled(shell)
    assert (shell.history.unresolved, shell.history.ours) == (False, True)
    assert isinstance(shell.fails(A), Wait)
    decision = shell.fails(B)
    assert isinstance(decision, Verify)
    assert decision.action is ACCEPT


def test_an_accept_in_doubt_waits_until_it_settles() -> None:
    """A verifier that denies what the service says exists is asked until it settles, then ``then`` follows."""
    values = policy(rule("lost", RETRY, scope="transport"), rule("B", action("accept", then=RENAME)))
    shell = Shell.of(plan(values, can_verify=True, can_rename=True))
    shell.fails(LOST)
    assert isinstance(shell.fails(B), Verify)
    assert isinstance(shell.is_not_there(), Verify)
    assert isinstance(shell.is_not_there(took=40.0), Rename)


def test_a_rules_effect_makes_and_unmakes_a_doubt() -> None:
    """``effect`` of a rule is what counts: ``none`` frees a retry, ``unknown`` asks first."""
    free = policy(rule("A", RETRY, effect="none"), rule("B", RETRY, effect="unknown"))
    assert isinstance(Shell.of(duplicate(free)).fails(fault("A", effect="unknown")), Wait)
    assert isinstance(Shell.of(duplicate(free)).fails(fault("B", effect="none")), Verify)


def test_an_unlisted_4xx_is_no_doubt() -> None:
    """Unlisted codes changed nothing as a 4xx, and may have changed something otherwise."""
    facts = duplicate(policy(rule("A", RETRY)))
    assert isinstance(Shell.of(facts).fails(fault("A", effect=None, status=429)), Wait)
    assert isinstance(Shell.of(facts).fails(fault("A", effect=None, status=500)), Verify)


def test_a_failing_rule_needs_no_verification() -> None:
    """A call that stops anyway stops at once; what may exist is remembered."""
    shell = Shell.of(duplicate(after_loss(FAIL)))
    assert reason(shell.fails(LOST)) == "rule"
    assert shell.history.unresolved


def test_an_inner_decision_needs_no_verification() -> None:
    """A decided failure is final, also in doubt."""
    shell = Shell.of(duplicate(after_loss()))
    assert reason(shell.fails(LOST, inner=True)) == "inner"
    assert shell.history.unresolved


# a verifier that fails itself


def in_doubt(values: PolicyValues) -> Shell:
    shell = Shell.of(duplicate(values))
    assert isinstance(shell.fails(LOST), Verify)
    return shell


def test_a_verifier_is_asked_again_as_the_rule_of_its_failure_says() -> None:
    """A throttled verifier waits as a throttled call would, and then it is asked again, not the operation."""
    slow = action("retry", key="slow", backoff=Backoff(kind="constant", base=3.0, jitter="none"))
    shell = in_doubt(policy(rule("lost", RETRY, scope="transport"), rule("A", slow)))
    decision = shell.cannot_verify(fault("A", retry_after=9.0))
    assert isinstance(decision, Verify)
    assert decision.delay == 9.0
    assert decision.action is RETRY
    assert isinstance(shell.is_there(), Accept)


def test_a_verifier_may_need_new_credentials() -> None:
    """An expired token of the verifier is renewed, and then the verifier is asked again."""
    because = rule("A", REFRESH)
    shell = in_doubt(policy(rule("lost", RETRY, scope="transport"), because))
    assert shell.cannot_verify(A) == Refresh(rule=because, action=REFRESH, provider="alibaba")
    assert isinstance(shell.refreshed(), Verify)
    assert isinstance(shell.is_there(), Accept)


def test_a_verifier_without_new_credentials_ends_the_call() -> None:
    """A refresh for the verifier that fails is a remedy that fails."""
    shell = in_doubt(policy(rule("lost", RETRY, scope="transport"), rule("A", REFRESH)))
    shell.cannot_verify(A)
    decision = shell.refresh_failed()
    assert isinstance(decision, Fail)
    assert (decision.reason, decision.by_remedy) == ("remedy", True)


@pytest.mark.parametrize(
    "do",
    [
        pytest.param(FAIL, id="fail"),
        pytest.param(RENAME, id="rename"),
        pytest.param(action("accept", condition="always"), id="accept"),
        pytest.param(action("refresh", max=0), id="used-up"),
        pytest.param(None, id="no-rule"),
    ],
)
def test_a_verifier_that_no_remedy_helps_ends_the_call(do: Action | None) -> None:
    """What would not help an attempt, or would help only the operation, does not help its verifier."""
    rules = [rule("lost", RETRY, scope="transport"), *([] if do is None else [rule("A", do)])]
    decision = in_doubt(policy(*rules)).cannot_verify(A)
    assert isinstance(decision, Fail)
    assert (decision.reason, decision.by_remedy) == ("remedy", True)


def test_a_verifier_that_fails_without_a_fault_ends_the_call() -> None:
    """A programming error in a verifier is not asked again."""
    decision = in_doubt(after_loss()).cannot_verify(None)
    assert isinstance(decision, Fail)
    assert (decision.reason, decision.by_remedy) == ("remedy", True)


def test_a_verifier_is_not_asked_for_ever() -> None:
    """A verifier may fail as often as an attempt may, once less than ``max_attempts`` times with a next question."""
    shell = in_doubt(after_loss())
    answers = [shell.cannot_verify(A) for _ in range(6)]
    assert [type(answer) for answer in answers] == [Verify] * 5 + [Fail]
    assert reason(answers[-1]) == "remedy"


def test_failures_of_a_verifier_are_counted_anew_after_an_attempt() -> None:
    """The next doubt starts with a verifier that has not failed yet."""
    shell = in_doubt(after_loss(deadline=None))
    for _ in range(5):
        shell.cannot_verify(A)
    assert isinstance(shell.is_not_there(took=60.0), Wait)
    shell.fails(LOST)
    assert isinstance(shell.cannot_verify(A), Verify)


def test_pauses_between_questions_start_anew_after_an_attempt() -> None:
    """The next doubt is asked about as eagerly as the first one."""
    grow = action("retry", backoff=Backoff(kind="exponential", base=1.0, jitter="none"))
    shell = Shell.of(duplicate(after_loss(grow, deadline=None)))
    shell.fails(LOST)
    first, _ = ask_until_settled(shell)
    shell.fails(LOST)
    second, _ = ask_until_settled(shell)
    assert first[0] == second[0] == 1.0


def test_failures_of_a_verifier_use_up_no_attempts() -> None:
    """``max_attempts`` is for the operation: its verifier's failures are not attempts."""
    shell = in_doubt(after_loss(max_attempts=3))
    shell.cannot_verify(A)
    shell.cannot_verify(A)
    assert isinstance(shell.is_not_there(took=60.0), Wait)
    assert (shell.history.attempts, shell.history.counted) == (1, 1)


def test_a_verifiers_wait_that_does_not_fit_ends_the_call() -> None:
    """A wait before the next question is not begun if it would reach the deadline."""
    slow = action("retry", key="slow", backoff=Backoff(kind="constant", base=15.0, jitter="none"))
    shell = in_doubt(policy(rule("lost", RETRY, scope="transport"), rule("A", slow), deadline=20.0))
    assert reason(shell.cannot_verify(A, took=4.0)) == "deadline"


def test_a_verifier_that_the_deadline_cut_says_so() -> None:
    """A verification that ends at the deadline stops the call for the deadline's sake."""
    shell = in_doubt(after_loss(deadline=20.0))
    decision = shell.cannot_verify(None, took=19.0)
    assert isinstance(decision, Fail)
    assert (decision.reason, decision.by_remedy) == ("deadline", True)


# room before the deadline


def test_an_attempt_in_danger_leaves_room_for_a_settled_verification() -> None:
    """An attempt that may have to be verified is cut so early that the verification can settle."""
    facts = duplicate(after_loss(deadline=120.0, settle=30.0))
    limit = attempt_limit(Shell.of(facts).history, now=START)
    assert limit is not None
    assert limit <= START + 90.0


@pytest.mark.parametrize("late", [0.0, 0.01])
def test_an_attempt_cut_at_its_limit_can_still_be_settled(late: float) -> None:
    """The last doubt that an attempt can leave is asked about once more when it has settled, before the deadline."""
    grow = action("retry", backoff=Backoff(kind="exponential", base=1.0, jitter="none"))
    facts = duplicate(after_loss(grow, deadline=120.0, settle=30.0))
    shell = Shell.of(facts)
    limit = attempt_limit(shell.history, now=START)
    assert limit is not None
    shell.fails(LOST, took=limit - START + late)
    ask_until_settled(shell)
    assert not shell.history.unresolved


def test_room_for_a_verification_never_takes_more_than_half() -> None:
    """A ``settle`` longer than half of the deadline leaves the attempts their half."""
    facts = duplicate(after_loss(deadline=40.0, settle=300.0))
    assert attempt_limit(Shell.of(facts).history, now=START) == START + 20.0


@pytest.mark.parametrize(("repeat", "can_verify"), [("safe", True), ("conflict", True), ("duplicate", False)])
def test_no_room_is_kept_where_nobody_must_be_asked(repeat: Repeat, can_verify: bool) -> None:  # noqa: FBT001  # a column of the table
    """Attempts that need no verification, or can have none, may take all of the time."""
    facts = plan(after_loss(), repeat=repeat, can_verify=can_verify)
    assert attempt_limit(Shell.of(facts).history, now=START) == START + 120.0


def test_no_attempt_begins_in_the_room_of_its_verification() -> None:
    """A wait that would end where only a verification has room is not begun."""
    slow = action("retry", backoff=Backoff(kind="constant", base=10.0, jitter="none"))
    values = policy(rule("A", slow), deadline=120.0, settle=30.0)
    assert isinstance(Shell.of(duplicate(values)).fails(A, took=70.0), Wait)
    assert reason(Shell.of(duplicate(values)).fails(A, took=80.0)) == "deadline"


def test_a_first_question_comes_early_rather_than_never() -> None:
    """Where the wait before a verification would reach the deadline, half of the time left is waited."""
    slow = action("retry", backoff=Backoff(kind="constant", base=15.0, jitter="none"))
    decision = Shell.of(duplicate(after_loss(slow, deadline=20.0))).fails(LOST, took=10.0)
    assert isinstance(decision, Verify)
    assert decision.delay == 5.0


def test_after_the_deadline_a_question_does_not_wait() -> None:
    """An attempt that ended after the deadline is asked about without a wait."""
    decision = Shell.of(duplicate(after_loss(deadline=20.0))).fails(LOST, took=25.0)
    assert isinstance(decision, Verify)
    assert decision.delay == 0.0


def test_without_a_deadline_every_wait_fits() -> None:
    """Only ``deadline = "none"`` has no limit: a verification may then take as long as it takes."""
    slow = action("retry", backoff=Backoff(kind="constant", base=20.0, jitter="none"))
    shell = Shell.of(duplicate(after_loss(slow, deadline=None, settle=3600.0)))
    decision = shell.fails(LOST)
    assert isinstance(decision, Verify)
    assert decision.delay == 20.0
    assert attempt_limit(shell.history, now=shell.now) is None
    pauses, then = ask_until_settled(shell)
    assert sum(pauses) == 3580.0
    assert isinstance(then, Wait)


def test_settling_ends_at_the_deadline() -> None:
    """A next question that would reach the deadline is not asked: the call stops, still in doubt."""
    steady = action("retry", backoff=ONE_SECOND)
    shell = Shell.of(duplicate(after_loss(steady, deadline=20.0)))
    shell.fails(LOST)
    _, then = ask_until_settled(shell)
    assert reason(then) == "deadline"
    assert shell.now < START + 20.0
    assert shell.history.unresolved


def equal(*, can_verify: bool = False, **limits: float | None) -> Plan:
    return plan(after_loss(RETRY, **limits), repeat="equal", can_verify=can_verify)


def test_an_equal_operation_may_be_repeated_freely() -> None:
    """The same again changes nothing, so a doubt asks for no verification, whether or not somebody could look."""
    for can_verify in (False, True):
        shell = Shell.of(equal(can_verify=can_verify))
        assert isinstance(shell.fails(LOST), Wait)
        assert isinstance(Shell.of(plan(after_loss(VERIFY), repeat="equal", can_verify=can_verify)).fails(LOST), Wait)


def test_exists_says_of_an_equal_operation_that_the_content_is_another() -> None:
    """Without a verifier nothing is ours; with one its word counts, and only after a doubt."""
    shell = Shell.of(equal())
    assert isinstance(shell.fails(LOST), Wait)
    assert reason(shell.fails(B)) == "not_ours"
    assert reason(Shell.of(equal(can_verify=True)).fails(B)) == "not_ours"
    shell = Shell.of(equal(can_verify=True, settle=0.0))
    assert isinstance(shell.fails(LOST), Wait)
    assert isinstance(shell.fails(B), Verify)
    assert shell.is_there() == Accept(rule=rule("B", ACCEPT), action=ACCEPT, verified=True)


def test_an_operation_may_have_its_own_time_to_settle() -> None:
    """Its "not there" is believed earlier, or later, than that of others."""
    for own, is_believed in ((0.0, True), (90.0, False), (None, False)):
        shell = Shell.of(plan(after_loss(settle=30.0), repeat="duplicate", can_verify=True, own_settle=own))
        shell.fails(LOST)
        assert isinstance(shell.is_not_there(took=1.0), Wait) is is_believed
