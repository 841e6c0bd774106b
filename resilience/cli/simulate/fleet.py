"""``resilience simulate --fleet``: how long many calls take at a limit, with and without the policy's rates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from attrs import evolve, frozen
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from resilience.cli import plots
from resilience.cli.screen import seconds, times
from resilience.core.plan import Plan
from resilience.core.policy import PolicyValues
from resilience.fleet.forecast import FleetSetup, Forecast, LimitedService, forecast, without_rates

_WIDEST_PLOT: Final = 100
_ROWS: Final = 12


@frozen(kw_only=True)
class FleetForecasts:
    """
    Two forecasts of the same calls.

    Attributes:
        plan: Of the operation.
        service: What the calls meet.
        fleet: How many calls.
        ours: Under the policy.
        unpaced: Under the policy without its rates; None where it declares none for the provider.
    """

    plan: Plan
    service: LimitedService
    fleet: FleetSetup
    ours: Forecast
    unpaced: Forecast | None

    @classmethod
    def of(cls, policy: PolicyValues, plan: Plan, service: LimitedService, fleet: FleetSetup) -> FleetForecasts:
        """Make both."""

        def under(policy: PolicyValues) -> Forecast:
            return forecast(policy, evolve(plan, policy=policy), service, fleet)

        has_rates = plan.provider in policy.rates
        return cls(
            plan=plan,
            service=service,
            fleet=fleet,
            ours=under(policy),
            unpaced=under(without_rates(policy)) if has_rates else None,
        )

    def parts(self, screen: Console, *, plain: bool) -> Iterator[RenderableType]:
        """Yield what is shown of them."""
        service, ours = self.service, self.ours
        others = f", others use {service.others:.0%} of it" if service.others else ""
        yield Text(f"a service that takes {service.limit} ({_COUNTED[service.counting]}{others})", style="dim")
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        columns = [("the policy", ours), *([("without its rates", self.unpaced)] if self.unpaced is not None else [])]
        for header in ("", *(name for name, _ in columns)):
            table.add_column(header, justify="right" if header else "left")
        table.add_row("duration", *(seconds(each.duration) for _, each in columns))
        table.add_row("times the best", *(f"{each.duration / each.best:.2f}" for _, each in columns))
        table.add_row("requests per success", *(f"{each.requests_per_success:.2f}" for _, each in columns))
        window = "second" if service.window == 1 else seconds(service.window)
        table.add_row(f"most requests in a {window}", *(str(each.peak) for _, each in columns))
        table.add_row("failed calls", *(str(each.failed) for _, each in columns))
        yield table
        yield Text(f"\nRequests per {window}, over the time", style="bold underline")
        width = min(screen.width, _WIDEST_PLOT)
        yield from plots.bars(_over_time(ours, service.window), width, plain=plain, style="green")
        yield Text()
        yield from map(Text, self.findings())

    def findings(self) -> Iterator[str]:
        """Yield sentences about the forecasts."""
        ours, limit = self.ours, self.service.limit
        took = seconds(ours.duration)
        yield f"{times(ours.calls, 'call')} take {took}; the limit allows {seconds(ours.best)} at best"
        if self.unpaced is None:
            yield (
                f"the policy declares no rates for {self.plan.provider}; write [rate.{self.plan.provider}], with "
                f'default = "{limit}" or adaptive = true'
            )
        if ours.failed:
            which = ", ".join(f"{reason} {count}" for reason, count in sorted(ours.reasons.items()))
            yield f"{times(ours.failed, 'call')} failed, for the stop reasons {which}"

    def to_json(self) -> dict[str, Any]:
        """Return what is told in JSON."""
        service, plan = self.service, self.plan
        return {
            "operation": plan.operation,
            "provider": plan.provider,
            "policy": plan.policy.name,
            "env": plan.policy.env,
            "seed": self.fleet.seed,
            "service": {
                "limit": str(service.limit),
                "counting": service.counting,
                "latency": service.latency,
                "others": service.others,
            },
            "concurrency": self.fleet.concurrency,
            "fleet": _forecast_to_json(self.ours),
            "without_rates": None if self.unpaced is None else _forecast_to_json(self.unpaced),
        }


_COUNTED: Final = {"window": "counted in any window", "bucket": "a token bucket"}


def _forecast_to_json(found: Forecast) -> dict[str, Any]:
    return {
        "calls": found.calls,
        "failed": found.failed,
        "reasons": found.reasons,
        "duration": found.duration,
        "best": found.best,
        "requests": len(found.requests),
        "refused": found.refused,
        "peak": found.peak,
    }


def _over_time(found: Forecast, window: float) -> list[tuple[str, int]]:
    """Return how many requests a window had on average, in each part of the time, by when that ended."""
    windows = max(math.ceil(found.duration / window / _ROWS), 1)
    counts = [0] * max(math.ceil(found.duration / window / windows), 1)
    for instant in found.requests:
        counts[min(int(instant / window / windows), len(counts) - 1)] += 1
    return [(f"to {seconds((row + 1) * window * windows)}", round(count / windows)) for row, count in enumerate(counts)]
