"""
What a fleet makes of its limits, as the service counts; the limiter is the real one, and the clock a virtual one.

To see it::

    python tests/benchmarks/limits.py [--limits 10,100,500] [--seeds 5]

All calls start at once; each request takes 10 to 30 ms each way; a refused one joins the queue again. For each server
and limit, medians over the seeds, and the worst of the peaks:

``took``
    Until the last answer, against the optimum: the calls, less what the first window or the full bucket takes at once,
    at the rate that the service takes.
``requests``
    For each call.
``peak``
    The most requests that reached the service in any second, refused ones too.
``used``
    The calls in the time, against the limit.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).parents[1] / "core" / "admission"))

from attrs import evolve
from fleet_simulation import BucketServer, CountingServer, FleetSimulation, SlidingServer, WindowServer

from resilience.core.admission.admission import Admission
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate

WINDOWS = 12
"""How many times a limit's calls there are."""


class Scenario(NamedTuple):
    """
    A service, and what is declared of it.

    Attributes:
        name: What the table calls it.
        server: Makes it, for a limit.
        at_once: The calls that it takes at once, as a part of the limit.
        takes: The part of the limit that is there for the fleet.
        processes: How many processes share the limit.
        is_declared: Whether the policy declares it.
        knows: Whether each process knows which of them it is.
        how: Further settings of the simulation, for a limit.
    """

    name: str
    server: Callable[[float, random.Random], CountingServer]
    at_once: float = 1.0
    takes: float = 1.0
    processes: int = 1
    is_declared: bool = True
    knows: bool = False
    how: Callable[[float], dict[str, Any]] = lambda _: {}


def _window(limit: float, chance: random.Random) -> CountingServer:
    return WindowServer(lambda _: limit, phase=chance.random())


def _small_bucket(limit: float, _: random.Random) -> CountingServer:
    return BucketServer(lambda _: limit, capacity=limit / 5)


SCENARIOS: Sequence[Scenario] = (
    Scenario("window", _window),
    Scenario("sliding window", lambda limit, _: SlidingServer(lambda _: limit)),
    Scenario("bucket of the limit", lambda limit, _: BucketServer(lambda _: limit, capacity=limit)),
    Scenario("bucket of a fifth", _small_bucket, at_once=0.2),
    Scenario("window, answers 50-500 ms", _window, how=lambda _: {"thinking": (0.05, 0.5)}),
    Scenario("window, slow to connect", _window, how=lambda n: {"connecting": 0.1, "connections": n, "lateness": 0.02}),
    Scenario("window, 4 processes", _window, processes=4),
    Scenario("window, 4 that know theirs", _window, processes=4, knows=True),
    Scenario(
        "window, half is others'", lambda n, c: WindowServer(lambda _: n / 2, phase=c.random()), at_once=0.5, takes=0.5
    ),
    Scenario("bucket, half is others'", lambda n, _: BucketServer(lambda _: n / 2, n / 5), at_once=0.2, takes=0.5),
    Scenario("window, others compete", _window, at_once=0.5, takes=0.5, how=lambda n: {"others": n / 2}),
    Scenario("window, undeclared", _window, is_declared=False),
    Scenario("bucket of a fifth, undeclared", _small_bucket, at_once=0.2, is_declared=False),
)


def _given(parts: Sequence[RateLimits], limit: float) -> Sequence[Admission]:
    """Return the admissions of processes in the order in which they are given calls; those that send more get more."""
    rate = Rate(limit, 1.0)
    return [
        each
        for part in parts
        for each in [Admission(part)] * (int(part.own_rate(rate).count) if part.operations else 1)
    ]


def row(scenario: Scenario, limit: int, seeds: int) -> str:
    """Return a line of the table."""
    calls = WINDOWS * limit
    declared = RateLimits(
        operations={"Create": Rate(limit, 1.0)} if scenario.is_declared else {},
        adaptive=True,
    )
    processes = range(scenario.processes)
    parts = [
        declared.parted(n, len(processes)) if scenario.knows else evolve(declared, share=len(processes))
        for n in processes
    ]
    runs = [
        FleetSimulation(
            scenario.server(limit, random.Random(seed)),  # noqa: S311  # no secret
            _given(parts, limit),
            seed=seed,
            **scenario.how(limit),
        ).run(calls)
        for seed in range(seeds)
    ]
    optimum = (WINDOWS - scenario.at_once) / scenario.takes
    took = statistics.median(run.took for run in runs)
    requests = statistics.median(run.calls_per_success for run in runs)
    peak = max(run.peak for run in runs)
    return (
        f"{scenario.name:30} {limit:5} {took / optimum:6.2f} {requests:9.3f} {peak:5} "
        f"{calls / took / limit / scenario.takes:6.1%}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="what a fleet makes of its limits")
    parser.add_argument("--limits", default="10,100,500")
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    sys.stdout.write(f"{'service':30} {'limit':>5} {'took':>6} {'requests':>9} {'peak':>5} {'used':>6}\n")
    for scenario in SCENARIOS:
        for limit in asked.limits.split(","):
            sys.stdout.write(row(scenario, int(limit), asked.seeds) + "\n")


if __name__ == "__main__":
    main()
