"""A private file that lines are appended to, whatever the program does with its descriptors."""

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
    An open file that stays itself where a program closes every descriptor, as daemons do when they begin.

    The number may then belong to a file of the program's own, which must get no line of ours.
    """

    __slots__ = ("_identity", "_path", "descriptor")

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        # A daemon also leaves its folder.
        self._path = path.absolute()
        self._open()

    def ends_inside_a_line(self) -> bool:
        """Tell whether the file ends inside of a line, as a power failure may leave it."""
        if os.lseek(self.descriptor, 0, os.SEEK_END) == 0:
            return False
        os.lseek(self.descriptor, -1, os.SEEK_END)
        return os.read(self.descriptor, 1) != b"\n"

    def own(self) -> int:
        """Return a descriptor of the file; a new one where the number is another file's, or none's, by now."""
        if _identity(self.descriptor) != self._identity:
            self._open()
        return self.descriptor

    def close(self) -> None:
        """Close the file, and no other."""
        if _identity(self.descriptor) == self._identity:
            os.close(self.descriptor)

    def _open(self) -> None:
        # Not every system has, or needs, the last two: one keeps a pipe from blocking, the other bytes as they are.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self._path, flags, _PRIVATE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no regular file")
        self.descriptor, self._identity = descriptor, _identity(descriptor)


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Return which file a descriptor is of; None if it is closed."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino
