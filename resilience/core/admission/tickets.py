"""Calls that wait: a ticket for each, and a queue for those that wait for the same limits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from attrs import define, field

from resilience.core.admission.adaptation import Adaptation, Round
from resilience.core.admission.rate_limiter import RateLimiter
from resilience.core.admission.sliding_log import LogPlace

Reason = Literal["rate", "concurrency"]
"""What a call waits for: a place in a window, or the end of another attempt."""


def _nothing() -> None:
    """Wake no one."""


@define(eq=False)
class Ticket:
    """
    One attempt that wants to be made.

    Attributes:
        queue: Where it waits.
        is_again: Whether it is a retry.
        number: In the order in which tickets were given out.
        wake: Called when it is worth asking again; the driver sets it.
        is_admitted: Whether it has its places.
        has_left: Whether its attempt has ended, or it has given up waiting.
        places: What it holds, for each limiter of its queue.
        round: What it counts in, where its limit adapts.
    """

    queue: Queue
    is_again: bool
    number: int
    wake: Callable[[], object] = _nothing
    is_admitted: bool = False
    has_left: bool = False
    places: list[LogPlace] = field(factory=list)
    round: Round | None = None

    @property
    def rank(self) -> tuple[bool, int]:
        """What comes first is smaller."""
        return not self.is_again, self.number

    @property
    def blocked_by(self) -> Reason:
        """What the first of its queue has waited for last."""
        return self.queue.blocked_by


@define(eq=False)
class Queue:
    """The calls of one operation to one host that wait."""

    limiters: tuple[RateLimiter, ...]
    adaptation: Adaptation | None
    again: OrderedDict[Ticket, None] = field(factory=OrderedDict)
    new: OrderedDict[Ticket, None] = field(factory=OrderedDict)
    blocked_by: Reason = "rate"
    sleeps: bool = False  # its first call waits to be woken when an attempt has ended, and for no instant
    behind: list[Queue] = field(factory=list)  # the queues whose first calls let the first call of this one go before

    @property
    def first(self) -> Ticket | None:
        """The call that is next, or None."""
        for waiting in (self.again, self.new):
            for ticket in waiting:
                return ticket
        return None

    def ready_at(self, now: float) -> float:
        """Return when there may be room in every limit."""
        at = now
        for limiter in self.limiters:
            at = max(at, limiter.ready_at(now))
        return at
