"""
A breaker as its documentation describes it, slowly: everything is kept, and counted anew for each question.

The tests beside this module hold the real one to it for some thousand steps. For as long as you like::

    python tests/core/admission/breaker_model.py --steps 1000000 --seed 1
"""

from __future__ import annotations

import argparse
import copy
import random
from typing import Final

from attrs import define, field

from resilience.core.admission.breaker import Breaker, BreakerPass, BreakerRefusal, BreakerState
from resilience.core.admission.limits import BreakerLimits
from resilience.core.admission.result import Result

RESULTS: Final[tuple[Result, ...]] = ("succeeded", "ignored", "throttled", "failed", "cancelled")
LEASE: Final = 100.0
# What a window of time forgets, it forgets in steps of this part of its length.
_STEP: Final = 20


@define(eq=False)
class Attempt:
    """An attempt that the model has let pass."""

    generation: int
    is_probe: bool
    until: float
    real: BreakerPass


@define(eq=False)
class Model:
    """The states of a breaker, with everything that happened since the last change."""

    limits: BreakerLimits
    now: float = 0.0  # never goes back
    state: BreakerState = "closed"
    by_hand: bool = False
    generation: int = 0
    opened_at: float = 0.0
    results: list[tuple[float, bool]] = field(factory=list)
    answered: int = 0
    probes: list[Attempt] = field(factory=list)

    def change(self, state: BreakerState) -> None:
        self.state, self.generation = state, self.generation + 1
        self.results, self.answered, self.probes = [], 0, []

    def window(self) -> list[bool]:
        limits = self.limits
        if limits.window_calls is not None:
            return [is_failure for _, is_failure in self.results][-limits.window_calls :]
        assert limits.window is not None
        width = limits.window / _STEP
        return [is_failure for at, is_failure in self.results if int(at / width) >= int(self.now / width) - _STEP]

    def lets_pass(self) -> bool:
        """Tell whether a call passes now, and open halfway if it is time."""
        if self.state == "open" and not self.by_hand and self.now >= self.opened_at + self.limits.open_for:
            self.change("half_open")
        if self.state == "half_open":
            held = [probe for probe in self.probes if probe.until > self.now]
            return len(held) + self.answered < self.limits.probes
        return self.state == "closed"

    def ended(self, attempt: Attempt, result: Result) -> None:
        if attempt.generation != self.generation or result in {"cancelled", "throttled"}:
            if attempt in self.probes:
                self.probes.remove(attempt)
            return
        if self.state == "half_open" and attempt.is_probe:
            if attempt in self.probes:
                self.probes.remove(attempt)
            if result == "failed":
                self.change("open")
                self.opened_at = self.now
                return
            self.answered += 1
            if self.answered == self.limits.probes:
                self.change("closed")
        elif self.state == "closed" and not self.by_hand:
            self.results.append((self.now, result == "failed"))
            window = self.window()
            enough = len(window) >= self.limits.min_calls
            if result == "failed" and enough and sum(window) / len(window) >= self.limits.failure_rate:
                self.change("open")
                self.opened_at = self.now


