"""What each action leads to, and what follows where it cannot be taken."""

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
from resilience.core.decision import Accept, Fail, NotAdmitted, Refresh, Rename, Renamed, Verify, Wait, ended_by
from resilience.core.fault import Fault, Repeat
from resilience.core.policy import Action
from resilience.core.settings.credentials import CredentialLimits

A, B = fault("A"), fault("B")


def test_a_fault_without_a_rule_fails_as_unknown() -> None:
    """Nothing retries unless a rule says so."""
    decision = Shell.of(plan(policy(rule("A", RETRY)))).fails(B)
    assert decision == Fail(action=FAIL, reason="unknown")


def test_unknown_may_be_any_action() -> None:
    """Where the policy says what unknown faults lead to, that is done, and no rule is given as the reason."""
    assert Shell.of(plan(policy(unknown=RETRY))).fails(A) == Wait(action=RETRY, delay=1.0)


def test_a_fail_says_which_rule_it_was() -> None:
    """A rule that fails ends the call at once, and can be named."""
    because = rule("A", FAIL)
    assert Shell.of(plan(policy(because))).fails(A) == Fail(rule=because, action=FAIL, reason="rule")


def test_a_retry_waits_and_tries_again() -> None:
    """A retry is a wait by its backoff, counted by the uses of the action."""
    patient = action("retry", backoff=Backoff(kind="linear", base=2.0, jitter="full"))
    because = rule("A", patient)
    shell = Shell.of(plan(policy(because)))
    assert shell.fails(A, draw=0.5) == Wait(rule=because, action=patient, delay=1.0)
    assert shell.fails(A, draw=0.25) == Wait(rule=because, action=patient, delay=1.0)
    assert shell.fails(A, draw=0.5) == Wait(rule=because, action=patient, delay=3.0)


def test_an_action_without_a_backoff_does_not_wait() -> None:
    """No backoff, no wait; a hint of the server does not make one."""
    at_once = action("retry", backoff=None)
    decision = Shell.of(plan(policy(rule("A", at_once)))).fails(fault("A", retry_after=9.0))
    assert isinstance(decision, Wait)
    assert decision.delay == 0.0


def test_the_longest_hint_of_an_attempt_is_obeyed() -> None:
    """Of the hints of all leaves of a group the longest counts, up to the cap."""
    shell = Shell.of(plan(policy(rule("A", RETRY))))
    decision = shell.fails(A, fault("A", retry_after=9.0), fault("A", retry_after=4.0))
    assert isinstance(decision, Wait)
    assert decision.delay == 9.0


def test_decorrelated_waits_remember_the_last_of_their_action() -> None:
    """A decorrelated wait follows the previous wait of the same action, not that of another one."""
    growing = Backoff(base=1.0, jitter="decorrelated")
    rules = [rule(code, action("retry", key=code, backoff=growing)) for code in ("A", "B")]
    shell = Shell.of(plan(policy(*rules)))
    waits = [shell.fails(met, draw=0.5) for met in (A, A, B)]
    assert [wait.delay for wait in waits if isinstance(wait, Wait)] == [2.0, 3.5, 2.0]


# max and then


def test_a_used_up_action_gives_way_to_its_then() -> None:
    """``max`` counts the uses in one call; after the last one ``then`` is taken."""
    accept = action("accept", condition="always")
    shell = Shell.of(plan(policy(rule("A", action("retry", max=2, then=accept)))))
    assert [type(shell.fails(A)) for _ in range(3)] == [Wait, Wait, Accept]


def test_without_a_then_a_used_up_action_fails() -> None:
    """The reason is ``max``, and the decision names the rule that ran out."""
    because = rule("A", action("retry", max=1))
    shell = Shell.of(plan(policy(because)))
    shell.fails(A)
    assert shell.fails(A) == Fail(rule=because, action=FAIL, reason="max")


