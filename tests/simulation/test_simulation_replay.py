"""Recorded calls under other policies: the same faults, times, answers and draws, and what is assumed beyond them."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from resilience import Policy
from resilience.cli.plans import operation_of, plan_of
from resilience.core.admission.limits import BreakerLimits, BudgetLimits
from resilience.core.backoff import Backoff
from resilience.core.fault import CUT, Fault
from resilience.core.plan import Plan
from resilience.journal.model import RecordedAttempt, RecordedCall, RecordedRemedy
from resilience.simulation import EndlessError
from resilience.simulation.abilities import Abilities
from resilience.simulation.replay import obstacle, replay
from resilience.simulation.replayed import ASSUMPTIONS, Replayed

BUSY = Fault(provider="alibaba", code="SystemOverFlow", status=400, effect="none")
EXPIRED = Fault(provider="alibaba", code="InvalidSecurityToken.Expired", status=400)
TAKEN = Fault(provider="alibaba", code="GroupIdAlreadyUsedByOtherUsers", status=400)
LOST = Fault(transport="lost")
ONE, FULL = Backoff(kind="constant", base=1.0, jitter="none"), Backoff(base=1.0, jitter="full")


def plan(
    rules: str = "",
    *,
    operation: str = "alibaba:CreateGroupId",
    limits: str = "",
    deadline: str = "5m",
    backoff: str = 'kind = "constant", base = "1s", jitter = "none"',
    verifier: bool = False,
    credentials: bool = False,
) -> Plan:
    """Return a policy in few words; by default it waits a second before each retry."""
    text = f"""
