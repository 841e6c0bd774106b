"""A store in the memory of one process, for tests: the reference for the others."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right, insort
from collections.abc import Callable

from attrs import define, field

from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest
from resilience.state.store.answering import answer, exchange
from resilience.state.store.slots import Log


@define(eq=False)
class _MemoryLog:
    pace: float = float("-inf")
    last: float = float("-inf")
    _places: list[tuple[float, str]] = field(factory=list, init=False)
    _at: dict[str, float] = field(factory=dict, init=False)

    def forget(self, until: float) -> None:
        found = bisect_right(self._places, (until, "\U0010ffff"))
        for _, name in self._places[:found]:
            del self._at[name]
        del self._places[:found]

    def pull_back(self, to: float) -> None:
        self._at = {name: min(at, to) for name, at in self._at.items()}
        self._places = sorted((at, name) for name, at in self._at.items())
        self.pace, self.last = min(self.pace, to), min(self.last, to)

    def move(self, name: str, at: float) -> None:
        if name in self._at:
            self.remove(name)
            self.add(name, at)

    def remove(self, name: str) -> None:
        at = self._at.pop(name, None)
        if at is not None:
            self._places.remove((at, name))

    def from_last(self, count: int) -> float | None:
        return self._places[-count][0] if len(self._places) >= count else None

    def add(self, name: str, at: float) -> None:
        self._at[name] = at
        insort(self._places, (at, name))


@define(eq=False)
class _MemoryTables:
    now: float
    _logs: dict[str, _MemoryLog]
    _values: dict[str, tuple[str, str, float]]

    def log(self, limit: SharedLimit) -> _MemoryLog:
        return self._logs.setdefault(limit.key, _MemoryLog())

    def keep_log(self, limit: SharedLimit, log: Log, until: float) -> None:
        """Do nothing: the log itself has changed."""

    def value(self, key: str) -> tuple[str, str]:
        version, value, until = self._values.get(key, ("", "", self.now))
        return (version, value) if until > self.now else ("", "")

    def keep_value(self, key: str, version: str, value: str, until: float) -> None:
        self._values[key] = version, value, until


@define(eq=False)
class MemoryStore:
    """
    A store for the threads of one process.

    Attributes:
        clock: Returns its time, in seconds.
    """

    clock: Callable[[], float] = time.time
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _logs: dict[str, _MemoryLog] = field(factory=dict, init=False)
    _values: dict[str, tuple[str, str, float]] = field(factory=dict, init=False)

    def reserve(self, request: SlotRequest, timeout: float) -> GivenSlots:  # noqa: ARG002  # it takes no time
        """Give out slots and permits."""
        with self._lock:
            return answer(request, self._tables())

    def exchange(self, proposal: Proposal, timeout: float) -> KeptValue:  # noqa: ARG002  # it takes no time
        """Put a value in the place of another, if that has not changed meanwhile."""
        with self._lock:
            return exchange(proposal, self._tables())

    def close(self) -> None:
        """Do nothing."""

    def _tables(self) -> _MemoryTables:
        return _MemoryTables(self.clock(), self._logs, self._values)