def test_a_named_action_has_one_counter_for_all_its_rules() -> None:
    """Two rules with the same action share its ``max``; two inline ones do not."""
    named = action("retry", key="patient", max=1)
    inline = [action("retry", key=f"inline-{code}", max=1) for code in ("A", "B")]
    shared = Shell.of(plan(policy(rule("A", named), rule("B", named))))
    apart = Shell.of(plan(policy(rule("A", inline[0]), rule("B", inline[1]))))
    assert isinstance(shared.fails(A), Wait)
    assert reason(shared.fails(B)) == "max"
    assert isinstance(apart.fails(A), Wait)
    assert isinstance(apart.fails(B), Wait)


def test_then_is_followed_until_something_is_possible() -> None:
    """A chain of ``then`` passes over what is used up, impossible or false."""
    last = action("retry", key="last")
    chain: Action = last
    for do, key in [("accept", "accept"), ("rename", "rename"), ("refresh", "refresh")]:
        chain = action(do, key=key, then=chain)  # type: ignore[arg-type]  # mypy widens the literals of a list
    shell = Shell.of(plan(policy(rule("A", chain))))
    decision = shell.fails(A)
    assert isinstance(decision, Wait)
    assert decision.action is last


def test_the_last_obstacle_of_a_chain_is_the_reason() -> None:
    """A chain that ends without an action fails for the sake of the last one that could not be taken."""
    chain = action("refresh", then=action("accept", then=action("rename", then=FAIL)))
    assert reason(Shell.of(plan(policy(rule("A", chain)))).fails(A)) == "remedy"


def test_the_then_counts_for_itself() -> None:
    """What follows a used-up action has a counter, a backoff and a ``counts`` of its own."""
    slow = action("retry", key="slow", max=1, backoff=Backoff(kind="constant", base=7.0, jitter="none"))
    shell = Shell.of(plan(policy(rule("A", action("retry", key="quick", max=1, then=slow)))))
    waits = [shell.fails(A), shell.fails(A)]
    assert [wait.delay for wait in waits if isinstance(wait, Wait)] == [1.0, 7.0]
    assert reason(shell.fails(A)) == "max"


# refresh


def test_a_refresh_asks_for_the_faults_own_credentials() -> None:
    """The provider whose credentials are renewed is the fault's, else the call's; then comes another attempt."""
    facts = plan(
        policy(rule("A", REFRESH), rule("A", REFRESH, scope="tencent")), credentials=frozenset({"alibaba", "tencent"})
    )
    shell = Shell.of(facts)
    decision = shell.fails(A)
    assert isinstance(decision, Refresh)
    assert (decision.provider, decision.delay) == ("alibaba", 0.0)
    assert shell.refreshed() == Wait(rule=decision.rule, action=REFRESH, delay=0.0)
    other = shell.fails(fault("A", provider="tencent"))
    assert isinstance(other, Refresh)
    assert other.provider == "tencent"


def test_without_a_source_a_refresh_gives_way() -> None:
    """No credentials to renew: ``then``, else the call stops and says so."""
    assert reason(Shell.of(plan(policy(rule("A", REFRESH)))).fails(A)) == "no_credentials"
    fallback = policy(rule("A", action("refresh", then=RETRY)))
    assert isinstance(Shell.of(plan(fallback, credentials=frozenset({"tencent"}))).fails(A), Wait)


def test_no_provider_has_no_credentials() -> None:
    """A fault of nobody's provider refreshes nothing."""
    values = policy(rule("lost", REFRESH, scope="transport"))
    assert reason(Shell.of(plan(values, provider=None, credentials=frozenset({"alibaba"}))).fails(LOST)) == (
        "no_credentials"
    )


