"""When an attempt or a remedy is cut short, and what still fits before the deadline."""

from __future__ import annotations

import math
from typing import Final

from resilience.core.history import History

# The least time between two questions to a verifier, so that a base of zero does not become a busy loop.
LEAST_PAUSE: Final = 0.5


def attempt_limit(history: History, *, now: float) -> float | None:
    """
    Return when an attempt that starts now is cut short, or None if nothing limits it.

    An operation that must be verified after a doubt is cut early enough that
    a settled verification fits before the deadline, but never before half of the time.
    """
    return _earlier(history, now, last_attempt_end(history))


def longest_attempt(history: History) -> float:
    """Return how many seconds an attempt or a question to a verifier may take at most; infinity for no limit."""
    limits = history.plan.limits
    return min((each for each in (limits.attempt_timeout, limits.deadline) if each is not None), default=math.inf)


def remedy_limit(history: History, *, now: float) -> float | None:
    """Return when a remedy that starts now is cut short, or None if nothing limits it."""
    return _earlier(history, now, history.deadline)


def last_attempt_end(history: History) -> float | None:
    """Return the instant that no attempt may reach: the deadline, less the room for a settled verification."""
    if history.deadline is None:
        return None
    limits = history.plan.limits
    if not (history.plan.must_verify_first and history.plan.can_verify) or limits.deadline is None:
        return history.deadline
    # The last question is asked when the doubt has settled, so it needs a moment more.
    return history.deadline - min(history.plan.settle + LEAST_PAUSE, limits.deadline / 2)


def fitting(history: History, delay: float, now: float) -> float:
    """Shorten a wait before a first question to the verifier: an early answer is worth more than none."""
    if history.deadline is None or fits(now + delay, history.deadline):
        return delay
    return max(history.deadline - now, 0.0) / 2


def _earlier(history: History, now: float, end: float | None) -> float | None:
    timeout = history.plan.limits.attempt_timeout
    if timeout is None:
        return end
    return now + timeout if end is None else min(now + timeout, end)


def fits(instant: float, limit: float | None) -> bool:
    """Return whether an instant comes before a limit; None is no limit."""
    return limit is None or instant < limit
