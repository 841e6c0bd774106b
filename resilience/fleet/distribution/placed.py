"""
The calls of one fleet, made by the workers of an engine.

This process reads the rows and gives them away in chunks. When a worker dies, its rows go to another one, and the
ledger tells what had been done. Without a ledger, rows whose calls may have been under way are left, since a second
call might do them twice.
"""

from __future__ import annotations

import logging
import math
from collections import Counter, deque
from collections.abc import Iterator
from typing import Final

from attrs import evolve

from resilience.core.admission.rate import Rate
from resilience.fleet.distribution.chunking import SIZE, Chunk, RowOutcome, divided, was_done_before
from resilience.fleet.distribution.engine import ChunkReport, Engine, LostChunk
from resilience.fleet.distribution.job import FleetJob
from resilience.fleet.function import FleetFunction, FunctionError, import_name
from resilience.fleet.progress import FleetProgress
from resilience.fleet.rows.check import CheckedRows, NumberedRow
from resilience.fleet.rows.remembered import looked_up
from resilience.state import LedgerError

log: Final = logging.getLogger("resilience")

_MOST_LOST: Final = 10
"""A chunk with which so many workers are lost, without any row done in between, ends the fleet."""

_TOLD: Final = 3
"""After so many of them a sentence says it, since the rows may be what workers die of."""

_MOST_PLACED: Final = 20
"""The same for a chunk that workers had not begun: it does not kill them, but something does."""

_SECONDS: Final = 5.0
"""How long the limit lets a worker be busy with a chunk: so much is repeated when the worker dies."""

_MOST_ROWS: Final = 1000
"""Rows of a chunk, whatever the limit: its outcomes travel together."""

_TURNS: Final = 4
"""How many chunks each worker gets at least, so that all have work until the end."""