@pytest.mark.parametrize(
    ("limits", "own", "allowed"),
    [
        pytest.param({}, None, 1, id="one-by-default"),
        pytest.param({"alibaba": CredentialLimits(max_refreshes=2)}, None, 2, id="the-credentials-limit"),
        pytest.param({"alibaba": CredentialLimits(max_refreshes=0)}, None, 0, id="none-at-all"),
        pytest.param({"tencent": CredentialLimits(max_refreshes=9)}, None, 1, id="another-providers-limit"),
        pytest.param({}, 3, 3, id="the-actions-own-max"),
    ],
)
def test_refreshes_are_limited(limits: dict[str, CredentialLimits], own: int | None, allowed: int) -> None:
    """In one call the credentials are renewed ``max_refreshes`` times, unless the action has a ``max`` of its own."""
    values = policy(rule("A", action("refresh", max=own)), credentials=limits)
    shell = Shell.of(plan(values, credentials=frozenset({"alibaba"})))
    for _ in range(allowed):
        assert isinstance(shell.fails(A), Refresh)
        assert isinstance(shell.refreshed(), Wait)
    assert reason(shell.fails(A)) == "max"


def test_refreshes_of_two_actions_share_the_limit_of_their_provider() -> None:
    """``max_refreshes`` is per call and provider, however many rules ask."""
    rules = [rule(code, action("refresh", key=code)) for code in ("A", "B")]
    tencent = rule("A", REFRESH, scope="tencent")
    shell = Shell.of(plan(policy(*rules, tencent), credentials=frozenset({"alibaba", "tencent"})))
    shell.fails(A)
    shell.refreshed()
    assert isinstance(shell.fails(fault("A", provider="tencent")), Refresh)
    shell.refreshed()
    assert reason(shell.fails(B)) == "max"


def test_a_failed_refresh_ends_the_call() -> None:
    """What failed then is the remedy, not the attempt."""
    shell = Shell.of(plan(policy(rule("A", REFRESH)), credentials=frozenset({"alibaba"})))
    asked = shell.fails(A)
    assert shell.refresh_failed(took=3.0) == Fail(rule=asked.rule, action=REFRESH, reason="remedy", by_remedy=True)


def test_a_refresh_that_the_deadline_cut_says_so() -> None:
    """A remedy that ends at the deadline stops the call for the deadline's sake."""
    shell = Shell.of(plan(policy(rule("A", REFRESH), deadline=10.0), credentials=frozenset({"alibaba"})))
    shell.fails(A)
    decision = shell.refresh_failed(took=10.0)
    assert isinstance(decision, Fail)
    assert (decision.reason, decision.by_remedy) == ("deadline", True)


def test_credentials_can_fail_before_the_first_attempt() -> None:
    """A source that cannot be loaded ends a call of which nothing was asked yet."""
    assert Shell.of(plan(policy())).refresh_failed() == Fail(reason="remedy", by_remedy=True)


def test_a_refresh_may_wait_first() -> None:
    """A refresh with a backoff waits before it asks, not after."""
    slow = action("refresh", backoff=ONE_SECOND)
    shell = Shell.of(plan(policy(rule("A", slow)), credentials=frozenset({"alibaba"})))
    asked, then = shell.fails(A), shell.refreshed()
    assert isinstance(asked, Refresh)
    assert isinstance(then, Wait)
    assert (asked.delay, then.delay) == (1.0, 0.0)


# rename


def test_names_are_numbered_from_two() -> None:
    """The first new name is number 2, and each rename is followed by an attempt without a wait."""
    shell = Shell.of(plan(policy(rule("A", RENAME)), can_rename=True))
    numbers = []
    for _ in range(5):
        decision = shell.fails(A)
        assert isinstance(decision, Rename)
        numbers.append(decision.number)
        assert decision.delay == 0.0
        assert shell.renamed() == Wait(rule=decision.rule, action=RENAME, delay=0.0)
    assert numbers == [2, 3, 4, 5, 6]
    assert reason(shell.fails(A)) == "max"


