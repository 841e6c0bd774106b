"""
Who works on which key: locks that the operating system takes back when a process dies.

Every key is one byte of a lock file beside the ledger, at a place that its hash
gives. A lock on that byte is held by one process; within the process a table tells.
Two keys may share a byte: then one waits for the other, which is harmless.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Hashable
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


@define(eq=False)
class _LockFile:
    """The one descriptor through which a process locks the keys of one ledger."""

    descriptor: int
    identity: tuple[int, int]
    users: int = 0
    spare: list[int] = field(factory=list)
    holders: dict[int, Hashable] = field(factory=dict)
    guard: threading.Lock = field(factory=threading.Lock)

    def take(self, place: int, owner: Hashable) -> bool:
        with self.guard:
            if place in self.holders:
                return False
            try:
                _lock(self.descriptor, place)
            except (BlockingIOError, PermissionError):
                return False
            self.holders[place] = owner
            return True

    def give_back(self, place: int) -> None:
        with self.guard:
            del self.holders[place]
            _unlock(self.descriptor, place)

    def close(self) -> None:
        for descriptor in (self.descriptor, *self.spare):
            # A program that becomes a daemon closes them all, and files of its own may have their numbers by now.
            if _identity_of(descriptor) == self.identity:
                os.close(descriptor)


def _identity_of(descriptor: int) -> tuple[int, int] | None:
    """Return device and inode of an open file; None if the descriptor is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


# The locks belong to the process, and closing any descriptor of a file gives all of its locks back. So all ledgers of
# one file in a process share one descriptor, by device and inode, and it is closed when the last of them is.
_shared: Final[dict[tuple[int, int], _LockFile]] = {}
_guards: Final = [threading.Lock()]


def _forget_parent() -> None:
    """In a forked process: the locks stayed with the parent, so nothing here is held."""
    _guards[0] = threading.Lock()
    for file in _shared.values():
        file.close()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)


class Claims:
    """The claims that one process makes on the keys of one ledger, through one ledger object."""

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name(ledger.name + "-claims")
        self._held: set[int] = set()
        with _guards[0]:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), _PRIVATE)
            status = os.fstat(descriptor)
            self._identity = (status.st_dev, status.st_ino)
            known = _shared.get(self._identity)
            if known is None:
                known = _shared[self._identity] = _LockFile(descriptor, self._identity)
            else:
                # Not closed: that would give back what others in this process hold.
                known.spare.append(descriptor)
            known.users += 1
            self._file = known

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held."""
        return not self._held

    def take(self, key: str, owner: Hashable) -> bool:
        """
        Take a key if it is free; return whether it is ours now.

        Raises:
            FileNotFoundError: The lock file was removed: who opens it anew would see no claim of ours.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._identity:
            raise FileNotFoundError(f"{self.path.name} was removed or replaced while in use")
        place = _place(key)
        if not self._file.take(place, owner):
            return False
        self._held.add(place)
        return True

    def holder(self, key: str) -> Hashable:
        """Return who in this process holds a key; None if it is free."""
        return self._file.holders.get(_place(key))

    def give_back(self, key: str) -> None:
        """Give a key back; nothing happens if it is not held."""
        place = _place(key)
        if place in self._held:
            self._held.remove(place)
            self._file.give_back(place)

    def close(self) -> None:
        """Give everything back."""
        for place in tuple(self._held):
            self._file.give_back(place)
        self._held.clear()
        with _guards[0]:
            self._file.users -= 1
            if self._file.users == 0:
                del _shared[self._identity]
                self._file.close()


def _place(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % _PLACES
