"""Plays a call many times over, and tells how long it takes, how often it asks, and how it ends."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen

from resilience.core.decision import StopReason
from resilience.core.plan import Plan
from resilience.simulation.faults import Scripted, meetings
from resilience.simulation.play import Environment, Played, ScriptedResponse, play

PERCENTILES: Final = (50, 95, 99)


@frozen(kw_only=True)
class Setup:
    """
    What is simulated.

    Attributes:
        plan: The policy for one operation, and what the call can do.
        environment: What it finds besides faults.
        script: What attempts meet, in order; with a ``rate``, what they meet at random.
        latency: How long an attempt takes that does not say, in seconds.
        rate: The share of the attempts that fails; None to follow the script.
    """

    plan: Plan
    environment: Environment
    script: tuple[Scripted, ...]
    latency: float
    rate: float | None = None


def simulate(setup: Setup, seed: int) -> Played:
    """
    Play one call.

    Its draws are those of ``random.Random(seed).random``: an executor that draws the same and meets
    the same has the same timeline.

    Raises:
        EndlessError: No limit ends it.
    """
    return _one(setup, random.Random(seed).random, _chance(seed))  # noqa: S311  # reproducible, not secret


@frozen(kw_only=True)
class Spread:
    """
    How a quantity is spread over many runs.

    Attributes:
        least: The smallest.
        greatest: The largest.
        mean: The mean.
        at: The percentiles of :data:`PERCENTILES`: so many percent of the runs are at this value or below it.
    """

    least: float
    greatest: float
    mean: float
    at: Mapping[int, float]

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        ordered = sorted(values)
        count = len(ordered)
        return cls(
            least=ordered[0],
            greatest=ordered[-1],
            mean=sum(ordered) / count,
            # The nearest rank: a value that really occurred.
            at={percent: ordered[max(0, -(-percent * count // 100) - 1)] for percent in PERCENTILES},
        )


@frozen(kw_only=True)
class Distribution:
    """
    What came of many runs.

    Attributes:
        durations: Of each run, in seconds.
        calls: The attempts of each run.
        reasons: How many runs stopped for each reason, most first.
        durations_by_reason: The durations of the runs that stopped for a reason.
        repeated: Runs in which more than one attempt took effect under one name.
        doubtful: Runs that failed with something that may exist and was not looked for.
    """

    durations: tuple[float, ...]
    calls: tuple[int, ...]
    reasons: Mapping[StopReason, int]
    durations_by_reason: Mapping[StopReason, tuple[float, ...]]
    repeated: int
    doubtful: int

    @property
    def runs(self) -> int:
        """How many there were."""
        return len(self.durations)

    @property
    def amplification(self) -> float:
        """How many requests are sent for one call, on average."""
        return sum(self.calls) / self.runs


def distribution(setup: Setup, *, runs: int, seed: int) -> Distribution:
    """
    Play a call many times, with one stream of draws for all of them.

    Args:
        setup: What is simulated.
        runs: How many times; at least 1.
        seed: Fixes the draws, and what attempts meet at random. The first run is that of :func:`simulate`.

    Raises:
        EndlessError: No limit ends one of them.
    """
    draw = random.Random(seed).random  # noqa: S311  # reproducible, not secret
    chance = _chance(seed)
    durations: list[float] = []
    calls: list[int] = []
    by_reason: dict[StopReason, list[float]] = {}
    repeated = doubtful = 0
    for _ in range(runs):
        played = _one(setup, draw, chance)
        durations.append(played.duration)
        calls.append(played.attempts)
        by_reason.setdefault(played.stop_reason, []).append(played.duration)
        repeated += played.effects > 1
        doubtful += played.may_exist
    counted = Counter({reason: len(each) for reason, each in by_reason.items()})
    return Distribution(
        durations=tuple(durations),
        calls=tuple(calls),
        reasons=dict(counted.most_common()),
        durations_by_reason={reason: tuple(each) for reason, each in by_reason.items()},
        repeated=repeated,
        doubtful=doubtful,
    )


def _chance(seed: int) -> random.Random:
    """Return what decides which attempts fail: another stream than the one that jitter is taken from."""
    return random.Random(f"attempts {seed}")  # noqa: S311  # reproducible, not secret


def _one(setup: Setup, draw: Callable[[], float], chance: random.Random) -> Played:
    return play(setup.plan, _meet(setup, chance), setup.environment, draw=draw)


def _meet(setup: Setup, chance: random.Random) -> Callable[[], ScriptedResponse]:
    if setup.rate is None:
        return meetings(setup.script, latency=setup.latency).__next__
    rate = setup.rate
    success = ScriptedResponse(duration=setup.latency, lands=0.0)
    # An entry that is written "X*3" comes three times as often.
    bad = [each.response for each in setup.script for _ in range(each.times or 1)]

    def meet() -> ScriptedResponse:
        return chance.choice(bad) if chance.random() < rate else success

    return meet
