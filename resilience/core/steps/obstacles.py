"""What keeps an action from being taken now, and what its rule says instead. Nothing here changes a call."""

from __future__ import annotations

from typing import Final, assert_never

from resilience.core.decision import Failed, StopReason
from resilience.core.fault import Fault
from resilience.core.history import Choice, History
from resilience.core.meaning import Meaning, meaning_of, result_of
from resilience.core.plan import Plan
from resilience.core.policy import Action, Verb
from resilience.core.settings.credentials import CredentialLimits

_FAIL: Final = Action(key="fail", do="fail")
_DEFAULT_CREDENTIALS: Final = CredentialLimits()
# What repeats the same request, sooner or later.
_REPEATS: Final[frozenset[Verb]] = frozenset({"retry", "verify"})


def was_throttled(plan: Plan, event: Failed) -> bool:
    """Tell whether the service has refused a request for its rate, where rate limits hold requests back."""
    return plan.is_limited and result_of(plan, event) == "throttled"


def first_choice(plan: Plan, fault: Fault) -> Choice:
    """Return what a fault leads to if it is the first of a call and nothing stands in the way."""
    return _flagged(plan, meaning_of(plan, fault).choice, is_throttled=was_throttled(plan, Failed((fault,))))


def chosen(history: History, found: Meaning, now: float, *, is_throttled: bool) -> Choice:
    """Return what a fault leads to; of a throttled request the rate limits of all calls say when it is repeated."""
    choice = _flagged(history.plan, found.choice, is_throttled=is_throttled)
    return choice if found.is_certain else possible(history, choice, now)


def _flagged(plan: Plan, choice: Choice, *, is_throttled: bool) -> Choice:
    if not (is_throttled and choice.action.do in _REPEATS):
        return choice
    # A call knows only its own refusals, and the deadline has to end what uses up nothing.
    return choice._replace(is_free=plan.limits.deadline is not None, is_paced=plan.is_paced)


def possible(history: History, choice: Choice, now: float) -> Choice:
    """Follow ``then`` until an action can be taken. The loader refuses chains that return to themselves."""
    while (why := _obstacle(history, choice, now)) is not None:
        choice = _then(choice, why)
    return choice


def next_possible(history: History, choice: Choice, why: StopReason, now: float) -> Choice:
    """Return the action that stands in for one that has failed, for the reason given."""
    return possible(history, _then(choice, why), now)


def _then(choice: Choice, why: StopReason) -> Choice:
    action = choice.action.then or _FAIL
    is_free, is_paced = (each and action.do in _REPEATS for each in (choice.is_free, choice.is_paced))
    return choice._replace(action=action, reason=why, is_free=is_free, is_paced=is_paced)


def _obstacle(history: History, choice: Choice, now: float) -> StopReason | None:
    """Return why an action cannot be taken now, or None if it can."""
    action, plan = choice.action, history.plan
    if (action.max is not None or action.lasts is not None) and _is_used_up(history, choice, now):
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


def _is_used_up(history: History, choice: Choice, now: float) -> bool:
    action = choice.action
    used = history.uses.get(action.key)
    counted, first = (0, now) if used is None else (used.counted, used.first)
    return (action.max is not None and counted >= action.max and not choice.is_free) or (
        action.lasts is not None and now >= first + action.lasts
    )


def _asks_whose(history: History, action: Action) -> bool:
    """
    Return whether an accept is for what is ours only.

    ``if = "always"`` is meant for the name that the caller asked for. Under a new name, which the caller
    knows nothing of, there may be another resource, and two must not become one.
    """
    return action.condition == "ours" or not (history.named_alone or action.dry_run)
