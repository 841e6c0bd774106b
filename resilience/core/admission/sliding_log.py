"""
A limit of so many requests in any window of one length, as the service counts them.

The service counts when requests reach it, and the program only knows when it sent them and when it had the answers. A
request that was sent at ``s`` and answered at ``a`` reached the service in between. The next one takes at least the
quickest way there and back, so a place is free again a window after ``a``, less the quickest round trip: however late
the first one was, no window of the service then holds more than the limit. That costs what round trips differ by, some
hundredths of the window.

A service that thinks for a second before it answers looks the same as a request that was late by a second. So a place
is kept beyond its window only as long as that costs :data:`_COST` of the limit in the mean: where answers always take
long, hardly longer than a window, and where late ones are rare, up to two more windows. The first window of answers
does not count for that: the first requests are late by what a program takes to open connections and to load modules.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import Final

from attrs import define, field

# What lateness may cost, as a part of the window; with what the pace costs, a limit is used to 95 %.
_COST: Final = 0.04
# The longest that a place is kept beyond its window, as a part of that; the longest after the first window; and how
# quickly that follows what it costs.
_LONGEST: Final = 2.0
_AT_FIRST: Final = 0.25
_STEP: Final = 0.5
# How quickly the quickest round trip is forgotten, and over how many answers lateness is averaged.
_FORGET: Final = 1 / 2000
_MOST_FORGOTTEN: Final = 0.02
_SMOOTH: Final = 100
# What round trips may be quicker by than any answer has shown: in seconds, or a part of what they differ by. And how
# many answers show something of it, and how many much of it.
_UNSEEN: Final = 0.006
_UNSEEN_PART: Final = 1 / 8
_ENOUGH: Final = 10
_MANY: Final = 20


@define(eq=False)
class LogPlace:
    """A place in the log: held from when the request was sent until a window after it was answered."""

    since: float
    is_answered: bool = False
    is_free: bool = False


@define(eq=False)
class SlidingLog:
    """
    What was sent in the last window, and when there is room for more.

    Attributes:
        count: The most requests in a window.
        per: The length of the window, in seconds.
    """

    count: int
    per: float
    _open: deque[LogPlace] = field(factory=deque, init=False)  # in the order in which they were sent
    _opened: int = field(default=0, init=False)  # those of them that are not answered
    _answered: list[float] = field(factory=list, init=False)  # a heap: when each place is free
    _answers: int = field(default=0, init=False)
    _quickest: float = field(default=0.0, init=False)
    _lateness: float = field(default=0.0, init=False)  # of the mean answer, in seconds
    _paid_late: float = field(init=False)  # what a place is kept beyond its window at most, in seconds

    def __attrs_post_init__(self) -> None:
        self._paid_late = _AT_FIRST * self.per

    def held(self, now: float) -> int:
        """Return how many places are not free."""
        answered, unanswered = self._answered, self._open
        while answered and answered[0] <= now:
            heapq.heappop(answered)
        longest = self.per + self._most_late
        while unanswered and (unanswered[0].is_answered or unanswered[0].since + longest <= now):
            place = unanswered.popleft()
            if not place.is_answered:
                place.is_free = True
                self._opened -= 1
        return len(answered) + self._opened

    def free_at(self, now: float) -> float:
        """Return when there may be room for one more: ``now``, or the earliest instant worth asking again."""
        return now if self.held(now) < self.count else self.next_free(now)

    def next_free(self, now: float) -> float:
        """
        Return the earliest instant at which a place that is held can be free; where none is, that of one taken now.

        A place whose request is not answered yet may be free at once when it is; see :meth:`answered`.
        """
        if not (self._answered or self._open):
            return now + self.per
        earliest = self._answered[0] if self._answered else math.inf
        if self._open:
            place, most = self._open[0], self._most_late
            # As if it were answered now.
            late = min(max(now - place.since - self._floor(), 0.0), most)
            at = place.since + self.per + late
            earliest = min(earliest, at if at > now else place.since + self.per + most)
        return earliest

    def take(self, now: float) -> LogPlace:
        """Take a place."""
        place = LogPlace(now)
        self._open.append(place)
        self._opened += 1
        return place

    def answered(self, place: LogPlace, now: float) -> bool:
        """
        Note that a request was answered.

        Returns:
            Whether that made room.
        """
        place.is_answered = True
        trip = max(now - place.since, 0.0)
        quickest = min(self._quickest, trip) if self._answers else trip
        self._answers += 1
        self._quickest = quickest + min(trip - quickest, _MOST_FORGOTTEN) * _FORGET
        late = max(trip - self._floor(), 0.0)
        self._lateness += (min(late, _LONGEST * self.per) - self._lateness) / _SMOOTH
        kept = min(late, self._most_late)
        if self._is_known:
            least, longest = _COST * self.per, _LONGEST * self.per
            self._paid_late = min(max(self._paid_late + _STEP * (least - kept), least), longest)
        if place.is_free:
            return False
        self._opened -= 1
        free = place.since + self.per + kept
        heapq.heappush(self._answered, free)
        return free <= now

    def _floor(self) -> float:
        """Return the quickest round trip that is to be expected; nothing while too few have been seen."""
        unseen = max(_UNSEEN, self._lateness * _UNSEEN_PART)
        seen = self._quickest * self._answers / (self._answers + _MANY)
        return max(seen - unseen, 0.0) if self._is_known else 0.0

    @property
    def _most_late(self) -> float:
        return self._paid_late if self._is_known else _LONGEST * self.per

    @property
    def _is_known(self) -> bool:
        """Whether enough answers have shown how long they take."""
        return self._answers > max(self.count, _ENOUGH)
