"""A private file for appending, which survives a program that closes its descriptors."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


class AppendedFile:
    """
    An open file that survives a program which closes all descriptors, as daemons do when they start.

    The descriptor's number may then belong to another file, which must get no line of ours.
    """

    __slots__ = ("_identity", "_path", "descriptor")

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        # Absolute, because a daemon also changes its folder.
        self._path = path.absolute()
        self._open()

    def ends_inside_a_line(self) -> bool:
        """Tell whether the file ends inside of a line, as after a power failure."""
        if os.lseek(self.descriptor, 0, os.SEEK_END) == 0:
            return False
        os.lseek(self.descriptor, -1, os.SEEK_END)
        return os.read(self.descriptor, 1) != b"\n"

    def own(self) -> int:
        """Return a descriptor of the file; a new one if the number is closed or belongs to another file."""
        if _identity(self.descriptor) != self._identity:
            self._open()
        return self.descriptor

    def close(self) -> None:
        """Close the file, unless the descriptor belongs to another file."""
        if _identity(self.descriptor) == self._identity:
            os.close(self.descriptor)

    def _open(self) -> None:
        # Not every system has the last two flags: one keeps a pipe from blocking, the other keeps line ends unchanged.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self._path, flags, _PRIVATE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no regular file")
        self.descriptor, self._identity = descriptor, _identity(descriptor)


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Return the identity of a descriptor's file; None for a closed descriptor."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino
