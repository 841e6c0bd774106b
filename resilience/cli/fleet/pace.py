"""How fast a fleet is at the moment, and how long the rest takes at that pace."""

from __future__ import annotations

from collections import deque
from typing import Final

from attrs import define, field, frozen

WINDOW: Final = 10.0
"""Seconds of which the pace is the mean: as short as a limit takes to adapt, and long enough for a calm number."""

_LEAST: Final = 0.5
"""Seconds between two samples that are kept."""


@frozen
class _Sample:
    at: float
    ended: int
    sent: int


@define
class Pace:
    """
    The pace of a fleet in its last seconds.

    Args:
        window: Over how many seconds it is taken; at least two windows of the limit.
    """

    window: float = WINDOW
    _samples: deque[_Sample] = field(factory=lambda: deque([_Sample(0.0, 0, 0)]), init=False)

    def add(self, at: float, ended: int, sent: int) -> None:
        """
        Note how far the fleet is.

        Args:
            at: Seconds since it began.
            ended: The rows with an outcome.
            sent: Those of them for which something was sent.
        """
        samples = self._samples
        if len(samples) > 1 and at - samples[-2].at < _LEAST:
            samples.pop()
        samples.append(_Sample(at, ended, sent))
        while len(samples) > 2 and samples[1].at <= at - self.window:  # noqa: PLR2004  # both ends of the window
            samples.popleft()

    @property
    def per_second(self) -> float:
        """How many calls ended in a second, without rows for which nothing was sent."""
        first, last = self._samples[0], self._samples[-1]
        return (last.sent - first.sent) / (last.at - first.at) if last.at > first.at else 0.0

    def seconds_for(self, rows: int, limit: float | None) -> float | None:
        """
        Return how long so many more rows take; None where nothing has ended lately.

        Args:
            rows: How many rows have no outcome yet.
            limit: How many calls are sent in a second at most; a burst at the beginning says nothing of the rest.
        """
        first, last = self._samples[0], self._samples[-1]
        if last.ended == first.ended:
            return None
        took = last.at - first.at
        if limit:
            took = max(took, (last.sent - first.sent) / limit)
        return rows * took / (last.ended - first.ended)
