"""
What a run counts, in all of its processes: numbers that survive a process that is killed.

A journal would tell all of it, at a price that a run should not pay unasked: 50 us more for each call, on a machine on
which a counted success takes 4 us and a failure 60, 600 bytes for each call, and a second at the end for each 100,000
of them (CPython 3.11). And what a full disk takes from a journal, these numbers keep: their file is as long as it will
ever be from the first call on.
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
        calls: Management calls that were begun.
        retries: Attempts after the first.
        refreshes: Refreshes of credentials that were begun.
        verifications: Questions to a verifier.
        accepted: Calls that were taken for a success.
        failures: Calls that failed, those that were refused included.
        refused: Calls that we did not let pass.
        waited: Milliseconds that calls waited, added up.
        began: When the first call began, in nanoseconds since the epoch; 0 before it.
    """

    calls: int = 0
    retries: int = 0
    refreshes: int = 0
    verifications: int = 0
    accepted: int = 0
    failures: int = 0
    refused: int = 0
    waited: int = 0
    began: int = 0


_PLACES: Final = {each.name: place for place, each in enumerate(fields(Counts))}
"""Where each number stands in the file of a process."""


@define(eq=False)
class Counters:
    """
    Counts what this process does, in a file of its own that is mapped into memory.

    The file is made when there is something to count; a process that was forked gets another one.

    Args:
        run: The run.
        on_first: Called before this process counts its first call; in a forked process again.
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
        # One statement without a call in it: the interpreter changes no thread between its reading and its writing.
        try:
            self._numbers[0] += 1  # type: ignore[index]  # None is what the other branch is for
        except TypeError:
            self._begin()[0] += 1

    def add(self, name: str, amount: int = 1) -> None:
        """Add to the number of this name in :class:`Counts`."""
        place, numbers = _PLACES[name], self._numbers or self._begin()
        numbers[place] += amount

    def _begin(self) -> Numbers[int]:
        # Other threads wait here for what happens on the first call: it may decide who watches it.
        with self._guard:
            if self._numbers is None:
                self._on_first()
                numbers = mapped(self._run.shared(f"{os.getpid()}{_SUFFIX}"), len(_PLACES))
                # A process that has become another program, or has the number of one that is gone, goes on where
                # that one ended.
                numbers[_PLACES["began"]] = numbers[_PLACES["began"]] or time.time_ns()
                self._numbers = numbers
            return self._numbers

    def _begin_anew(self) -> None:
        self._numbers = None
        self._guard = Lock()  # the other one may be held by a thread that is not here


def counted(run: Run) -> Counts:
    """Return the sums of what the processes of a run have counted so far."""
    rows = [list(mapped(str(file), len(_PLACES))) for file in Path(run.folder).glob(f"*{_SUFFIX}")]
    sums = {name: sum(row[place] for row in rows) for name, place in _PLACES.items()}
    # A process that counts for the first time this moment has no beginning yet.
    sums["began"] = min((began for row in rows if (began := row[_PLACES["began"]])), default=0)
    return Counts(**sums)
