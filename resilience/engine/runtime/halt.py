"""Tells plain threads, which Python cannot interrupt, to end their calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

from attrs import define, field


class Halted(BaseException):
    """Ends a call whose thread was told to; it passes through code of the user as a cancellation does."""


@define(eq=False)
class Halt:
    """
    Tells some threads to end their calls, before the next attempt or in one of our waits.

    Args:
        outer: The halt of the thread that starts these threads, which is theirs too; None if it has none.
    """

    outer: Halt | None
    _event: threading.Event = field(factory=threading.Event, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _inner: WeakSet[Halt] = field(factory=WeakSet, init=False)
    _events: set[threading.Event] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        """Join the outer one, which may be set already."""
        if self.outer is not None:
            with self.outer._lock:  # noqa: SLF001  # it is of this class
                self.outer._inner.add(self)  # noqa: SLF001  # likewise
            if self.outer.is_set:
                self.set()

    @property
    def is_set(self) -> bool:
        """Whether the threads are to end their calls."""
        return self._event.is_set()

    def set(self) -> None:
        """Tell the threads, and those that they have started under halts of their own."""
        self._event.set()
        with self._lock:
            inner: list[Halt | threading.Event] = [*self._inner, *self._events]
        for each in inner:
            each.set()

    @contextmanager
    def setting(self, event: threading.Event) -> Iterator[None]:
        """Set an event as well, which one of the threads waits for in the block."""
        with self._lock:
            self._events.add(event)
        if self.is_set:
            event.set()
        try:
            yield
        finally:
            with self._lock:
                self._events.discard(event)

    def wait(self, seconds: float) -> None:
        """Wait for so many seconds, or until it is set."""
        self._event.wait(seconds)

    def check(self) -> None:
        """
        Let a thread go on.

        Raises:
            Halted: It is to end its call.
        """
        if self._event.is_set():
            raise Halted
