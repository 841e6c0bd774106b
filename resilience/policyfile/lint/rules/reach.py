"""Limits that no call can reach: a ``max`` or a ``for`` beyond other limits, and a wait beyond the deadline."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from resilience.core.backoff import Backoff
from resilience.core.grammar.durations import seconds, written
from resilience.policyfile.decode.layers import Stack
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.format.tables import LIMITS
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import ActionAt
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem, Severity
from resilience.policyfile.messages.wording import quoted

_DEADLINE: Final = ("limits", "deadline")
_WAITING: Final = frozenset({"retry", "verify"})
_MOST_ADDED: Final = 10_000  # the most waits to add up; a larger max is not checked


def unreached_max(view: View) -> Iterator[Problem]:
    """RP069: a ``max`` that max_attempts or the deadline surely stops before."""
    for each in view.actions:
        action, path = each.action, (*each.path, "max")
        if action.do not in _WAITING or action.max is None:
            continue
        if each.action.key not in view.used or never_waits(view, action.backoff):
            continue
        message = _counted(view, each, action.max) if action.counts else _timed(view, each, action.max)
        if message is not None and view.stack.setter(path) is not None:
            # The deadline limits an action that does not count. Its unreached max matters only with a `then`.
            severity: Severity = "info" if not action.counts and action.then is None else "warning"
            yield view.problem(path, ids.UNREACHED_MAX, message, severity=severity)


def unreached_for(view: View) -> Iterator[Problem]:
    """RP080: a ``for`` that the deadline surely stops before."""
    for each in view.actions:
        lasts, path, deadline = each.action.lasts, (*each.path, "for"), view.policy.limits.deadline
        if lasts is None or deadline is None or lasts < deadline or each.action.key not in view.used:
            continue
        known = _known(view, path, "deadline")
        before = seconds(known) if isinstance(known, str) else None
        if before is not None and lasts >= before:
            message = (
                f"for = {written(lasts)} of {quoted(each.label)} is never over: the call ends at the deadline of "
                f"{written(deadline)}; shorten it, or give the call a later deadline"
            )
            yield view.problem(path, ids.UNREACHED_FOR, message)


def _counted(view: View, each: ActionAt, most: int) -> str | None:
    attempts = view.policy.limits.max_attempts
    known = _known(view, (*each.path, "max"), "max_attempts")
    if most < attempts or (isinstance(known, int) and most < known):
        return None
    left = "no retry" if attempts == 1 else "1 retry" if attempts == 2 else f"{attempts - 1} retries"  # noqa: PLR2004  # the first attempt is no retry
    return (
        f"max = {most} of {quoted(each.label)} is never used up: each use counts as an attempt, and max_attempts = "
        f"{attempts} leaves {left}; set counts = false if the attempts were refused before they ran, or raise "
        "max_attempts"
    )


def _timed(view: View, each: ActionAt, most: int) -> str | None:
    deadline, backoff = view.policy.limits.deadline, each.action.backoff
    if deadline is None or backoff is None or most > _MOST_ADDED:
        return None
    made = _fitting(backoff, deadline, most)
    numbers = [("backoff", backoff.name, key) for key in ("base", "delays", "cap")]
    known = _known(view, view.latest((*each.path, "max"), *numbers), "deadline")
    before = seconds(known) if isinstance(known, str) else None
    if made == most or before is None or _fitting(backoff, before, most) == most:
        return None
    return (
        f"max = {most} of {quoted(each.label)} is never used up: its waits reach the deadline of {written(deadline)} "
        f"after {made} of them; lower max, or give the call a later deadline"
    )


def _known(view: View, path: KeyPath, limit: str) -> object:
    """Return a limit at the layer of a value; a later layer tightens the limit on purpose."""
    below = Stack(view.stack.layers[: view.rank(path) + 1])
    setter = below.setter(("limits", limit))
    return LIMITS[limit].default if setter is None else setter.get(("limits", limit), None)


def no_retry(view: View) -> Iterator[Problem]:
    """RP070: a wait as long as the whole call, so that no attempt follows it."""
    deadline = view.policy.limits.deadline
    suspects = [backoff for backoff in view.policy.backoffs.values() if never_waits(view, backoff)]
    backoffs = {action.backoff for action in view.used.values() if action.do in _WAITING} if suspects else set()
    for backoff in suspects:
        if deadline is None or backoff not in backoffs:
            continue
        message = (
            f"the first wait of backoff {quoted(backoff.name)} is {written(least(backoff, 1))} or more, and the whole "
            f"call ends after {written(deadline)}: no retry is ever made; wait less, or give the call a later deadline"
        )
        key = "delays" if backoff.kind == "list" else "base"
        yield view.problem(view.latest(("backoff", backoff.name, key), _DEADLINE), ids.NO_RETRY, message)


def never_waits(view: View, backoff: Backoff | None) -> bool:
    """Tell whether the shortest first wait reaches the deadline, so that it never begins."""
    deadline = view.policy.limits.deadline
    return deadline is not None and backoff is not None and least(backoff, 1) >= deadline


def least(backoff: Backoff, number: int) -> float:
    """Return the shortest wait before a retry, in seconds; retries are counted from 1."""
    return backoff.delay(number, draw=0.0)


@lru_cache(maxsize=1024)
def _fitting(backoff: Backoff, deadline: float, most: int) -> int:
    """Return the number of waits before the deadline if each has its least length."""
    total = 0.0
    for number in range(1, most + 1):
        total += least(backoff, number)
        if total >= deadline:
            return number - 1
    return most
