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
    NotAdmitted          -> Fail: the call was not admitted, for the sake of a limit, the ledger or a name
    RefreshFailed    -> Fail

Doubt. ``unresolved`` says that some attempt may have taken effect and no verifier
has looked since; ``ours`` says that some attempt of this name may have. While an
operation that a repeat would duplicate is unresolved, no decision leads to
another attempt: what was decided becomes *pending*, the verifier is asked first.
Its "not there" counts only when ``settle`` has passed since the doubtful attempt
ended, because an effect may come late.

Limits. In this order: ``max`` and ``for`` of an action (then its ``then``), ``max_attempts``,
the deadline, an open breaker, the retry budget. They stop only what leads to another attempt. Room for a settled
verification is kept before the deadline: see :func:`resilience.core.limits.attempt_limit`.
The budget is shared with other calls, so it is asked last: a retry that nothing else stops is paid for.

Everything that can change a call's state is in this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from resilience.core.admission.admission import Admission
from resilience.core.admission.breaker import Breaker
from resilience.core.admission.budget import RetryBudget
from resilience.core.backoff import Backoff
from resilience.core.decision import (
    Accept,
    Decision,
    Event,
    Fail,
    Failed,
    KnownBefore,
    NotAdmitted,
    Refresh,
    Refreshed,
    RefreshFailed,
    Rename,
    Renamed,
    RenameImpossible,
    StopReason,
    Verified,
    Verify,
    VerifyFailed,
    Wait,
)
from resilience.core.fault import Fault
from resilience.core.history import Choice, History, Met, Used
from resilience.core.limits import LEAST_PAUSE, fits, fitting, last_attempt_end
from resilience.core.meaning import meaning_of, result_of
from resilience.core.plan import Plan
from resilience.core.policy import Action, CredentialLimits, Verb

_FAIL: Final = Action(key="fail", do="fail")
# What a ledger asks for, which no rule of a policy does: nothing waits, and nothing counts.
_RETRY: Final = Action(key="ledger", do="retry")
_VERIFY_FIRST: Final = Action(key="ledger", do="verify")
_DONE_BEFORE: Final = Action(key="ledger", do="accept", condition="always", then=_RETRY)
_DEFAULT_BACKOFF: Final = Backoff()
_DEFAULT_CREDENTIALS: Final = CredentialLimits()

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


def step(history: History, event: Event, *, now: float, draw: float) -> tuple[History, Decision]:
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


def advance(history: History, event: Event, *, now: float, draw: float) -> Decision:
    """Add an event to the call's own history, and return the decision; as :func:`step`, without a copy."""
    match event:
        case Failed():
            return _failed(history, event, now, draw)
        case Verified():
            return _verified(history, event, now, draw)
        case VerifyFailed(fault):
            return _verify_failed(history, fault, now, draw)
        case Refreshed():
            return _refreshed(history, now)
        case Renamed():
            return _renamed(history, event, now)
        case RenameImpossible():
            choice = _pending(history)
            history.pending = None
            return _obey(history, _next(history, choice, "remedy", now), None, now, draw)
        case RefreshFailed():
            return _remedy_failed(history, now)
        case KnownBefore():
            return _known_before(history, event, now)
        case NotAdmitted(reason, retry_after):
            return _fail(history.pending, reason, retry_after)
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
        return _obey(history, choice, None, now, 0.0)
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
    return _obey(history, _past_the_impossible(history, choice, now), None, now, 0.0)


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
        choice = found.choice if found.is_certain else _past_the_impossible(history, found.choice, now)
        if others:
            choices = [choice, *(_past_the_impossible(history, each.choice, now) for each in others)]
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
        decision = _obey(history, _paced(plan, choice, event) if plan.is_paced else choice, hint, now, draw)
    if others and found.rule is not decision.rule:
        for fault, each in zip(faults[1:], others, strict=True):
            if each.rule is decision.rule:
                history.last = Met(fault, each.effect, each.rule)
                break
    return decision


def _paced(plan: Plan, choice: Choice, event: Failed) -> Choice:
    """Let the rate limits of all calls say when a throttled request is repeated: a call knows only its own refusals."""
    is_paced = choice.action.do == "retry" and result_of(plan, event) == "throttled"
    return choice._replace(is_paced=True) if is_paced else choice


def _past_the_impossible(history: History, choice: Choice, now: float) -> Choice:
    """Follow ``then`` until an action can be taken. The loader refuses chains that return to themselves."""
    while (why := _obstacle(history, choice, now)) is not None:
        choice = choice._replace(action=choice.action.then or _FAIL, reason=why)
    return choice


def _next(history: History, choice: Choice, why: StopReason, now: float) -> Choice:
    return _past_the_impossible(history, choice._replace(action=choice.action.then or _FAIL, reason=why), now)


