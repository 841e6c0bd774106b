"""All rows, checked before anything is sent."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from attrs import frozen

from resilience.engine.target.target import Target
from resilience.fleet.rows.parameters import Parameters
from resilience.fleet.rows.problems import Problems, shown
from resilience.fleet.rows.source import Row, RowSource

NumberedRow = tuple[int, int, dict[str, Any]]
"""The number of a row, from 0; its line; and its arguments."""

KeyOf = Callable[[Mapping[str, Any]], Mapping[str, str] | None]
"""Returns the fields that name the resource of a call with these arguments; None if they are not known."""


@frozen
class CheckedRows:
    """
    Rows that fit a function.

    Attributes:
        source: Where they come from.
        parameters: Of the function.
        count: How many there are.
        digest: Of the names of their resources, in any order; empty where nothing names these.
    """

    source: RowSource
    parameters: Parameters
    count: int
    digest: str = ""

    def __iter__(self) -> Iterator[NumberedRow]:
        """
        Yield the number of each row, from 0, its line, and its arguments.

        Raises:
            RowsError: The rows have changed since they were checked.
        """
        problems = Problems(self.source.name, is_late=True)
        number = -1
        for number, row in enumerate(self.source.read(problems)):  # the last one is counted
            arguments = _arguments(self.parameters, self.source, row, problems)
            problems.check()
            yield number, row.line, arguments
        problems.check()
        if number + 1 != self.count:
            problems.add(1, f"expected {self.count:,} rows, as at first, found {number + 1:,}; leave the file as it is")
            problems.check()


def checked(source: RowSource, parameters: Parameters, key_of: KeyOf | None) -> CheckedRows:
    """
    Check all rows.

    Args:
        source: The rows.
        parameters: Those of the function.
        key_of: Names the resource of a call; None where two calls for one resource are no mistake.

    Raises:
        RowsError: At least one row has a problem.
    """
    problems = Problems(source.name)
    columns = source.columns()
    if columns is not None:
        _check_columns(columns, parameters, problems)
        # A column without a parameter would be a problem in every row.
        problems.check()
    digests = array("Q")
    count = 0
    for row in source.read(problems):
        count += 1
        before = problems.count
        if columns is None:
            _check_names(row, parameters, problems)
        arguments = _arguments(parameters, source, row, problems)
        key = None if key_of is None or problems.count > before else key_of(arguments)
        if key is not None:
            digests.append(_digest(key))
    ordered = sorted(digests)
    twice = {a for a, b in pairwise(ordered) if a == b}
    if twice and key_of is not None:
        _find_twice(source, parameters, key_of, twice, problems)
    problems.check()
    digest = blake2b(array("Q", ordered), digest_size=16).hexdigest() if ordered else ""
    return CheckedRows(source, parameters, count, digest)


def rows_for(target: Target, key_of: KeyOf, rows: RowSource) -> CheckedRows:
    """
    Check rows for the function of a target.

    Raises:
        RowsError: At least one row does not fit.
        TypeError: Rows cannot give the function its parameters.
    """
    has_key = target.operation.is_for_ledger and bool(target.operation.ledger_keys)
    return checked(rows, Parameters(target.function), key_of if has_key else None)


def _arguments(parameters: Parameters, source: RowSource, row: Row, problems: Problems) -> dict[str, Any]:
    def report(column: str, message: str) -> None:
        problems.add(row.line, message, column)

    return parameters.arguments(row.values, is_text=source.is_text, report=report)


def _check_columns(columns: tuple[str, ...], parameters: Parameters, problems: Problems) -> None:
    for column in dict.fromkeys(columns):
        message = parameters.unknown(column)
        if message is not None:
            problems.add(1, message, column)
        elif columns.count(column) > 1:
            problems.add(1, "expected each column once, found it twice", column)
    for name in parameters.needed:
        if name not in columns:
            problems.add(1, _missing(name, parameters))


def _check_names(row: Row, parameters: Parameters, problems: Problems) -> None:
    for column in row.values:
        message = parameters.unknown(column)
        if message is not None:
            problems.add(row.line, message, column)
    for name in parameters.needed:
        if name not in row.values:
            problems.add(row.line, _missing(name, parameters))


def _missing(name: str, parameters: Parameters) -> str:
    return f"expected {shown(name)}, a parameter of {parameters.function} without a default, found none"


def _digest(key: Mapping[str, str]) -> int:
    text = json.dumps(sorted(key.items())).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest())


def _find_twice(source: RowSource, parameters: Parameters, key_of: KeyOf, twice: set[int], problems: Problems) -> None:
    """Read the rows again, for those that may name one resource; hashes alone could be equal by chance."""
    first: dict[tuple[tuple[str, str], ...], int] = {}
    silent = Problems(source.name)
    for row in source.read(silent):
        key = key_of(_arguments(parameters, source, row, silent))
        if key is None or _digest(key) not in twice:
            continue
        named = tuple(sorted(key.items()))
        if named not in first:
            first[named] = row.line
            continue
        fields = " and ".join(field for field, _ in named)
        problems.add(row.line, f"expected another {fields} in each row, found that of line {first[named]:,} again")
