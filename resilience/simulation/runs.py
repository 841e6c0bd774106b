"""Plays a call many times: the distribution of its durations, its requests and its ends."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen

from resilience.core.decision import StopReason
from resilience.core.plan import Plan
from resilience.simulation.faults import Scripted, meetings
from resilience.simulation.play import play
from resilience.simulation.played import Environment, Played, ScriptedResponse

PERCENTILES: Final = (50, 95, 99)


@frozen(kw_only=True)
class Setup:
    """
    The setup of a simulation.

    Attributes:
        plan: The policy for one operation, with the abilities of the call.
        environment: The environment besides faults.
        script: The results of attempts, in order; with a ``rate``, at random.
        latency: The duration of an attempt without a delay, in seconds.
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

    The draws are those of ``random.Random(seed).random``. An executor with the same draws and faults has
    the same timeline.

    Raises:
        EndlessError: No limit ends the call.
    """
    return _one(setup, random.Random(seed).random, _chance(seed))  # noqa: S311  # reproducible, not secret


@frozen(kw_only=True)
class Spread:
    """
    The distribution of a quantity over many runs.

    Attributes:
        least: The smallest.
        greatest: The largest.
        mean: The mean.
        at: The percentiles, by default :data:`PERCENTILES`: so many percent of the runs have this value or less.
    """

    least: float
    greatest: float
    mean: float
    at: Mapping[int, float]

    @classmethod
    def of(cls, values: Sequence[float], percentiles: Sequence[int] = PERCENTILES) -> Spread:
        """Return the spread of at least one value."""
        ordered = sorted(values)
        count = len(ordered)
        return cls(
            least=ordered[0],
            greatest=ordered[-1],
            mean=sum(ordered) / count,
            # The nearest rank, which is the value of a run.
            at={percent: ordered[max(0, -(-percent * count // 100) - 1)] for percent in percentiles},
        )

    def as_dict(self) -> dict[str, float]:
        """Return the numbers by name, with ``p50`` and the like for the percentiles."""
        percentiles = {f"p{percent}": value for percent, value in self.at.items()}
        return {"least": self.least, **percentiles, "greatest": self.greatest, "mean": self.mean}


@frozen(kw_only=True)
class Distribution:
    """
    The results of many runs.

    Attributes:
        durations: The duration of each run, in seconds.
        calls: The number of attempts of each run.
        reasons: The number of runs by stop reason, the most first.
        repeated: The number of runs in which more than one attempt took effect under one name.
        doubtful: The number of failed runs whose resource may exist, unverified.
    """

    durations: tuple[float, ...]
    calls: tuple[int, ...]
    reasons: Mapping[StopReason, int]
    repeated: int
    doubtful: int

    @property
    def runs(self) -> int:
        """The number of runs."""
        return len(self.durations)

    @property
    def amplification(self) -> float:
        """The average number of requests for one call."""
        return sum(self.calls) / self.runs


def distribution(setup: Setup, *, runs: int, seed: int) -> Distribution:
    """
    Play a call many times, with one stream of draws for all of them.

    Args:
        setup: The setup.
        runs: The number of runs; at least 1.
        seed: The seed of the draws and of random faults. The first run is that of :func:`simulate`.

    Raises:
        EndlessError: No limit ends one of the runs.
    """
    draw = random.Random(seed).random  # noqa: S311  # reproducible, not secret
    chance = _chance(seed)
    durations: list[float] = []
    calls: list[int] = []
    reasons = Counter[StopReason]()
    repeated = doubtful = 0
    for _ in range(runs):
        played = _one(setup, draw, chance)
        durations.append(played.duration)
        calls.append(played.attempts)
        reasons[played.stop_reason] += 1
        repeated += played.effects > 1
        doubtful += played.may_exist
    return Distribution(
        durations=tuple(durations),
        calls=tuple(calls),
        reasons=dict(reasons.most_common()),
        repeated=repeated,
        doubtful=doubtful,
    )


def _chance(seed: int) -> random.Random:
    """Return the random numbers that choose failing attempts, apart from the draws of jitter."""
    return random.Random(f"attempts {seed}")  # noqa: S311  # reproducible, not secret


def _one(setup: Setup, draw: Callable[[], float], chance: random.Random) -> Played:
    return play(setup.plan, _meet(setup, chance), setup.environment, draw=draw)


def _meet(setup: Setup, chance: random.Random) -> Callable[[], ScriptedResponse]:
    if setup.rate is None:
        return meetings(setup.script, latency=setup.latency).__next__
    rate = setup.rate
    success = ScriptedResponse(duration=setup.latency, lands=0.0)
    # The entry "X*3" comes three times as often.
    bad = [each.response for each in setup.script for _ in range(each.times or 1)]

    def meet() -> ScriptedResponse:
        return chance.choice(bad) if chance.random() < rate else success

    return meet
