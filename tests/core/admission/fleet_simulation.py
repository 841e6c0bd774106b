"""
Many calls at a service that counts, on a virtual clock: what the limits of a policy make of them.

A request takes 10 to 30 ms to the service and as long back. The service decides when the request arrives, and a refused
call joins the queue again. What is measured is what the service sees.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from attrs import Factory, define, field, frozen

from resilience.core.admission.admission import Admission
from resilience.core.admission.tickets import Ticket

LATENCY: Final = (0.010, 0.030)
"""One way, in seconds: the least and the most."""

Limit = Callable[[float], float]
"""The requests of a second that a server takes at a time."""


class CountingServer(Protocol):
    """Takes a request, or refuses it."""

    def takes(self, now: float) -> bool:
        """Tell whether it takes the request that arrives now."""
        ...


@define
class WindowServer:
    """Takes so many requests in each second of its clock, which is ``phase`` ahead."""

    limit: Limit
    phase: float = 0.0
    window: int = -1
    taken: int = 0

    def takes(self, now: float) -> bool:
        """Take the first requests of a second."""
        window = int(now + self.phase)
        if window != self.window:
            self.window, self.taken = window, 0
        if self.taken + 1 > self.limit(now):
            return False
        self.taken += 1
        return True


@define
class SlidingServer:
    """Takes so many requests in any second."""

    limit: Limit
    taken: deque[float] = field(factory=deque)

    def takes(self, now: float) -> bool:
        """Take what the last second leaves room for."""
        while self.taken and self.taken[0] <= now - 1.0:
            self.taken.popleft()
        if len(self.taken) + 1 > self.limit(now):
            return False
        self.taken.append(now)
        return True


@define
class BucketServer:
    """Takes a token for each request; so many come back in a second, up to a capacity."""

    limit: Limit
    capacity: float
    tokens: float = field(default=Factory(lambda self: self.capacity, takes_self=True))
    last: float = 0.0

    def takes(self, now: float) -> bool:
        """Take a request that there is a token for."""
        self.tokens = min(self.capacity, self.tokens + (now - self.last) * self.limit(now))
        self.last = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@frozen(kw_only=True)
class FleetRun:
    """
    What came of a fleet.

    Attributes:
        calls: How many there were; each has succeeded.
        took: Until the last had its answer, in seconds.
        arrivals: When requests reached the server.
        done: When calls had their answers.
    """

    calls: int
    took: float
    arrivals: Sequence[float] = field(repr=False)
    done: Sequence[float] = field(repr=False)

    @property
    def calls_per_success(self) -> float:
        """The requests for each call."""
        return len(self.arrivals) / self.calls

    @property
    def peak(self) -> int:
        """The most arrivals in any second."""
        arrivals = self.arrivals
        return max(bisect_left(arrivals, time + 1.0, first) - first for first, time in enumerate(arrivals))


@define(eq=False)
class _Call:
    admission: Admission
    ticket: Ticket | None = None  # while it waits


@define
class FleetSimulation:
    """
    Makes calls until each has succeeded.

    Attributes:
        server: What they call.
        admissions: One for each process; calls are dealt out in turn.
        seed: Of latency and chance.
        others: Requests of others in a second, which come by chance and which the server takes or refuses like any.
        thinking: How long the server takes for a request that it takes, in seconds: the least and the most.
        lateness: By how much a program is late when a wait ends, at most.
        connecting: How much longer the first requests take to the server, at most: they open the connections.
        connections: How many requests those are.
    """

    server: CountingServer
    admissions: Sequence[Admission]
    seed: int = 1
    others: float = 0.0
    thinking: tuple[float, float] = (0.0, 0.0)
    lateness: float = 0.002
    connecting: float = 0.0
    connections: int = 0
    _chance: random.Random = field(init=False)
    _agenda: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = field(factory=list, init=False)
    _order: itertools.count[int] = field(default=Factory(itertools.count), init=False)
    _now: float = field(default=0.0, init=False)
    _sent: int = field(default=0, init=False)
    _arrivals: list[float] = field(factory=list, init=False)
    _done: list[float] = field(factory=list, init=False)

    def run(self, calls: int) -> FleetRun:
        """Make that many calls, all at once."""
        self._chance = random.Random(self.seed)  # noqa: S311  # no secret
        if self.others:
            self._in(0.0, self._other)
        for number in range(calls):
            self._in(0.0, self._join, _Call(self.admissions[number % len(self.admissions)]))
        while len(self._done) < calls:
            self._now, _, act, args = heapq.heappop(self._agenda)
            act(*args)
        return FleetRun(calls=calls, took=self._now, arrivals=self._arrivals, done=self._done)

    def _in(self, seconds: float, act: Callable[..., None], *args: object) -> None:
        heapq.heappush(self._agenda, (self._now + seconds, next(self._order), act, args))

    def _other(self) -> None:
        self.server.takes(self._now)
        self._in(self._chance.expovariate(self.others), self._other)

    def _join(self, call: _Call, *, again: bool = False) -> None:
        ticket = call.ticket = call.admission.enter("Create", "host", self._now, again=again)
        ticket.wake = lambda: self._in(0.0, self._ask, call, ticket)
        self._ask(call, ticket)

    def _ask(self, call: _Call, ticket: Ticket) -> None:
        if call.ticket is not ticket:
            return
        delay = call.admission.ask(ticket, self._now)
        if delay == 0.0:
            call.ticket = None
            late = self._chance.uniform(0, self.connecting) if self._sent < self.connections else 0.0
            self._sent += 1
            self._in(self._chance.uniform(*LATENCY) + late, self._arrive, call, ticket)
        elif delay < math.inf:
            self._in(delay + self._chance.uniform(0, self.lateness), self._ask, call, ticket)

    def _arrive(self, call: _Call, ticket: Ticket) -> None:
        self._arrivals.append(self._now)
        takes = self.server.takes(self._now)
        thinks = self._chance.uniform(*self.thinking) if takes else 0.0
        self._in(thinks + self._chance.uniform(*LATENCY), self._taken if takes else self._refused, call, ticket)

    def _taken(self, call: _Call, ticket: Ticket) -> None:
        call.admission.leave(ticket, self._now, "succeeded")
        self._done.append(self._now)

    def _refused(self, call: _Call, ticket: Ticket) -> None:
        call.admission.leave(ticket, self._now, "throttled")
        self._join(call, again=True)