class Pair:
    """A breaker and its model, which are asked the same."""

    def __init__(self, limits: BreakerLimits, start: float = 0.0) -> None:
        self.limits = limits
        self.clock = start
        self.real = Breaker(limits, lease=LEASE)
        self.model = Model(limits)
        self.under_way: list[Attempt] = []
        self.real.counts(start)  # the first reading is its zero

    def pass_time(self, seconds: float) -> None:
        self.clock += seconds
        self.model.now += seconds
        self.real.counts(self.clock)

    def step_back(self, seconds: float) -> None:
        """Set the clock back; no time passes."""
        self.clock -= seconds
        self.real.counts(self.clock)

    def call(self) -> bool:
        """Begin an attempt; tell whether it passed."""
        expected = self.model.lets_pass()
        found = self.real.enter(self.clock)
        is_shadow = self.limits.mode == "shadow"
        if isinstance(found, BreakerRefusal):
            assert not is_shadow
            assert not expected
            rest = self.model.opened_at + self.limits.open_for - self.model.now
            is_timed = self.model.state == "open" and not self.model.by_hand
            assert (found.retry_after is None) is not is_timed
            assert found.retry_after is None or abs(found.retry_after - rest) < 1e-6
            return False
        assert found.is_shadowed is not expected
        if not expected:
            assert is_shadow
            # Its result says nothing.
            self.under_way.append(Attempt(-1, is_probe=False, until=0.0, real=found))
            return True
        is_probe = self.model.state == "half_open"
        assert bool(found.probe) is is_probe
        attempt = Attempt(self.model.generation, is_probe, self.model.now + LEASE, found)
        if is_probe:
            self.model.probes.append(attempt)
        self.under_way.append(attempt)
        return True

    def end(self, index: int, result: Result) -> None:
        """End one of the attempts under way."""
        attempt = self.under_way.pop(index % len(self.under_way))
        self.model.ended(attempt, result)
        self.real.leave(attempt.real, result, self.clock)

    def lose(self, index: int) -> None:
        """Forget one of the attempts under way: what held it is gone."""
        del self.under_way[index % len(self.under_way)]

    def set(self, how: str) -> None:
        match how:
            case "open":
                self.real.open()
                self.model.change("open")
            case "close":
                self.real.close()
                self.model.change("closed")
            case _:
                self.real.reset()
                self.model.change("closed")
        self.model.by_hand = how in {"open", "close"}

    def check(self) -> None:
        """Hold the real one to its model."""
        assert self.real.state == self.model.state
        assert self.real.by_hand == self.model.by_hand
        if self.model.state == "closed":
            window = self.model.window()
            assert self.real.counts(self.clock) == (sum(window), len(window))

    def check_not_stuck(self) -> None:
        """Whatever has happened, time and good answers close it, unless it is held open by hand."""
        if self.real.by_hand:
            return
        later = self.clock + self.limits.open_for + LEASE
        breaker = copy.deepcopy(self.real)
        for _ in range(self.limits.probes):
            held = breaker.enter(later)
            assert isinstance(held, BreakerPass)
            breaker.leave(held, "succeeded", later)
        assert breaker.state == "closed"


def random_limits(chance: random.Random) -> BreakerLimits:
    by_calls = chance.random() < 0.5
    return BreakerLimits(
        failure_rate=chance.choice([0.07, 0.29, 0.5, 1.0]),
        window=None if by_calls else chance.choice([0.5, 10.0, 30.0]),
        window_calls=chance.choice([1, 7, 100]) if by_calls else None,
        min_calls=chance.choice([1, 2, 7]),
        open_for=chance.choice([0.5, 20.0, 300.0]),
        probes=chance.choice([1, 2, 5]),
        mode=chance.choice(["on", "on", "shadow"]),
    )


def random_step(pair: Pair, chance: random.Random) -> None:
    draw = chance.random()
    if draw < 0.4:
        pair.call()
    elif draw < 0.7:
        if pair.under_way:
            pair.end(chance.randrange(len(pair.under_way)), chance.choice(RESULTS))
    elif draw < 0.95:
        pair.pass_time(chance.choice([0.0, 0.01, 0.3, 1.0, 7.0, 40.0, 120.0]) * chance.uniform(0.5, 1.5))
    elif draw < 0.97:
        if pair.under_way:
            pair.lose(chance.randrange(len(pair.under_way)))
    elif draw < 0.985:
        pair.step_back(chance.choice([2.0, 60.0, 1e6]))
    else:
        pair.set(chance.choice(["open", "close", "reset", "reset", "reset"]))


def run(steps: int, seed: int) -> set[tuple[str, str]]:
    """Take random steps; return the changes of state that were seen."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    seen: set[tuple[str, str]] = set()
    pair = Pair(random_limits(chance), start=chance.uniform(0, 1e6))
    for number in range(steps):
        if number % 5000 == 0:
            pair = Pair(random_limits(chance), start=chance.uniform(0, 1e6))
        random_step(pair, chance)
        seen.update((change.old, change.new) for change in pair.real.take_changes())
        pair.check()
        if number % 10 == 0:
            pair.check_not_stuck()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seen = run(options.steps, options.seed)
    print(f"{options.steps} steps, never stuck; changes seen: {', '.join(sorted(map(' -> '.join, seen)))}")  # noqa: T201


if __name__ == "__main__":
    main()
