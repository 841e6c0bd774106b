"""
The machine: what follows an attempt or a remedy.

Theory of operation
-------------------
A call is a history and a stream of events. ``begin`` makes the history, ``step``
takes one event and returns the next history and one decision. :mod:`resilience.core.call` makes
commands of decisions, and a driver obeys: it sleeps, calls, asks, and reports what came of it.

    KnownBefore      -> how a call begins that an earlier run has started, or done
    Failed           -> find the rule, follow ``then`` past what is used up or impossible
                        -> Wait | Refresh | Rename | Verify | Accept | Fail
    Verified         -> Accept, or go on with what was pending, or ask again
    VerifyFailed     -> ask again as the rule of that failure says, or Fail
    Refreshed        -> go on with what the refresh was for
    Renamed          -> forget the doubt: another name is another resource
    RenameImpossible -> the ``then`` of the rename
    NotAdmitted      -> Fail: the call was not admitted, for the sake of a limit, the ledger or a name
    RefreshFailed    -> Fail

Doubt. ``unresolved`` says that some attempt may have taken effect and no verifier
has looked since; ``ours`` says that some attempt of this name may have. While an
operation that a repeat would duplicate is unresolved, no decision leads to
another attempt: what was decided becomes *pending*, the verifier is asked first.
Its "not there" counts only when ``settle`` has passed since the doubtful attempt
ended, because an effect may come late. What a verifier has discarded counts as not
there at once, and is not ours any more: the verifier has seen the effect.

Limits. In this order: ``max`` and ``for`` of an action (then its ``then``), ``max_attempts``,
the deadline, an open breaker, the retry budget. Where rate limits and a deadline are in force, a throttled
request uses up neither ``max`` nor ``max_attempts``. They stop only what leads to another attempt. Room for a settled
verification is kept before the deadline: see :func:`resilience.core.steps.limits.attempt_limit`.
The budget is shared with other calls, so it is asked last: a retry that nothing else stops is paid for.

Everything that can change a call's history is in this module and in two parts of it:
:mod:`~resilience.core.steps.deciding` (an action becomes a decision) and
:mod:`~resilience.core.steps.remedy_answers` (what a remedy brought). What keeps an action from being taken is in
:mod:`~resilience.core.steps.obstacles`, which only reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from resilience.core.admission.admission import Admission
from resilience.core.admission.breaker import Breaker
from resilience.core.admission.budget import RetryBudget
from resilience.core.decision import (
    Decision,
    Fail,
    Failed,
    KnownBefore,
    MachineEvent,
    NotAdmitted,
    Refreshed,
    RefreshFailed,
    Renamed,
    RenameImpossible,
    Verified,
    VerifyFailed,
)
from resilience.core.history import Choice, History, Met
from resilience.core.meaning import meaning_of
from resilience.core.plan import Plan
from resilience.core.policy import Action, Verb
from resilience.core.steps.deciding import decide, fail
from resilience.core.steps.obstacles import chosen, possible, was_throttled
from resilience.core.steps.remedy_answers import (
    after_failed_remedy,
    after_failed_verification,
    after_impossible_rename,
    after_refresh,
    after_rename,
    after_verification,
)

# What a ledger asks for, which no rule of a policy does: nothing waits, and nothing counts.
_RETRY: Final = Action(key="ledger", do="retry")
_VERIFY_FIRST: Final = Action(key="ledger", do="verify")
_DONE_BEFORE: Final = Action(key="ledger", do="accept", condition="always", then=_RETRY)

# How final a verb is when the leaves of an exception group disagree; an accept needs all of them.
FINALITY: Final[Mapping[Verb, int]] = {"fail": 0, "verify": 1, "refresh": 2, "rename": 3, "retry": 4, "accept": 5}


def begin(  # noqa: PLR0913  # a keyword for each limit that calls share
    plan: Plan,
    *,
    now: float,
    ours: bool = False,
    budget: RetryBudget | None = None,
    breaker: Breaker | None = None,
    admission: Admission | None = None,
) -> History:
    """
    Start the history of a call.

    Args:
        plan: What the call can do.
        now: Seconds on the clock that every later ``now`` is read from.
        ours: Whether an earlier run started this resource and how that ended is unknown.
        budget: What pays for the retries of this call and of others; None for no budget.
        breaker: What attempts of this call and of others have to pass; None for none.
        admission: The rate limits that attempts of this call and of others have to keep; None for none.
    """
    limit = plan.limits.deadline
    history = History(plan, None if limit is None else now + limit)
    if ours:
        # What an earlier run left behind is a doubt of unknown age; it counts as fresh.
        history.ours = history.unresolved = True
        history.doubt_at = now
    if budget is not None:
        budget.begin(now)
        history.budget = budget
    if breaker is not None:
        history.breaker, history.now = breaker, now
    if admission is not None:
        history.admission = admission
    return history


def step(history: History, event: MachineEvent, *, now: float, draw: float) -> tuple[History, Decision]:
    """
    Decide what follows a failed attempt or a remedy.

    Args:
        history: The call so far; left unchanged, but for the budget that it shares.
        event: The faults of the last attempt, or what the last remedy brought.
        now: Seconds on the clock that ``history.deadline`` was read from.
        draw: A number in [0, 1) that jitter is taken from.

    Returns:
        The history with this event added, and the decision. A wait that would
        end at or after the deadline is never returned: it becomes ``Fail(reason="deadline")``.
    """
    history = history.copy()
    return history, advance(history, event, now=now, draw=draw)


def advance(history: History, event: MachineEvent, *, now: float, draw: float) -> Decision:
    """Add an event to the call's own history, and return the decision; as :func:`step`, without a copy."""
    match event:
        case Failed():
            return _failed(history, event, now, draw)
        case Verified():
            return after_verification(history, event, now, draw)
        case VerifyFailed(fault):
            return after_failed_verification(history, fault, now, draw)
        case Refreshed():
            return after_refresh(history, now)
        case Renamed():
            return after_rename(history, event, now)
        case RenameImpossible():
            return after_impossible_rename(history, now, draw)
        case RefreshFailed():
            return after_failed_remedy(history, now)
        case KnownBefore():
            return _known_before(history, event, now)
        case NotAdmitted(reason, retry_after):
            return fail(history.pending, reason, retry_after)
        case unreachable:
            assert_never(unreachable)


