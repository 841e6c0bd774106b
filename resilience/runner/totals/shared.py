"""
What processes of one run share: lines in a file, and numbers in memory.

The folder of a run may be gone while a process of it goes on. Nobody asks then for
what that process did, so it keeps it to itself, and no call fails for it.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

NAMES: Final = "names.jsonl"
"""The file that says whose name is whose; the end of a run looks whether there is one before it imports a reader."""

_PRIVATE: Final = 0o600
_NUMBER: Final = 8

Numbers = memoryview
"""Numbers of 64 bits without a sign, as this machine writes them."""


def append(path: str, line: Mapping[str, Any]) -> None:
    """Add a line to a file, in one write: those of other processes stay whole."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _PRIVATE)
    except OSError:
        return
    try:
        # It begins with an end as well: half a line that a full disk has left must not spoil the next one.
        os.write(file, b"\n" + json.dumps(line).encode() + b"\n")
    except OSError:
        return  # a full disk
    finally:
        os.close(file)


def read(path: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file; none if it is not there, and not the last one while it is being written."""
    yield from read_from(path, 0)[0]


def read_from(path: str, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the whole lines of a file that begin at an offset or later, and where the next one will begin."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # a name that is made for each call
            file.seek(offset)
            text = file.read()
    except FileNotFoundError:
        return [], offset
    whole = text[: text.rfind(b"\n") + 1]
    return [line for each in whole.splitlines() if (line := _loaded(each)) is not None], offset + len(whole)


def _loaded(line: bytes) -> dict[str, Any] | None:
    try:
        return json.loads(line)  # type: ignore[no-any-return]  # as it was written
    except ValueError:
        return None  # nothing, or half of one


def mapped(path: str, count: int) -> Numbers[int]:
    """Return so many numbers, which every process that maps the file shares; zeros in the beginning."""
    return memoryview(_memory(path, count * _NUMBER)).cast("Q")


def _memory(path: str, size: int) -> mmap.mmap:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE)
    except OSError:
        return mmap.mmap(-1, size)
    try:
        if os.fstat(file).st_size < size:
            # Written, and not only made longer: a full disk must be an error here, and no signal later.
            os.write(file, bytes(size))
        return mmap.mmap(file, size)
    except (OSError, ValueError):
        return mmap.mmap(-1, size)
    finally:
        os.close(file)
