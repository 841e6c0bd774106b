"""How long the calls of a fleet take, at the limits that the policy declares."""

from __future__ import annotations

import math
from typing import Final

from resilience.core.admission.rate import Rate
from resilience.core.plan import Plan
from resilience.core.policy import PolicyValues
from resilience.fleet.concurrency import concurrency_of
from resilience.fleet.forecast.run import FleetSetup, forecast
from resilience.fleet.forecast.service import LimitedService

_PLAYED: Final = 2_000
"""The most calls that are played, in less than a second; each further window takes as long as the last ones."""

_WINDOWS: Final = 8
"""From so many windows the length of one is taken."""


def seconds_of(  # noqa: PLR0913  # a keyword for each thing that it depends on
    calls: int,
    *,
    policy: PolicyValues,
    plan: Plan,
    rate: Rate,
    latency: float,
    concurrency: int | None = None,
) -> float:
    """
    Return how long calls take that all succeed at once, in seconds.

    Args:
        calls: How many.
        policy: With the limits of the one process that makes them.
        plan: Of the operation.
        rate: The narrowest limit.
        latency: Seconds from a request to its answer.
        concurrency: How many are under way at a time; None for as many as the policy says.
    """
    service = LimitedService(limit=None, latency=latency)

    def ends(number: int) -> tuple[float, ...]:
        return forecast(policy, plan, service, FleetSetup(calls=number, concurrency=concurrency)).ends

    if calls <= _PLAYED:
        return ends(calls)[-1] if calls else 0.0
    window = max(math.floor(rate.count), 1)
    if window * 2 > _PLAYED:
        # A part of a window is played; what a window takes at once needs no more than that each.
        full, rest = divmod(calls - 1, window)
        under_way = concurrency_of(concurrency, policy, plan.provider, plan.operation)
        return max(calls * latency / under_way, full * rate.per + (rest + 1) * ends(_PLAYED)[-1] / _PLAYED)
    windows = min(_WINDOWS, _PLAYED // window - 1)
    # As many calls of the last window are played as it will have.
    left = (calls - _PLAYED) // window + ((calls - _PLAYED) % window > 0)
    played = ends(calls - left * window)
    return played[-1] + left * (played[-1] - played[-1 - windows * window]) / windows
