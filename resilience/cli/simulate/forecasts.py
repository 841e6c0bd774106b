"""Forecasts of a fleet side by side: under a policy, without its rates, and under another policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

from attrs import evolve, frozen
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from resilience.cli import plots
from resilience.cli.screen import seconds, times
from resilience.core.plan import Plan
from resilience.fleet.forecast import FleetSetup, Forecast, LimitedService, forecast, without_rates
from resilience.simulation import Spread

OURS: Final = "the policy"
UNPACED: Final = "without its rates"
PERCENTILES: Final = (5, 50, 95)
"""What is shown of many runs."""

_WIDEST_PLOT: Final = 100
_ROWS: Final = 12
COUNTED: Final = {"window": "counted in any window", "bucket": "a token bucket"}


@frozen(kw_only=True)
class ForecastColumn:
    """
    Forecasts of the same calls under one policy.

    Attributes:
        name: The name in tables.
        key: The name in JSON.
        plan: The policy for the operation.
        runs: A forecast for each seed; at least one.
    """

    name: str
    key: str
    plan: Plan
    runs: tuple[Forecast, ...]

    @property
    def first(self) -> Forecast:
        """The forecast with the first seed."""
        return self.runs[0]

    def spread(self, of: Callable[[Forecast], float]) -> Spread:
        """Return how a quantity is spread over the runs."""
        return Spread.of([of(each) for each in self.runs], PERCENTILES)


@frozen(kw_only=True)
class FleetForecasts:
    """
    Forecasts of the same calls.

    Attributes:
        service: What the calls meet.
        fleet: How many calls.
        columns: The policy, and what it is compared with.
    """

    service: LimitedService
    fleet: FleetSetup
    columns: tuple[ForecastColumn, ...]

    @classmethod
    def of(
        cls, plan: Plan, service: LimitedService, fleet: FleetSetup, *, runs: int = 1, other: Plan | None = None
    ) -> FleetForecasts:
        """
        Make them.

        Args:
            plan: The policy for the operation.
            service: What the calls meet.
            fleet: How many calls; its seed is that of the first run, and the next run has the next one.
            runs: How many runs.
            other: Another policy for the operation.

        Raises:
            EndlessError: No limit of a policy ends a call.
        """

        def column(name: str, key: str, plan: Plan) -> ForecastColumn:
            seeds = range(fleet.seed, fleet.seed + runs)
            found = tuple(forecast(plan.policy, plan, service, evolve(fleet, seed=seed)) for seed in seeds)
            return ForecastColumn(name=name, key=key, plan=plan, runs=found)

        columns = [column(OURS, "fleet", plan)]
        if plan.provider in plan.policy.rates:
            bare = evolve(plan, policy=without_rates(plan.policy))
            columns.append(column(UNPACED, "without_rates", bare))
        if other is not None:
            columns.append(column(named(other), "compared", other))
        return cls(service=service, fleet=fleet, columns=tuple(columns))

    @property
    def ours(self) -> ForecastColumn:
        """The forecasts under the policy."""
        return self.columns[0]

    @property
    def window(self) -> str:
        """The length of a window in words: ``second``, ``60 s``."""
        return "second" if self.service.window == 1 else seconds(self.service.window)

    def rows(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the rows of the table: a label, and a cell for each column."""
        yield "duration", self._cells(lambda each: each.duration, seconds)
        yield "times the best", self._cells(lambda each: each.duration / each.best, "{:.2f}".format)
        yield "requests per success", self._cells(lambda each: each.requests_per_success, "{:.2f}".format)
        yield f"most requests in a {self.window}", self._cells(lambda each: each.peak, "{:g}".format)
        yield "requests over the limit", self._cells(lambda each: each.refused, "{:g}".format)
        yield "failed calls", self._cells(lambda each: each.failed, "{:g}".format)

    def _cells(self, of: Callable[[Forecast], float], written: Callable[[float], str]) -> list[str]:
        if len(self.ours.runs) == 1:
            return [written(of(each.first)) for each in self.columns]
        spreads = [each.spread(of).at for each in self.columns]
        return [f"{written(at[50])} ({written(at[5])} .. {written(at[95])})" for at in spreads]

    def parts(self, screen: Console, *, plain: bool) -> Iterator[RenderableType]:
        """Yield what is shown on a terminal."""
        yield Text(f"a service that takes {self.service_in_words}", style="dim")
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for header in ("", *(each.name for each in self.columns)):
            table.add_column(header, justify="right" if header else "left")
        for label, cells in self.rows():
            table.add_row(label, *cells)
        yield table
        if len(self.ours.runs) > 1:
            yield Text(f"the median of {len(self.ours.runs)} runs, and 5 % to 95 % of them", style="dim")
        yield Text(f"\nRequests per {self.window}, over the time", style="bold underline")
        width = min(screen.width, _WIDEST_PLOT)
        yield from plots.bars(_over_time(self.ours.first, self.service.window), width, plain=plain, style="green")
        yield Text()
        yield from map(Text, self.findings())

    @property
    def service_in_words(self) -> str:
        """What the service takes, in words."""
        service = self.service
        others = f", others use {service.others:.0%} of it" if service.others else ""
        return f"{service.limit} ({COUNTED[service.counting]}{others})"

    def findings(self) -> Iterator[str]:
        """Yield sentences about the forecasts."""
        ours, plan, limit = self.ours, self.ours.plan, self.service.limit
        took = seconds(ours.spread(lambda each: each.duration).at[50])
        first = ours.first
        yield f"{times(first.calls, 'call')} take {took}; the limit allows {seconds(first.best)} at best"
        if plan.provider not in plan.policy.rates:
            yield (
                f"the policy declares no rates for {plan.provider}; write [rate.{plan.provider}], with "
                f'default = "{limit}" or adaptive = true'
            )
        if first.failed:
            which = ", ".join(f"{reason} {count}" for reason, count in sorted(first.reasons.items()))
            yield f"{times(first.failed, 'call')} failed, for the stop reasons {which}"
        if first.repeated and plan.repeat == "duplicate":
            yield f"in {times(first.repeated, 'call')} more than one request took effect"

    def to_json(self) -> dict[str, Any]:
        """Return what is told in JSON; times are in seconds."""
        service, plan = self.service, self.ours.plan
        by_key = {each.key: each for each in self.columns}
        return {
            "operation": plan.operation,
            "provider": plan.provider,
            "policy": plan.policy.name,
            "env": plan.policy.env,
            "seed": self.fleet.seed,
            "runs": len(self.ours.runs),
            "service": {
                "limit": str(service.limit),
                "counting": service.counting,
                "latency": service.latency,
                "others": service.others,
                "faults": [each.text for each in service.script],
                "rate": service.rate,
            },
            "concurrency": self.fleet.concurrency,
            "fleet": _column_to_json(self.ours),
            **{key: _column_to_json(by_key[key]) if key in by_key else None for key in ("without_rates", "compared")},
        }


