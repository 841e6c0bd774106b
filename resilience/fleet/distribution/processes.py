"""
An engine of processes on this machine.

Each process makes calls of the chunks that it is given, as many at a time as its part of the policy says, and tells how
each call ended. It asks for the next chunk while it still has one, so calls under way do not wait for it.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from attrs import define, evolve, field

from resilience.engine.call.notes import attach
from resilience.fleet.distribution.chunking import Chunk, RowOutcome
from resilience.fleet.distribution.engine import ChunkReport, LostChunk
from resilience.fleet.distribution.job import FleetJob
from resilience.fleet.distribution.worker import END, NEXT, STOP, WorkerJob, work
from resilience.fleet.function import shared_by
from resilience.telemetry.spans.fleet_span import current_traceparent

_AHEAD: Final = 2
"""How many chunks a process has: one whose calls it makes, and the next."""


@define(eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    part: int
    asked: int = 0
    given: int = 0
    chunks: list[Chunk] = field(factory=list)
    unfinished: set[int] = field(factory=set)
    has_no_more: bool = False
    has_ended: bool = False

    @property
    def room(self) -> int:
        """How many more chunks it will ask for, before it has made the calls of one that it has."""
        return 0 if self.has_no_more else _AHEAD - (self.given - max(self.asked - _AHEAD, 0))


class ProcessEngine:
    """
    Some processes of this machine.

    Args:
        processes: How many; fewer are started where a limit has no whole request for each.
    """

    repeats_chunks = False
    lost_error: type[OSError] = ChildProcessError

    def __init__(self, processes: int) -> None:
        self.workers = processes
        self._running: list[_Worker] = []
        self._pending: deque[Chunk] = deque()
        self._has_more = True
        self._is_stopped = False
        self._job: FleetJob
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    @property
    def room(self) -> int:
        """How many more chunks it takes now."""
        open_ones = [each for each in self._running if not each.has_no_more]
        to_start = self.workers - len(open_ones)
        return sum(each.room for each in open_ones) + _AHEAD * to_start - len(self._pending)

    @property
    def is_busy(self) -> bool:
        """Whether a process is running, or will be for a chunk."""
        return bool(self._running) or (bool(self._pending) and not self._is_stopped)

    def begin(self, job: FleetJob) -> None:
        """Keep the job; processes are started for chunks."""
        self._job = job
        self.workers = min(self.workers, job.most_workers or self.workers)

    def submit(self, chunk: Chunk) -> None:
        """Keep a chunk for the next process that asks, and start another one if fewer run than may."""
        self._pending.append(chunk)
        self._start_missing()
        self._give()

    def no_more(self) -> None:
        """Let processes end that ask for more."""
        self._has_more = False
        self._give()

    def wait(self) -> Iterator[ChunkReport]:
        """Wait until something happens, and tell it."""
        # One that has died before it asked for a chunk has left it here.
        self._start_missing()
        ready = wait([self._reader, *(worker.connection for worker in self._running)])
        if self._reader in ready:
            os.read(self._reader, 64)
        for worker in [each for each in self._running if each.connection in ready]:
            try:
                yield from self._heard(worker, worker.connection.recv())
            except (EOFError, OSError):
                yield from self._lost(worker)

    def wake(self) -> None:
        """Let :meth:`wait` return."""
        try:
            os.write(self._writer, b"!")
        except OSError:
            return  # nothing waits any more, or it has been woken already

    def stop(self) -> None:
        """Let all processes end when their calls under way have ended."""
        self._is_stopped = True
        self._pending.clear()
        for worker in self._running:
            _send(worker, STOP)

    def cancel(self) -> None:
        """End all processes at once."""
        self._is_stopped = True
        for worker in self._running:
            worker.process.terminate()

    def end(self) -> None:
        """End what is still running."""
        for worker in self._running:
            worker.process.terminate()
            worker.process.join()
            worker.connection.close()
        self._running.clear()
        os.close(self._reader)
        os.close(self._writer)

    def _start_missing(self) -> None:
        """Start processes for chunks that wait, as many as may run."""
        open_ones = [each for each in self._running if not each.has_no_more]
        # Those that have just been started will take one each.
        waiting = len(self._pending) - sum(not each.given for each in open_ones)
        if not self._is_stopped:
            for _ in range(min(self.workers - len(open_ones), waiting)):
                self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        # The part of one that has died, or that gets no more chunks and has hardly any calls left.
        taken = {each.part for each in self._running if not each.has_no_more}
        part = next(number for number in range(self.workers) if number not in taken)
        job = WorkerJob(
            self._job.function,
            shared_by(self._job.policy, self.workers, part),
            self._job.operation,
            self._job.concurrency_of_one(self.workers, part),
            current_traceparent(),
            self._job.journal_run,
        )
        process = context.Process(target=work, args=(theirs, job), name="resilience fleet", daemon=True)
        process.start()
        theirs.close()
        self._running.append(_Worker(process, ours, part))

    def _heard(self, worker: _Worker, said: object) -> Iterator[ChunkReport]:
        if isinstance(said, RowOutcome):
            worker.unfinished.discard(said.number)
            yield said
        elif said == NEXT:
            worker.asked += 1
            self._give()
        elif said == END:
            worker.has_ended = True
        elif isinstance(said, Exception):
            worker.has_ended = True
            yield said

    def _give(self) -> None:
        """Give chunks to processes that have asked for them."""
        for worker in self._running:
            while worker.asked > worker.given and not worker.has_no_more and self._pending:
                chunk = self._pending.popleft()
                worker.given += 1
                worker.chunks.append(chunk)
                worker.unfinished.update(row[0] for row in chunk.rows)
                _send(worker, chunk)
            if worker.asked > worker.given and not (worker.has_no_more or self._has_more or self._is_stopped):
                worker.has_no_more = True
                _send(worker, END)

    def _lost(self, worker: _Worker) -> Iterator[ChunkReport]:
        """Tell the chunks of a process that has died; nothing of one that has ended."""
        worker.process.join()
        worker.connection.close()
        self._running.remove(worker)
        if worker.has_ended or self._is_stopped:
            return
        rows = [row for chunk in worker.chunks for row in chunk.rows if row[0] in worker.unfinished]
        why = f"a process died (exit code {worker.process.exitcode})"
        last = worker.chunks[-1] if worker.chunks else Chunk("", ())
        yield LostChunk(evolve(last, rows=tuple(rows)), why, is_begun=bool(worker.chunks))


def _send(worker: _Worker, message: object) -> None:
    try:
        worker.connection.send(message)
    except OSError as error:
        # It has died, which is noticed when its end of the pipe is read.
        attach(error, "resilience: a process of the fleet has died")
