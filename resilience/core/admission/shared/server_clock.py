"""What a process knows of a store's clock, from the answers of the store."""

from __future__ import annotations

from typing import Final

from attrs import define, field

# Two clocks differ by at most this part of the time that passes.
_DRIFT: Final = 1e-3
_SMOOTH: Final = 8


@define(eq=False)
class ServerClock:
    """
    The difference of two clocks.

    An answer with the store's time was made between the question and its arrival. The quickest way back shows the
    difference best, so the least difference counts. It is forgotten slowly, because clocks drift; and a store's clock
    that was set anew is noticed, because the true difference lies between question and answer.

    Attributes:
        trip: How long a question takes, in seconds, on average.
    """

    trip: float = field(default=0.0, init=False)
    _ahead: float | None = field(default=None, init=False)  # local time, less the store's
    _at: float = field(default=0.0, init=False)

    def learn(self, server: float, *, asked: float, received: float) -> None:
        """Note an answer with the store's time."""
        latest = received - server
        known = latest if self._ahead is None else self._ahead + (received - self._at) * _DRIFT
        self._ahead = max(min(known, latest), asked - server)
        self._at = received
        trip = received - asked
        self.trip = trip if self.trip == 0.0 else self.trip + (trip - self.trip) / _SMOOTH

    def local(self, server: float) -> float:
        """Return a time of the store on the local clock."""
        return server + (self._ahead or 0.0)

    def server(self, local: float) -> float:
        """Return a local time on the store's clock."""
        return local - (self._ahead or 0.0)
