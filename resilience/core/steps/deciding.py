"""From an action that can be taken to a decision, as far as doubt and the limits of the call allow."""

from __future__ import annotations

from typing import assert_never

from resilience.core.decision import Accept, Decision, Fail, Refresh, Rename, StopReason, Verify, Wait
from resilience.core.history import Choice, History, Used
from resilience.core.steps.limits import fits, fitting, last_attempt_end


def decide(history: History, choice: Choice, hint: float | None, now: float, draw: float) -> Decision:
    """Turn a possible action into a decision, as far as doubt and limits allow."""
    action = choice.action
    if action.do == "fail":
        return fail(choice, choice.reason)
    if action.do == "accept" and (action.dry_run or not history.plan.can_verify):
        return Accept(rule=choice.rule, action=action, dry_run=action.dry_run)
    doubt = history.unresolved and history.plan.must_verify_first
    asks = doubt or (action.do == "verify" and history.plan.can_verify and not history.plan.is_repeatable)
    # The rate limits pace attempts, and no questions to a verifier.
    delay = use(history, choice._replace(is_paced=False) if asks and choice.is_paced else choice, hint, now, draw)
    if action.do == "accept":
        return ask(history, choice, 0.0)
    if doubt and not history.plan.can_verify:
        return fail(choice, "unverified")
    if asks:
        return ask(history, choice, fitting(history, delay, now))
    return lead_on(history, choice, delay, now)


def use(history: History, choice: Choice, hint: float | None, now: float, draw: float) -> float:
    """Count one use of an action and return the wait that belongs to it."""
    action = choice.action
    before = history.uses.get(action.key)
    times = 1 if before is None else before.times + 1
    is_counted = not choice.is_free
    backoff = action.backoff
    if backoff is None:
        delay = 0.0
    # A retry that counts would use up its few attempts while the limits still look for the rate.
    elif choice.is_paced and not choice.counts:
        delay = backoff.hinted(hint)
    else:
        delay = backoff.delay(times, draw=draw, previous=None if before is None else before.wait, hint=hint)
    if action.do == "refresh":
        refreshes = history.refreshes.get(choice.provider, 0) + 1
        history.refreshes = {**history.refreshes, choice.provider: refreshes}
    used = (
        Used(times, int(is_counted), now, delay)
        if before is None
        else Used(times, before.counted + is_counted, before.first, delay)
    )
    history.uses = {**history.uses, action.key: used}
    history.counted += action.counts and is_counted
    return delay


def lead_on(history: History, choice: Choice, delay: float, now: float) -> Decision:
    """Do what leads to another attempt, if the limits of the call leave room for one."""
    most = history.plan.limits.max_attempts
    # A limit of one attempt means one, also where what the action does counts for nothing.
    if history.counted >= most or history.attempts >= most == 1:
        return fail(choice, "attempts")
    if history.deadline is not None and not fits(now + delay, last_attempt_end(history)):
        return fail(choice, "deadline")
    action = choice.action
    history.verifying = False
    match action.do:
        case "retry" | "verify" | "accept" | "fail":
            # A verification that is not needed, or has been made, and an accept of what was not there.
            history.pending = None
            breaker, budget = history.breaker, history.budget
            # A wait at whose end the breaker is still open would be in vain.
            if breaker is not None and history.attempts and (refusal := breaker.refusal_after(delay, now)) is not None:
                return fail(choice, "breaker", refusal.retry_after)
            # What an earlier run has begun is no retry of this call. What the rate limits pace cannot overload.
            if budget is not None and history.attempts and not choice.is_paced:
                if not budget.withdraw(now):
                    return fail(choice, "budget", budget.more_in(now))
                history.paid += 1
            return Wait(choice.rule, action, delay)
        case "refresh":
            history.pending = choice
            return Refresh(rule=choice.rule, action=action, delay=delay, provider=choice.provider)
        case "rename":
            history.pending = choice
            number = history.name + 1
            last = None if action.max is None else number + action.max - history.uses[action.key].counted
            return Rename(rule=choice.rule, action=action, delay=delay, number=number, last=last)
        case unreachable:
            assert_never(unreachable)


def try_again(history: History, choice: Choice | None, delay: float, now: float) -> Decision:
    """Wait for another attempt that no limit but the deadline can stop."""
    if not fits(now + delay, last_attempt_end(history)):
        return fail(choice, "deadline")
    rule, action = (None, None) if choice is None else (choice.rule, choice.action)
    history.pending, history.verifying = None, False
    return Wait(rule, action, delay)


def ask(history: History, choice: Choice, delay: float) -> Decision:
    """Ask the verifier; what was chosen goes on with its answer."""
    history.pending, history.verifying = choice, True
    history.asked += 1
    return Verify(rule=choice.rule, action=choice.action, delay=delay)


def fail(choice: Choice | None, reason: StopReason, retry_after: float | None = None) -> Fail:
    """Stop the call; the decision names the rule and the action that were chosen last."""
    rule, action = (None, None) if choice is None else (choice.rule, choice.action)
    return Fail(rule=rule, action=action, reason=reason, retry_after=retry_after)