def named(plan: Plan) -> str:
    """Return the name of a plan's policy, with its environment."""
    policy = plan.policy
    return f"{policy.name}, {policy.env}" if policy.env else policy.name


def _column_to_json(column: ForecastColumn) -> dict[str, Any]:
    found: dict[str, Any] = {
        "policy": column.plan.policy.name,
        "env": column.plan.policy.env,
        **_forecast_to_json(column.first),
    }
    if len(column.runs) > 1:
        found["spread"] = {
            "duration": column.spread(lambda each: each.duration).as_dict(),
            "requests": column.spread(lambda each: len(each.requests)).as_dict(),
            "refused": column.spread(lambda each: each.refused).as_dict(),
            "peak": column.spread(lambda each: each.peak).as_dict(),
            "failed": column.spread(lambda each: each.failed).as_dict(),
        }
    return found


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
        "repeated": found.repeated,
    }


def _over_time(found: Forecast, window: float) -> list[tuple[str, int]]:
    """Return how many requests a window had on average, in each part of the time, by when that ended."""
    windows = max(math.ceil(found.duration / window / _ROWS), 1)
    counts = [0] * max(math.ceil(found.duration / window / windows), 1)
    for instant in found.requests:
        counts[min(int(instant / window / windows), len(counts) - 1)] += 1
    return [(f"to {seconds((row + 1) * window * windows)}", round(count / windows)) for row, count in enumerate(counts)]
