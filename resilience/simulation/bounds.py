"""The bounds of a policy: the lengths of its waits, the number of its attempts, and the latest end of a call."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Final, Literal

from attrs import evolve, frozen

from resilience.core.backoff import Backoff
from resilience.core.decision import LEADS_ON, StopReason
from resilience.core.fault import Fault
from resilience.core.plan import Plan
from resilience.core.policy import Action
from resilience.simulation.play import play
from resilience.simulation.played import EndlessError, Environment, Played, ScriptedResponse

LimitLeftOut = Literal["rate", "budget", "breaker"]
"""A limit that calls share, and that bounds of one call leave out."""

_GREATEST_DRAW: Final = math.nextafter(1.0, 0.0)
_MIDDLE_DRAW: Final = 0.5

# After so many waits every backoff has reached its cap.
_MANY: Final = 10_000

# Longer than any cap, so that the cap limits the wait.
_LONG_HINT: Final = 1e9

# The slowest attempt that fails by itself ends so many seconds before the limit that would cut it.
_MOMENT: Final = 1e-6


@frozen(kw_only=True)
class WaitRange:
    """
    The range of one wait, in seconds.

    Attributes:
        shortest: The length with the smallest draws.
        middle: The length if every draw is 0.5.
        longest: A bound for all draws, without a server's hint.
    """

    shortest: float
    middle: float
    longest: float


def waits(backoff: Backoff | None, count: int) -> tuple[WaitRange, ...]:
    """Return the first ``count`` waits with a backoff; without a backoff they are all 0."""
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
    """Return the most uses of an action in a call, by ``max`` and ``max_attempts``; None for no such limit."""
    limits = [] if action.max is None else [action.max]
    if action.counts or plan.limits.max_attempts == 1:
        # Each use follows a failed attempt that counts, and none follows the last attempt.
        limits.append(plan.limits.max_attempts - 1)
    return min(limits, default=None)


@frozen(kw_only=True)
class WorstCase:
    """
    The worst case of a call that meets one fault at every attempt.

    Attributes:
        attempts: The most attempts; None if only the deadline, or ``for`` of an action, ends them.
        reason: The reason of the stop after the most attempts.
        duration: The latest end of the call, in seconds; None for no limit.
        hinted: The latest end if the server asks for waits up to the cap.
        by_deadline: Whether ``duration`` is the deadline itself.
        leaves_out: The shared limits that the bound leaves out, because they depend on other calls: ``rate``, whose
            waits come on top, and ``budget`` and ``breaker``, which may end the call earlier.
    """

    attempts: int | None
    reason: StopReason
    duration: float | None
    hinted: float | None
    by_deadline: bool
    leaves_out: tuple[LimitLeftOut, ...] = ()


def worst(plan: Plan, fault: Fault) -> WorstCase:
    """
    Return the worst case of a call of this plan if every attempt meets the fault.

    Neither a retry budget nor a breaker shortens it: the successes of other calls may keep both from ending this call.
    How long a call waits for its turn in rate limits depends on other calls as well, and is left out; where the
    deadline is the bound, it is within it.
    """
    shared = plan.policy
    if plan.policy.budgets or plan.policy.breakers:
        plan = evolve(plan, policy=evolve(plan.policy, budgets={}, breakers={}))
    try:
        quickest: Played | None = play(
            plan,
            lambda: ScriptedResponse(fault=fault),
            Environment(verifier="missing"),
            draw=lambda: 0.0,
            waits_for_turn=False,
        )
    except EndlessError:
        quickest = None
    plain = _longest(plan, fault)
    by_deadline = plain is not None and plain == plan.limits.deadline
    goes_on = quickest is None or quickest.attempts > 1
    leaves_out: dict[LimitLeftOut, bool] = {
        "rate": plan.is_limited and not by_deadline,
        "budget": plan.provider in shared.budgets and goes_on,
        "breaker": plan.provider in shared.breakers and goes_on,
    }
    return WorstCase(
        attempts=None if quickest is None else quickest.attempts,
        reason=_without_end(plan, fault) if quickest is None else quickest.stop_reason,
        duration=plain,
        hinted=_longest(plan, evolve(fault, retry_after=_LONG_HINT)),
        by_deadline=by_deadline,
        leaves_out=tuple(limit for limit, is_left_out in leaves_out.items() if is_left_out),
    )


def _without_end(plan: Plan, fault: Fault) -> StopReason:
    """Return the reason of the end of a call that only a time limits."""
    last = [action for action in _chain(plan, fault) if action.do in LEADS_ON][-1]
    deadline = plan.limits.deadline
    return "max" if last.lasts is not None and (deadline is None or last.lasts < deadline) else "deadline"


def _chain(plan: Plan, fault: Fault) -> Iterator[Action]:
    """Return the chain of actions after a fault."""
    rule = plan.rule(fault)
    return (plan.policy.unknown if rule is None else rule.action).chain


def _at_most(plan: Plan, fault: Fault) -> float | None:
    """
    Return the latest end of a call with a ``for`` in its chain; None if only the deadline limits it.

    The call uses each action of the chain until its number or its time is over. The last use begins before the end of
    that time. A wait, perhaps a remedy, and an attempt follow it, each with its greatest length.
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
    Return the latest end of a call.

    If the slowest call reaches no deadline and asks no verifier, it is the bound: the number of attempts depends on no
    draw, and every attempt and wait has its greatest length. Otherwise the deadline is the bound. A quicker call can
    use an action with ``for`` more often, so for such an action the lengths are added up.
    """
    limits = plan.limits
    if any(action.lasts is not None for action in _chain(plan, fault)):
        return min((each for each in (_at_most(plan, fault), limits.deadline) if each is not None), default=None)
    slow = limits.attempt_timeout
    duration = None if slow is None else max(slow - _MOMENT, 0.0)
    environment = Environment(verifier="missing", refreshing=duration or 0.0)
    try:
        slowest = play(
            plan,
            lambda: ScriptedResponse(fault=fault, duration=duration),
            environment,
            draw=lambda: _GREATEST_DRAW,
            waits_for_turn=False,
        )
    except EndlessError:
        return limits.deadline
    asked = any(step.did == "verify" for step in slowest.steps)
    if duration is None or asked or slowest.stop_reason == "deadline" or any(step.cut for step in slowest.steps):
        return limits.deadline
    # Rounded up to a millisecond, so that it stays a bound.
    return math.ceil(slowest.duration * 1000) / 1000
