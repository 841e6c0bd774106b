"""Limits that do not fit together: no end, or an end before the last attempt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resilience.core.backoff import Backoff
from resilience.core.grammar.durations import written
from resilience.core.policy import Action
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.rules.reach import never_waits
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import quoted

_SHOWN_WAITS: Final = 6
ENDLESS_USES: Final = 10_000  # stands for no limit; every backoff has met its cap by then
_MOST_REFRESHES: Final = 10  # a token that was refused ten times will be refused again
_MOST_RENAMES: Final = 50
DEADLINE: Final = ("limits", "deadline")
_TIMEOUT: Final = ("limits", "attempt_timeout")
_ATTEMPTS: Final = ("limits", "max_attempts")


def uses(view: View, action: Action) -> int | None:
    """
    Return the number of attempts that an action can lead to in one call; None if only the deadline limits it.

    :func:`resilience.simulation.bounds.uses` is the same for one plan. Importing the simulator would make ``check``
    slower, so this function stands here too; a test holds that both agree.
    """
    limits = [] if action.max is None else [action.max]
    if action.counts or view.policy.limits.max_attempts == 1:
        limits.append(view.policy.limits.max_attempts - 1)
    if action.do == "refresh" and action.max is None:
        limits.append(max((each.max_refreshes for each in view.policy.credentials.values()), default=1))
    return min(limits, default=None)


def endless(view: View) -> Iterator[Problem]:
    """RP001: without a deadline, an action that can go on for ever."""
    if view.policy.limits.deadline is not None:
        return
    for each in view.actions:
        if each.action.do in {"retry", "verify"} and each.action.lasts is None and uses(view, each.action) is None:
            message = (
                f"{quoted(each.label)} can go on for ever: counts = false, no max, no for, and the deadline "
                f'at {view.at(DEADLINE)} is "none"; give it a max or a for, or the call a deadline'
            )
            yield view.problem((*each.path, "counts"), ids.ENDLESS, message, severity="error")


def undated(view: View) -> Iterator[Problem]:
    """RP002: attempts are limited, but the time is not."""
    if view.policy.limits.deadline is not None or any(True for _ in endless(view)):
        return
    worst = max((_worst(view, action) for action in view.kinds), default=None)
    if worst is None:
        return
    seconds, attempts, _ = worst
    timeout = view.policy.limits.attempt_timeout
    if timeout is None:
        cost = f"{attempts} attempts, each as long as the service lets it hang"
    else:
        cost = f"{attempts} attempts of up to {written(timeout)} with their waits are {rounded(seconds)}"
    turns = ", and waits for turns in [rate] on top" if view.policy.rates else ""
    message = f"no deadline: in the worst case {cost}{turns}; set one that a person would wait for"
    yield view.problem(DEADLINE, ids.UNDATED, message)


def too_short(view: View) -> Iterator[Problem]:
    """RP008: the deadline ends a call before its last attempts."""
    limits = view.policy.limits
    if limits.deadline is None or (limits.attempt_timeout or 0.0) >= limits.deadline:
        return
    # Only the deadline limits attempts that do not count, on purpose.
    worst = max(
        (_worst(view, action) for action in view.kinds if action.counts and not never_waits(view, action.backoff)),
        default=None,
    )
    if worst is None or worst[0] <= limits.deadline:
        return
    seconds, attempts, key = worst
    action = view.used[key]
    candidates = (DEADLINE, _TIMEOUT, _ATTEMPTS, *paths(action.backoff, "base", "cap", "factor", "delays"))
    each = "" if limits.attempt_timeout is None else f" of up to {written(limits.attempt_timeout)}"
    message = (
        f"{attempts} attempts{each} with the waits of {_named(key)} ({_waits(action.backoff, attempts - 1)}) may take "
        f"{rounded(seconds)}, more than the deadline of {written(limits.deadline)}: the last attempts are never made"
    )
    yield view.problem(view.latest(*candidates), ids.TOO_SHORT, message)


def no_second(view: View) -> Iterator[Problem]:
    """RP009: one attempt may use up the whole call."""
    limits = view.policy.limits
    if limits.deadline is None or limits.attempt_timeout is None or limits.attempt_timeout < limits.deadline:
        return
    message = (
        f"an attempt may take {written(limits.attempt_timeout)}, and the whole call only {written(limits.deadline)}: "
        "after one that hangs there is no second; attempt_timeout must be below deadline"
    )
    yield view.problem(view.latest(_TIMEOUT, DEADLINE), ids.NO_SECOND, message, severity="error")


def hurried(view: View) -> Iterator[Problem]:
    """RP018: a remedy that is repeated too often."""
    for each in view.actions:
        most = {"refresh": _MOST_REFRESHES, "rename": _MOST_RENAMES}.get(each.action.do)
        if most is not None and each.action.max is not None and each.action.max > most:
            message = (
                f"{quoted(each.label)} may {each.action.do} {each.action.max} times in one call; "
                f"after {most} attempts another one will not help"
            )
            yield view.problem((*each.path, "max"), ids.UNBOUNDED_REMEDY, message, severity="error")


def always_refreshing(view: View) -> Iterator[Problem]:
    """RP018: credentials that are renewed again and again."""
    for provider, credentials in view.policy.credentials.items():
        if credentials.max_refreshes > _MOST_REFRESHES:
            message = (
                f"one call may get new credentials {credentials.max_refreshes} times; "
                "if a fresh token is refused, the next will be refused too"
            )
            path = ("credentials", provider, "max_refreshes")
            yield view.problem(path, ids.UNBOUNDED_REMEDY, message, severity="error")


def unsettled(view: View) -> Iterator[Problem]:
    """RP066: a doubt never settles before the deadline."""
    limits = view.policy.limits
    settle = ("limits", "settle")
    if limits.deadline is None or limits.settle < limits.deadline or view.stack.setter(settle) is None:
        return
    message = (
        f'"it is not there" counts only after {written(limits.settle)}, and the call ends after '
        f"{written(limits.deadline)}: no verification can lead to another attempt; settle must be below deadline"
    )
    yield view.problem(view.latest(settle, DEADLINE), ids.UNSETTLED, message)


def _worst(view: View, action: Action) -> tuple[float, int, str]:
    """Return the longest time and the most attempts of a call that meets only this action, and the action's key."""
    times = uses(view, action)
    retries = ENDLESS_USES if times is None else times
    timeout = view.policy.limits.attempt_timeout or 0.0
    if action.lasts is not None:
        retries = min(retries, _retries_within(action.lasts, action.backoff, timeout))
    waits = 0.0 if action.backoff is None else _sum(action.backoff, retries)
    return waits + (retries + 1) * timeout, retries + 1, action.key


