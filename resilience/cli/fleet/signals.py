"""Ctrl-C and SIGTERM during a fleet: the first one begins no further call, the second one breaks off."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_SHELL: Final = 128
"""A shell adds this to the number of a signal that ended a command."""


class Interruption:
    """
    What signals have come.

    Attributes:
        number: The first signal; None without one.
    """

    def __init__(self, stop: Callable[[], object], cancel: Callable[[], object], tell: Callable[[str], object]) -> None:
        self.number: int | None = None
        self._stop = stop
        self._cancel = cancel
        self._tell = tell

    @property
    def exit_code(self) -> int | None:
        """What a shell expects of a command that a signal ended; None without a signal."""
        return None if self.number is None else _SHELL + self.number

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Handle a signal."""
        if self.number is None:
            self.number = number
            self._tell("no further call begins; those under way end (again to break them off)")
            self._stop()
        else:
            self._cancel()

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals inside of the block."""
        before: dict[signal.Signals, Any] = {}
        try:
            for each in (signal.SIGINT, signal.SIGTERM):
                before[each] = signal.signal(each, self)
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
