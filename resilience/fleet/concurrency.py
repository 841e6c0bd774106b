"""How many calls of a fleet are under way at a time, where the program does not say."""

from __future__ import annotations

import math
from typing import Final

from resilience.core.admission.limits import RateLimits
from resilience.core.policy import PolicyValues

LEAST: Final = 16
"""
Calls under way at a time without a limit in the policy. With answers after 50 to 500 ms these are 30 to 300 calls per
second, and for more than 300 Alibaba Cloud blocks an IP address.
"""

_SLOW_ANSWER: Final = 0.25
"""Seconds. A declared rate is used up also where answers take as long; the limiter keeps calls from being faster."""


def concurrency_of(asked: int | None, policy: PolicyValues, provider: str | None, operation: str | None = None) -> int:
    """
    Return how many calls are under way at a time.

    Args:
        asked: What the program asks for, or None.
        policy: Whose ``[rate]`` counts otherwise.
        provider: The provider of the calls; None for any, where the largest number counts.
        operation: The operation of all calls. More of them than its rate needs would only wait for their turn, and
            would still have to be made where a fleet is stopped. None for calls of any operation.

    Raises:
        ValueError: Less than 1 is asked for.
    """
    if asked is not None:
        if asked < 1:
            raise ValueError(f"concurrency: expected a number from 1, got {asked}")
        return asked
    limits = policy.rates.values() if provider is None else [policy.rates.get(provider, RateLimits())]
    return max((_enough_for(each, operation) for each in limits), default=LEAST)


def _enough_for(limits: RateLimits, operation: str | None) -> int:
    if limits.own_concurrency is not None:
        return limits.own_concurrency
    if operation is not None:
        lowest = limits.lowest(operation)
        rate = 0.0 if lowest is None else lowest.per_second
        return max(LEAST, math.ceil(rate / limits.share * _SLOW_ANSWER))
    # A call meets those for a host and for an account together, and one of an operation.
    for_all = [rate.per_second for rate in (limits.per_host, limits.default) if rate is not None]
    rate = min(for_all) if for_all else max((each.per_second for each in limits.operations.values()), default=0.0)
    return max(LEAST, math.ceil(rate / limits.share * _SLOW_ANSWER))
