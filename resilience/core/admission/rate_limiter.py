"""
One limit of the rate of requests: a sliding log, and a pace at which the places of a window are given out.

A window's places are not all given out at once. A service with a token bucket refuses most of such a burst, and one
that is slow to read it counts it late. They are given out at :attr:`RateLimiter.haste` times the limit, so that a few
requests take next to no time and a window of them a part of it, or of a second where that is less.
"""

from __future__ import annotations

from typing import Final

from attrs import Factory, define, field

from resilience.core.admission.rate import Rate
from resilience.core.admission.sliding_log import LogPlace, SlidingLog

HASTE: Final = 3.0
# In seconds; a third of it where the haste is 3.
_LONGEST_BURST: Final = 1.0
# The part of a window's places that may be given out at once.
_AT_ONCE: Final = 0.1


@define(eq=False)
class RateLimiter:
    """
    One limit.

    Attributes:
        log: What was sent in the last window.
        most: The most requests of a window, also where fewer are sent at present; None where nothing is declared.
        haste: How many times quicker than the limit the places of a window are given out.
        at_once: How many may be given out at once, if that is more than a tenth.
        paused_until: Nothing is sent before.
    """

    log: SlidingLog
    most: int | None = field(default=Factory(lambda self: self.log.count, takes_self=True))
    haste: float = HASTE
    at_once: float = 1.0
    paused_until: float = float("-inf")
    _next: float = field(default=float("-inf"), init=False)

    @classmethod
    def of(cls, rate: Rate) -> RateLimiter:
        """Return the limiter of a rate; a part of a request cannot be sent, so ``0.5/s`` is one in two seconds."""
        if rate.count >= 1:
            return cls(SlidingLog(int(rate.count), rate.per))
        return cls(SlidingLog(1, rate.per / rate.count))

    @property
    def per_second(self) -> float:
        """The requests of a second that are sent at most, at present."""
        return self.log.count / self.log.per

    @property
    def declared(self) -> float | None:
        """The requests of a second that the policy declares; None where it declares nothing."""
        return None if self.most is None else self.most / self.log.per

    def ready_at(self, now: float) -> float:
        """Return when one more may be sent: ``now``, or the earliest instant worth asking again."""
        at_once = max(self.log.count * _AT_ONCE, self.at_once)
        return max(self.log.free_at(now), self._next - (at_once - 1.0) * self._gap, self.paused_until)

    def take(self, now: float) -> LogPlace:
        """Send one."""
        self._next = max(self._next, now) + self._gap
        return self.log.take(now)

    def answered(self, place: LogPlace, now: float) -> bool:
        """Note that a request was answered, and tell whether that made room."""
        return self.log.answered(place, now)

    def not_before(self, ahead: int, now: float) -> float:
        """Return an instant before which none can be sent that has ``ahead`` others before it."""
        if self.most is None:
            return now
        missing = ahead + 1 - (self.most - self.log.held(now))
        if missing <= 0:
            return now
        return max(self.log.next_free(now), now) + (missing - 1) // self.most * self.log.per

    @property
    def _gap(self) -> float:
        # Of "60/m" all may go in the same second, as it says, until the service refuses that.
        span = self.log.per if self.haste <= 1.0 else min(self.log.per, _LONGEST_BURST)
        return span / (self.log.count * self.haste)
