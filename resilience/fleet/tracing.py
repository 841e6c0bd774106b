"""
The spans of a fleet: one around all of its calls, and one around those of each chunk on another machine.

The ledger remembers the span of a fleet until all rows have an outcome. A run that dies, or that a user stops, leaves
it there, and the next run with the same rows goes on in its trace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Final

from attrs import frozen

from resilience.fleet.function import FleetFunction
from resilience.fleet.progress import FleetProgress
from resilience.fleet.rows.check import CheckedRows
from resilience.state import Ledger, LedgerError
from resilience.telemetry.spans.fleet_span import current_traceparent, fleet_span, trace_of

SERVICE: Final = "resilience fleet"
"""The name of the service in telemetry, where the environment does not say it."""

_LONGEST_PAUSE: Final = 7 * 86400
"""Seconds. After a longer time few backends have the first run's spans; the trace is a new one, linked to the old."""


@contextmanager
def traced(function: FleetFunction, progress: FleetProgress, rows: CheckedRows) -> Iterator[None]:
    """
    Make the span of a fleet, current in the block.

    It is below the span that is current, or below that of the environment variable ``TRACEPARENT``; without one, in the
    trace of an earlier run with these rows that has not ended. It has a link to that run in each case.
    """
    name = f"fleet {function.target.operation.name}"
    memory = _Memory.of(function, rows)
    earlier, is_recent = (None, False) if memory is None else memory.earlier()
    around = os.environ.get("TRACEPARENT") or (earlier if is_recent else None)
    links = () if earlier is None else (earlier,)
    with fleet_span(name, function.executor.policy, progress.rows, traceparent=around, earlier=links) as counts:
        if memory is not None:
            memory.begin(earlier)
        try:
            yield
        finally:
            counts.done, counts.failed = progress.done, progress.failed
            if memory is not None and counts.done + counts.failed == progress.rows:
                memory.end()


@frozen
class _Memory:
    """
    What the ledger remembers of a fleet's runs. A ledger that does not answer keeps no fleet from its work.

    Attributes:
        ledger: The ledger.
        fleet: The same for the same calls in every run.
    """

    ledger: Ledger
    fleet: str

    @classmethod
    def of(cls, function: FleetFunction, rows: CheckedRows) -> _Memory | None:
        """Return it; None without a ledger, or where it does not have to know the rows."""
        target = function.target
        if target.setting.ledger is None or not rows.digest:
            return None
        operation = target.operation
        about = f"{operation.provider} {target.setting.account} {operation.name} {rows.digest}"
        return cls(target.setting.ledger, blake2b(about.encode(), digest_size=16).hexdigest())

    def earlier(self) -> tuple[str | None, bool]:
        """Return the span of a run that has not ended, and whether that began a short time ago."""
        with suppress(LedgerError):
            found = self.ledger.unended_run(self.fleet)
            if found is not None:
                return found.traceparent, time.time() - found.began_at < _LONGEST_PAUSE
        return None, False

    def begin(self, earlier: str | None) -> None:
        """Note the current span; where that is in the trace of the earlier run, note that run's again."""
        here = current_traceparent()
        if here is not None:
            kept = earlier if earlier is not None and trace_of(earlier) == trace_of(here) else here
            with suppress(LedgerError):
                self.ledger.begin_run(self.fleet, kept)

    def end(self) -> None:
        """Forget the runs: all rows have an outcome."""
        with suppress(LedgerError):
            self.ledger.end_run(self.fleet)
