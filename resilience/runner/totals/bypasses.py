"""The calls of a run that went past its policy: how many, and by which way, in all of its processes."""

from __future__ import annotations

import os
from threading import Lock
from typing import Final

from resilience.runner.run import Run
from resilience.runner.totals.shared import Numbers, append, mapped, read

_FILE: Final = "past.jsonl"
_SUFFIX: Final = ".past"

# How many operations and ways a process tells apart; what comes after them is counted together.
_MOST: Final = 64
_OTHERS: Final = ("others", "other ways")

Way = tuple[str, str]
"""An operation, and by which way it was called."""


class Bypasses:
    """
    Counts the calls of this process that were not under the policy.

    The numbers are in a file that is mapped into memory, so that they survive a process that is killed. No attrs class:
    it is made in every process of a run, most of which make no call at all.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._places: dict[Way, int] = {}
        self._numbers: Numbers[int] | None = None
        self._name = ""
        self._guard = Lock()
        if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
            os.register_at_fork(after_in_child=self._begin_anew)

    def count(self, operation: str, way: str) -> None:
        """Count a call of an operation that was made by a way."""
        with self._guard:
            if self._numbers is None:
                # Not the number of the process: one that becomes another program keeps it.
                self._name = f"{os.urandom(8).hex()}{_SUFFIX}"
                self._numbers = mapped(self._run.shared(self._name), _MOST + 1)
            place = self._places.get((operation, way))
            if place is None:
                place = len(self._places)
                counted = (operation, way) if place < _MOST else _OTHERS
                if place <= _MOST:
                    self._places[counted] = place
                    line = {"file": self._name, "place": place, "operation": counted[0], "way": counted[1]}
                    append(self._run.shared(_FILE), line)
            self._numbers[min(place, _MOST)] += 1

    def _begin_anew(self) -> None:
        self._numbers = None
        self._places = {}
        self._guard = Lock()  # the other one may be held by a thread that is not here


def bypassed(run: Run) -> dict[Way, int]:
    """Return how many calls all processes of a run have made past the policy, the most frequent first."""
    lines = list(read(run.shared(_FILE)))
    rows = {file: mapped(run.shared(file), _MOST + 1) for file in {line["file"] for line in lines}}
    counts: dict[Way, int] = {}
    for line in lines:
        way = line["operation"], line["way"]
        counts[way] = counts.get(way, 0) + rows[line["file"]][line["place"]]
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
