"""
Share data between the processes of one run: lines in a file, and numbers in memory.

The folder of a run may be removed while a process of the run continues. Then the run has ended,
and the process keeps its data to itself; no call fails for that.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

NAMES: Final = "names.jsonl"
"""The file of names; the end of a run looks whether it exists before it imports the reader."""

_PRIVATE: Final = 0o600
_NUMBER: Final = 8

Numbers = memoryview
"""Unsigned numbers of 64 bits, in the byte order of this machine."""


def append(path: str, line: Mapping[str, Any]) -> None:
    """Append a line to a file in one write, so that lines of several processes do not mix."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _PRIVATE)
    except OSError:
        return
    try:
        # A line break comes first too: a full disk may have left half a line.
        os.write(file, b"\n" + json.dumps(line).encode() + b"\n")
    except OSError:
        return  # a full disk
    finally:
        os.close(file)


def read(path: str) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a file; nothing if there is no such file."""
    yield from read_from(path, 0)[0]


def read_from(path: str, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the whole lines of a file from an offset on, and the offset after them."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib takes longer
            file.seek(offset)
            text = file.read()
    except FileNotFoundError:
        return [], offset
    whole = text[: text.rfind(b"\n") + 1]
    return [line for each in whole.splitlines() if (line := _loaded(each)) is not None], offset + len(whole)


def _loaded(line: bytes) -> dict[str, Any] | None:
    try:
        return json.loads(line)  # type: ignore[no-any-return]  # `append` has written it
    except ValueError:
        return None  # an empty line, or half a line


def mapped(path: str, count: int) -> Numbers[int]:
    """Return numbers that all processes which map the file share; they begin as zeros."""
    return memoryview(_memory(path, count * _NUMBER)).cast("Q")


def _memory(path: str, size: int) -> mmap.mmap:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE)
    except OSError:
        return mmap.mmap(-1, size)
    try:
        if os.fstat(file).st_size < size:
            # Zeros are written, so that a full disk is an error here, and no SIGBUS later.
            os.write(file, bytes(size))
        return mmap.mmap(file, size)
    except (OSError, ValueError):
        return mmap.mmap(-1, size)
    finally:
        os.close(file)