def test_names_of_other_resources_are_passed_over_and_count() -> None:
    """A rename may take a later number, up to the last that ``max`` allows; what it passes over is used up."""
    shell = Shell.of(plan(policy(rule("A", action("rename", max=5))), can_rename=True))
    first = shell.fails(A)
    assert isinstance(first, Rename)
    assert (first.number, first.last) == (2, 6)
    shell.tell(Renamed(number=4))
    second = shell.fails(A)
    assert isinstance(second, Rename)
    assert (second.number, second.last) == (5, 6)
    shell.tell(Renamed(number=6))
    assert reason(shell.fails(A)) == "max"


def test_without_a_maximum_any_name_may_be_taken() -> None:
    """Nothing bounds the numbers but the limits of the call."""
    decision = Shell.of(plan(policy(rule("A", action("rename", max=None))), can_rename=True)).fails(A)
    assert isinstance(decision, Rename)
    assert decision.last is None


def test_a_name_that_is_another_resources_is_refused_before_the_first_attempt() -> None:
    """Then nothing is asked of the service, and no accept or verifier is heard; another run would not help."""
    decision = Shell.of(plan(policy(rule("A", ACCEPT)), can_rename=True)).tell(NotAdmitted("not_ours"))
    assert reason(decision) == "not_ours"
    assert ended_by("not_ours", attempts=0) == "failed"


def test_a_call_that_cannot_rename_gives_way() -> None:
    """Without a name to change: ``then``, else the remedy is the reason."""
    assert reason(Shell.of(plan(policy(rule("A", RENAME)))).fails(A)) == "remedy"
    fallback = policy(rule("A", action("rename", then=RETRY)))
    assert isinstance(Shell.of(plan(fallback)).fails(A), Wait)


def test_a_rename_without_a_legal_name_gives_way() -> None:
    """When no legal name could be built, ``then`` follows, and the number is taken by the next that can."""
    other = action("rename", key="other", pattern="{hash}")
    shell = Shell.of(plan(policy(rule("A", action("rename", then=other))), can_rename=True))
    shell.fails(A)
    decision = shell.rename_impossible()
    assert isinstance(decision, Rename)
    assert (decision.action, decision.number) == (other, 2)
    assert reason(shell.rename_impossible()) == "remedy"


def test_a_new_name_has_a_clean_history() -> None:
    """What may have happened to the old name says nothing about the new one."""
    values = policy(rule("lost", RENAME, scope="transport"), rule("A", ACCEPT))
    shell = Shell.of(plan(values, can_rename=True))
    shell.fails(LOST)
    assert (shell.history.ours, shell.history.unresolved) == (True, True)
    shell.renamed()
    assert (shell.history.ours, shell.history.unresolved) == (False, False)
    assert reason(shell.fails(A)) == "not_ours"


def test_a_new_name_leaves_the_counters_alone() -> None:
    """``max`` and ``max_attempts`` are of the call: a rename gives none of them back."""
    shell = Shell.of(plan(policy(rule("A", RENAME), rule("B", RETRY), max_attempts=2), can_rename=True))
    shell.fails(B)
    shell.fails(A)
    shell.renamed()
    assert reason(shell.fails(B)) == "attempts"


# accept


def test_an_accept_needs_an_earlier_attempt_that_may_have_done_it() -> None:
    """After a lost answer, "it exists already" is a success, and one that nobody verified."""
    because = rule("A", ACCEPT)
    shell = Shell.of(plan(policy(because, rule("lost", RETRY, scope="transport"))))
    shell.fails(LOST)
    assert shell.fails(A) == Accept(rule=because, action=ACCEPT, verified=False)


def test_an_accept_of_somebody_elses_is_refused() -> None:
    """At the first attempt, or after attempts that changed nothing, "it exists already" is not ours."""
    shell = Shell.of(plan(policy(rule("A", ACCEPT), rule("B", RETRY))))
    shell.fails(B)
    assert reason(shell.fails(A)) == "not_ours"


