"""Waits that do not help: none, too short, too long, or equal for all callers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from resilience.core.backoff import Backoff
from resilience.core.grammar.durations import written
from resilience.core.policy import Action
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.places import RuleAt
from resilience.policyfile.lint.rules.limits import DEADLINE, ENDLESS_USES, paths, rounded, uses
from resilience.policyfile.lint.rules.reach import never_waits
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import quoted

_LONG_WAIT: Final = 300.0  # a script that sleeps longer seems to hang, and its token may expire
_THROTTLED_BASE: Final = 0.5  # limits are per second, and an earlier retry comes in the same second
_MANY_ATTEMPTS: Final = 2  # one immediate retry may be on purpose; two are a loop
_SHOWN_CODES: Final = 6


def retry_without_wait(view: View) -> Iterator[Problem]:
    """RP003: a retry that does not wait."""
    suspects = [backoff for backoff in view.policy.backoffs.values() if _longest(backoff, 10) <= 0]
    for backoff, actions in _by_backoff(view, suspects).items():
        if not actions:
            continue
        counts = [uses(view, action) for action in actions]
        most = None if None in counts else max(each or 0 for each in counts)
        if most is not None and most < _MANY_ATTEMPTS:
            continue
        path = view.latest(*paths(backoff, "base", "delays", "cap"))
        times = "again and again" if most is None else f"up to {most} times"
        message = f"backoff {quoted(backoff.name)} never waits, and a call retries with it {times}; wait at least 100ms"
        yield view.problem(path, ids.RETRY_WITHOUT_WAIT, message, severity="error")


def in_step(view: View) -> Iterator[Problem]:
    """RP004: exponential waits without a random part."""
    for name, backoff in view.policy.backoffs.items():
        path = ("backoff", name, "jitter")
        grows = backoff.kind == "exponential" and backoff.base > 0
        if grows and backoff.jitter == "none" and view.stack.setter(path) is not None:
            message = (
                f"backoff {quoted(name)} grows without jitter: calls that were throttled together retry together; "
                'use "full"'
            )
            yield view.problem(path, ids.IN_STEP, message)


def very_long_wait(view: View) -> Iterator[Problem]:
    """RP007: a single wait of more than five minutes."""
    suspects = [backoff for backoff in view.policy.backoffs.values() if _longest(backoff, None) > _LONG_WAIT]
    for backoff, actions in _by_backoff(view, suspects).items():
        reached = max((_longest(backoff, uses(view, action)) for action in actions), default=0.0)
        if reached <= _LONG_WAIT:
            continue
        path: KeyPath = ("backoff", backoff.name, "cap")
        if backoff.kind == "list":
            index = next(index for index, delay in enumerate(backoff.delays) if delay > _LONG_WAIT)
            path = ("backoff", backoff.name, "delays", index)
        elif backoff.base > _LONG_WAIT:
            path = ("backoff", backoff.name, "base")
        message = (
            f"backoff {quoted(backoff.name)} waits up to {rounded(reached)} at once; five minutes look like a hang"
        )
        yield view.problem(path, ids.VERY_LONG_WAIT, message)


def throttle_base_too_short(view: View) -> Iterator[Problem]:
    """RP016: a first wait after throttling that is too short."""
    for backoff in view.policy.backoffs.values():
        first = backoff.delays[0] if backoff.kind == "list" and backoff.delays else backoff.base
        if not 0 < first < _THROTTLED_BASE:
            continue
        users = [each for each in view.rules if _waits_with(each.rule.action, backoff)]
        throttled = [each for each in users if view.class_of(each.rule) == "throttle"]
        message = (
            f"backoff {quoted(backoff.name)} starts with {written(first)}, and limits are per second: "
            "after throttling wait 500ms or more at first"
        )
        path = view.latest(*paths(backoff, "base", "delays"))
        is_later = all(view.rank(path) > view.stack.layers.index(each.layer) for each in throttled)
        if throttled and (is_later or len(throttled) == len(users)):
            yield view.problem(path, ids.THROTTLE_BASE_TOO_SHORT, f"{message} ({_codes(throttled)})")
            continue
        for each in throttled:
            yield view.problem(
                each.inner("backoff"),
                ids.THROTTLE_BASE_TOO_SHORT,
                f"{quoted(each.rule.code)}: {message}",
                layer=each.layer,
            )


def unreachable_hint(view: View) -> Iterator[Problem]:
    """RP030: a server's hint may be obeyed past the deadline."""
    deadline = view.policy.limits.deadline
    if deadline is None:
        return
    for name, backoff in view.policy.backoffs.items():
        cap = ("backoff", name, "cap")
        if never_waits(view, backoff):
            continue  # RP070 reports this
        if backoff.server_hint and backoff.cap >= deadline and view.stack.setter(cap) is not None:
            message = (
                f"a server may ask backoff {quoted(name)} to wait up to {written(backoff.cap)}, and the deadline is "
                f"{written(deadline)}: the call would stop instead; keep the cap below the deadline"
            )
            yield view.problem(view.latest(cap, DEADLINE), ids.UNREACHABLE_HINT, message)


def _by_backoff(view: View, backoffs: list[Backoff]) -> dict[Backoff, list[Action]]:
    """Return the actions of each backoff that a file defines."""
    found: dict[Backoff, list[Action]] = {
        backoff: [] for backoff in backoffs if view.stack.setter(("backoff", backoff.name)) is not None
    }
    for action in view.used.values() if found else ():
        if action.do in {"retry", "verify"} and action.backoff in found:
            found[action.backoff].append(action)
    return found


@lru_cache(maxsize=1024)
def _longest(backoff: Backoff, count: int | None) -> float:
    """Return the longest of the first waits; a list need not grow."""
    most = ENDLESS_USES if count is None else count
    if backoff.kind == "list":
        return max((min(delay, backoff.cap) for delay in backoff.delays[:most]), default=0.0)
    return backoff.longest(most) if most else 0.0


def _waits_with(action: Action, backoff: Backoff) -> bool:
    return action.do in {"retry", "verify"} and action.backoff == backoff


def _codes(rules: list[RuleAt]) -> str:
    names = [each.rule.code for each in rules]
    return ", ".join(names[:_SHOWN_CODES]) + (", ..." if len(names) > _SHOWN_CODES else "")