schema = 1
name = "new"
[limits]
deadline = "{deadline}"
max_attempts = 4
{limits}
[backoff]
default = {{ {backoff} }}
[rules.alibaba]
{rules}
"""
    policy = Policy.loads(text, env=None)
    return plan_of(policy, operation_of(operation, policy), verifier=verifier, credentials=credentials)


def failed(
    number: int, at: float, fault: Fault = BUSY, *, action: Any = "retry", delay: float = 1.0, **more: Any
) -> RecordedAttempt:
    """Return an attempt that failed after half a second, by default to be made again a second later."""
    about: dict[str, Any] = {
        "duration": 0.5,
        "effect": "none",
        "backoff": ONE if action == "retry" else None,
        "action_name": "patient",
        "rule_id": "old",
        "stop_reason": "rule" if action == "fail" else None,
    } | more
    delay = 0.0 if action in {"fail", "accept"} else delay
    return RecordedAttempt(number=number, started_at=1000.0 + at, fault=fault, action=action, delay=delay, **about)


def succeeded(number: int, at: float, *, duration: float = 0.5) -> RecordedAttempt:
    return RecordedAttempt(number=number, started_at=1000.0 + at, duration=duration)


def verified(number: int, at: float, answer: Any = "there", **more: Any) -> RecordedRemedy:
    about = {"duration": 0.25, "answer": answer} | more
    return RecordedRemedy(kind="verify", number=number, started_at=1000.0 + at, **about)


def refreshed(number: int, at: float, answer: Any = "done", **more: Any) -> RecordedRemedy:
    about = {"duration": 0.25, "answer": answer, "provider": "alibaba"} | more
    return RecordedRemedy(kind="refresh", number=number, started_at=1000.0 + at, **about)


def call(
    *attempts: RecordedAttempt,
    ended: Any = "success_after_retry",
    why: Any = "success",
    took: float | None = 10.0,
    **more: Any,
) -> RecordedCall:
    about = {
        "id": "c-1",
        "run": "r",
        "operation": "CreateGroupId",
        "provider": "alibaba",
        "started_at": 1000.0,
        "duration": took,
        "ended": ended,
        "stop_reason": why,
        "attempts": attempts,
    }
    return RecordedCall(**{**about, **more})


def did(replayed: Replayed) -> list[tuple[str, float, float]]:
    """Return what is done, when it begins and when it ends."""
    return [(step.did, round(step.began, 4), round(step.ended, 4)) for step in replayed.steps]


def changes(replayed: Replayed) -> list[tuple[int, str | None, str | None]]:
    return [
        (
            each.number,
            None if each.before is None else each.before.action,
            None if each.after is None else each.after.verb,
        )
        for each in replayed.differences
    ]


RETRIED = call(failed(1, 0.0), failed(2, 1.5), succeeded(3, 3.0), took=3.5)
"""Two refusals, a second between attempts, and a success."""

GAVE_UP = call(failed(1, 0.0, action="fail"), ended="failed", why="rule", took=0.5)


def test_the_same_decisions_are_no_difference() -> None:
    """Where the rule stands, and what it is called, makes no difference; the recorded length is kept."""
    replayed = replay(RETRIED, plan('"SystemOverFlow" = "retry"'))
    assert replayed.differences == ()
    assert did(replayed) == [("attempt", 0.0, 0.5), ("attempt", 1.5, 2.0), ("attempt", 3.0, 3.5)]
    assert (replayed.ended, replayed.requests, replayed.seconds) == ("success_after_retry", 0, 0.0)
    assert not replayed.ends_otherwise
    assert replayed.assumptions == ()


def budgeted(rules: str, retries: int = 100) -> Plan:
    """Return a plan with a retry budget that pays for so many retries."""
    made = plan(rules)
    limits = BudgetLimits(capacity=retries, cost=1, deposit=0)
    return evolve(made, policy=evolve(made.policy, budgets={"alibaba": limits}))


def test_a_refusal_by_the_budget_is_replayed() -> None:
    """Other calls had used the budget up in the recording, so it refuses the same retry again, and no other one."""
    refused = failed(2, 1.5, action="fail", stop_reason="budget")
    recorded = call(failed(1, 0.0), refused, ended="refused", why="budget", took=2.0)
    replayed = replay(recorded, budgeted('"SystemOverFlow" = "retry"'))
    assert replayed.differences == ()
    assert (replayed.ended, replayed.stop_reason, replayed.attempts) == ("refused", "budget", 2)
    assert replayed.assumptions == ("budget",)


def test_a_policy_without_a_budget_refuses_nothing() -> None:
    """Where the new policy has none, the retry that was refused is made."""
    refused = failed(1, 0.0, action="fail", stop_reason="budget")
    replayed = replay(
        call(refused, ended="refused", why="budget", took=0.5), plan('"SystemOverFlow" = { do = "retry", max = 1 }')
    )
    assert changes(replayed) == [(1, "fail", "retry")]
    assert replayed.stop_reason == "max"


def test_a_budget_that_is_never_asked_needs_no_assumption() -> None:
    """A call whose policy retries nothing is replayed as it was."""
    assert replay(GAVE_UP, budgeted('"SystemOverFlow" = "fail"')).assumptions == ()


@pytest.mark.parametrize(
    "last",
    [failed(1, 0.0), failed(1, 0.0, action="fail", stop_reason="breaker")],
    ids=["after-its-wait", "before-its-wait"],
)
def test_a_call_that_a_breaker_stopped_is_replayed(last: RecordedAttempt) -> None:
    """What other calls made of the breaker is no part of the recording: a call that it stopped is stopped again."""
    recorded = call(last, ended="refused", why="breaker", took=1.5)
    made = plan('"SystemOverFlow" = "retry"')
    replayed = replay(recorded, evolve(made, policy=evolve(made.policy, breakers={"alibaba": BreakerLimits()})))
    assert (replayed.ended, replayed.stop_reason, replayed.attempts) == ("refused", "breaker", 1)
    assert replayed.differences == ()


def test_a_call_that_stops_earlier_saves_the_rest() -> None:
    """A rule that gives up at once saves the attempts and waits that followed; what succeeded then fails now."""
    replayed = replay(RETRIED, plan('"SystemOverFlow" = "fail"'))
    assert changes(replayed) == [(1, "retry", "fail")]
    assert (replayed.ended, replayed.stop_reason) == ("failed", "rule")
    assert (replayed.requests, replayed.seconds) == (-2, -3.0)
    assert replayed.is_worse
    assert replayed.assumptions == ()


def test_attempts_that_nobody_made_fail_as_the_last_one() -> None:
    """A rule that tries more often meets the last fault again and again, and it is said."""
    replayed = replay(GAVE_UP, plan('"SystemOverFlow" = "retry"'))
    assert changes(replayed) == [(1, "fail", "retry")]
    assert (replayed.ended, replayed.stop_reason, replayed.requests) == ("exhausted", "attempts", 3)
    assert replayed.assumptions == ("fault",)
    assert replayed.ends_otherwise
    assert not replayed.is_worse
    assert not replayed.is_better


def test_attempts_that_nobody_made_succeed_if_the_last_one_did() -> None:
    """Where a success comes too late for a shorter limit, the next attempt meets that success again."""
    recorded = call(succeeded(1, 0.0, duration=5.0), ended="success", took=5.0)
    rules = '[rules.transport]\n"lost" = { do = "retry", max = 2 }'
    replayed = replay(recorded, plan(rules, limits='attempt_timeout = "3s"'))
    assert [step.cut for step in replayed.steps] == [True, True, True]
    assert changes(replayed) == [(1, None, "retry")]
    assert replayed.differences[0].cut
    assert (replayed.stop_reason, replayed.assumptions) == ("max", ("success",))
    assert replayed.is_worse
    assert replayed.may_exist


def test_a_failed_call_may_succeed() -> None:
    """An accept turns the fault that the call failed with into its success."""
    recorded = call(failed(1, 0.0, LOST), failed(2, 1.5, action="fail"), ended="failed", why="rule", took=2.0)
    rules = '"SystemOverFlow" = "accept"\n[rules.transport]\n"lost" = "retry"'
    replayed = replay(recorded, plan(rules))
    assert changes(replayed) == [(2, "fail", "accept")]
    assert replayed.ended == "accepted"
    assert replayed.is_better


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        pytest.param('base = "1s"', (0.75, 0.5), id="the-same-keeps-the-delays"),
        pytest.param('base = "2s"', (1.5, 1.0), id="twice-as-long-waits-twice-as-long"),
        pytest.param('base = "1s", cap = "1s"', (0.75, 0.25), id="a-cap-shortens-the-second"),
        pytest.param('base = "1s", jitter = "none"', (1.0, 2.0), id="without-jitter-no-luck"),
        pytest.param('base = "1s", jitter = "equal"', (0.875, 1.25), id="another-jitter-has-the-same-draw"),
    ],
)
def test_another_backoff_has_the_same_luck(backoff: str, waits: tuple[float, float]) -> None:
    """The draw behind a recorded delay is found, and put into the backoff of the other policy."""
    recorded = call(
        failed(1, 0.0, delay=0.75, backoff=FULL),
        failed(2, 1.25, delay=0.5, backoff=FULL),
        succeeded(3, 2.25),
        took=2.75,
    )
    replayed = replay(recorded, plan('"SystemOverFlow" = "retry"', backoff=backoff))
    assert [step.delay for step in replayed.steps][:2] == pytest.approx(waits)


def test_a_wait_that_grows_from_the_last_one_has_the_same_luck() -> None:
    """Decorrelated jitter is drawn between the base and three times the wait before."""
    grown = Backoff(base=1.0, jitter="decorrelated")
    # Half of the way from 1 s to 3 s, then a quarter of the way from 1 s to 6 s.
    waited = (failed(1, 0.0, delay=2.0, backoff=grown), failed(2, 2.5, delay=2.25, backoff=grown))
    recorded = call(*waited, succeeded(3, 5.25), took=5.75)
    replayed = replay(recorded, plan('"SystemOverFlow" = "retry"', backoff='base = "4s", kind = "constant"'))
    assert [step.delay for step in replayed.steps][:2] == pytest.approx((2.0, 1.0))


@pytest.mark.parametrize("deadline", ["4s", "5s"])
def test_a_wait_that_was_too_long_is_too_long_again(deadline: str) -> None:
    """A call that the deadline ended had drawn a wait that did not fit, and its length is not recorded."""
    ended = failed(1, 0.0, action="fail", stop_reason="deadline")
    recorded = call(ended, ended="exhausted", why="deadline", took=0.5)
    replayed = replay(recorded, plan('"SystemOverFlow" = "retry"', backoff='base = "8s"', deadline=deadline))
    assert (replayed.differences, replayed.stop_reason) == ((), "deadline")


def test_a_wait_that_fitted_fits_again() -> None:
    """Near the deadline the recorded delay is found among those that fit."""
    recorded = call(failed(1, 0.0, delay=1.0, backoff=None), succeeded(2, 1.5), took=2.0)
    replayed = replay(recorded, plan('"SystemOverFlow" = "retry"', backoff='base = "16s"', deadline="4s"))
    assert replayed.differences == ()
    assert replayed.steps[0].delay == pytest.approx(1.0, abs=1e-4)


def test_a_servers_hint_is_no_luck() -> None:
    """A delay that the server asked for says nothing of the draw; under another backoff it is the middle one."""
    hinted = evolve(BUSY, retry_after=3.0)
    recorded = call(failed(1, 0.0, hinted, delay=3.0, backoff=FULL), succeeded(2, 3.5), took=4.0)
    long = replay(recorded, plan('"SystemOverFlow" = "retry"', backoff='base = "8s"'))
    assert long.steps[0].delay == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("delay", "wait"),
    [pytest.param(0.75, 0.75, id="possible"), pytest.param(5.0, 0.5, id="impossible-is-the-middle")],
)
def test_a_delay_without_its_backoff_is_kept_if_it_can_be(delay: float, wait: float) -> None:
    """Spans tell delays and no backoffs: what this policy can draw is drawn."""
    recorded = call(failed(1, 0.0, delay=delay, backoff=None), succeeded(2, 6.0), took=6.5)
    replayed = replay(recorded, plan('"SystemOverFlow" = "retry"', backoff='base = "1s"'))
    assert replayed.steps[0].delay == pytest.approx(wait)


@pytest.mark.parametrize(
    ("limits", "took", "assumed"),
    [
        pytest.param('attempt_timeout = "20s"', 20.05, (), id="the-same-limit"),
        pytest.param('attempt_timeout = "5s"', 5.0, (), id="an-earlier-limit"),
        pytest.param('attempt_timeout = "1m"', 60.0, ("cut",), id="a-later-limit"),
    ],
)
def test_an_attempt_that_was_cut_short_never_answers(limits: str, took: float, assumed: tuple[str, ...]) -> None:
    """It is cut by the limit of the other policy; that it would have gone on until then is an assumption."""
    cut = failed(1, 0.0, CUT, cut=True, effect="unknown", duration=20.05)
    recorded = call(cut, succeeded(2, 21.05), took=21.55)
    replayed = replay(recorded, plan('[rules.transport]\n"lost" = "retry"', limits=limits))
    assert replayed.steps[0].ended == pytest.approx(took)
    assert replayed.steps[0].cut
    assert replayed.seconds == pytest.approx(took - 20.05)
    assert replayed.assumptions == assumed


def test_an_attempt_that_nothing_cuts_short_never_ends() -> None:
    """Without any limit, what hung then hangs for ever."""
    cut = failed(1, 0.0, CUT, cut=True, effect="unknown", duration=20.0)
    with pytest.raises(EndlessError, match="no limit would cut it short"):
        replay(call(cut, succeeded(2, 21.0)), plan('[rules.transport]\n"lost" = "retry"', deadline="none"))


def test_retries_that_nothing_ends_are_endless() -> None:
    """A policy without limits for a fault that goes on is told from one that ends."""
    patient = plan('"SystemOverFlow" = { do = "retry", counts = false }', deadline="none")
    with pytest.raises(EndlessError, match="no limit of the policy"):
        replay(GAVE_UP, patient)


def test_time_that_no_policy_decides_is_kept() -> None:
    """Waiting for a rate limit or for a thread before an attempt takes as long under another policy."""
    queued = call(failed(1, 2.0), succeeded(2, 7.5), took=8.25)
    replayed = replay(
        queued, plan('"SystemOverFlow" = "retry"', backoff='kind = "constant", base = "2s", jitter = "none"')
    )
    # 2 s before the first attempt, 4 s before the second, a quarter of a second after it.
    assert did(replayed) == [("attempt", 2.0, 2.5), ("attempt", 8.5, 9.0)]
    assert replayed.seconds == pytest.approx(1.0)


LOST_ONCE = failed(1, 0.0, LOST, action="verify", effect="unknown", delay=1.0)
VERIFY = '[rules.transport]\n"lost" = "verify"'
BUYS: Any = {"operation": "CreateInstance", "provider": "tencent"}


def test_a_verifier_answers_what_it_answered() -> None:
    """A verification brings its recorded answer, in its recorded time."""
    recorded = call(
        LOST_ONCE, ended="accepted", why="accepted", took=1.75, remedies=(verified(1, 1.5, action="accept"),), **BUYS
    )
    replayed = replay(recorded, plan(VERIFY, operation="tencent:CreateInstance", verifier=True))
    assert did(replayed) == [("attempt", 0.0, 0.5), ("verify", 1.5, 1.75)]
    assert replayed.differences == ()
    assert replayed.stop_reason == "accepted"


def test_what_a_verifier_discarded_is_not_waited_for() -> None:
    """It was there, so no settle makes the replay ask again."""
    answers = (verified(1, 1.5, "discarded", action="retry"),)
    recorded = call(LOST_ONCE, succeeded(2, 1.75), took=2.25, remedies=answers, **BUYS)
    asked = plan(VERIFY, operation="tencent:CreateInstance", verifier=True, limits='settle = "3s"')
    replayed = replay(recorded, asked)
    assert [step.did for step in replayed.steps] == ["attempt", "verify", "attempt"]
    assert (replayed.differences, replayed.assumptions) == ((), ())


def test_a_longer_settle_asks_more_often() -> None:
    """More questions than were asked find nothing either, and it is said."""
    answers = (verified(1, 1.5, "not_there", action="retry"),)
    recorded = call(LOST_ONCE, succeeded(2, 1.75), took=2.25, remedies=answers, **BUYS)
    asked = plan(VERIFY, operation="tencent:CreateInstance", verifier=True, limits='settle = "3s"')
    replayed = replay(recorded, asked)
    assert [step.did for step in replayed.steps] == ["attempt", "verify", "verify", "verify", "attempt"]
    assert [each.did for each in replayed.differences] == ["verify"]
    assert replayed.assumptions == ("verifier",)
    assert (replayed.ended, replayed.requests) == ("success_after_retry", 0)


def test_a_verifier_that_was_never_asked_finds_nothing() -> None:
    """Where the other policy asks for the first time, nothing is there, and the recorded attempts go on."""
    blind = call(failed(1, 0.0, LOST, effect="unknown"), succeeded(2, 1.5), took=2.0)
    replayed = replay(blind, plan(VERIFY, verifier=True, limits='settle = "0s"'))
    assert changes(replayed) == [(1, "retry", "verify")]
    assert [step.did for step in replayed.steps] == ["attempt", "verify", "attempt"]
    assert (replayed.ended, replayed.assumptions) == ("success_after_retry", ("verifier",))


@pytest.mark.parametrize(
    ("decided", "reason"),
    [
        pytest.param({"action": "verify", "delay": 1.0}, "accepted", id="asked-again"),
        pytest.param({"action": "fail", "stop_reason": "remedy"}, "remedy", id="given-up"),
    ],
)
def test_a_verifier_fails_as_it_did(decided: dict[str, Any], reason: str) -> None:
    """What it failed with is not recorded; a fault that is decided as that was stands for it, and it is said."""
    answers = [verified(1, 1.5, "failed", error="SomeError", **decided), verified(1, 2.75, action="accept")]
    ended: dict[str, Any] = {"ended": "accepted", "why": "accepted", "took": 3.0}
    if reason == "remedy":
        answers, ended = answers[:1], {"ended": "failed", "why": "remedy", "took": 1.75}
    recorded = call(LOST_ONCE, remedies=tuple(answers), **ended, **BUYS)
    replayed = replay(recorded, plan(VERIFY, operation="tencent:CreateInstance", verifier=True))
    assert replayed.differences == ()
    assert (replayed.stop_reason, replayed.assumptions) == (reason, ("verifier_fault",))


def test_a_failure_that_no_rule_decides_alike_ends_the_call() -> None:
    """Where nothing that a verifier could fail with is decided as it was, its failure is final."""
    answers = (verified(1, 1.5, "failed", action="refresh", delay=7.0), verified(1, 9.0, action="accept"))
    recorded = call(LOST_ONCE, ended="accepted", why="accepted", took=9.25, remedies=answers)
    replayed = replay(recorded, plan(VERIFY, verifier=True))
    assert (replayed.stop_reason, replayed.assumptions) == ("remedy", ("verifier_fault",))


def test_a_slow_answer_may_come_too_late() -> None:
    """A verification that takes longer than another policy lets it is cut short."""
    slow = verified(1, 1.5, action="accept", duration=5.0)
    recorded = call(LOST_ONCE, ended="accepted", why="accepted", took=6.5, remedies=(slow,), **BUYS)
    hasty = plan(VERIFY, operation="tencent:CreateInstance", verifier=True, limits='attempt_timeout = "3s"')
    replayed = replay(recorded, hasty)
    assert did(replayed)[1] == ("verify", 1.5, 4.5)
    assert replayed.steps[1].cut


def test_a_verifier_that_is_not_asked_any_more_changes_the_end() -> None:
    """Where a call was killed while it was being verified, a policy that retries instead breaks off there."""
    asked = verified(1, 1.5, None, duration=None)
    recorded = call(LOST_ONCE, ended=None, why=None, took=None, remedies=(asked,), operation="CreateGroupId")
    blind = replay(recorded, plan('[rules.transport]\n"lost" = "retry"', verifier=True))
    assert changes(blind) == [(1, "verify", "retry")]
    assert (blind.ended, blind.assumptions) == (None, ())


REFRESH = '"InvalidSecurityToken.Expired" = "refresh"'
ASKED_FOR = failed(1, 0.0, EXPIRED, action="refresh", delay=0.0)


def test_a_refresh_takes_as_long_as_it_took() -> None:
    """A refresh that was recorded, in however many flights, is played with its time."""
    flights = (refreshed(1, 0.5, leads=False), refreshed(1, 0.75))
    recorded = call(ASKED_FOR, succeeded(2, 1.0), took=1.5, remedies=flights)
    replayed = replay(recorded, plan(REFRESH, credentials=True))
    assert did(replayed) == [("attempt", 0.0, 0.5), ("refresh", 0.5, 1.0), ("attempt", 1.0, 1.5)]
    assert replayed.differences == ()


def test_a_refresh_that_was_done_by_another_call_takes_no_time() -> None:
    """Where newer credentials were there already, no refresh is recorded, and the call went on."""
    replayed = replay(call(ASKED_FOR, succeeded(2, 0.5), took=1.0), plan(REFRESH, credentials=True))
    assert did(replayed) == [("attempt", 0.0, 0.5), ("refresh", 0.5, 0.5), ("attempt", 0.5, 1.0)]
    assert replayed.assumptions == ()


def test_a_slow_refresh_may_come_too_late() -> None:
    """A refresh that takes longer than another policy lets it is cut short, and ends the call."""
    recorded = call(ASKED_FOR, succeeded(2, 9.0), took=9.5, remedies=(refreshed(1, 0.5, duration=8.5),))
    replayed = replay(recorded, plan(REFRESH, credentials=True, limits='attempt_timeout = "5s"'))
    assert did(replayed)[1:] == [("refresh", 0.5, 5.5)]
    assert replayed.stop_reason == "remedy"
    assert replayed.is_worse


def test_a_verifier_that_asked_for_credentials_does_so_again() -> None:
    """The codes that a policy names are tried as well, for what a verifier failed with."""
    answers = (
        verified(1, 1.5, "failed", action="refresh", delay=0.0, error="SomeError"),
        verified(1, 2.0, action="accept"),
    )
    remedies = (answers[0], refreshed(1, 1.75), answers[1])
    recorded = call(LOST_ONCE, ended="accepted", why="accepted", took=2.25, remedies=remedies)
    replayed = replay(recorded, plan(f"{REFRESH}\n{VERIFY}", verifier=True, credentials=True))
    assert [step.did for step in replayed.steps] == ["attempt", "verify", "refresh", "verify"]
    assert replayed.differences == ()


@pytest.mark.parametrize("told", [True, False])
def test_a_refresh_that_failed_fails_again(*, told: bool) -> None:
    """Also where only the end of the call tells that it failed, as after a cool-down."""
    remedies = (refreshed(1, 0.5, "failed"),) if told else ()
    recorded = call(ASKED_FOR, ended="failed", why="remedy", took=0.75, remedies=remedies)
    replayed = replay(recorded, plan(REFRESH, credentials=True))
    assert replayed.differences == ()
    assert replayed.stop_reason == "remedy"


def test_a_refresh_that_nobody_made_succeeds() -> None:
    """Where the other policy refreshes for the first time, it succeeds at once, and it is said."""
    recorded = call(failed(1, 0.0, EXPIRED), succeeded(2, 1.5), took=2.0)
    replayed = replay(recorded, plan(REFRESH, credentials=True))
    assert changes(replayed) == [(1, "retry", "refresh")]
    assert (replayed.ended, replayed.assumptions) == ("success_after_retry", ("refresh",))


RENAME = '"GroupIdAlreadyUsedByOtherUsers" = { do = "rename", then = "retry" }'


def test_a_rename_that_found_a_name_finds_it_again_and_one_that_did_not_does_not() -> None:
    """Of two renames that were asked for and one that was made, the second is impossible."""
    twice = [failed(number, at, TAKEN, action="rename", delay=0.0) for number, at in ((1, 0.0), (2, 0.5))]
    recorded = call(*twice, succeeded(3, 2.0), renames=1, took=2.5)
    replayed = replay(recorded, plan(RENAME))
    assert [type(step.event).__name__ for step in replayed.steps if step.did == "rename"] == [
        "Renamed",
        "RenameImpossible",
    ]
    assert replayed.differences == ()


def test_a_rename_that_nobody_made_finds_a_name() -> None:
    """Where the other policy renames for the first time, a name is found, and it is said."""
    recorded = call(failed(1, 0.0, TAKEN), succeeded(2, 1.5), took=2.0)
    replayed = replay(recorded, plan(RENAME))
    assert changes(replayed) == [(1, "retry", "rename")]
    assert replayed.assumptions == ("rename",)


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(call(failed(1, 0.0), ended=None, why=None, took=None), id="killed-in-a-wait"),
        pytest.param(call(failed(1, 0.0), succeeded(2, 1.5), ended=None, why=None, took=None), id="killed-after-all"),
        pytest.param(
            call(failed(1, 0.0), evolve(succeeded(2, 1.5), duration=None), ended=None, why=None, took=None),
            id="killed-in-an-attempt",
        ),
        pytest.param(
            call(failed(1, 0.0), evolve(succeeded(2, 1.5), aborted=True), ended="cancelled", why="cancelled"),
            id="cancelled",
        ),
        pytest.param(call(failed(1, 0.0), ended="refused", why="budget"), id="refused"),
        pytest.param(call(LOST_ONCE, ended=None, why=None, took=None), id="killed-before-a-verification"),
        pytest.param(
            call(LOST_ONCE, ended="cancelled", why="cancelled", remedies=(verified(1, 1.5, "cancelled"),)),
            id="cancelled-in-a-verification",
        ),
        pytest.param(call(ASKED_FOR, ended=None, why=None, took=None), id="killed-before-a-refresh"),
        pytest.param(
            call(ASKED_FOR, ended="cancelled", why="cancelled", remedies=(refreshed(1, 0.5, "cancelled"),)),
            id="cancelled-in-a-refresh",
        ),
    ],
)
def test_a_recording_that_breaks_off_breaks_off_again(recorded: RecordedCall) -> None:
    """What came next no policy decides: the recorded end stands, and nothing is assumed."""
    rules = f'"SystemOverFlow" = "retry"\n{REFRESH}\n{VERIFY}'
    replayed = replay(recorded, plan(rules, verifier=True, credentials=True))
    assert replayed.differences == ()
    assert replayed.assumptions == ()
    if recorded.ended is not None:
        assert (replayed.ended, replayed.stop_reason) == (recorded.ended, recorded.stop_reason)


def test_a_policy_that_asks_where_the_recording_broke_off_breaks_off_there() -> None:
    """A refresh or a verification after the last recorded moment is not made up."""
    for fault in (EXPIRED, LOST):
        recorded = call(failed(1, 0.0, fault), ended="cancelled", why="cancelled")
        replayed = replay(recorded, plan(f"{REFRESH}\n{VERIFY}", verifier=True, credentials=True))
        assert (replayed.ended, replayed.assumptions) == ("cancelled", ())


def test_another_policy_may_end_what_was_broken_off() -> None:
    """A call that was cancelled in its second attempt ends before it where the other policy gives up."""
    recorded = call(failed(1, 0.0), evolve(succeeded(2, 1.5), aborted=True), ended="cancelled", why="cancelled")
    replayed = replay(recorded, plan('"SystemOverFlow" = "fail"'))
    assert (replayed.ended, replayed.stop_reason) == ("failed", "rule")
    assert not replayed.is_worse


def test_what_an_inner_policy_decided_stays_decided() -> None:
    """A failure that a policy inside of the call had decided is final under any policy."""
    recorded = call(failed(1, 0.0, action="fail", stop_reason="inner"), ended="failed", why="inner", took=0.5)
    assert replay(recorded, plan('"SystemOverFlow" = "retry"')).differences == ()


def test_what_an_earlier_run_had_started_is_known_again() -> None:
    """An accept of the first attempt's fault, for what is ours, had the ledger's word for it."""
    recorded = call(failed(1, 0.0, action="accept", verified=False), ended="accepted", why="accepted", took=0.5)
    assert replay(recorded, plan('"SystemOverFlow" = "accept"')).differences == ()


ASKED_FIRST = (verified(0, 0.0, action="accept"),)


@pytest.mark.parametrize(
    ("recorded", "activities"),
    [
        pytest.param(call(ended="accepted", why="accepted", recalled="done"), [], id="done"),
        pytest.param(
            call(ended="accepted", why="accepted", recalled="done", remedies=ASKED_FIRST),
            ["verify"],
            id="done-asked",
        ),
        pytest.param(
            call(ended="accepted", why="accepted", recalled="unfinished", remedies=ASKED_FIRST),
            ["verify"],
            id="begun-asked",
        ),
        pytest.param(
            call(succeeded(1, 0.0), ended="success", took=0.5, recalled="unfinished"),
            ["attempt"],
            id="begun",
        ),
        pytest.param(call(ended="failed", why="unverified", recalled="unfinished"), [], id="begun-left"),
    ],
)
def test_what_the_ledger_knew_is_known_again(recorded: RecordedCall, activities: list[str]) -> None:
    """A call that an earlier run had done or begun begins in a replay as it began then."""
    replayed = replay(recorded, plan("", verifier=bool(recorded.remedies)))
    assert [step.did for step in replayed.steps] == activities
    assert replayed.differences == ()
    assert (replayed.ended, replayed.stop_reason) == (recorded.ended, recorded.stop_reason)


@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        pytest.param(call(), "no attempt was made", id="no-attempt"),
        pytest.param(call(failed(2, 0.0)), "its first attempt is not recorded", id="cut-off"),
        pytest.param(call(failed(1, 1.0), remedies=(verified(0, 0.0),)), "the ledger knew of it", id="resumed"),
        pytest.param(call(ended="accepted", why="accepted", recalled="done"), None, id="done-before"),
        pytest.param(RETRIED, None, id="none"),
    ],
)
def test_what_cannot_be_played_is_said(recorded: RecordedCall, why: str | None) -> None:
    """Some calls have no beginning that could be played."""
    found = obstacle(recorded)
    assert (found is None) == (why is None)
    assert (why or "") in (found or "")


@pytest.mark.parametrize(
    ("recorded", "rule"),
    [
        pytest.param(failed(1, 0.0, action="fail", stop_reason="unknown"), "fail", id="stopped-for-another-reason"),
        pytest.param(failed(1, 0.0, action="accept", dry_run=True), "accept", id="no-dry-run-any-more"),
    ],
)
def test_the_same_verb_may_mean_something_else(recorded: RecordedAttempt, rule: str) -> None:
    """A stop for another reason, and a dry run that becomes a success, are differences."""
    assert len(replay(call(recorded), plan(f'"SystemOverFlow" = "{rule}"')).differences) == 1


def test_every_assumption_has_its_words() -> None:
    """Each assumption is put so that it can follow its name."""
    assert all(words[0].islower() and not words.endswith(".") for words in ASSUMPTIONS.values())


def test_abilities_are_read_off_what_calls_did() -> None:
    """A verifier and a source of credentials are known by their use, and a call that missed them had none."""
    used = call(LOST_ONCE, remedies=(verified(1, 1.0), refreshed(1, 2.0)))
    able = Abilities.of([used])
    assert able.can_verify(RETRIED)
    assert not able.can_verify(evolve(RETRIED, operation="CreateTopic"))
    assert not able.can_verify(evolve(RETRIED, stop_reason="unverified"))
    assert able.can_refresh(RETRIED, "alibaba")
    assert not able.can_refresh(RETRIED, "tencent")
    assert not able.can_refresh(evolve(RETRIED, stop_reason="no_credentials"), "alibaba")