class PlacedFleet:
    """
    The calls of one fleet, on an engine.

    Args:
        function: What is called; the workers import it.
        rows: Once for each of these.
        progress: Counts the outcomes.
        engine: What places the chunks.
        concurrency: How many calls are under way at a time in all workers; None for as many as the policy says.

    Raises:
        FunctionError: Workers cannot import the function; or the engine may run a chunk twice, and there is no ledger.
    """

    def __init__(
        self,
        function: FleetFunction,
        rows: CheckedRows,
        progress: FleetProgress,
        engine: Engine,
        *,
        concurrency: int | None = None,
    ) -> None:
        operation = function.target.operation
        if engine.repeats_chunks and not function.is_remembered:
            raise FunctionError(
                "a cluster gives the rows of a dead worker to another one, and without a ledger "
                f"{operation.name} would be sent for them again; put a [ledger] into the policy"
            )
        import_name(function.given)
        self._job = FleetJob(function, concurrency)
        self._function = function
        self._rows = rows
        self._progress = progress
        self._engine = engine
        self._chunks: Iterator[Chunk] = iter(())
        self._again: deque[Chunk] = deque()
        # By the key of the chunk, and whether it was begun.
        self._lost_since: Counter[tuple[str, bool]] = Counter()
        self._error: Exception | None = None
        self._is_stopped = self._is_cancelled = self._has_told = False

    def run(self) -> None:
        """
        Make the calls.

        Raises:
            ChildProcessError: Processes have died, and rows are left.
            ConnectionError: Workers of a cluster are gone, or its scheduler, and rows are left.
            ValueError: The cluster cannot be used for this fleet.
            Exception: The function has a mistake, or the rows have changed.
        """
        try:
            self._engine.begin(self._job)
            size = size_of(self._function.rate, self._rows.count, self._engine.workers)
            self._chunks = divided(self._rows, size, key_of=self._function.key_of)
            self._fill()
            while self._engine.is_busy and not self._is_cancelled:
                for report in self._engine.wait():
                    self._hear(report)
                self._obey()
                self._fill()
        finally:
            self._engine.end()
        if self._error is not None:
            raise self._error
        left = self._progress.rows - self._progress.done - self._progress.failed
        if left and not self._is_stopped:
            raise self._engine.lost_error(f"{left:,} rows have no outcome, although their chunks have ended")

    def stop(self) -> None:
        """Begin no further call; those under way end. A handler of a signal may call it."""
        self._is_stopped = True
        self._engine.wake()

    def cancel(self) -> None:
        """Break off the calls under way too, and wait for nothing. A handler of a signal may call it."""
        self._is_stopped = self._is_cancelled = True
        self._engine.wake()

    def _obey(self) -> None:
        if self._is_cancelled:
            self._engine.cancel()
        elif self._is_stopped and not self._has_told:
            self._has_told = True
            self._engine.stop()

    def _fill(self) -> None:
        while not self._is_stopped and self._engine.room > 0:
            chunk = self._next()
            if chunk is None:
                self._engine.no_more()
                return
            self._engine.submit(chunk)

    def _next(self) -> Chunk | None:
        try:
            return self._again.popleft() if self._again else next(self._chunks, None)
        except Exception as error:  # noqa: BLE001  # it leaves when the calls under way have ended
            self._fail(error)
            return None

    def _hear(self, report: ChunkReport) -> None:
        if isinstance(report, RowOutcome):
            self._lost_since.clear()
            self._progress.count(report.number, report.line, report.failure, is_known=report.is_known)
            if not report.is_known:
                self._progress.adapt(report.adapted)
        elif isinstance(report, LostChunk):
            self._lost(report)
        else:
            self._fail(report)

    def _fail(self, error: Exception) -> None:
        """Keep the first error, which leaves when the calls under way have ended."""
        self._error = self._error or error
        self._is_stopped = True

    def _lost(self, lost: LostChunk) -> None:
        """Give the rows without an outcome to another worker, if that cannot do a thing twice."""
        if self._is_stopped:
            return
        kind = self._engine.lost_error
        left = self._not_done(lost.chunk)
        if lost.chunk.rows and not left:
            return
        lost_so = lost.chunk.key, lost.is_begun
        self._lost_since[lost_so] += 1
        times, most = self._lost_since[lost_so], _MOST_LOST if lost.is_begun else _MOST_PLACED
        with_what = "with the same rows" if lost.chunk.rows else "before they had any rows"
        about = f"workers were lost {times} times {with_what} ({lost.why})"
        if times >= most:
            self._fail(kind(f"{about}, and no other row was done meanwhile; look into the workers' logs"))
        elif left and lost.is_begun and not self._function.is_remembered:
            self._error = self._error or kind(
                f"{lost.why}; without a ledger nothing knows which of its {len(left):,} rows are done, so they are left"
            )
        elif left:
            if times == _TOLD:
                log.warning("%s; other workers get these rows, and the fleet ends after %d times", about, most)
            self._again.append(evolve(lost.chunk, rows=left, delivery=lost.chunk.delivery + lost.is_begun))

    def _not_done(self, chunk: Chunk) -> tuple[NumberedRow, ...]:
        """Return the rows of a lost chunk that are not done; count those that its worker did and could not tell."""
        left = tuple(row for row in chunk.rows if not self._progress.states[row[0]])
        again = evolve(chunk, delivery=chunk.delivery + 1)
        try:
            for row in [row for row, state in looked_up(self._function, left) if state == "done"]:
                is_known = was_done_before(self._function, self._rows.parameters, again, row[2])
                self._hear(RowOutcome(row[0], row[1], is_known=is_known))
        except LedgerError:
            return left  # the workers will say so too
        return tuple(row for row in left if not self._progress.states[row[0]])


def size_of(rate: Rate | None, rows: int, workers: int) -> int:
    """Return how many rows a chunk has."""
    size = SIZE if rate is None else min(math.ceil(rate.per_second / workers * _SECONDS), _MOST_ROWS)
    return max(min(size, rows // (_TURNS * workers)), 1)
