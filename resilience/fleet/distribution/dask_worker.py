"""What a worker of a Dask cluster does with a chunk."""

from __future__ import annotations

import os
import threading
from functools import lru_cache

from attrs import evolve, frozen
from distributed import get_client

from resilience.core.admission.limits import RateLimits
from resilience.fleet.calls import Fleet
from resilience.fleet.distribution.chunking import Chunk, ChunkResult, outcomes_of
from resilience.fleet.distribution.job import portable
from resilience.fleet.distribution.kept import KeptFunction
from resilience.fleet.distribution.shared_files import SharedFiles, refuse_others
from resilience.fleet.function import imported, shared_by, under_policy
from resilience.fleet.tracing import SERVICE
from resilience.policyfile.packed import PackedPolicy
from resilience.telemetry.providers.environment import LAST_PATIENCE, flush_providers, set_providers
from resilience.telemetry.spans.fleet_span import current_traceparent


@frozen
class ClusterJob:
    """
    What a worker on another machine needs besides rows; no secret is in it.

    Attributes:
        run: Names the run of the fleet.
        function: The import name of the function.
        policy: The texts of the policy.
        operation: The operation, as ``provider:Name``.
        concurrency: How many calls are under way at a time in all workers; None for as many as the policy says.
        shared_files: The files of ledger and store, which all workers have to see.
    """

    run: str
    function: str
    policy: PackedPolicy
    operation: str
    concurrency: int | None
    shared_files: SharedFiles


def make_calls(job: ClusterJob, chunk: Chunk, workers: int, key: str) -> ChunkResult | Exception:
    """
    Make the calls of a chunk.

    Args:
        job: What is called.
        chunk: The rows.
        workers: How many workers divide the limits.
        key: Of the task, to which Dask keeps our marks until it forgets the task.

    Returns:
        The outcomes; or what keeps the worker from making calls. Dask would write an exception into its log.
    """
    try:
        # First of all, so that a worker that dies of what follows is known to have begun.
        chunk, marks = _marked(chunk, key)
        set_providers(SERVICE)
        return _made(_kept(evolve(job, run=""), workers, os.getpid()), job, chunk, workers, key, marks)
    except Exception as error:  # noqa: BLE001  # it leaves where the fleet was started
        return portable(error)
    finally:
        flush_providers(LAST_PATIENCE)


def turn_off(run: str, *, breaks_off: bool) -> None:
    """Begin no further call of a run in this process; and break off those under way, where they can be."""
    _switch(run, os.getpid()).turn_off(breaks_off=breaks_off)


def _marked(chunk: Chunk, key: str) -> tuple[Chunk, tuple[str, ...]]:
    """Leave a mark by which a worker that gets the chunk again knows it; return the chunk, and the earlier marks."""
    client = get_client()
    earlier: tuple[str, ...] = tuple(client.get_metadata([key], None) or ())
    client.set_metadata([key], [*earlier, ""])
    return evolve(chunk, delivery=chunk.delivery + len(earlier), earlier=(*chunk.earlier, *earlier)), earlier


def _made(  # noqa: PLR0913, PLR0917  # what travels, and what has been found here
    function: KeptFunction, job: ClusterJob, chunk: Chunk, workers: int, key: str, earlier: tuple[str, ...]
) -> ChunkResult:
    """Make the calls of a chunk, whose mark becomes its span."""
    switch = _switch(job.run, os.getpid())

    def begun(fleet: Fleet) -> None:
        span = current_traceparent()
        if span is not None:
            get_client().set_metadata([key], [*earlier, span])
        switch.add(fleet)

    concurrency = RateLimits(concurrency=job.concurrency, share=workers).own_concurrency
    return outcomes_of(function, chunk, concurrency=concurrency, begun=begun)


class _Switch:
    """Whether calls of a run may begin in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_off = False
        self._last: Fleet | None = None

    def add(self, fleet: Fleet) -> None:
        """Stop these calls too when the switch is turned off; chunks are made one after another."""
        with self._lock:
            self._last = fleet
            if self._is_off:
                fleet.stop()

    def turn_off(self, *, breaks_off: bool) -> None:
        """Stop the calls."""
        with self._lock:
            self._is_off = True
            if self._last is not None:
                self._last.cancel() if breaks_off else self._last.stop()


# Each process has one for each run; a cluster lives longer than a run.
@lru_cache(maxsize=16)
def _switch(_run: str, _process: int) -> _Switch:
    return _Switch()


@lru_cache(maxsize=4)
def _kept(job: ClusterJob, workers: int, _process: int) -> KeptFunction:
    called = under_policy(imported(job.function), shared_by(job.policy.unpacked(), workers), job.operation)
    refuse_others(called, job.shared_files)
    return KeptFunction(called)
