"""
The calls of a fleet in several processes of one machine.

This process reads the rows and gives them away in chunks; each of the others makes calls and tells how they ended. They
divide the policy's rates and share its ledger. When one dies, its rows go to another, and the ledger tells what had
been done. Without a ledger, rows whose calls may have been under way are left, since a second call might do them twice.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from attrs import define, evolve, field

from resilience.engine.call.notes import attach
from resilience.fleet.distribution.chunking import SIZE, Chunk, RowOutcome, divided
from resilience.fleet.distribution.worker import END, NEXT, STOP, WorkerJob, work
from resilience.fleet.function import FleetFunction, import_name, shared_by
from resilience.fleet.progress import FleetProgress
from resilience.fleet.rows.check import CheckedRows, NumberedRow
from resilience.telemetry.spans.fleet_span import current_traceparent

_MOST_DEATHS: Final = 3
"""Of so many processes that die one after another without an outcome between them, no further one is started."""


@define(eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    unfinished: dict[int, NumberedRow] = field(factory=dict)
    has_ended: bool = False


class ProcessFleet:
    """
    The calls of one fleet, in other processes.

    Args:
        function: What is called; the others import it.
        rows: Once for each of these.
        progress: Counts the outcomes.
        processes: How many processes make calls.
        concurrency: How many calls are under way at a time in all of them; None for as many as the policy says.

    Raises:
        FunctionError: Other processes cannot import the function.
    """

    def __init__(
        self,
        function: FleetFunction,
        rows: CheckedRows,
        progress: FleetProgress,
        *,
        processes: int,
        concurrency: int | None = None,
    ) -> None:
        self._is_remembered = function.is_remembered
        self._progress = progress
        self._processes = processes
        self._job = WorkerJob(
            import_name(function.given),
            shared_by(function.executor.policy, processes),
            f"{function.target.operation.provider}:{function.target.operation.name}",
            None if concurrency is None else max(concurrency // processes, 1),
        )
        # Small enough for all processes to have work until the end.
        size = min(SIZE, max(rows.count // (4 * processes), 1))
        self._chunks: Iterator[Chunk] = divided(rows, size)
        self._again: deque[Chunk] = deque()
        self._workers: list[_Worker] = []
        self._deaths = 0
        self._error: Exception | None = None
        self._is_stopped = self._is_cancelled = self._has_told = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def run(self) -> None:
        """
        Make the calls.

        Raises:
            ChildProcessError: Processes have died, and rows are left.
            Exception: The function has a mistake, or the rows have changed.
        """
        try:
            for _ in range(self._processes):
                self._start()
            while self._workers:
                self._look()
        finally:
            for worker in self._workers:
                worker.process.terminate()
                worker.process.join()
                worker.connection.close()
            os.close(self._reader)
            os.close(self._writer)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Begin no further call; those under way end. A handler of a signal may call it."""
        self._is_stopped = True
        self._wake()

    def cancel(self) -> None:
        """End the processes at once. A handler of a signal may call it."""
        self._is_stopped = self._is_cancelled = True
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._writer, b"!")
        except OSError:
            return  # nothing waits any more, or it has been woken already

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        job = evolve(self._job, traceparent=current_traceparent())
        process = context.Process(target=work, args=(theirs, job), name="resilience fleet", daemon=True)
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours))

    def _look(self) -> None:
        """Wait until something happens, and answer it."""
        waiting: list[Any] = [self._reader, *(worker.connection for worker in self._workers)]
        ready = wait(waiting)
        if self._reader in ready:
            os.read(self._reader, 64)
        if self._is_cancelled:
            for worker in self._workers:
                worker.process.terminate()
        elif self._is_stopped and not self._has_told:
            self._has_told = True
            for worker in self._workers:
                _send(worker, STOP)
        for worker in [each for each in self._workers if each.connection in ready]:
            try:
                self._heard(worker, worker.connection.recv())
            except (EOFError, OSError):
                self._lost(worker)

    def _heard(self, worker: _Worker, said: object) -> None:
        if isinstance(said, RowOutcome):
            self._deaths = 0
            worker.unfinished.pop(said.number, None)
            self._progress.count(said.number, said.line, said.failure, is_known=said.is_known)
        elif said == NEXT:
            self._give(worker)
        elif said == END:
            worker.has_ended = True
        elif isinstance(said, Exception):
            self._error = self._error or said
            worker.has_ended = True
            self.stop()

    def _give(self, worker: _Worker) -> None:
        chunk = None if self._is_stopped else self._next()
        if chunk is None:
            _send(worker, END)
            return
        worker.unfinished.update({row[0]: row for row in chunk.rows})
        _send(worker, chunk)

    def _next(self) -> Chunk | None:
        try:
            return self._again.popleft() if self._again else next(self._chunks, None)
        except Exception as error:  # noqa: BLE001  # it leaves when the calls under way have ended
            self._error = self._error or error
            return None

    def _lost(self, worker: _Worker) -> None:
        """Take the rows of a process that has ended or died, and start another one if they are to be run again."""
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        if worker.has_ended or self._is_stopped:
            return
        self._deaths += 1
        code = worker.process.exitcode
        if self._deaths >= _MOST_DEATHS:
            self._error = self._error or ChildProcessError(
                f"{self._deaths} processes died one after another (exit code {code}), so no further one was started"
            )
            return
        if worker.unfinished and self._is_remembered:
            self._again.append(next(divided(worker.unfinished.values(), len(worker.unfinished))))
        elif worker.unfinished:
            self._error = self._error or ChildProcessError(
                f"a process died (exit code {code}); without a ledger nothing knows which of its "
                f"{len(worker.unfinished):,} rows are done, so they are left"
            )
        self._start()


def _send(worker: _Worker, message: object) -> None:
    try:
        worker.connection.send(message)
    except OSError as error:
        # It has died, which is noticed when its end of the pipe is read.
        attach(error, "resilience: a process of the fleet has died")
