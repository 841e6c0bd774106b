"""
Lock the keys that a process works on; the operating system frees the locks when the process dies.

Every key has one byte of a lock file beside the ledger; its hash gives the offset. One process
at a time can lock that byte, and a table in the process has the owner. If two keys share a
byte, one call waits for the other, which is harmless.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import define, field

_OFFSETS: Final = 2**31 - 1
_PRIVATE: Final = 0o600


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, offset: int) -> None:
        os.lseek(descriptor, offset, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int, offset: int) -> None:
        os.lseek(descriptor, offset, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, offset: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)

    def _unlock(descriptor: int, offset: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, offset)


@define(eq=False)
class _LockFile:
    """The one descriptor through which a process locks the keys of one ledger."""

    descriptor: int
    identity: tuple[int, int]
    users: int = 0
    spare: list[int] = field(factory=list)
    holders: dict[int, Hashable] = field(factory=dict)
    guard: threading.Lock = field(factory=threading.Lock)

    def take(self, offset: int, owner: Hashable) -> bool:
        with self.guard:
            if offset in self.holders:
                return False
            try:
                _lock(self.descriptor, offset)
            except (BlockingIOError, PermissionError):
                return False
            self.holders[offset] = owner
            return True

    def give_back(self, offset: int) -> None:
        with self.guard:
            del self.holders[offset]
            _unlock(self.descriptor, offset)

    def close(self) -> None:
        for descriptor in (self.descriptor, *self.spare):
            # A program that becomes a daemon closes all descriptors, and other files may have their numbers by now.
            if _identity_of(descriptor) == self.identity:
                os.close(descriptor)


def _identity_of(descriptor: int) -> tuple[int, int] | None:
    """Return device and inode of an open file; None if the descriptor is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


# The locks belong to the process, and closing any descriptor of a file frees all of its locks. So all ledgers of one
# file in a process share one descriptor, by device and inode; closing the last ledger closes it.
_shared: Final[dict[tuple[int, int], _LockFile]] = {}
_guards: Final = [threading.Lock()]


class _Thread(threading.local):
    """What one thread does with claims now; the garbage collector may close other claims in the middle of it."""

    def __init__(self) -> None:
        self.depth = 0
        self.gone: list[Claims] = []


_thread: Final = _Thread()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """
    Keep locks for this block: claims whose ledger is gone are closed at its end.

    The garbage collector may find such a ledger at any moment, also in a thread that holds the lock that closing needs.
    """
    _thread.depth += 1
    try:
        yield
    finally:
        _thread.depth -= 1
        while not _thread.depth and _thread.gone:
            _thread.gone.pop().close()


def _forget_parent() -> None:
    """Forget all locks in a forked process: they belong to the parent."""
    _guards[0] = threading.Lock()
    for file in _shared.values():
        file.close()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)


class Claims:
    """The claims of one ledger object on keys of its ledger."""

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name(ledger.name + "-claims")
        self._offsets: set[int] = set()
        with _undisturbed(), _guards[0]:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), _PRIVATE)
            status = os.fstat(descriptor)
            self._identity = (status.st_dev, status.st_ino)
            known = _shared.get(self._identity)
            if known is None:
                known = _shared[self._identity] = _LockFile(descriptor, self._identity)
            else:
                # Not closed: that would free the locks of other ledger objects in this process.
                known.spare.append(descriptor)
            known.users += 1
            self._file = known

    @property
    def is_idle(self) -> bool:
        """Whether this object holds no key."""
        return not self._offsets

    def take(self, key: str, owner: Hashable) -> bool:
        """
        Take a key if it is free; return whether this object holds it now.

        Raises:
            FileNotFoundError: The lock file was removed: a process that makes it again would not see our claims.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._identity:
            raise FileNotFoundError(f"{self.path.name} was removed or replaced while in use")
        offset = _offset(key)
        with _undisturbed():
            if not self._file.take(offset, owner):
                return False
            self._offsets.add(offset)
        return True

    def holder(self, key: str) -> Hashable:
        """Return the owner of a key in this process; None if this process does not hold it."""
        return self._file.holders.get(_offset(key))

    def give_back(self, key: str) -> None:
        """Give a key back; nothing happens if this object does not hold it."""
        offset = _offset(key)
        if offset in self._offsets:
            with _undisturbed():
                self._offsets.remove(offset)
                self._file.give_back(offset)

    def close(self) -> None:
        """Give all keys back."""
        if _thread.depth:
            _thread.gone.append(self)
            return
        with _undisturbed():
            for offset in tuple(self._offsets):
                self._file.give_back(offset)
            self._offsets.clear()
            with _guards[0]:
                self._file.users -= 1
                if self._file.users == 0:
                    del _shared[self._identity]
                    self._file.close()


def _offset(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % _OFFSETS