def _retries_within(seconds: float, backoff: Backoff | None, timeout: float) -> int:
    """Return the number of retries within a time if all waits and attempts have their greatest length."""
    total = 0.0
    for number in range(1, ENDLESS_USES):
        total += timeout + (0.0 if backoff is None else backoff.longest(number))
        if total >= seconds:
            return number
    return ENDLESS_USES


def _sum(backoff: Backoff, count: int) -> float:
    total = 0.0
    for number in range(1, min(count, ENDLESS_USES) + 1):
        wait = backoff.longest(number)
        total += wait
        if wait >= backoff.cap and backoff.kind != "list":
            return total + (count - number) * wait
    return total


def paths(backoff: Backoff | None, *keys: str) -> tuple[KeyPath, ...]:
    """Return the paths of these keys of a backoff; none without a backoff."""
    return () if backoff is None else tuple(("backoff", backoff.name, key) for key in keys)


def _waits(backoff: Backoff | None, count: int) -> str:
    if backoff is None:
        return "none"
    shown = [f"{backoff.longest(number):g}" for number in range(1, min(count, _SHOWN_WAITS) + 1)]
    return " + ".join(shown) + (" + ..." if count > _SHOWN_WAITS else "") + " s at most"


def _named(key: str) -> str:
    return f"the rule {key.removeprefix('rules.')}" if key.startswith("rules.") else quoted(key)


def rounded(seconds: float) -> str:
    """Return a length of time for a message."""
    return f"{seconds:.4g} s"
