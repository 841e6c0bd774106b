"""
A value that processes share, as one of them has it: what the store holds, and the changes made here since.

A process goes on with its own copy. Now and then it proposes the copy to the store. Where another process was quicker,
the copy becomes what that one has made of the value, with the changes made here on top, and is proposed again. So no
change is lost, and each is decided on the value that was there before it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from attrs import define, field

from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.server_clock import ServerClock
from resilience.core.admission.steady import SteadyTime

# While a store is away, so many of the last changes are kept for it.
_MOST_PENDING: Final = 1000

CopyChange = tuple[Any, ...]
"""A change of a value, in words of the value."""


class StoreTime(SteadyTime):
    """The store's time, from readings of a driver's clock; before the first answer of the store, that clock itself."""

    __slots__ = ("clock",)

    def __init__(self) -> None:
        super().__init__()
        self.clock = ServerClock()

    def at(self, now: float) -> float:
        """Return the store's time."""
        self._elapsed = self.clock.server(now)
        return self._elapsed


@define(eq=False)
class Replica:
    """
    The copy of one value.

    Attributes:
        key: The name of the value in the store.
        lasts: Returns after how many seconds without a change it is forgotten there.
        apply: Makes a change of the copy.
        pack: Returns the copy, as JSON can hold it.
        unpack: Makes the copy what another process has packed; None for a value that is new.
        time: The store's time.
        asked_at: When the store was asked last, on the driver's clock; None for never.
    """

    key: str
    lasts: Callable[[], float]
    apply: Callable[[CopyChange], None]
    pack: Callable[[], Any]
    unpack: Callable[[Any], None]
    time: StoreTime = field(factory=StoreTime)
    asked_at: float | None = field(default=None, init=False)
    _version: str = field(default="", init=False)
    _value: str = field(default="", init=False)
    _pending: deque[CopyChange] = field(factory=lambda: deque(maxlen=_MOST_PENDING), init=False)
    _proposed: int = field(default=0, init=False)

    @property
    def is_changed(self) -> bool:
        """Whether there are changes that the store does not know."""
        return bool(self._pending)

    def note(self, change: CopyChange) -> None:
        """Note a change that was made of the copy, for the store."""
        self._pending.append(change)

    def propose(self, last: Callable[[], object] | None = None) -> Proposal:
        """
        Return what to propose to the store.

        Args:
            last: Makes a change of the copy that holds only if the store takes the proposal.
        """
        self._renew()
        self._proposed = len(self._pending)
        if last is not None:
            last()
        packed = json.dumps(self.pack(), separators=(",", ":"))
        return Proposal(self.key, self._version, "" if packed == self._value else packed, self.lasts())

    def learn(self, proposal: Proposal, kept: KeptValue, *, asked: float, received: float) -> bool:
        """Take the answer of the store; tell whether the proposal holds."""
        self.time.clock.learn(kept.now, asked=asked, received=received)
        self.asked_at = received
        return self.take(proposal, kept)

    def take(self, proposal: Proposal, kept: KeptValue) -> bool:
        """Take the answer of the store, as :meth:`learn` does, where the driver's clock is not known."""
        holds = proposal.holds(kept)
        if holds:
            for _ in range(min(self._proposed, len(self._pending))):
                self._pending.popleft()
        self._version, self._value = kept.version, kept.value
        self._renew()
        return holds

    def renew(self) -> None:
        """Make the copy what the store holds, with the changes made here, after a proposal without an answer."""
        self._renew()

    def _renew(self) -> None:
        self.unpack(json.loads(self._value) if self._value else None)
        for change in tuple(self._pending):
            self.apply(change)
