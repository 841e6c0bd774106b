"""What keeps an action from being taken now, and what its rule says instead. Nothing here changes a call."""

from __future__ import annotations

from typing import Final, assert_never

from resilience.core.decision import StopReason
from resilience.core.history import Choice, History
from resilience.core.policy import Action
from resilience.core.settings.credentials import CredentialLimits

_FAIL: Final = Action(key="fail", do="fail")
_DEFAULT_CREDENTIALS: Final = CredentialLimits()


def possible(history: History, choice: Choice, now: float) -> Choice:
    """Follow ``then`` until an action can be taken. The loader refuses chains that return to themselves."""
    while (why := _obstacle(history, choice, now)) is not None:
        choice = choice._replace(action=choice.action.then or _FAIL, reason=why)
    return choice


def next_possible(history: History, choice: Choice, why: StopReason, now: float) -> Choice:
    """Return the action that stands in for one that has failed, for the reason given."""
    return possible(history, choice._replace(action=choice.action.then or _FAIL, reason=why), now)


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
