"""
The seam between a fleet and what places its chunks: processes of this machine, or a cluster.

An engine knows where chunks run, and notices workers that are gone. It knows nothing of rows, progress or ledgers, and
decides nothing: what becomes of lost rows is :class:`~resilience.fleet.distribution.placed.PlacedFleet`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from attrs import field, frozen

from resilience.fleet.distribution.chunking import Chunk, RowOutcome
from resilience.fleet.distribution.job import FleetJob


@frozen
class LostChunk:
    """
    A chunk whose worker is gone. Some of its calls may have been made.

    Attributes:
        chunk: The chunk.
        why: What became of the worker: a clause for people.
        is_begun: Whether the worker had begun with it; if not, none of its calls were made.
    """

    chunk: Chunk = field(repr=False)
    why: str
    is_begun: bool = True


ChunkReport = RowOutcome | LostChunk | Exception
"""What an engine tells: the outcome of a row, a chunk that is lost, or an error that ends the fleet."""


class Engine(Protocol):
    """
    Places chunks on workers. All methods but :meth:`wake` are for the thread that runs the fleet.

    Attributes:
        repeats_chunks: Whether it may run a chunk again without being asked, when a worker is gone.
        workers: How many workers there are, or were at most; they divide the limits.
        lost_error: Raised when workers are lost one after another.
    """

    repeats_chunks: bool
    workers: int
    lost_error: type[OSError]

    @property
    def room(self) -> int:
        """How many more chunks it takes now: enough for all workers to have work, and no more."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether there is anything to wait for."""
        ...

    def begin(self, job: FleetJob) -> None:
        """
        Get ready for chunks of a job.

        Raises:
            ValueError: The engine cannot be used for it.
        """
        ...

    def submit(self, chunk: Chunk) -> None:
        """Place a chunk; one that was lost may come again."""
        ...

    def no_more(self) -> None:
        """Let workers end that have nothing to do; only lost chunks may still be submitted."""
        ...

    def wait(self) -> Iterable[ChunkReport]:
        """Wait until something happens, and tell it; nothing after :meth:`wake`."""
        ...

    def wake(self) -> None:
        """Let :meth:`wait` return. A handler of a signal may call it."""
        ...

    def stop(self) -> None:
        """Begin no further call: chunks that are not begun are dropped, and calls under way end and are told."""
        ...

    def cancel(self) -> None:
        """Break off what is under way, as far as that is possible, and wait for nothing."""
        ...

    def end(self) -> None:
        """Give everything back, whatever is under way."""
        ...
