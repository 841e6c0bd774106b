"""
How long a fleet will take: its calls are made by a real executor, on a virtual clock, against a service with a limit.

Nothing here knows how calls wait for their turn. The executor is the one that a program uses, and so are the limits;
only the clock and the service are played.
"""

from __future__ import annotations

import inspect
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Literal

import anyio
from attrs import evolve, field, frozen

from resilience.catalog import catalogue, providers
from resilience.core.admission.rate import Rate
from resilience.core.fault import Fault
from resilience.core.plan import Plan
from resilience.core.policy import PolicyValues
from resilience.engine.errors import ServiceError
from resilience.engine.executor import BareExecutor
from resilience.fleet.concurrency import concurrency_of
from resilience.fleet.mapping import OutcomeStream
from resilience.testing import virtual_backend

Counting = Literal["window", "bucket"]
"""How a service counts: the requests of any window of one length, or tokens that fill up evenly."""

# How much longer or shorter than the mean a way to the service or back is.
_SPREAD: Final = 0.5


@frozen(kw_only=True)
class LimitedService:
    """
    A service that takes so many requests, and refuses the others.

    Attributes:
        limit: What it takes, of all that use it.
        counting: How it counts.
        latency: Seconds from a request to its answer, on average; each way takes 0.5 to 1.5 of half of it.
        others: Which part of the limit other programs use, from 0 to below 1. Their requests come at random, and are
            always taken.
    """

    limit: Rate
    counting: Counting = "window"
    latency: float = 0.1
    others: float = field(default=0.0)

    @others.validator
    def _is_a_part(self, _: object, value: float) -> None:
        if not 0 <= value < 1:
            raise ValueError(f"others: expected a part of the limit from 0 to below 1, got {value:g}")

    def best_time(self, calls: int) -> float:
        """Return the seconds that so many calls take if each is made as soon as the service takes it."""
        ours = self.limit.count * (1 - self.others)
        return max(calls / ours - 1, 0.0) * self.limit.per + self.latency


@frozen(kw_only=True)
class FleetSetup:
    """
    The calls of a forecast.

    Attributes:
        calls: How many.
        concurrency: How many are under way at a time; None as for :meth:`Executor.map`.
        seed: The same seed gives the same forecast.
    """

    calls: int
    concurrency: int | None = None
    seed: int = 0


@frozen(kw_only=True)
class Forecast:
    """
    What a fleet's calls came to.

    Attributes:
        calls: How many calls were made.
        failed: How many of them failed.
        reasons: For which stop reason, and how many.
        duration: From the first call to the end of the last, in seconds.
        requests: When each request reached the service, in seconds from the beginning.
        refused: How many of the requests the service refused.
        peak: The most of them within any window of the limit.
        best: The seconds that the limit allows at best; see :meth:`LimitedService.best_time`.
    """

    calls: int
    failed: int
    reasons: dict[str, int]
    duration: float
    requests: tuple[float, ...] = field(repr=False)
    refused: int
    peak: int
    best: float

    @property
    def requests_per_success(self) -> float:
        """How many requests each successful call took; infinite where none succeeded."""
        successes = self.calls - self.failed
        return len(self.requests) / successes if successes else float("inf")


def forecast(policy: PolicyValues, plan: Plan, service: LimitedService, fleet: FleetSetup) -> Forecast:
    """
    Make calls of one operation under a policy, as :meth:`Executor.map` does, and return what they came to.

    Args:
        policy: The policy. Its ledger is left alone, and its rehearsals are left out.
        plan: Of the operation; its provider must be known.
        service: What the calls meet.
        fleet: How many calls.

    Raises:
        ValueError: The number of calls under way at a time is less than 1.
    """
    width, seed = concurrency_of(fleet.concurrency, policy, plan.provider), fleet.seed
    played = _PlayedService(service, refusal_of(plan), random.Random(seed))  # noqa: S311  # a rehearsal
    draw = random.Random(seed + 1).random  # noqa: S311  # likewise
    executor = BareExecutor(evolve(policy, ledger=None, chaos=type(policy.chaos)()), provider=plan.provider, draw=draw)
    send = executor.wrap(plan.operation, _function(played.meet, _fields(plan)))
    bound = (send.bind(*(f"{name}-{number}" for name in _fields(plan))) for number in range(fleet.calls))
    reasons: dict[str, int] = {}

    async def main() -> float:
        async with OutcomeStream(
            bound,
            concurrency=width,
            ordered=False,
            stop_on_failure=False,
            raise_failures=False,
        ) as outcomes:
            async for outcome in outcomes:
                if outcome.error is not None:
                    reasons[outcome.stop_reason] = reasons.get(outcome.stop_reason, 0) + 1
        return anyio.current_time()

    backend, options = virtual_backend("asyncio")
    duration = anyio.run(main, backend=backend, backend_options=options)
    return Forecast(
        calls=fleet.calls,
        failed=sum(reasons.values()),
        reasons=reasons,
        duration=duration,
        requests=tuple(played.arrivals),
        refused=played.refused,
        peak=most_within(played.arrivals, service.limit.per),
        best=service.best_time(fleet.calls),
    )


