"""
What a process asks a store for, and what it gets: slots in all limits of a call at once.

The same question asks for permits, where attempts under way are limited, and brings a value that processes share.

A slot is an instant, on the store's clock, at which one request may be sent. The store keeps a log of slots for each
limit. A new slot takes a place in the log of every limit of the question, or in none. The places of a window are given
out evenly, one after the other: a burst of several processes, each of them a little late, would be more than the limit
in some window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from resilience.core.admission.rate import Rate
from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.permits import GivenPermits, PermitRequest
from resilience.core.values import fixed

# Requests are late by different times: a process wakes up late, and a network takes longer. So a place in the log is
# held for a little more than the window: this part of it, and at most so many seconds.
_MARGIN_PART: Final = 0.02
_MOST_MARGIN: Final = 0.05
# In seconds. Of "60/m" all may go in the same second, as it says.
_LONGEST_PACE: Final = 1.0
# Of a window's places, the part by which slots may be behind their pace, because no process asked; and how many times
# quicker than that they catch up. Without it, that time is lost.
_SLACK: Final = 0.1
_CATCH_UP: Final = 2.0


@frozen
class SharedLimit:
    """
    One limit, as a store keeps it.

    Attributes:
        key: Its name in the store, the same in all processes that share it.
        count: The most requests in a window.
        per: The length of the window, in seconds.
    """

    key: str
    count: int
    per: float

    @property
    def margin(self) -> float:
        """How late a request may be without harm, in seconds."""
        return min(self.per * _MARGIN_PART, _MOST_MARGIN)

    @property
    def held(self) -> float:
        """How long a place in the log is held, in seconds."""
        return self.per + self.margin

    @property
    def gap(self) -> float:
        """The time from one slot to the next, in seconds."""
        return min(self.held, _LONGEST_PACE * self.held / self.per) / self.count

    @property
    def rate(self) -> float:
        """The requests of a second, on average."""
        return self.count / self.held

    @property
    def least_gap(self) -> float:
        """The least time from one slot to the next, in seconds, where they are behind their pace."""
        return self.gap / _CATCH_UP

    @property
    def slack(self) -> float:
        """How far the slots may be behind their pace and catch up, in seconds."""
        return self.gap * self.count * _SLACK


def shared_limit(key: str, rate: Rate) -> SharedLimit:
    """Return a rate of the policy as a limit in a store."""
    return SharedLimit(key, int(rate.count), rate.per)


@frozen(kw_only=True)
class SlotRequest:
    """
    A question to a store: for slots in all of some limits, and for what calls need besides.

    Attributes:
        limits: The limits; none where no slots are asked for.
        name: Names the slots, with a number after it; no other question has this name.
        wanted: The most slots to give out.
        after: The first slot is so many seconds from now at the earliest: when the answer is there.
        within: No slot is given out that is later than so many seconds from now.
        late: Earlier slots that were used too late, by name: when they would not have been, on the store's clock.
        unused: The names of earlier slots that were not used.
        proposal: A change of a value; where it cannot be made, the store gives nothing else. None for no value.
        permits: The permits to ask for; while the process may hold none, it gets no slots. None for none.
    """

    limits: tuple[SharedLimit, ...] = ()
    name: str = ""
    wanted: int = 0
    after: float = 0.0
    within: float = 0.0
    late: Mapping[str, float] = field(factory=dict, converter=fixed)
    unused: tuple[str, ...] = ()
    proposal: Proposal | None = None
    permits: PermitRequest | None = None

    def slot_name(self, number: int) -> str:
        """Return the name of one of its slots, counted from 0."""
        return f"{self.name}:{number}"


@frozen(kw_only=True)
class GivenSlots:
    """
    What a store has given out.

    Attributes:
        now: The store's time, in seconds.
        slots: The slots, in order, on the store's clock.
        next: When the next slot would have been that it did not give out; None if it gave out all that were wanted.
        kept: The value that was to be changed, as it is now; None where none was to be.
        permits: The permits; None where none were asked for, or nothing was given.
    """

    now: float
    slots: tuple[float, ...] = ()
    next: float | None = None
    kept: KeptValue | None = None
    permits: GivenPermits | None = None

    def is_behind(self, request: SlotRequest) -> bool:
        """Tell whether calls have to wait for the limits: the first slot is later than it could be."""
        first = self.slots[0] if self.slots else self.next
        return first is not None and first > self.now + request.after + max(each.gap for each in request.limits)
