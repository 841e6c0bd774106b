"""
Count the calls of a run in all of its processes, in numbers that survive a process that is killed.

A journal has all of these numbers, but costs more than a run should cost by default: 50 us more for each call, on a
machine on which a counted success takes 4 us and a failure 60 us, 600 bytes for each call, and a second at the end for
each 100,000 calls (CPython 3.11). A full disk does not harm these numbers: their file has its final length from the
first call on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

from attrs import define, field, fields, frozen

from resilience.runner.run import Run
from resilience.runner.totals.shared import Numbers, mapped

_SUFFIX: Final = ".counters"


@frozen(kw_only=True)
class Counts:
    """
    The sums over all processes of a run.

    Attributes:
        calls: Management calls that have begun.
        retries: Attempts after the first.
        refreshes: Refreshes of credentials that have begun.
        verifications: Calls of a verifier.
        discards: Resources that a verifier has discarded, because the answer about them was lost.
        accepted: Failed calls that the policy accepted as a success.
        failures: Calls that failed or were refused.
        refused: Calls that the executor refused.
        waited: The sum of all waits, in milliseconds.
        began: When the first call began, in nanoseconds since the epoch; 0 before the first call.
    """

    calls: int = 0
    retries: int = 0
    refreshes: int = 0
    verifications: int = 0
    discards: int = 0
    accepted: int = 0
    failures: int = 0
    refused: int = 0
    waited: int = 0
    began: int = 0


_INDEXES: Final = {each.name: index for index, each in enumerate(fields(Counts))}
"""The index of each number in the file of a process."""


@define(eq=False)
class Counters:
    """
    Counts the calls of this process, in a file of its own that is mapped into memory.

    The first call makes the file; a forked process makes another file.

    Args:
        run: The run.
        on_first: Called before this process counts its first call, and again in a forked process.
    """

    _run: Run
    _on_first: Callable[[], object]
    _numbers: Numbers[int] | None = field(default=None, init=False)
    _guard: Lock = field(factory=Lock, init=False)

    def __attrs_post_init__(self) -> None:
        if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
            os.register_at_fork(after_in_child=self._begin_anew)

    def tally(self) -> None:
        """Count a call."""
        # This statement calls no function, so the interpreter does not switch threads between its read and its write.
        try:
            self._numbers[0] += 1  # type: ignore[index]  # the other branch is for None
        except TypeError:
            self._begin()[0] += 1

    def add(self, name: str, amount: int = 1) -> None:
        """Add to the number of this name in :class:`Counts`."""
        numbers = self._numbers or self._begin()
        numbers[_INDEXES[name]] += amount

    def _begin(self) -> Numbers[int]:
        # Other threads wait here for `on_first`, which may change the observers of their calls.
        with self._guard:
            if self._numbers is None:
                self._on_first()
                numbers = mapped(self._run.shared(f"{os.getpid()}{_SUFFIX}"), len(_INDEXES))
                # The file is there already if this process has become another program, or has the id of an ended one.
                numbers[_INDEXES["began"]] = numbers[_INDEXES["began"]] or time.time_ns()
                self._numbers = numbers
            return self._numbers

    def _begin_anew(self) -> None:
        self._numbers = None
        self._guard = Lock()  # in a forked process, a thread of the parent may hold the old lock


def counted(run: Run) -> Counts:
    """Return the sums of the numbers that the processes of a run have counted so far."""
    rows = [list(mapped(str(file), len(_INDEXES))) for file in Path(run.folder).glob(f"*{_SUFFIX}")]
    sums = {name: sum(row[index] for row in rows) for name, index in _INDEXES.items()}
    # A process that is just making its file has no `began` yet.
    sums["began"] = min((began for row in rows if (began := row[_INDEXES["began"]])), default=0)
    return Counts(**sums)