def _obstacle(history: History, choice: Choice, now: float) -> StopReason | None:
    """Return why an action cannot be taken now, or None if it can."""
    action, plan = choice.action, history.plan
    if (action.max is not None or action.lasts is not None) and _is_used_up(history, action, now):
        return "max"
    match action.do:
        case "fail" | "retry":
            return None
        case "refresh":
            if choice.provider not in plan.credentials:
                return "no_credentials"
            limit = plan.policy.credentials.get(choice.provider or "", _DEFAULT_CREDENTIALS).max_refreshes
            is_used_up = action.max is None and history.refreshes.get(choice.provider, 0) >= limit
            return "max" if is_used_up else None
        case "rename":
            return None if plan.can_rename else "remedy"
        case "verify":
            return "unverified" if plan.must_verify_first and not plan.can_verify else None
        case "accept":
            is_of_others = _asks_whose(history, action) and not (history.ours and plan.can_be_ours)
            return "not_ours" if is_of_others else None
        case unreachable:
            assert_never(unreachable)


def _is_used_up(history: History, action: Action, now: float) -> bool:
    used = history.uses.get(action.key)
    times, first = (0, now) if used is None else (used.times, used.first)
    return (action.max is not None and times >= action.max) or (
        action.lasts is not None and now >= first + action.lasts
    )


def _asks_whose(history: History, action: Action) -> bool:
    """
    Return whether an accept is for what is ours only.

    ``if = "always"`` is meant for the name that the caller asked for. Under a new name, which the caller
    knows nothing of, there may be another resource, and two must not become one.
    """
    return action.condition == "ours" or not (history.named_alone or action.dry_run)


def _obey(history: History, choice: Choice, hint: float | None, now: float, draw: float) -> Decision:
    """Turn a possible action into a decision, as far as doubt and limits allow."""
    action = choice.action
    if action.do == "fail":
        return _fail(choice, choice.reason)
    if action.do == "accept" and (action.dry_run or not history.plan.can_verify):
        return Accept(rule=choice.rule, action=action, dry_run=action.dry_run)
    delay = _use(history, choice, hint, now, draw)
    if action.do == "accept":
        return _ask(history, choice, 0.0)
    doubt = history.unresolved and history.plan.must_verify_first
    if doubt and not history.plan.can_verify:
        return _fail(choice, "unverified")
    if doubt or (action.do == "verify" and history.plan.can_verify and not history.plan.is_repeatable):
        return _ask(history, choice, fitting(history, delay, now))
    return _go_on(history, choice, delay, now)


def _use(history: History, choice: Choice, hint: float | None, now: float, draw: float) -> float:
    """Count one use of an action and return the wait that belongs to it."""
    action = choice.action
    before = history.uses.get(action.key)
    times, first, previous = (0, now, None) if before is None else (before.times, before.first, before.wait)
    backoff = action.backoff
    delay = 0.0
    if backoff is not None:
        delay = (
            backoff.hinted(hint)
            # A retry that counts would use up its few attempts while the limits still look for the rate.
            if choice.is_paced and not action.counts
            else backoff.delay(times + 1, draw=draw, previous=previous, hint=hint)
        )
    if action.do == "refresh":
        refreshes = history.refreshes.get(choice.provider, 0) + 1
        history.refreshes = {**history.refreshes, choice.provider: refreshes}
    history.uses = {**history.uses, action.key: Used(times + 1, first, delay)}
    history.counted += action.counts
    return delay


def _go_on(history: History, choice: Choice, delay: float, now: float) -> Decision:
    """Do what leads to another attempt, if the limits of the call leave room for one."""
    most = history.plan.limits.max_attempts
    # A limit of one attempt means one, also where what the action does counts for nothing.
    if history.counted >= most or history.attempts >= most == 1:
        return _fail(choice, "attempts")
    if history.deadline is not None and not fits(now + delay, last_attempt_end(history)):
        return _fail(choice, "deadline")
    rule, action = choice.rule, choice.action
    history.pending, history.verifying = choice, False
    match action.do:
        case "retry" | "verify" | "accept" | "fail":
            # A verification that is not needed, or has been made, and an accept of what was not there.
            history.pending = None
            breaker, budget = history.breaker, history.budget
            # A wait at whose end the breaker is still open would be in vain.
            if breaker is not None and history.attempts and (refusal := breaker.refusal_after(delay, now)) is not None:
                return _fail(choice, "breaker", refusal.retry_after)
            # What an earlier run has begun is no retry of this call. What the rate limits pace cannot overload.
            if budget is not None and history.attempts and not choice.is_paced:
                if not budget.withdraw(now):
                    return _fail(choice, "budget", budget.more_in(now))
                history.paid += 1
            return Wait(rule=rule, action=action, delay=delay)
        case "refresh":
            return Refresh(rule=rule, action=action, delay=delay, provider=choice.provider)
        case "rename":
            number = history.name + 1
            last = None if action.max is None else number + action.max - history.uses[action.key].times
            return Rename(rule=rule, action=action, delay=delay, number=number, last=last)
        case unreachable:
            assert_never(unreachable)


