"""
What the ledger knows of rows, before their calls are made.

A row that an earlier run has done needs no call: nothing is sent for it, and its verifier is not asked. So a second run
of a fleet costs nothing. A call that a program makes by itself asks its verifier, because it wants the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from resilience.fleet.function import FleetFunction
from resilience.fleet.rows.check import NumberedRow
from resilience.state import UnavailableError
from resilience.state.ledger.entry import State

_AT_ONCE: Final = 500
"""Rows that are looked up at once: a few milliseconds, in which an event loop stands still."""


def looked_up(function: FleetFunction, rows: Iterable[NumberedRow]) -> Iterator[tuple[NumberedRow, State | None]]:
    """
    Yield each row with the state of its entry in the ledger; None without an entry, or without a ledger.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    ledger = function.target.setting.ledger
    left = iter(rows)
    if ledger is None or not function.target.operation.is_for_ledger:
        for row in left:
            yield row, None
        return
    while some := tuple(islice(left, _AT_ONCE)):
        keys = [function.ledger_key_of(arguments) for _, _, arguments in some]
        try:
            states = ledger.states([key for key in keys if key is not None])
        except UnavailableError:
            states = {}  # the call of each row waits for its entry
        for row, key in zip(some, keys, strict=True):
            yield row, None if key is None else states.get(key)


def not_done(
    function: FleetFunction, rows: Iterable[NumberedRow], is_done: Callable[[int, int], object]
) -> Iterator[NumberedRow]:
    """
    Yield the rows that the ledger does not know to be done.

    Args:
        function: What is called.
        rows: What it is called with.
        is_done: Is told the number and line of each of the others.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    for row, state in looked_up(function, rows):
        if state == "done":
            is_done(row[0], row[1])
        else:
            yield row