def _known_before(history: History, event: KnownBefore, now: float) -> Decision:
    """
    Decide how a call begins whose work an earlier run has done, or started and not finished.

    What is done is a success, unless a verifier says that the resource is gone since; then it is made again.
    """
    history.name = event.name
    choice = Choice(rule=None, action=_DONE_BEFORE, reason="rule", provider=history.plan.provider)
    if event.is_done:
        return decide(history, choice, None, now, 0.0)
    # What the earlier run left is a doubt of unknown age; it counts as fresh.
    history.ours = history.unresolved = True
    history.doubt_at = now
    match event.then:
        case "fail":
            return Fail(reason="unverified")
        case "verify":
            choice = choice._replace(action=_VERIFY_FIRST)
        case "retry":
            choice = choice._replace(action=_RETRY)
        case unreachable:
            assert_never(unreachable)
    return decide(history, possible(history, choice, now), None, now, 0.0)


def _failed(history: History, event: Failed, now: float, draw: float) -> Decision:
    plan, faults = history.plan, event.faults
    found = meaning_of(plan, faults[0])
    others = [meaning_of(plan, fault) for fault in faults[1:]] if len(faults) > 1 else ()
    history.attempts += 1
    if history.pending is not None or history.asked or history.ask_failures:
        history.pending, history.verifying = None, False
        history.asked = history.ask_failures = 0
    history.last = Met(faults[0], found.effect, found.rule)
    choice: Choice | None = None
    hint = faults[0].retry_after
    if plan.enabled and not event.inner:
        # What this attempt may have done does not vouch for it: "ours" asks for an earlier one.
        is_throttled = was_throttled(plan, event)
        choice = chosen(history, found, now, is_throttled=is_throttled)
        if others:
            choices = [choice, *(chosen(history, each, now, is_throttled=is_throttled) for each in others)]
            choice = min(choices, key=lambda choice: FINALITY[choice.action.do])
            hint = max((fault.retry_after for fault in faults if fault.retry_after is not None), default=None)
    if event.doubt or found.effect == "unknown" or (others and any(each.effect == "unknown" for each in others)):
        history.ours = history.unresolved = True
        history.doubt_at = now
    decision: Decision
    if choice is None:
        decision = Fail(reason="inner" if event.inner else "attempts")
    elif choice is found.choice and found.end is not None:
        decision = found.end
    else:
        decision = decide(history, choice, hint, now, draw)
    if others and found.rule is not decision.rule:
        for fault, each in zip(faults[1:], others, strict=True):
            if each.rule is decision.rule:
                history.last = Met(fault, each.effect, each.rule)
                break
    return decision
