"""Time that only goes forward, on clocks that may not; and a lock, where calls run in several threads."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Protocol

# In seconds. Threads that read a clock one after the other may arrive here in another order.
_DISORDER: Final = 1.0


class SteadyTime:
    """
    Seconds since the first reading of a clock.

    A clock that steps back takes no time away and adds none: what lay in the future stays as far away as it was. So
    nothing waits until the clock has caught up with itself.
    """

    __slots__ = ("_elapsed", "_last")

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._last: float | None = None

    @property
    def last(self) -> float:
        """What the last reading brought."""
        return self._elapsed

    def at(self, now: float) -> float:
        """Return how many seconds have passed; a reading that is a little older than the last counts as that."""
        last = self._last
        if last is None:
            self._last = now
        elif now > last:
            self._elapsed += now - last
            self._last = now
        elif now < last - _DISORDER:
            self._last = now
        return self._elapsed


class Mutex(Protocol):
    """What is held while shared state changes: a lock, where calls run in several threads."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> object: ...


class NoMutex:
    """For calls that all run in one thread."""

    def __enter__(self) -> None:
        """Hold nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Give nothing back."""
