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
        os.write(file, json.dumps(line).encode() + b"\n")
    except OSError:
        return  # a full disk
    finally:
        os.close(file)


def read(path: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file; none if it is not there, and not the last one while it is being written."""
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123  # a name that is made for each call
            text = file.read()
    except FileNotFoundError:
        return
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def mapped(path: str, count: int) -> Numbers[int]:
    """Return so many numbers, which are those of the file for whoever maps it; zeros in the beginning."""
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
