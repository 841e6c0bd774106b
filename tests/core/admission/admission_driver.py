"""A driver of admissions on a virtual clock: it sleeps and is woken as it is told, and never asks otherwise."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable

from attrs import Factory, define, field

from resilience.core.admission.admission import Admission
from resilience.core.admission.result import Result
from resilience.core.admission.tickets import Ticket


@define(eq=False)
class Attempt:
    """
    One attempt.

    Attributes:
        operation: What is asked for.
        host: Where.
        at: When it joins the queue.
        takes: How long it takes once it is admitted.
        result: How it ends.
        again: Whether it is a retry.
        gives_up: After how long it is cancelled, waiting or under way; None for never.
        reacts: How long its driver takes to ask after it was woken.
    """

    operation: str = "Create"
    host: str = "host"
    at: float = 0.0
    takes: float = 0.0
    result: Result = "succeeded"
    again: bool = False
    gives_up: float | None = None
    reacts: float = 0.0
    ticket: Ticket | None = None
    joined: float | None = None
    not_before: float = 0.0
    admitted: float | None = None
    ended: float | None = None


STARTED = 98_765.4321
"""What the clock shows that the admission is asked with, when attempts begin: no machine has just been started."""


@define(eq=False)
class Driver:
    """Makes attempts under one admission."""

    admission: Admission
    now: float = 0.0
    asked: int = 0
    admitted: list[Attempt] = field(factory=list)
    most_under_way: int = 0
    _agenda: list[tuple[float, int, Callable[..., None], Attempt]] = field(factory=list)
    _order: itertools.count[int] = field(default=Factory(itertools.count))

    @property
    def clock(self) -> float:
        """What the clock shows."""
        return STARTED + self.now

    def make(self, *attempts: Attempt) -> None:
        """
        Make them all.

        Raises:
            AssertionError: One of them waits, and nothing will wake it.
        """
        for attempt in attempts:
            self._at(attempt.at, self._join, attempt)
        while self._agenda:
            now, _, act, attempt = heapq.heappop(self._agenda)
            self.now = max(self.now, now)
            act(attempt)
        waiting = [each for each in attempts if each.ended is None]
        assert not waiting, f"{len(waiting)} of {len(attempts)} wait for ever"
        assert self.admission.under_way == 0

    def _at(self, time: float, act: Callable[..., None], attempt: Attempt) -> None:
        heapq.heappush(self._agenda, (time, next(self._order), act, attempt))

    def _join(self, attempt: Attempt) -> None:
        attempt.joined = self.now
        ticket = attempt.ticket = self.admission.enter(attempt.operation, attempt.host, self.clock, again=attempt.again)
        attempt.not_before = self.admission.not_before(ticket, self.clock) - STARTED
        ticket.wake = lambda: self._at(self.now + attempt.reacts, self._ask, attempt)
        if attempt.gives_up is not None:
            self._at(self.now + attempt.gives_up, self._give_up, attempt)
        self._ask(attempt)

    def _ask(self, attempt: Attempt) -> None:
        if attempt.admitted is not None or attempt.ended is not None or attempt.ticket is None:
            return
        self.asked += 1
        delay = self.admission.ask(attempt.ticket, self.clock)
        assert delay >= 0
        if delay == 0:
            attempt.admitted = self.now
            self.admitted.append(attempt)
            self.most_under_way = max(self.most_under_way, self.admission.under_way)
            self._at(self.now + attempt.takes, self._end, attempt)
        elif delay < math.inf:
            self._at(self.now + delay, self._ask, attempt)

    def _end(self, attempt: Attempt) -> None:
        self._leave(attempt, attempt.result)

    def _give_up(self, attempt: Attempt) -> None:
        self._leave(attempt, "cancelled")

    def _leave(self, attempt: Attempt, result: Result) -> None:
        if attempt.ended is None and attempt.ticket is not None:
            attempt.ended = self.now
            self.admission.leave(attempt.ticket, self.clock, result)
