"""
Where rows come from: a CSV file, a JSON-lines file, standard input, or an iterable.

Rows are read more than once: to check them, to send them, and to write those that are left. So what can be read only
once is copied to a temporary file first, and the memory does not grow with the number of rows.
"""

from __future__ import annotations

import csv
import json
import pickle
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Literal, Protocol

from attrs import frozen

from resilience.fleet.rows.problems import Problems

Form = Literal["csv", "jsonl"]

_BEGINNING: Final = 4096


@frozen(repr=False)
class Row:
    """
    One row. Its ``repr`` shows no value.

    Attributes:
        line: The line where it begins, from 1; for an iterable its place in it.
        values: Its values by column: texts from CSV, anything from JSON and Python.
    """

    line: int
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        """Show the line."""
        return f"<Row {self.line}>"


class RowSource(Protocol):
    """
    Rows that can be read any number of times.

    Attributes:
        name: What messages call it.
        is_text: Whether values are texts that have yet to be converted.
    """

    name: str
    is_text: bool

    def read(self, problems: Problems) -> Iterator[Row]:
        """Yield the rows; what is no row is a problem, and is left out."""
        ...

    def columns(self) -> tuple[str, ...] | None:
        """Return the names of the columns where all rows have the same; None where each row has its own."""
        ...


class CsvRows:
    """A CSV file: names of columns in its first line, commas, UTF-8."""

    is_text = True

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name

    def columns(self) -> tuple[str, ...]:
        """Return the first line that is not empty."""
        with self._opened(errors="replace") as file:
            try:
                return tuple(name.strip() for name in next((row for row in csv.reader(file) if row), []))
            except csv.Error:
                return ()

    def read(self, problems: Problems) -> Iterator[Row]:
        """Yield the rows; one with too many or too few cells is a problem."""
        columns: tuple[str, ...] = ()
        with self._opened() as file:
            reader = csv.reader(file, strict=True)
            begin = 1
            try:
                for cells in reader:
                    line, begin = begin, reader.line_num + 1
                    if not cells:
                        continue
                    if not columns:
                        columns = tuple(name.strip() for name in cells)
                    elif len(cells) != len(columns):
                        problems.add(line, f"expected {len(columns)} cells, as in the first line, found {len(cells)}")
                    else:
                        yield Row(line, dict(zip(columns, cells, strict=True)))
            except UnicodeDecodeError:
                problems.add(begin, "expected UTF-8; save the file in that encoding")
            except csv.Error as error:
                problems.add(begin, f"expected CSV: {error}")

    def _opened(self, errors: str = "strict") -> IO[str]:
        return self.path.open(encoding="utf-8-sig", errors=errors, newline="")


class JsonRows:
    """A file with a JSON object in each line."""

    is_text = False

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name

    def columns(self) -> None:
        """Each row has its own."""

    def read(self, problems: Problems) -> Iterator[Row]:
        """Yield the rows; a line that is no JSON object is a problem."""
        with self.path.open("rb") as file:
            for line, text in enumerate(file, 1):
                if not text.strip():
                    continue
                try:
                    values = json.loads(
                        text.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_no_constant
                    )
                except UnicodeDecodeError:
                    problems.add(line, "expected UTF-8; save the file in that encoding")
                except json.JSONDecodeError as error:
                    problems.add(line, f"expected a JSON object in one line; column {error.colno} is no JSON")
                except (ValueError, RecursionError) as error:
                    problems.add(line, str(error))
                else:
                    if isinstance(values, dict):
                        yield Row(line, values)
                    else:
                        problems.add(line, "expected a JSON object in one line, found another JSON value")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("expected each name once in a JSON object, found one twice")
    return found


def _no_constant(_: str) -> None:
    raise ValueError("expected JSON, which has neither NaN nor Infinity")


class PythonRows:
    """Mappings from an iterable, which can be read again."""

    is_text = False
    name = "rows"

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = rows

    def columns(self) -> None:
        """Each row has its own."""

    def read(self, problems: Problems) -> Iterator[Row]:
        """Yield the rows; what is no mapping is a problem."""
        for place, values in enumerate(self._rows, 1):
            if isinstance(values, Mapping):
                yield Row(place, values)
            else:
                problems.add(place, f"expected a mapping of parameters to values, found {type(values).__name__}")


class Spool:
    """Values in a temporary file, to be read any number of times."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed with this object
        weakref.finalize(self, self._file.close)
        for value in values:
            pickle.dump(value, self._file)

    def __iter__(self) -> Iterator[Any]:
        """Yield the values."""
        place = 0
        self._file.seek(0, 2)
        end = self._file.tell()
        while place < end:
            # Two readers may take turns.
            self._file.seek(place)
            value = pickle.load(self._file)  # noqa: S301  # written above, into a file without a name
            place = self._file.tell()
            yield value


def rows_of(rows: str | Path | Iterable[Mapping[str, Any]], form: Form | None = None) -> RowSource:
    """
    Return rows that can be read any number of times.

    Args:
        rows: A file, or mappings; an iterator is copied to a temporary file.
        form: The form of the file; None for the one that its first character tells.

    Raises:
        OSError: The file cannot be read.
    """
    if isinstance(rows, str | Path):
        return file_rows(Path(rows), str(rows), form)
    return PythonRows(Spool(rows) if iter(rows) is rows else rows)


def file_rows(path: Path, name: str, form: Form | None = None) -> RowSource:
    """Return the rows of a file; ``name`` is what messages call it."""
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING).removeprefix(b"\xef\xbb\xbf").lstrip()
    is_json = beginning.startswith(b"{") if form is None else form == "jsonl"
    return JsonRows(path, name) if is_json else CsvRows(path, name)


def spooled(stream: BinaryIO, folder: Path) -> Path:
    """Copy a stream to a file in a folder; return the file."""
    path = folder / "rows"
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return path