def without_rates(policy: PolicyValues) -> PolicyValues:
    """Return a policy as if it declared no rates, to compare with."""
    return evolve(policy, rates={})


def most_within(instants: list[float], length: float) -> int:
    """Return the most of these instants, in their order, that lie within any window of a length."""
    most, window = 0, deque[float]()
    for instant in instants:
        window.append(instant)
        while window[0] <= instant - length:
            window.popleft()
        most = max(most, len(window))
    return most


def refusal_of(plan: Plan) -> Fault:
    """Return what a provider refuses too many requests with: a code that the policy answers with another attempt."""
    for code, facts in catalogue(plan.provider).codes.items() if plan.provider in providers() else ():
        fault = Fault(provider=plan.provider, code=code, status=facts.status)
        rule = plan.rule(fault)
        if facts.class_ == "throttle" and rule is not None and rule.action.do == "retry":
            return fault
    return Fault(provider=plan.provider, status=429)


def _fields(plan: Plan) -> tuple[str, ...]:
    facts = catalogue(plan.provider).operation(plan.operation) if plan.provider in providers() else None
    return ("Name",) if facts is None or not facts.key else tuple(facts.key)


def _function(meet: Callable[[], Awaitable[None]], fields: tuple[str, ...]) -> Callable[..., Any]:
    """Return a function that has the operation's fields for parameters, as a user's own has."""

    async def send(*_: Any) -> None:
        await meet()

    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in fields]
    send.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]  # inspect's own protocol
    return send


class _PlayedService:
    """A service with a limit, on the clock of the event loop."""

    def __init__(self, service: LimitedService, refusal: Fault, chance: random.Random) -> None:
        self.service = service
        self.refusal = refusal
        self.chance = chance
        self.arrivals: list[float] = []
        self.refused = 0
        self._taken = deque[float]()
        self._tokens = service.limit.count
        self._filled_at = 0.0
        self._others = self._arrivals_of_others()
        self._next_other = next(self._others, float("inf"))

    async def meet(self) -> None:
        """
        Take a request, or refuse it.

        Raises:
            ServiceError: The limit is used up.
        """
        await anyio.sleep(self._way())
        now = anyio.current_time()
        while self._next_other <= now:
            self._takes(self._next_other, of_others=True)
            self._next_other = next(self._others)
        self.arrivals.append(now)
        is_taken = self._takes(now)
        await anyio.sleep(self._way())
        if not is_taken:
            self.refused += 1
            raise ServiceError.of(self.refusal)

    def _way(self) -> float:
        return self.service.latency / 2 * self.chance.uniform(1 - _SPREAD, 1 + _SPREAD)

    def _arrivals_of_others(self) -> Iterator[float]:
        rate = self.service.limit.per_second * self.service.others
        at = 0.0
        while rate:
            at += self.chance.expovariate(rate)
            yield at

    def _takes(self, now: float, *, of_others: bool = False) -> bool:
        """Count a request and tell whether it is taken; those of others always are, so that they have their part."""
        limit = self.service.limit
        if self.service.counting == "bucket":
            self._tokens = min(limit.count, self._tokens + (now - self._filled_at) * limit.per_second)
            self._filled_at = now
            is_taken = of_others or self._tokens >= 1
            self._tokens -= is_taken
            return is_taken
        while self._taken and self._taken[0] <= now - limit.per:
            self._taken.popleft()
        if len(self._taken) >= limit.count and not of_others:
            return False
        self._taken.append(now)
        return True