def test_a_fault_is_no_proof_of_itself() -> None:
    """
    Only an *earlier* attempt can have done it: a first "it exists already" is not ours.

    Where the effect of the code is unknown, as of every unlisted code of an SDK
    that hides the status, the same attempt must not vouch for itself.
    """
    shell = Shell.of(plan(policy(rule("A", ACCEPT))))
    assert reason(shell.fails(fault("A", effect="unknown"))) == "not_ours"


def test_leaves_of_a_group_do_not_vouch_for_each_other() -> None:
    """All leaves of a group are of one attempt, so none of them is an earlier one."""
    shell = Shell.of(plan(policy(rule("A", ACCEPT), rule("lost", ACCEPT, scope="transport"))))
    assert reason(shell.fails(A, LOST)) == "not_ours"


def test_what_an_earlier_run_started_is_ours() -> None:
    """The ledger may know that an earlier run started it: then the first attempt's accept holds."""
    shell = Shell.of(plan(policy(rule("A", ACCEPT))), ours=True)
    assert isinstance(shell.fails(A), Accept)


def test_an_accept_if_always_needs_nobody() -> None:
    """``if = "always"`` takes the code for a success whoever did it."""
    always = action("accept", condition="always")
    assert isinstance(Shell.of(plan(policy(rule("A", always)))).fails(A), Accept)


def test_a_false_condition_gives_way() -> None:
    """Where it is not ours, ``then`` follows."""
    values = policy(rule("A", action("accept", then=RENAME)))
    assert isinstance(Shell.of(plan(values, can_rename=True)).fails(A), Rename)


def test_a_dry_run_is_a_success_that_created_nothing() -> None:
    """It is accepted at once, without a verifier, since there is nothing to find."""
    dry = action("accept", condition="always", dry_run=True)
    because = rule("A", dry)
    shell = Shell.of(plan(policy(because), can_verify=True))
    assert shell.fails(A) == Accept(rule=because, action=dry, dry_run=True)


def test_a_verifier_turns_a_belief_into_knowledge() -> None:
    """With a verifier an accept asks it at once, and then says that it is verified."""
    because = rule("A", ACCEPT)
    shell = Shell.of(plan(policy(because), can_verify=True), ours=True)
    assert shell.fails(A) == Verify(rule=because, action=ACCEPT, delay=0.0)
    assert shell.is_there() == Accept(rule=because, action=ACCEPT, verified=True)


@pytest.mark.parametrize("can_verify", [False, True])
@pytest.mark.parametrize(
    ("pattern", "renamed", "accepts"),
    [
        pytest.param("{name}-{n}", Renamed(), False, id="another-resource-may-have-it"),
        pytest.param("{name}-{n}", Renamed(known=True), True, id="this-run-has-made-it"),
        pytest.param("{name}-{hash}-{n}", Renamed(), True, id="a-hash-ties-it"),
    ],
)
def test_an_accept_if_always_under_a_new_name_is_for_what_is_ours(
    pattern: str,
    renamed: Renamed,
    accepts: bool,  # noqa: FBT001  # a column of the table
    can_verify: bool,  # noqa: FBT001  # likewise
) -> None:
    """The caller asked for another name, so what is there under the new one may be another resource."""
    values = policy(
        rule("A", action("accept", condition="always")), rule("B", action("rename", pattern=pattern)), rule("C", RETRY)
    )
    shell = Shell.of(plan(values, can_rename=True, can_verify=can_verify))
    shell.fails(B)
    shell.tell(renamed)
    met = shell.fails(A)
    assert isinstance(met, Accept | Verify) if accepts else reason(met) == "not_ours"
    doubtful = Shell.of(plan(values, can_rename=True, can_verify=can_verify))
    doubtful.fails(B)
    doubtful.tell(renamed)
    doubtful.fails(fault("C", effect="unknown"))
    assert isinstance(doubtful.fails(A), Accept | Verify)


def test_a_dry_run_under_a_new_name_has_created_nothing() -> None:
    """So it is nobody's resource that is taken for ours."""
    dry = action("accept", condition="always", dry_run=True)
    shell = Shell.of(plan(policy(rule("A", dry), rule("B", RENAME)), can_rename=True))
    shell.fails(B)
    shell.renamed()
    assert isinstance(shell.fails(A), Accept)


