"""Yields the records of a journal as they are written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

# So much is read in one go, so that a large file is no large text.
_PIECE: Final = 1024 * 1024

# A longer line is no record: the writer cuts texts.
_LONGEST: Final = 4 * 1024 * 1024


@define
class JournalTail:
    """
    One file, read on from where the last look ended.

    Attributes:
        path: The file, which need not be there yet.
        is_there: Whether the last look found it.
        broken: The number of lines that are no records.
    """

    path: str
    is_there: bool = False
    broken: int = 0
    _offset: int = 0
    _identity: tuple[int, int] | None = None
    _rest: bytes = field(default=b"", repr=False)

    def records(self) -> Iterator[dict[str, Any]]:
        """
        Yield the records since the last look; the last line counts when it is complete.

        A file that another one has replaced, or that has become shorter, is read from its beginning.

        Raises:
            OSError: The file is there, and cannot be read.
        """
        try:
            file = open(self.path, "rb")  # noqa: SIM115, PTH123  # closed below, also if the caller stops
        except FileNotFoundError:
            self.is_there = False
            return
        with file:
            self.is_there = True
            found = os.fstat(file.fileno())
            identity = found.st_dev, found.st_ino
            if identity != self._identity or found.st_size < self._offset:
                self._identity, self._offset, self._rest = identity, 0, b""
            file.seek(self._offset)
            while piece := file.read(_PIECE):
                self._offset += len(piece)
                *lines, self._rest = (self._rest + piece).split(b"\n")
                for line in lines:
                    record = self._record(line)
                    if record is not None:
                        yield record
                if len(self._rest) > _LONGEST:
                    self._rest, self.broken = b"", self.broken + 1

    def _record(self, line: bytes) -> dict[str, Any] | None:
        if not line.strip():
            return None
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and isinstance(found.get("record"), str):
            return found
        self.broken += 1
        return None
