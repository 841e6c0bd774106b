"""
Slots that a process has reserved in a store: when the next may be used, and what to ask for.

A process asks for as many slots as its calls can use in about a tenth of a second, so that it asks seldom and reserves
little. It asks when more calls wait than it has slots, so early that the answer comes before the last slot is used.

A slot that is used late is told to the store with the next question; one that is too late is given back.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from attrs import define, field

from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest
from resilience.core.admission.shared.server_clock import ServerClock

WITHIN: Final = 2.0
"""How far ahead slots are reserved, in seconds."""

# How much time the slots of one question are for, in seconds, where the store answers quickly.
_BATCH: Final = 0.125
_TRIPS: Final = 2.0
# In seconds: how long before the last slot the next question is asked, beyond the time that it takes.
_EARLY: Final = 0.005
# How late a slot may be used, in seconds, or as a part of the time for which its place is held.
_MOST_LATE: Final = 0.1
_LATE_PART: Final = 0.05
# Told at once at the most; a store forgets what it is not told when the window is over.
_MOST_TOLD: Final = 100


@define(eq=False)
class SlotPool:
    """
    The slots of the calls of one operation to one host.

    Attributes:
        limits: Those that each slot is a place in.
        holder: Names this process.
        clock: The store's clock.
        again: Before this it is of no use to ask.
    """

    limits: tuple[SharedLimit, ...]
    holder: str
    clock: ServerClock = field(factory=ServerClock)
    again: float = field(default=-math.inf, init=False)
    _slots: deque[tuple[float, str]] = field(factory=deque, init=False)
    _asked: int = field(default=0, init=False)
    _usual: int = field(default=1, init=False)  # how many slots are used before the next question
    _late: dict[str, float] = field(factory=dict, init=False)
    _unused: list[str] = field(factory=list, init=False)
    _wasted: bool = field(default=False, init=False)

    def __len__(self) -> int:
        """Return how many slots there are, also those that are too late."""
        return len(self._slots)

    def ready_at(self, now: float) -> float:
        """Return when the next slot may be used: ``now``, or later; infinity if there is none."""
        slots = self._slots
        latest = min(_MOST_LATE, _LATE_PART * min(limit.held for limit in self.limits))
        while slots and slots[0][0] + latest < now:
            self._unused.append(slots.popleft()[1])
            self._wasted = True
        return max(slots[0][0], now) if slots else math.inf

    def take(self, now: float) -> None:
        """Use the next slot."""
        at, name = self._slots.popleft()
        late = now - at - min(limit.margin for limit in self.limits)
        if late > 0.0:
            self._late[name] = self.clock.server(at + late)

    def used_in(self, seconds: float) -> int:
        """Return how many slots the limits allow in so many seconds, one at least."""
        return max(math.ceil(min(limit.rate for limit in self.limits) * seconds), 1)

    def wanted(self, waiting: int, now: float, *, room: float = math.inf) -> int:
        """
        Return how many slots to ask for now; 0 for none.

        Args:
            waiting: The calls that could use a slot.
            now: The time.
            room: How many attempts may begin now, before one of those under way has ended.
        """
        missing = min(waiting, max(room, self._usual) if room > 0 else 0) - len(self._slots)
        lead = self.clock.trip + _EARLY
        if missing <= 0 or now < self.again or (self._slots and self._slots[-1][0] - now > lead):
            return 0
        return int(min(max(missing, self._usual), self._batch))

    def ask(self, wanted: int, *, pause: float = 0.0) -> SlotRequest:
        """Return a question for so many slots, the first after a pause; one is asked at a time."""
        self._asked += 1
        late = dict(list(self._late.items())[:_MOST_TOLD])
        unused = tuple(self._unused[:_MOST_TOLD])
        self._late.clear()
        self._unused.clear()
        if self._wasted:
            self._usual = max(self._usual // 2, 1)
        else:
            self._usual = min(self._usual * 2, self._batch)
        self._wasted = False
        name = f"{self.holder}:{self._asked}"
        return SlotRequest(
            limits=self.limits,
            name=name,
            wanted=wanted,
            after=max(self.clock.trip / 2, pause),
            within=WITHIN + self.clock.trip + pause,
            late=late,
            unused=unused,
        )

    def unasked(self, request: SlotRequest) -> None:
        """Take back what a question told, which the store has not heard."""
        self._late.update(request.late)
        self._unused.extend(request.unused)

    def add(self, request: SlotRequest, answer: GivenSlots, *, asked: float, received: float) -> None:
        """Take what a store has given out."""
        self.clock.learn(answer.now, asked=asked, received=received)
        new = [(self.clock.local(at), request.slot_name(number)) for number, at in enumerate(answer.slots)]
        self._slots = deque(sorted([*self._slots, *new]))
        self.again = -math.inf
        if answer.next is not None and not answer.slots:
            self.again = self.clock.local(answer.next) - request.within

    def next_at(self, now: float) -> float:
        """Return an instant before which no slot can be used that is not there yet."""
        return max(self.again + WITHIN, now)

    @property
    def _batch(self) -> int:
        rate = min(limit.rate for limit in self.limits)
        return max(math.ceil(rate * max(_BATCH, _TRIPS * self.clock.trip)), 1)
