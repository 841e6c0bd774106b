"""What belongs to one process: a forked process makes its own."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_renewing: Final = [threading.Lock()]


def _begin_anew() -> None:
    """Take a new lock in a forked process: a thread of the parent may hold the old one."""
    _renewing[0] = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _close(process: int, close: Callable[[T], object], value: T) -> None:
    # A forked process that ends would close what its parent uses.
    if process == os.getpid():
        close(value)


class OwnOfProcess(Generic[T]):
    """
    A value of each process.

    Args:
        make: Makes the value of this process, and that of a forked one when it asks for it.
        close: Closes a value when this object is gone.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], object]) -> None:
        self._make = make
        self._close = close
        self._begin()

    def _begin(self) -> None:
        self._value = self._make()
        self._process = os.getpid()
        weakref.finalize(self, _close, self._process, self._close, self._value)

    def get(self) -> T:
        """Return the value of this process."""
        if self._process != os.getpid():
            with _renewing[0]:
                # In a forked process only one of several threads may do this, or the claims of the others are lost.
                if self._process != os.getpid():
                    self._begin()
        return self._value