def _renamed(history: History, event: Renamed, now: float) -> Decision:
    choice = _pending(history)
    history.name += 1
    if event.number is not None:
        passed = event.number - history.name
        history.name = event.number
        used = history.uses[choice.action.key]
        history.uses = {**history.uses, choice.action.key: Used(used.times + passed, used.first, used.wait)}
    history.ours = history.unresolved = False
    history.pending = None
    history.named_alone = event.known or "{hash}" in choice.action.pattern
    return _another_attempt(history, choice, 0.0, now)


def _another_attempt(history: History, choice: Choice | None, delay: float, now: float) -> Decision:
    if not fits(now + delay, last_attempt_end(history)):
        return _fail(choice, "deadline")
    rule, action = (None, None) if choice is None else (choice.rule, choice.action)
    history.pending, history.verifying = None, False
    return Wait(rule=rule, action=action, delay=delay)


def _ask(history: History, choice: Choice, delay: float) -> Decision:
    history.pending, history.verifying = choice, True
    history.asked += 1
    return Verify(rule=choice.rule, action=choice.action, delay=delay)


def _verified(history: History, event: Verified, now: float, draw: float) -> Decision:
    choice = _pending(history)
    if event.there:
        history.unresolved = history.verifying = False
        history.pending = None
        return Accept(rule=choice.rule, action=choice.action, verified=True)
    doubt_at = max(history.doubt_at, history.doubt_at if event.at_work is None else event.at_work)
    settled_at = doubt_at + history.plan.settle
    # An answer that took long is as old as its question.
    if history.unresolved and (now if event.asked is None else event.asked) < settled_at:
        return _ask_again(history, choice, now, latest=settled_at)
    history.unresolved = history.verifying = False
    history.pending = None
    if choice.action.do == "accept":
        return _obey(history, _next(history, choice, "not_ours", now), None, now, draw)
    return _go_on(history, choice, 0.0, now)


def _ask_again(history: History, choice: Choice, now: float, *, latest: float) -> Decision:
    """Ask the verifier once more, after a pause that grows, the last time when the doubt has settled."""
    backoff = choice.action.backoff or history.plan.policy.backoffs.get("default", _DEFAULT_BACKOFF)
    delay = min(max(backoff.longest(history.asked), LEAST_PAUSE), max(latest - now, 0.0))
    if not fits(now + delay, history.deadline):
        return _fail(choice, "deadline")
    return _ask(history, choice, delay)


def _verify_failed(history: History, fault: Fault | None, now: float, draw: float) -> Decision:
    """Treat the verifier's own failure as its rule says: wait or refresh, then ask again, or end the call."""
    choice = _pending(history)
    history.ask_failures += 1
    gone_too_far = history.ask_failures >= history.plan.limits.max_attempts
    if fault is None or gone_too_far or not fits(now, history.deadline):
        return _remedy_failed(history, now)
    remedy = _past_the_impossible(history, meaning_of(history.plan, fault).choice, now)
    if remedy.action.do not in {"retry", "verify", "refresh"}:
        return _remedy_failed(history, now)
    history.counted -= remedy.action.counts
    delay = _use(history, remedy, fault.retry_after, now, draw)
    if not fits(now + delay, history.deadline):
        return _fail(choice, "deadline")
    if remedy.action.do == "refresh":
        return Refresh(rule=remedy.rule, action=remedy.action, delay=delay, provider=remedy.provider)
    return _ask(history, choice, delay)


def _remedy_failed(history: History, now: float) -> Fail:
    """Stop, for the remedy's sake or because the deadline cut it short."""
    reason: StopReason = "remedy" if fits(now, history.deadline) else "deadline"
    choice = history.pending
    rule, action = (None, None) if choice is None else (choice.rule, choice.action)
    return Fail(rule=rule, action=action, reason=reason, by_remedy=True)


def _refreshed(history: History, now: float) -> Decision:
    if history.verifying:
        return _ask(history, _pending(history), 0.0)
    return _another_attempt(history, history.pending, 0.0, now)


def _pending(history: History) -> Choice:
    if history.pending is None:
        raise ValueError("the driver reported the answer to a remedy that it was not asked for")
    return history.pending


def _fail(choice: Choice | None, reason: StopReason, retry_after: float | None = None) -> Fail:
    rule, action = (None, None) if choice is None else (choice.rule, choice.action)
    return Fail(rule=rule, action=action, reason=reason, retry_after=retry_after)
