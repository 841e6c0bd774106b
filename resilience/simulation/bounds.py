"""What a policy can cost at most: how long its waits are, how often it tries, when a call has ended for certain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Final

from attrs import evolve, frozen

from resilience.core.backoff import Backoff
from resilience.core.decision import LEADS_ON, StopReason
from resilience.core.fault import Fault
from resilience.core.plan import Plan
from resilience.core.policy import Action
from resilience.simulation.play import EndlessError, Environment, Played, ScriptedResponse, play

_GREATEST_DRAW: Final = math.nextafter(1.0, 0.0)
_MIDDLE_DRAW: Final = 0.5

# After so many waits every backoff has met its cap.
_MANY: Final = 10_000

# Longer than any cap: what a server asks for at most is then the cap.
_LONG_HINT: Final = 1e9

# By how much an attempt ends before the limit that would cut it short: it fails by itself, as slowly as it can.
_MOMENT: Final = 1e-6


@frozen(kw_only=True)
class WaitRange:
    """
    How long one wait is, in seconds.

    Attributes:
        shortest: With the smallest draws.
        middle: Where every draw is 0.5.
        longest: What no draw exceeds, without a server's hint.
    """

    shortest: float
    middle: float
    longest: float


def waits(backoff: Backoff | None, count: int) -> tuple[WaitRange, ...]:
    """Return the first ``count`` waits of an action with this backoff; without one they are all 0."""
    if backoff is None:
        return (WaitRange(shortest=0.0, middle=0.0, longest=0.0),) * count
    return tuple(
        WaitRange(shortest=shortest, middle=middle, longest=longest)
        for shortest, middle, longest in islice(
            zip(_waits(backoff, 0.0), _waits(backoff, _MIDDLE_DRAW), _waits(backoff, 1.0), strict=True), count
        )
    )


def _waits(backoff: Backoff, draw: float) -> Iterator[float]:
    previous: float | None = None
    number = 0
    while True:
        number += 1
        previous = backoff.delay(number, draw=draw, previous=previous)
        yield previous


def uses(plan: Plan, action: Action) -> int | None:
    """Return how often a call can use an action before ``max`` or ``max_attempts`` ends it; None for no such limit."""
    limits = [] if action.max is None else [action.max]
    if action.counts or plan.limits.max_attempts == 1:
        # Each use follows a failed attempt that counts, and after the last of them there is no other.
        limits.append(plan.limits.max_attempts - 1)
    return min(limits, default=None)


@frozen(kw_only=True)
class WorstCase:
    """
    The worst that one fault can do to a call which meets it again and again.

    Attributes:
        attempts: The most attempts; None if only a time ends them: the deadline, or ``for`` of an action.
        reason: Why the call stops after the most attempts.
        duration: When the call has ended for certain, in seconds; None for never.
        hinted: The same where the server asks for the longest waits that are obeyed.
        by_deadline: Whether ``duration`` is the deadline itself.
    """

    attempts: int | None
    reason: StopReason
    duration: float | None
    hinted: float | None
    by_deadline: bool


def worst(plan: Plan, fault: Fault) -> WorstCase:
    """Return the worst that a fault can do to a call of this plan, if every attempt meets it."""
    try:
        quickest: Played | None = play(
            plan, lambda: ScriptedResponse(fault=fault), Environment(verifier="missing"), draw=lambda: 0.0
        )
    except EndlessError:
        quickest = None
    plain = _longest(plan, fault)
    return WorstCase(
        attempts=None if quickest is None else quickest.attempts,
        reason=_without_end(plan, fault) if quickest is None else quickest.stop_reason,
        duration=plain,
        hinted=_longest(plan, evolve(fault, retry_after=_LONG_HINT)),
        by_deadline=plain is not None and plain == plan.limits.deadline,
    )


def _without_end(plan: Plan, fault: Fault) -> StopReason:
    """Return which time ends a call that no number ends."""
    last = [action for action in _chain(plan, fault) if action.do in LEADS_ON][-1]
    deadline = plan.limits.deadline
    return "max" if last.lasts is not None and (deadline is None or last.lasts < deadline) else "deadline"


def _chain(plan: Plan, fault: Fault) -> Iterator[Action]:
    """Yield the actions that a fault leads to, one after the other."""
    rule = plan.rule(fault)
    action: Action | None = plan.policy.unknown if rule is None else rule.action
    while action is not None:
        yield action
        action = action.then


def _at_most(plan: Plan, fault: Fault) -> float | None:
    """
    Return when a call has ended for certain that meets an action with ``for``; None where only the deadline says it.

    Each action of the chain is used until its number or its time is over. Its last use begins before the time is
    over, and is followed by a wait, perhaps a remedy, and an attempt, each as long as it can be.
    """
    limits = plan.limits
    if limits.attempt_timeout is None or (plan.can_verify and plan.repeat != "safe"):
        return None
    hinted = fault.retry_after is not None
    total = limits.attempt_timeout
    for action in _chain(plan, fault):
        if action.do not in LEADS_ON:
            break
        steps = limits.attempt_timeout * (2 if action.do == "refresh" else 1)
        longest = 0.0
        if action.backoff is not None:
            longest = action.backoff.cap if hinted and action.backoff.server_hint else action.backoff.longest(_MANY)
        count = uses(plan, action)
        ends = [] if count is None else [count * (longest + steps)]
        if action.lasts is not None:
            ends.append(action.lasts + longest + steps)
        if not ends:
            return None
        total += min(ends)
    return total


def _longest(plan: Plan, fault: Fault) -> float | None:
    """
    Return when a call has ended for certain.

    Where the slowest call meets no deadline and asks no verifier, nothing is slower: how often
    it tries depends on no draw, and every attempt and wait is the longest. Else the deadline says it.
    An action with ``for`` is used more often by a quicker call, so there it is added up.
    """
    limits = plan.limits
    if any(action.lasts is not None for action in _chain(plan, fault)):
        return min((each for each in (_at_most(plan, fault), limits.deadline) if each is not None), default=None)
    slow = limits.attempt_timeout
    duration = None if slow is None else max(slow - _MOMENT, 0.0)
    environment = Environment(verifier="missing", refreshing=duration or 0.0)
    try:
        slowest = play(
            plan, lambda: ScriptedResponse(fault=fault, duration=duration), environment, draw=lambda: _GREATEST_DRAW
        )
    except EndlessError:
        return limits.deadline
    asked = any(step.did == "verify" for step in slowest.steps)
    if duration is None or asked or slowest.stop_reason == "deadline" or any(step.cut for step in slowest.steps):
        return limits.deadline
    # Rounded up to a millisecond, so that it stays a bound.
    return math.ceil(slowest.duration * 1000) / 1000
