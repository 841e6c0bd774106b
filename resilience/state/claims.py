"""
Who works on which key: locks that the operating system takes back when a process dies.

Every key is one byte of a lock file beside the ledger, at a place that its hash
gives. A lock on that byte is held by one process; within the process a set tells.
Two keys may share a byte: then one waits for the other, which is harmless.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path
from typing import Final

from attrs import define, field

_PLACES: Final = 2**31 - 1
_PRIVATE: Final = 0o600


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, place: int) -> None:
        os.lseek(descriptor, place, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int, place: int) -> None:
        os.lseek(descriptor, place, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, place: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)

    def _unlock(descriptor: int, place: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, place)


@define
class _LockFile:
    """The one descriptor through which a process locks the keys of one ledger."""

    descriptor: int
    users: int = 0
    spare: list[int] = field(factory=list)
    held: set[int] = field(factory=set)
    guard: threading.Lock = field(factory=threading.Lock)

    def take(self, place: int) -> bool:
        with self.guard:
            if place in self.held:
                return False
            try:
                _lock(self.descriptor, place)
            except (BlockingIOError, PermissionError):
                return False
            self.held.add(place)
            return True

    def give_back(self, place: int) -> None:
        with self.guard:
            self.held.discard(place)
            _unlock(self.descriptor, place)

    def close(self) -> None:
        for descriptor in (self.descriptor, *self.spare):
            os.close(descriptor)


class Claims:
    """
    The claims of one process on the keys of one ledger.

    The locks belong to the process, not to this object, and closing any
    descriptor of the lock file gives them all back. So all ledgers of one file
    in a process share one descriptor, and it is closed when the last of them is.
    """

    _shared: Final[dict[tuple[int, int], _LockFile]] = {}
    _guard: Final = threading.Lock()

    def __init__(self, ledger: Path) -> None:
        path = ledger.with_name(ledger.name + "-claims")
        with self._guard:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE)
            status = os.fstat(descriptor)
            self._identity = (status.st_dev, status.st_ino)
            known = self._shared.get(self._identity)
            if known is None:
                known = self._shared[self._identity] = _LockFile(descriptor)
            else:
                # Not closed: that would give back what others in this process hold.
                known.spare.append(descriptor)
            known.users += 1
            self._file = known
        self._held: set[int] = set()

    def take(self, key: str) -> bool:
        """Take a key if nobody has it; return whether it is ours now."""
        place = _place(key)
        if not self._file.take(place):
            return False
        self._held.add(place)
        return True

    def give_back(self, key: str) -> None:
        """Give a key back."""
        place = _place(key)
        if place in self._held:
            self._held.remove(place)
            self._file.give_back(place)

    def close(self) -> None:
        """Give everything back."""
        for place in tuple(self._held):
            self._file.give_back(place)
        self._held.clear()
        with self._guard:
            self._file.users -= 1
            if self._file.users == 0:
                del self._shared[self._identity]
                self._file.close()


def _place(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % _PLACES
