"""What follows a remedy: a verification, a refresh or a rename, or one that failed."""

from __future__ import annotations

from typing import Final

from resilience.core.backoff import Backoff
from resilience.core.decision import Accept, Decision, Fail, Failed, Refresh, Renamed, StopReason, Verified
from resilience.core.fault import Fault
from resilience.core.history import Choice, History, Used
from resilience.core.meaning import meaning_of
from resilience.core.steps.deciding import ask, decide, fail, lead_on, try_again, use
from resilience.core.steps.limits import LEAST_PAUSE, fits
from resilience.core.steps.obstacles import chosen, next_possible, was_throttled

_DEFAULT_BACKOFF: Final = Backoff()


def after_verification(history: History, event: Verified, now: float, draw: float) -> Decision:
    """Accept what is there, go on where it is not, and ask again while the answer may be too early."""
    choice = _pending(history)
    if event.discarded:
        return _after_discard(history, choice, now)
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
        return decide(history, next_possible(history, choice, "not_ours", now), None, now, draw)
    return lead_on(history, choice, 0.0, now)


def _after_discard(history: History, choice: Choice, now: float) -> Decision:
    """Go on at once: the verifier has found what the doubtful attempt made, so there is nothing to wait for."""
    # What an attempt of this call made is gone. If the service says "it exists" from now on, it means another one.
    history.ours = history.unresolved = history.verifying = False
    history.pending = None
    # An accept would not count, and an attempt follows all the same.
    history.counted += choice.action.do == "accept" and not choice.counts
    return lead_on(history, choice, 0.0, now)


def _ask_again(history: History, choice: Choice, now: float, *, latest: float) -> Decision:
    """Ask the verifier once more, after a pause that grows, the last time when the doubt has settled."""
    backoff = choice.action.backoff or history.plan.policy.backoffs.get("default", _DEFAULT_BACKOFF)
    delay = min(max(backoff.longest(history.asked), LEAST_PAUSE), max(latest - now, 0.0))
    if not fits(now + delay, history.deadline):
        return fail(choice, "deadline")
    return ask(history, choice, delay)


def after_failed_verification(history: History, fault: Fault | None, now: float, draw: float) -> Decision:
    """Treat the verifier's own failure as its rule says: wait or refresh, then ask again, or end the call."""
    choice = _pending(history)
    if fault is None:
        return after_failed_remedy(history, now)
    plan = history.plan
    remedy = chosen(history, meaning_of(plan, fault), now, is_throttled=was_throttled(plan, Failed((fault,))))
    history.ask_failures += not remedy.is_free
    gone_too_far = history.ask_failures >= plan.limits.max_attempts
    if gone_too_far or not fits(now, history.deadline) or remedy.action.do not in {"retry", "verify", "refresh"}:
        return after_failed_remedy(history, now)
    history.counted -= remedy.counts
    delay = use(history, remedy._replace(is_paced=False), fault.retry_after, now, draw)
    if not fits(now + delay, history.deadline):
        return fail(choice, "deadline")
    if remedy.action.do == "refresh":
        return Refresh(rule=remedy.rule, action=remedy.action, delay=delay, provider=remedy.provider)
    return ask(history, choice, delay)


def after_refresh(history: History, now: float) -> Decision:
    """Go on with what the new credentials are for: a verification, or another attempt."""
    if history.verifying:
        return ask(history, _pending(history), 0.0)
    return try_again(history, history.pending, 0.0, now)


def after_rename(history: History, event: Renamed, now: float) -> Decision:
    """Forget the doubt, because another name is another resource, and try again."""
    choice = _pending(history)
    history.name += 1
    if event.number is not None:
        passed = event.number - history.name
        history.name = event.number
        used = history.uses[choice.action.key]
        used = Used(used.times + passed, used.counted + passed, used.first, used.wait)
        history.uses = {**history.uses, choice.action.key: used}
    history.ours = history.unresolved = False
    history.pending = None
    history.named_alone = event.known or "{hash}" in choice.action.pattern
    return try_again(history, choice, 0.0, now)


def after_impossible_rename(history: History, now: float, draw: float) -> Decision:
    """Take the action that stands in for a rename."""
    choice = _pending(history)
    history.pending = None
    return decide(history, next_possible(history, choice, "remedy", now), None, now, draw)


def after_failed_remedy(history: History, now: float) -> Fail:
    """Stop, for the remedy's sake or because the deadline cut it short."""
    reason: StopReason = "remedy" if fits(now, history.deadline) else "deadline"
    choice = history.pending
    rule, action = (None, None) if choice is None else (choice.rule, choice.action)
    return Fail(rule=rule, action=action, reason=reason, by_remedy=True)


def _pending(history: History) -> Choice:
    if history.pending is None:
        raise ValueError("the driver reported the answer to a remedy that it was not asked for")
    return history.pending
