"""The rows that are left: those that failed or were not begun, written in the form of the input."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from resilience.fleet.progress import DONE
from resilience.fleet.rows.problems import Problems
from resilience.fleet.rows.source import RowSource


def write_left(path: Path, source: RowSource, states: bytearray) -> None:
    """
    Write the rows that are not done, to be run again: completely, or not at all.

    The file can be the input itself. Without such rows it has no rows.

    Raises:
        OSError: It cannot be written.
        RowsError: The rows have changed since they were checked.
        TypeError: A value from Python is none of JSON.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            _write(file, source, states)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _write(file: IO[str], source: RowSource, states: bytearray) -> None:
    columns = source.columns()
    if columns is not None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in _left(source, states):
            writer.writerow([row[column] for column in columns])
        return
    for row in _left(source, states):
        file.write(f"{json.dumps(dict(row), ensure_ascii=False)}\n")


def _left(source: RowSource, states: bytearray) -> Iterator[dict[str, str]]:
    problems = Problems(source.name, is_late=True)
    rows = 0
    for number, row in enumerate(source.read(problems)):
        rows = number + 1
        if number >= len(states):
            break
        if states[number] != DONE:
            yield dict(row.values)
    problems.check()
    if rows != len(states):
        problems.add(1, f"expected {len(states):,} rows, as at first; leave the file as it is while it is used")
        problems.check()
