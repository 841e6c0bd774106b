"""
The permits of a process, where processes share a limit of attempts under way: what it holds, and when to ask for more.

A process asks with every question about slots, and else when its part of the lease is over, when it wants more, or when
it has something to give back. What an answer may have changed is not used before the answer is there.
"""

from __future__ import annotations

import math
from typing import Final

from attrs import define, field

from resilience.core.admission.shared.permits import REVIEW, GivenPermits, PermitRequest

# How long a permit is held at most by an attempt that nothing limits, in seconds, where its process has died.
_NO_LIMIT: Final = 3600.0
# In seconds: how long before its part of the lease is over a process asks again, beyond the time that it takes.
_EARLY: Final = 0.01


@define(eq=False)
class PermitPool:
    """
    The permits of one process.

    Attributes:
        key: The name of the limit in the store.
        count: The permits of all processes together.
        holder: Names this process.
        is_asked: Whether a question is under way.
    """

    key: str
    count: int
    holder: str
    is_asked: bool = field(default=False, init=False)
    _longest: float = field(default=0.0, init=False)  # what the longest attempt may take
    _granted: int = field(default=0, init=False)
    _usable: int = field(default=0, init=False)
    _spare: int = field(default=0, init=False)  # what no process holds
    _held: int = field(default=0, init=False)  # what the question under way says
    _asked_for: float = field(default=0.0, init=False)  # the longest attempt that the question under way counts with
    _covered: float = field(default=0.0, init=False)  # the longest attempt that the lease is long enough for
    _until: float = field(default=-math.inf, init=False)  # when the part of the lease is over
    _again: float = field(default=-math.inf, init=False)

    def may_take(self, seconds: float) -> None:
        """Note that an attempt is to be made that may take so long; infinity for any time."""
        self._longest = max(self._longest, min(seconds, _NO_LIMIT))

    def may_begin(self, under_way: int, now: float) -> bool:
        """Tell whether another attempt may begin."""
        usable = min(self._usable, self._held) if self.is_asked else self._usable
        return under_way < usable and now < self._until and self._longest <= self._covered

    def due_at(self, under_way: int, wanted: int, now: float, trip: float) -> float:
        """
        Return when the store is to be asked: ``now``, or later.

        Args:
            under_way: The attempts that are under way.
            wanted: The attempts that could be.
            now: The time.
            trip: How long a question takes, in seconds.
        """
        if self.is_asked:
            return math.inf
        at = self._until - trip - _EARLY if self._longest <= self._covered else now
        if wanted > self._usable and under_way >= self._usable:
            at = min(at, self._again)
        if self._usable < self._granted and under_way < self._granted:
            at = min(at, now if under_way <= self._usable else self._again)
        return max(at, now)

    def room(self, under_way: int, now: float) -> int:
        """Return how many attempts may begin now, as far as that is known before the store is asked."""
        return (self._usable if now < self._until else self.count) - under_way

    def gives_back(self, under_way: int) -> bool:
        """
        Tell whether a process whose calls wait for nothing is to give permits back: more than half of them.

        While others leave half of the limit unused, one permit is kept for the next call.
        """
        kept = 1 if 2 * self._spare >= self.count else 0
        return self._granted > max(2 * under_way, kept)

    def reserve(self) -> bool:
        """Note that a question is about to be asked; False where one is under way, since one is asked at a time."""
        if self.is_asked:
            return False
        self.is_asked, self._held = True, self._usable
        return True

    def ask(self, under_way: int, wanted: int, now: float) -> PermitRequest:
        """Return the question."""
        self._held = under_way
        if wanted > under_way and now < self._until:
            self._held = max(min(self._usable, wanted), under_way)
        self._asked_for = self._longest
        return PermitRequest(
            key=self.key,
            count=self.count,
            holder=self.holder,
            held=self._held,
            wanted=wanted,
            lasts=self._longest + REVIEW,
        )

    def add(self, given: GivenPermits, *, asked: float) -> None:
        """Take the answer to a question that was asked at ``asked``."""
        self.is_asked = False
        self._granted, self._usable, self._covered = given.granted, given.usable, self._asked_for
        self._spare = given.spare
        self._until = asked + given.review
        self._again = math.inf if given.again is None else asked + given.again

    def give_up(self) -> None:
        """Note that a question has no answer: no attempt begins before there is one."""
        self.is_asked = False
        self._granted = self._usable = min(self._granted, self._held)
        self._until = self._again = -math.inf
