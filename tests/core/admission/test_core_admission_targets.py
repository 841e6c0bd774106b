"""What a fleet makes of its limits, as the service counts: never above them, hardly below, and next to no refusals."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from functools import partial

import pytest
from attrs import evolve
from fleet_simulation import BucketServer, CountingServer, FleetRun, FleetSimulation, SlidingServer, WindowServer

from resilience.core.admission.admission import Admission
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate

# Neither these limits nor these seeds were looked at while the limiter was made.
LIMITS = [5, 13, 37, 90, 210, 500]
SEEDS = range(100, 103)

Server = Callable[[float, random.Random], CountingServer]


def load(limit: int) -> int:
    """Return how many calls keep a fleet busy for 20 s, or for 10 where those are many."""
    return limit * (20 if limit < 200 else 10)


SERVERS: dict[str, Server] = {
    "window": lambda limit, chance: WindowServer(lambda _: limit, phase=chance.random()),
    "sliding": lambda limit, _: SlidingServer(lambda _: limit),
    "bucket": lambda limit, _: BucketServer(lambda _: limit, capacity=limit),
    "small-bucket": lambda limit, _: BucketServer(lambda _: limit, capacity=max(limit / 5, 2)),
}


def chance(seed: int) -> random.Random:
    """Return what decides by chance."""
    return random.Random(seed)  # noqa: S311  # no secret


def declared(limit: float | None) -> RateLimits:
    """Return what a policy declares."""
    return RateLimits(operations={} if limit is None else {"Create": Rate(limit, 1.0)}, adaptive=True)


def admissions(limit: float | None) -> list[Admission]:
    """Return the admission of one process."""
    return [Admission(declared(limit))]


def runs(server: Server, limit: float, calls: int, **how: object) -> list[FleetRun]:
    """Run a fleet once for each seed."""
    return [
        FleetSimulation(server(limit, chance(seed)), admissions(limit), seed=seed, **how).run(calls)  # type: ignore[arg-type]  # the keywords of a simulation
        for seed in SEEDS
    ]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("server", SERVERS)
def test_alone_a_fleet_uses_its_limit_and_no_more(server: str, limit: int) -> None:
    """
    At most the limit in any second, 95 % of it used, and at most 1.02 requests for each success.

    What a bucket of two tokens overflows with at the start is 1 % more of 20 s.
    """
    used = 0.94 if server == "small-bucket" else 0.95
    for run in runs(SERVERS[server], limit, load(limit)):
        assert run.peak <= limit
        assert run.calls_per_success <= 1.02
        assert run.calls / run.took >= used * limit


@pytest.mark.parametrize("limit", LIMITS)
def test_a_service_that_thinks_makes_no_difference(limit: int) -> None:
    """Answers that take 50 to 500 ms neither lead to more requests than the limit nor to many fewer."""
    for run in runs(SERVERS["window"], limit, load(limit), thinking=(0.05, 0.5)):
        assert run.peak <= limit
        assert run.calls / (run.took - 0.5) >= 0.95 * limit


@pytest.mark.parametrize("limit", [13, 90, 500])
def test_what_opens_connections_arrives_late_and_is_counted(limit: int) -> None:
    """The first requests take up to 100 ms more, and the next ones come up with none of them."""
    for run in runs(SERVERS["window"], limit, 5 * limit, connecting=0.1, connections=limit, lateness=0.02):
        assert run.peak <= limit


@pytest.mark.parametrize("limit", LIMITS)
def test_equal_processes_share_a_limit(limit: int) -> None:
    """Four processes that know nothing of each other stay within what they share, and use whole requests of it."""
    for seed in SEEDS:
        server = SERVERS["window"](limit, chance(seed))
        processes = [Admission(evolve(declared(limit), share=4)) for _ in range(4)]
        run = FleetSimulation(server, processes, seed=seed).run(load(limit))
        assert run.peak <= limit
        assert run.calls / run.took >= 0.95 * (limit - limit % 4)


@pytest.mark.parametrize("processes", [2, 3, 4, 7])
@pytest.mark.parametrize("limit", [limit for limit in LIMITS if limit > 5])
def test_processes_that_know_their_numbers_use_the_whole(limit: int, processes: int) -> None:
    """They stay within the limit that they share, and use it as one process alone does."""
    parts = [declared(limit).parted(part, processes) for part in range(processes)]
    for seed in SEEDS:
        each = [Admission(part) for part in parts]
        # A process that sends more is given more rows.
        given = [each[n] for n, part in enumerate(parts) for _ in range(int(part.own_rate(Rate(limit, 1.0)).count))]
        server = SERVERS["window"](limit, chance(seed))
        run = FleetSimulation(server, given, seed=seed).run(load(limit))
        assert run.peak <= limit
        assert run.calls_per_success <= 1.02
        assert run.calls / run.took >= 0.95 * limit


@pytest.mark.parametrize(
    ("server", "bucket"),
    [
        pytest.param(lambda limit, chance: WindowServer(lambda _: limit / 2, phase=chance.random()), 0.5, id="window"),
        pytest.param(lambda limit, _: BucketServer(lambda _: limit / 2, capacity=limit / 5), 0.2, id="bucket"),
    ],
)
def test_where_others_use_half_a_fleet_takes_little_more_than_it_must(server: Server, bucket: float) -> None:
    """The median over limits and seeds is at most 1.10 times the optimum."""
    ratios, requests = [], []
    for limit in (14, 38, 90, 210, 500):
        optimum = (load(limit) - bucket * limit) / (limit / 2)
        for run in runs(server, limit, load(limit)):
            assert run.peak <= limit
            ratios.append(run.took / optimum)
            requests.append(run.calls_per_success)
    assert statistics.median(ratios) <= 1.10
    assert statistics.median(requests) <= 1.15


@pytest.mark.parametrize("server", SERVERS)
def test_others_who_compete_leave_a_fleet_its_part(server: str) -> None:
    """Others ask for half of the limit by chance, and are refused as well."""
    ratios = []
    for limit in LIMITS:
        for run in runs(SERVERS[server], limit, load(limit), others=limit / 2):
            assert run.peak <= limit
            ratios.append(run.took / (load(limit) / (limit / 2) - 1))
    assert statistics.median(ratios) <= 1.10


@pytest.mark.parametrize("limit", [5, 37, 210])
def test_a_limit_that_changes_is_found_again(limit: int) -> None:
    """Half of it is gone for five seconds: it is noticed, and when it is back it is used within a few windows."""
    for seed in SEEDS:
        server = WindowServer(lambda now: limit / 2 if 3 < now < 8 else limit, phase=chance(seed).random())
        run = FleetSimulation(server, admissions(limit), seed=seed).run(20 * limit)
        late = [time for time in run.done if 12 < time < 17]
        assert len(late) >= 0.85 * 5 * limit
        assert run.calls_per_success <= 1.25


@pytest.mark.parametrize("limit", [5, 37, 210])
@pytest.mark.parametrize("server", ["window", "bucket"])
def test_an_undeclared_limit_is_found(server: str, limit: int) -> None:
    """``adaptive`` alone finds what the service takes, without a flood of requests first."""
    for seed in SEEDS:
        run = FleetSimulation(SERVERS[server](limit, chance(seed)), admissions(None), seed=seed).run(30 * limit)
        assert run.took <= 1.25 * 30
        assert run.calls_per_success <= 1.35
        assert run.peak <= max(3 * limit, 30)


UNDECLARED: dict[str, tuple[float, Callable[[float, float], float]]] = {
    "window": (1.0, lambda limit, _: limit),
    "bucket": (1.0, lambda limit, _: limit),
    "small-bucket": (0.2, lambda limit, _: limit),
    "half-is-others": (0.5, lambda limit, _: limit / 2),
    "less-later": (1.0, lambda limit, now: limit if now < 6 else limit / 2),
    "more-later": (0.5, lambda limit, now: limit / 2 if now < 6 else limit),
}
"""What a service takes at once, as a part of the limit, and what it takes in a second at a time."""


def test_an_undeclared_limit_costs_hardly_more_than_a_declared_one() -> None:
    """From 5 to 500 in a second, also where the limit changes, a fleet takes 1.10 times what it must (median)."""
    ratios = []
    for kind, (at_once, rate) in UNDECLARED.items():
        for limit in (5, 13, 90, 210, 500):
            left, optimum = (15 - at_once) * limit, 0.0
            while left > 0:
                left -= rate(limit, optimum) / 100
                optimum += 0.01
            now = partial(rate, limit)
            capacity = max(at_once * limit, 2)
            server = BucketServer(now, capacity) if "bucket" in kind else WindowServer(now, chance(limit).random())
            ratios.append(FleetSimulation(server, admissions(None), seed=limit).run(15 * limit).took / optimum)
    assert statistics.median(ratios) <= 1.10
    assert max(ratios) <= 1.30


@pytest.mark.parametrize("declared", [None, 100])
@pytest.mark.parametrize(("calls", "most"), [(1, 14), (100, 400)])
def test_a_service_that_takes_nothing_is_asked_less_and_less(declared: float | None, calls: int, most: int) -> None:
    """For a minute every request is refused: pauses become longer, for one call as for many; then all succeed."""
    for seed in SEEDS:
        server = WindowServer(lambda now: 0 if now < 60 else 100)
        run = FleetSimulation(server, admissions(declared), seed=seed).run(calls)
        assert sum(time < 60 for time in run.arrivals) <= most
        assert run.took < 60 + 16 + calls / 2