def test_an_accept_that_the_verifier_denies_gives_way() -> None:
    """If the verifier says "not there", ``then`` follows: by default the call fails."""
    always = action("accept", condition="always")
    shell = Shell.of(plan(policy(rule("A", always)), can_verify=True))
    shell.fails(A)
    assert reason(shell.is_not_there()) == "not_ours"
    renaming = policy(rule("A", action("accept", condition="always", then=RENAME)))
    other = Shell.of(plan(renaming, can_verify=True, can_rename=True))
    other.fails(A)
    assert isinstance(other.is_not_there(), Rename)


# verify


@pytest.mark.parametrize(
    ("repeat", "can_verify", "decision"),
    [
        pytest.param("safe", True, Wait, id="safe-is-a-retry"),
        pytest.param("safe", False, Wait, id="safe-without-verifier"),
        pytest.param("conflict", True, Verify, id="conflict-verifies-if-it-can"),
        pytest.param("conflict", False, Wait, id="conflict-else-retries"),
        pytest.param("duplicate", True, Verify, id="duplicate-verifies"),
        pytest.param("duplicate", False, Fail, id="duplicate-or-stops"),
    ],
)
@pytest.mark.parametrize("met", [pytest.param(A, id="no-effect"), pytest.param(LOST, id="doubt")])
def test_a_verify_depends_on_what_a_repeat_does(
    repeat: Repeat,
    can_verify: bool,  # noqa: FBT001  # a column of the table
    decision: type,
    met: Fault,
) -> None:
    """A verify asks where a repeat could do harm, and is a retry where it could not."""
    values = policy(rule("A", VERIFY), rule("lost", VERIFY, scope="transport"))
    made = Shell.of(plan(values, repeat=repeat, can_verify=can_verify)).fails(met)
    assert type(made) is decision
    if isinstance(made, Fail):
        assert made.reason == "unverified"
    elif isinstance(made, Wait | Verify):
        assert made.delay == 1.0


def test_a_verified_call_is_accepted() -> None:
    """What is there is a success with the verifier's word for it."""
    because = rule("A", VERIFY)
    shell = Shell.of(plan(policy(because), can_verify=True))
    shell.fails(A)
    assert shell.is_there() == Accept(rule=because, action=VERIFY, verified=True)


def test_what_is_not_there_is_tried_again_at_once() -> None:
    """The wait was before the question; after "not there" the next attempt does not wait again."""
    because = rule("A", VERIFY)
    shell = Shell.of(plan(policy(because), can_verify=True))
    shell.fails(A)
    assert shell.is_not_there() == Wait(rule=because, action=VERIFY, delay=0.0)


def test_a_verify_that_is_impossible_gives_way() -> None:
    """On a duplicate operation without a verifier, ``then`` follows, as far as there is no doubt."""
    values = policy(
        rule("A", action("verify", then=RETRY)), rule("lost", action("verify", then=RETRY), scope="transport")
    )
    facts = plan(values, repeat="duplicate")
    assert isinstance(Shell.of(facts).fails(A), Wait)
    assert reason(Shell.of(facts).fails(LOST)) == "unverified"


def test_a_verify_is_limited_like_any_action() -> None:
    """``max`` of a verify counts the questions that a fault led to, not those repeated until it settles."""
    shell = Shell.of(plan(policy(rule("lost", action("verify", max=1), scope="transport")), can_verify=True))
    assert isinstance(shell.fails(LOST), Verify)
    assert isinstance(shell.is_not_there(), Verify)
    assert isinstance(shell.is_not_there(took=30.0), Wait)
    assert reason(shell.fails(LOST)) == "max"


# nested calls and groups


def test_a_decided_failure_is_final() -> None:
    """What a policy inside the attempt has decided is not decided again, whatever the rules say."""
    shell = Shell.of(plan(policy(rule("A", RETRY))))
    assert shell.fails(A, inner=True) == Fail(reason="inner")


