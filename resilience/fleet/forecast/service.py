"""The service of a forecast: it takes so many requests, refuses the others, and has the faults of a script."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Final, Literal

import anyio
from attrs import define, field, frozen

from resilience.core.admission.rate import Rate
from resilience.core.fault import Fault
from resilience.engine.errors import ServiceError
from resilience.simulation.faults import Scripted, meetings
from resilience.simulation.played import ScriptedResponse, VerifierModel

Counting = Literal["window", "bucket"]
"""How a service counts: the requests of any window of one length, or tokens that fill up evenly."""

# How much longer or shorter than the mean a way to the service or back is.
_SPREAD: Final = 0.5

# Far more than a policy with limits leads to, so a longer call counts as endless.
_MOST_ATTEMPTS: Final = 10_000


@frozen(kw_only=True)
class LimitedService:
    """
    A service that takes so many requests, and refuses the others.

    Attributes:
        limit: What it takes, of all that use it; None for all of them.
        counting: How it counts.
        latency: Seconds from a request to its answer, on average; each way takes 0.5 to 1.5 of half of it.
        others: Which part of the limit other programs use, from 0 to below 1. Their requests come at random, and are
            always taken.
        script: The results of the attempts of each call, in order. An attempt that the limit refuses uses none of them.
        rate: The part of the attempts that get an entry of the script, at random; None to follow the script.
        verifier: The answers to verifiers.
    """

    limit: Rate | None
    counting: Counting = "window"
    latency: float = 0.1
    others: float = field(default=0.0)
    script: tuple[Scripted, ...] = ()
    rate: float | None = None
    verifier: VerifierModel = "honest"

    @others.validator
    def _is_a_part(self, _: object, value: float) -> None:
        if not 0 <= value < 1:
            raise ValueError(f"others: expected a part of the limit from 0 to below 1, got {value:g}")

    @property
    def window(self) -> float:
        """The length of a window in seconds; 1 without a limit."""
        return 1.0 if self.limit is None else self.limit.per

    def best_time(self, calls: int) -> float:
        """Return the seconds that so many calls take if each is made as soon as the service takes it."""
        return self.ended_at_best(calls) + self.latency

    def ended_at_best(self, calls: float) -> float:
        """Return when the service has taken so many requests at the earliest, in seconds."""
        if self.limit is None:
            return 0.0
        ours = self.limit.count * (1 - self.others)
        return max(calls / ours - 1, 0.0) * self.limit.per


@define(eq=False)
class PlayedCall:
    """
    What a service knows of one call.

    Attributes:
        responses: The results of its attempts, without those that the limit refuses.
        attempts: How many were made.
        lands: When attempts took effect, by the name that they asked for.
    """

    responses: Iterator[ScriptedResponse]
    attempts: int = 0
    lands: dict[tuple[str, ...], list[float]] = field(factory=dict)
    _refused: ScriptedResponse | None = None

    def response(self) -> ScriptedResponse:
        """Return the result of the next attempt."""
        found, self._refused = self._refused or next(self.responses), None
        return found

    def refuse(self, response: ScriptedResponse) -> None:
        """Keep the result of an attempt that the limit refuses for the next one."""
        self._refused = response


@define(eq=False)
class PlayedService:
    """
    A service on the clock of the event loop.

    Attributes:
        service: What it is like.
        refusal: What it refuses too many requests with.
        chance: Its random numbers.
        give_up: Called when a call goes on for ever.
        arrivals: When each request reached it.
        refused_at: When it refused one for its limit.
        is_endless: Whether a call went on for ever.
    """

    service: LimitedService
    refusal: Fault
    chance: random.Random
    give_up: Callable[[], object]
    arrivals: list[float] = field(factory=list)
    refused_at: list[float] = field(factory=list)
    is_endless: bool = False
    _calls: dict[int, PlayedCall] = field(factory=dict)
    _taken: deque[float] = field(factory=deque)
    _tokens: float = 0.0
    _filled_at: float = 0.0
    _others: Iterator[float] = field(factory=lambda: iter(()))
    _next_other: float = float("inf")

    def __attrs_post_init__(self) -> None:
        limit = self.service.limit
        if limit is not None:
            self._tokens = limit.count
            self._others = self._arrivals_of_others(limit.per_second * self.service.others)
            self._next_other = next(self._others, float("inf"))

    async def meet(self, number: int, names: tuple[str, ...]) -> None:
        """
        Take a request of a call, or refuse it.

        Args:
            number: Of the call, from 0.
            names: What the request asks for.

        Raises:
            ServiceError: The limit is used up, or the script says so.
        """
        call = self._call(number)
        call.attempts += 1
        if call.attempts > _MOST_ATTEMPTS:
            self.is_endless = True
            self.give_up()
        await anyio.sleep(self._way())
        response = call.response()
        if response.fault is not None and response.fault.transport == "unsent":
            raise ServiceError.of(response.fault)
        now = anyio.current_time()
        self.arrivals.append(now)
        if not self._is_taken(now):
            self.refused_at.append(now)
            call.refuse(response)
            await anyio.sleep(self._way())
            raise ServiceError.of(self.refusal)
        await self._answer(call, response, names)

    async def has(self, number: int, names: tuple[str, ...]) -> bool:
        """Answer a verifier: whether a request of a call took effect under this name."""
        await anyio.sleep(self._way())
        now = anyio.current_time()
        is_there = self.service.verifier == "found"
        if self.service.verifier == "honest":
            is_there = any(landed <= now for landed in self._call(number).lands.get(names, ()))
        await anyio.sleep(self._way())
        return is_there

    @property
    def repeated(self) -> int:
        """In how many calls more than one request took effect under one name."""
        return sum(any(len(each) > 1 for each in call.lands.values()) for call in self._calls.values())

    async def _answer(self, call: PlayedCall, response: ScriptedResponse, names: tuple[str, ...]) -> None:
        if response.lands is not None and self.service.script:
            call.lands.setdefault(names, []).append(anyio.current_time() + response.lands)
        if response.duration is None:
            await anyio.sleep_forever()
        else:
            # The script says how long a whole attempt takes.
            longer = 0.0 if response is _SUCCESS else response.duration - self.service.latency
            await anyio.sleep(max(self._way() + longer, 0.0))
        if response.fault is not None:
            raise ServiceError.of(response.fault)

    def _call(self, number: int) -> PlayedCall:
        if number not in self._calls:
            self._calls[number] = PlayedCall(self._responses())
        return self._calls[number]

    def _responses(self) -> Iterator[ScriptedResponse]:
        service = self.service
        if not service.script:
            return repeat(_SUCCESS)
        if service.rate is None:
            return meetings(service.script, latency=service.latency)
        return self._at_random(service.rate)

    def _at_random(self, rate: float) -> Iterator[ScriptedResponse]:
        success = ScriptedResponse(duration=self.service.latency, lands=0.0)
        # The entry "X*3" comes three times as often.
        bad = [each.response for each in self.service.script for _ in range(each.times or 1)]
        while True:
            yield self.chance.choice(bad) if self.chance.random() < rate else success

    def _way(self) -> float:
        return self.service.latency / 2 * self.chance.uniform(1 - _SPREAD, 1 + _SPREAD)

    def _arrivals_of_others(self, rate: float) -> Iterator[float]:
        at = 0.0
        while rate:
            at += self.chance.expovariate(rate)
            yield at

    def _is_taken(self, now: float) -> bool:
        limit = self.service.limit
        if limit is None:
            return True
        while self._next_other <= now:
            self._takes(self._next_other, limit, of_others=True)
            self._next_other = next(self._others)
        return self._takes(now, limit)

    def _takes(self, now: float, limit: Rate, *, of_others: bool = False) -> bool:
        """Count a request and tell whether it is taken; those of others always are, so that they have their part."""
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


_SUCCESS: Final = ScriptedResponse(duration=0.0, lands=0.0)
"""What an attempt meets without a script."""
