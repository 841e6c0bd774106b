"""How late a program is when a wait of it ends: its event loop or its threads have too much to do."""

from __future__ import annotations

from typing import Final

from attrs import define, field

# In seconds: the worst of this time, and of the one before it, is what counts at present.
_SPAN: Final = 1.0


@define(eq=False)
class Slowness:
    """The worst lateness of the last second or two."""

    _since: float = field(default=0.0, init=False)
    _worst: float = field(default=0.0, init=False)
    _before: float = field(default=0.0, init=False)

    def note(self, late: float, now: float) -> None:
        """Note that a wait ended so many seconds late."""
        if now >= self._since + _SPAN:
            self._before = self._worst if now < self._since + 2 * _SPAN else 0.0
            self._since, self._worst = now, 0.0
        self._worst = max(self._worst, late)

    @property
    def seconds(self) -> float:
        """The worst of it."""
        return max(self._worst, self._before)
