"""A lock that a process can be forked under."""

from __future__ import annotations

import os
from threading import Lock

from attrs import define, field


@define(eq=False)
class ProcessLock:
    """
    A lock among the threads of one process.

    A thread that holds a lock while its process forks is not there in the new process to
    give it back, so that process has another lock.
    """

    _locks: dict[int, Lock] = field(factory=dict, init=False)

    def __enter__(self) -> None:
        """Wait for the lock, and take it."""
        # One of several threads that come first in a process makes it: that is one step for a dictionary.
        self._locks.setdefault(os.getpid(), Lock()).acquire()

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._locks[os.getpid()].release()
