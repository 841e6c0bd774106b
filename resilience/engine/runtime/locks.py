"""A lock that works after a fork."""

from __future__ import annotations

import os
from threading import Lock

from attrs import define, field


@define(eq=False)
class ProcessLock:
    """
    A lock among the threads of one process; a forked process has another one.

    If a thread holds a lock while its process forks, no thread of the new process could
    give it back.
    """

    _locks: dict[int, Lock] = field(factory=dict, init=False)

    def __enter__(self) -> None:
        """Wait for the lock, and take it."""
        # `setdefault` is atomic, so several threads get the same lock.
        self._locks.setdefault(os.getpid(), Lock()).acquire()

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        self._locks[os.getpid()].release()