def test_a_group_with_a_decided_leaf_is_decided() -> None:
    """A group of which one leaf is decided is final too, and its doubt is remembered."""
    shell = Shell.of(plan(policy(rule("A", RETRY))))
    assert reason(shell.fails(A, LOST, inner=True)) == "inner"
    assert shell.history.unresolved


LEAVES = {
    "fail": FAIL,
    "verify": VERIFY,
    "refresh": REFRESH,
    "rename": RENAME,
    "retry": RETRY,
    "accept": action("accept", condition="always"),
}


@pytest.mark.parametrize(
    ("leaves", "winner"),
    [
        pytest.param("retry accept rename refresh verify fail", "fail", id="fail-first"),
        pytest.param("retry accept rename refresh verify", "verify", id="then-verify"),
        pytest.param("retry accept rename refresh", "refresh", id="then-refresh"),
        pytest.param("retry accept rename", "rename", id="then-rename"),
        pytest.param("retry accept", "retry", id="accept-only-if-all"),
        pytest.param("accept accept", "accept", id="all-accept"),
        pytest.param("retry retry", "retry", id="all-wait"),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["as-listed", "turned-round"])
def test_a_group_is_decided_by_its_most_final_leaf(leaves: str, winner: str, turned: bool) -> None:  # noqa: FBT001  # a column of the table
    """The order of the leaves says nothing; how final their actions are says all."""
    values = policy(*(rule(f"Code{do}", each) for do, each in LEAVES.items()))
    facts = plan(values, can_verify=False, can_rename=True, credentials=frozenset({"alibaba"}))
    faults = [fault(f"Code{do}") for do in leaves.split()]
    decision = Shell.of(facts).fails(*(reversed(faults) if turned else faults))
    assert decision.action is LEAVES[winner]


def test_a_leaf_without_a_rule_is_as_final_as_unknown() -> None:
    """A group with a leaf that no rule matches fails, since unknown faults fail."""
    assert reason(Shell.of(plan(policy(rule("A", RETRY)))).fails(A, B)) == "unknown"


def test_a_group_is_ranked_by_what_its_leaves_come_to() -> None:
    """A leaf whose action gives way is as final as what follows."""
    values = policy(rule("A", action("refresh", then=RETRY)), rule("B", RENAME))
    shell = Shell.of(plan(values, can_rename=True))
    assert isinstance(shell.fails(A, B), Rename)


def test_only_the_deciding_leaf_is_counted() -> None:
    """A group uses up one use of one action."""
    values = policy(rule("A", action("retry", key="a", max=1)), rule("B", RENAME))
    shell = Shell.of(plan(values, can_rename=True))
    shell.fails(A, B)
    shell.renamed()
    assert isinstance(shell.fails(A), Wait)


def test_a_group_is_in_doubt_if_any_leaf_is() -> None:
    """One leaf of unknown effect makes the whole attempt doubtful."""
    facts = plan(policy(rule("A", RETRY), rule("lost", RETRY, scope="transport")), repeat="duplicate", can_verify=True)
    assert isinstance(Shell.of(facts).fails(A, LOST), Verify)
    assert isinstance(Shell.of(facts).fails(A, A), Wait)


@pytest.mark.parametrize("event", ["is_there", "is_not_there", "rename_impossible"])
def test_an_answer_that_nobody_asked_for_is_an_error_of_the_shell(event: str) -> None:
    """The machine does not guess what an answer was for."""
    with pytest.raises(ValueError, match="not asked for"):
        getattr(Shell.of(plan(policy())), event)()


def test_a_verifiers_failure_that_nobody_asked_for_is_an_error_of_the_shell() -> None:
    """The machine does not guess what a verifier was asked for."""
    with pytest.raises(ValueError, match="not asked for"):
        Shell.of(plan(policy())).cannot_verify(A)
