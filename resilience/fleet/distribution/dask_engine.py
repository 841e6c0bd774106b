"""
An engine on a Dask cluster.

Dask decides which worker runs a chunk, notices workers that die or no longer answer, and gives their chunks to others.
All else is left out of its hands. Its own retries are off. Each result is fetched and released at once, because Dask
runs finished work again when the worker that holds its result dies. A chunk whose workers died too often
(``KilledWorker``) is told as lost, and comes again under another key.

What travels: the import name of the function, the texts of the policy, rows, and outcomes without values. A worker
loads its own credentials. The rows themselves pass through the scheduler, so a secret does not belong into a row.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from typing import Any, Final

from attrs import evolve, frozen
from distributed import Client, Future, KilledWorker

from resilience.fleet.distribution.chunking import Chunk, ChunkResult
from resilience.fleet.distribution.dask_worker import ClusterJob, Shares, make_calls, turn_off
from resilience.fleet.distribution.engine import ChunkReport, LostChunk
from resilience.fleet.distribution.job import FleetJob
from resilience.fleet.distribution.shared_files import files_of
from resilience.fleet.function import FunctionError
from resilience.policyfile.packed import packed

log: Final = logging.getLogger("resilience")

_AHEAD: Final = 2
"""How many chunks each worker has: one whose calls it makes, and the next."""

_LEAST: Final = 4
"""How many chunks the cluster has at least, so that one that grows with its work sees some while it has no worker."""

_EVERY: Final = 5.0
"""Seconds between two looks at how many workers there are."""

_PATIENCE: Final = 2.0
"""Seconds that the end of a fleet waits for workers to hear that they shall begin no further call."""

_CONNECTING: Final = 10.0
"""Seconds that a scheduler has for its first answer."""

_LOST: Final = (
    "the scheduler of the Dask cluster is gone, and what its workers were doing may go on for a while; when there is a "
    "scheduler again, run the same again: the ledger knows what is done"
)


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """
    Give a client of the cluster whose scheduler has an address, for a program that says itself when that is lost.

    Raises:
        FunctionError: There is no scheduler.
    """
    log = logging.getLogger("distributed.client")
    before, log.disabled = log.disabled, True
    try:
        with ExitStack() as stack:
            try:
                client = stack.enter_context(Client(address, timeout=_CONNECTING, set_as_default=False))
            except (OSError, ValueError) as error:
                what = type(error).__name__
                raise FunctionError(f"{address}: no Dask scheduler answers there ({what})") from None
            yield client
    finally:
        log.disabled = before


@frozen
class _Placed:
    future: Future[Any]
    chunk: Chunk
    where: frozenset[str]


class DaskEngine:
    """
    The workers of a Dask cluster.

    Args:
        client: Of the cluster; not an asynchronous one.

    Raises:
        FunctionError: The client cannot be used.
    """

    repeats_chunks = True
    lost_error: type[OSError] = ConnectionError

    def __init__(self, client: Client) -> None:
        if client.asynchronous:
            raise FunctionError("expected a Client of Dask that is not asynchronous; call provision in a thread")
        self._client = client
        self._run = uuid.uuid4().hex
        self._job: ClusterJob
        self._prefix = ""
        self._most: int | None = None
        self._chosen: tuple[str, ...] = ()
        self._under_way: dict[str, _Placed] = {}
        self._lost: Counter[str] = Counter()
        self._ended: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._telling: threading.Thread | None = None
        self._looked = 0.0
        self._addresses: tuple[str, ...] = ()
        self._parts: dict[str, int] = {}
        self._has_none = False
        self.workers = 1
        self._look()

    @property
    def room(self) -> int:
        """How many more chunks it takes now."""
        if time.monotonic() - self._looked > _EVERY:
            self._look()
        return max(_AHEAD * self._in_use, min(_LEAST, self._most or _LEAST)) - len(self._under_way)

    @property
    def is_busy(self) -> bool:
        """Whether chunks are on the cluster."""
        return bool(self._under_way)

    def begin(self, job: FleetJob) -> None:
        """
        Get ready for chunks of a job.

        Raises:
            ValueError: The policy cannot be sent to other machines.
            LedgerError: The ledger cannot be used.
        """
        policy = packed(job.policy)
        self._most = job.most_workers
        self.workers = min(self.workers, self._most or self.workers)
        self._job = ClusterJob(
            run=self._run,
            function=job.function,
            policy=policy,
            operation=job.operation,
            concurrency=job.concurrency,
            shared_files=files_of(job.called),
            journal_run=job.journal_run,
        )
        about = f"{job.function} {job.operation} {policy.digest} {policy.env} {job.concurrency}"
        self._prefix = f"{job.operation.rpartition(':')[2]}-{blake2b(about.encode(), digest_size=8).hexdigest()}"

    def submit(self, chunk: Chunk) -> None:
        """Send a chunk. Its key is the same in every run, so that a run joins what is still under way from another."""
        key = f"{self._prefix}-{chunk.key}-{self._lost[chunk.key] + 1}"
        where = self._choose()
        shares = Shares(self.workers, self._parts_of(where or self._addresses))
        future = self._client.submit(
            make_calls, self._job, chunk, shares, key, key=key, pure=False, retries=0, workers=where or None
        )
        self._under_way[key] = _Placed(future, chunk, frozenset(where))
        future.add_done_callback(lambda _: self._ended.put(key))

    def no_more(self) -> None:
        """Do nothing: the workers are not ours to end."""

    def wait(self) -> Iterator[ChunkReport]:
        """Wait until a chunk has ended, and tell it; after some seconds look whether there are more workers."""
        try:
            key = self._ended.get(timeout=_EVERY)
        except queue.Empty:
            self._look()
            if self._client.status != "running":
                self._release()
                yield ConnectionError(_LOST)
            elif bool(self._addresses) is self._has_none:
                self._has_none = not self._addresses
                if self._has_none:
                    log.warning("the Dask cluster has no worker now, and the fleet waits for one")
            yield from self._stranded()
            return
        placed = None if key is None else self._under_way.pop(key, None)
        if key is not None and placed is not None:
            try:
                yield from self._heard(key, placed.future, placed.chunk)
            finally:
                placed.future.release()

    def wake(self) -> None:
        """Let :meth:`wait` return."""
        self._ended.put(None)

    def stop(self) -> None:
        """Let all workers begin no further call; chunks that they have not begun end at once."""
        self._tell_workers(breaks_off=False)

    def cancel(self) -> None:
        """Break off the calls of all workers, as far as they can be, and forget the chunks."""
        self._tell_workers(breaks_off=True)
        self._release()

    def end(self) -> None:
        """Forget the chunks that are under way, and let their workers begin no further call."""
        if self._under_way:
            self._tell_workers(breaks_off=True)
            self._release()
        if self._telling is not None:
            self._telling.join(_PATIENCE)

    def _release(self) -> None:
        # Dask drops those that no worker has begun.
        for placed in self._under_way.values():
            placed.future.release()
        self._under_way.clear()

    def _heard(self, key: str, future: Future[Any], chunk: Chunk) -> Iterator[ChunkReport]:
        if future.status == "finished":
            yield from self._result(key, future, chunk)
        elif future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                yield self._lose(key, chunk, "workers of the Dask cluster died with its chunk")
            else:
                yield error if isinstance(error, Exception) else RuntimeError(str(error))
        elif self._client.status != "running":
            self._under_way.clear()
            yield ConnectionError(_LOST)
        else:
            yield self._lose(key, chunk, "its chunk was cancelled on the Dask cluster")

    def _result(self, key: str, future: Future[Any], chunk: Chunk) -> Iterator[ChunkReport]:
        try:
            said = future.result()
        except Exception as error:  # noqa: BLE001  # the scheduler is gone, which Dask says in several ways
            is_lost = isinstance(error, OSError) or self._client.status != "running"
            yield ConnectionError(_LOST) if is_lost else error
            return
        if not isinstance(said, ChunkResult):
            yield said
            return
        yield from said.outcomes
        if len(said.outcomes) < len(chunk.rows):
            yield self._lose(key, chunk, "its worker was told to stop")

    def _lose(self, key: str, chunk: Chunk, why: str) -> LostChunk:
        """Return a chunk as lost, with what the workers that had it have marked; it comes again under another key."""
        self._lost[chunk.key] += 1
        marks: Sequence[str] = ()
        with suppress(OSError):  # the scheduler is gone, which other chunks will tell
            marks = self._client.get_metadata([key], None) or ()
        delivery = chunk.delivery + max(len(marks) - 1, 0)
        return LostChunk(evolve(chunk, delivery=delivery, earlier=(*chunk.earlier, *marks)), why, bool(marks))

    @property
    def _in_use(self) -> int:
        return len(self._addresses) if self._most is None else min(len(self._addresses), self._most)

    def _look(self) -> None:
        """See which workers there are."""
        self._looked = time.monotonic()
        with suppress(OSError):  # the scheduler is gone, which the chunks will tell
            self._addresses = tuple(self._client.nthreads())
        # Those that came, went and came again do not send more than their part at any time.
        self.workers = max(self.workers, self._in_use)

    def _choose(self) -> tuple[str, ...]:
        """Return the workers that have a part of a small limit; empty where all workers have one."""
        if self._most is None or len(self._addresses) <= self._most:
            return ()
        kept = [each for each in self._chosen if each in self._addresses]
        others = [each for each in self._addresses if each not in kept]
        self._chosen = tuple([*kept, *others][: self._most])
        return self._chosen

    def _parts_of(self, addresses: Sequence[str]) -> dict[str, int]:
        """Return which part of the limits each worker has; a new one has that of a worker that is gone."""
        kept = {each: part for each, part in self._parts.items() if each in addresses and part < self.workers}
        free = iter(sorted(set(range(self.workers)).difference(kept.values())))
        self._parts = kept | dict(zip((each for each in addresses if each not in kept), free, strict=False))
        return self._parts

    def _stranded(self) -> Iterator[ChunkReport]:
        """Tell the chunks whose workers were chosen and are gone: Dask would wait for these."""
        for key, placed in list(self._under_way.items()):
            if placed.where and not placed.where.intersection(self._addresses):
                del self._under_way[key]
                # Dask forgets the marks of a task that it forgets.
                lost = self._lose(key, placed.chunk, "its workers left the Dask cluster")
                placed.future.release()
                yield lost

    def _tell_workers(self, *, breaks_off: bool) -> None:
        # In a thread, because a worker that is frozen does not answer.
        def tell() -> None:
            try:
                self._client.run(turn_off, self._run, breaks_off=breaks_off, on_error="ignore")
            except Exception:  # noqa: BLE001  # no scheduler, no workers
                return

        self._telling = threading.Thread(target=tell, name="resilience fleet stop", daemon=True)
        self._telling.start()
