"""
The arithmetic of a store: when the next slot is, in all limits of a question.

The memory store and the SQLite store use it. The script of the Redis store (:mod:`.redis_scripts`) does the same; one
set of tests compares them.
"""

from __future__ import annotations

from typing import Final, Protocol

from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest

JUMP: Final = 5.0
"""In seconds. A log that is further ahead than this, beyond what may be given out, is of a clock that was set back."""


def next_version(before: str, now: float) -> str:
    """Return a version that no value of this name has had."""
    return f"{max(now, float(before or 0) + 1e-6):.6f}"


class Log(Protocol):
    """
    The places of one limit, and the pace at which they are given out.

    Attributes:
        pace: When the next is due.
        last: When the last was given out, as far as this limit is concerned.
    """

    pace: float
    last: float

    def forget(self, until: float) -> None:
        """Forget the places up to a time."""
        ...

    def pull_back(self, to: float) -> None:
        """Move the places after a time to it, and the pace with them."""
        ...

    def move(self, name: str, at: float) -> None:
        """Move a place, if it is there."""
        ...

    def remove(self, name: str) -> None:
        """Remove a place, if it is there."""
        ...

    def from_last(self, count: int) -> float | None:
        """Return the time of the place that is the ``count``-th from the last; None if there are fewer."""
        ...

    def add(self, name: str, at: float) -> None:
        """Add a place."""
        ...


def give_out(request: SlotRequest, logs: list[tuple[SharedLimit, Log]], now: float, *, wanted: int) -> GivenSlots:
    """
    Give out slots.

    Args:
        request: The question.
        logs: Of its limits.
        now: The store's time.
        wanted: The most slots to give out.

    Returns:
        The slots. One at ``t`` needs fewer places after ``t - held`` than the limit's count, also of later ones: then
        no window that contains ``t`` holds too many.
    """
    for limit, log in logs:
        last = log.from_last(1)
        if max(log.pace, now if last is None else last) > now + request.within + JUMP:
            log.pull_back(now)
        log.forget(now - limit.held)
        for name, at in request.late.items():
            log.move(name, at)
        for name in request.unused:
            log.remove(name)
    slots: list[float] = []
    for number in range(wanted):
        own = [_next(limit, log, now + request.after) for limit, log in logs]
        at = max(own)
        if at > now + request.within:
            return GivenSlots(now=now, slots=tuple(slots), next=at)
        for (limit, log), since in zip(logs, own, strict=True):
            log.add(request.slot_name(number), at)
            log.pace = max(log.pace, since - limit.slack) + limit.gap
            log.last = since
        slots.append(at)
    return GivenSlots(now=now, slots=tuple(slots))


def _next(limit: SharedLimit, log: Log, soonest: float) -> float:
    before = log.from_last(limit.count)
    at = soonest if before is None else max(before + limit.held, soonest)
    return max(at, log.pace, log.last + limit.least_gap)
