"""What has become of each row so far: one byte for each, and some counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from resilience.engine.outcome import Outcome
from resilience.engine.runtime.clock import monotonic
from resilience.fleet.function import FleetFunction
from resilience.fleet.report import FleetReport
from resilience.fleet.tally import Labels, label_of

DONE: Final = 1
FAILED: Final = 2

_LINES_KEPT: Final = 10

# Workers adapt one by one, each with its part of the limit; so many outcomes are of all of them.
_LATELY: Final = 16


class FleetProgress:
    """
    Counts outcomes.

    Attributes:
        function: What is called.
        states: A byte for each row: 0 without an outcome, else ``DONE`` or ``FAILED``.
        done: How many rows are done.
        known: How many of these an earlier run did.
        failed: How many failed.
    """

    def __init__(
        self, function: FleetFunction, rows: int, on_change: Callable[[FleetProgress], object] | None = None
    ) -> None:
        self.states = bytearray(rows)
        self.done = self.known = self.failed = 0
        self._failures = Labels()
        self.function = function
        self._on_change = on_change
        self._failed_lines: list[tuple[int, str]] = []
        self._adapted: deque[float] = deque(maxlen=_LATELY)
        self._begun = monotonic()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.states)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return monotonic() - self._begun

    @property
    def in_force(self) -> float | None:
        """How many calls are sent in a second at most, at present; None where nothing limits them."""
        rate = self.function.rate
        if not self._adapted or rate is None:
            return self.function.in_force
        return rate.per_second * sum(self._adapted) / len(self._adapted)

    def adapt(self, part: float) -> None:
        """Note which part of its declared limit a worker of another process sends at most, at present."""
        self._adapted.append(part)

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:
        """Note the outcome of a row's call."""
        if outcome.error is None:
            self.count(number, line, None, is_known=not outcome.attempts)
        else:
            self.count(number, line, label_of(outcome))

    def know(self, number: int, line: int) -> None:
        """Note a row that an earlier run has done."""
        self.count(number, line, None, is_known=True)

    def count(self, number: int, line: int, failure: str | None, *, is_known: bool = False) -> None:
        """Note how the call of a row ended: with which failure, or None."""
        if self.states[number]:
            return  # of a chunk that came twice
        self.states[number] = DONE if failure is None else FAILED
        if failure is None:
            self.done += 1
            self.known += is_known
        else:
            self.failed += 1
            self._failures.add(failure)
            if len(self._failed_lines) < _LINES_KEPT:
                self._failed_lines.append((line, failure))
        if self._on_change is not None:
            self._on_change(self)

    def report(self) -> FleetReport:
        """Return what is known now."""
        return FleetReport(
            operation=self.function.target.operation.name,
            rows=self.rows,
            done=self.done,
            known=self.known,
            failed=self.failed,
            failures=self._failures.counts,
            failed_lines=tuple(sorted(self._failed_lines)),
            seconds=self.seconds,
            rate=self.function.rate,
            is_remembered=self.function.is_remembered,
        )
