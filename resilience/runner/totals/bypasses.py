"""Count the calls that a run made without the policy, by operation and way, in all of its processes."""

from __future__ import annotations

import os
from threading import Lock
from typing import Final

from resilience.runner.run import Run
from resilience.runner.totals.shared import Numbers, append, mapped, read

_FILE: Final = "past.jsonl"
_SUFFIX: Final = ".past"

# How many pairs of operation and way a process counts separately; it counts the rest together.
_MOST: Final = 64
_OTHERS: Final = ("others", "other ways")

Way = tuple[str, str]
"""An operation, and the way by which it was called."""


class Bypasses:
    """
    Counts the calls that this process made without the policy.

    The numbers are in a file that is mapped into memory, so they survive a process that is killed. A plain class is
    cheap to import: every process of a run makes this object, and most make no call.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._indexes: dict[Way, int] = {}
        self._numbers: Numbers[int] | None = None
        self._name = ""
        self._guard = Lock()
        if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
            os.register_at_fork(after_in_child=self._begin_anew)

    def count(self, operation: str, way: str) -> None:
        """Count a call of an operation by a way."""
        with self._guard:
            if self._numbers is None:
                # Not the process id: a process that becomes another program keeps its id.
                self._name = f"{os.urandom(8).hex()}{_SUFFIX}"
                self._numbers = mapped(self._run.shared(self._name), _MOST + 1)
            index = self._indexes.get((operation, way))
            if index is None:
                index = len(self._indexes)
                counted = (operation, way) if index < _MOST else _OTHERS
                if index <= _MOST:
                    self._indexes[counted] = index
                    line = {"file": self._name, "index": index, "operation": counted[0], "way": counted[1]}
                    append(self._run.shared(_FILE), line)
            self._numbers[min(index, _MOST)] += 1

    def _begin_anew(self) -> None:
        self._numbers = None
        self._indexes = {}
        self._guard = Lock()  # in a forked process, a thread of the parent may hold the old lock


def bypassed(run: Run) -> dict[Way, int]:
    """Return how many calls all processes of a run have made without the policy, the most frequent first."""
    lines = list(read(run.shared(_FILE)))
    rows = {file: mapped(run.shared(file), _MOST + 1) for file in {line["file"] for line in lines}}
    counts: dict[Way, int] = {}
    for line in lines:
        way = line["operation"], line["way"]
        counts[way] = counts.get(way, 0) + rows[line["file"]][line["index"]]
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
