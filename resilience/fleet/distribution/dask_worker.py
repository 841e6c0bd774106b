"""What a worker of a Dask cluster does with a chunk."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import lru_cache

from attrs import evolve, frozen
from distributed import get_client, get_worker

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
        journal_run: The id of the run in journals, so that those of all workers are one report; None without journals.
    """

    run: str
    function: str
    policy: PackedPolicy
    operation: str
    concurrency: int | None
    shared_files: SharedFiles
    journal_run: str | None = None


@frozen
class Shares:
    """
    How the workers divide the limits.

    Attributes:
        workers: How many there are.
        parts: Which part each of them has, from 0, by its address, so that the parts make up the whole. A worker that
            is not among them has come in place of one, and has an equal part, rounded down.
    """

    workers: int
    parts: Mapping[str, int]


def make_calls(job: ClusterJob, chunk: Chunk, shares: Shares, key: str) -> ChunkResult | Exception:
    """
    Make the calls of a chunk.

    Args:
        job: What is called.
        chunk: The rows.
        shares: How the workers divide the limits.
        key: Of the task, to which Dask keeps our marks until it forgets the task.

    Returns:
        The outcomes; or what keeps the worker from making calls. Dask would write an exception into its log.
    """
    try:
        # First of all, so that a worker that dies of what follows is known to have begun.
        chunk, marks = _marked(chunk, key)
        set_providers(SERVICE)
        switch = _switch(job.run, os.getpid())
        part = switch.part_of(shares, get_worker().address)
        function = _kept(evolve(job, run=""), shares.workers, part, os.getpid())
        concurrency = RateLimits(concurrency=job.concurrency, share=shares.workers, part=part).own_concurrency

        def begun(fleet: Fleet) -> None:
            # The mark of the chunk becomes its span.
            span = current_traceparent()
            if span is not None:
                get_client().set_metadata([key], [*marks, span])
            switch.add(fleet)

        return outcomes_of(function, chunk, concurrency=concurrency, begun=begun)
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


class _Switch:
    """Whether calls of a run may begin in this process, and which part of the limits it has."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_off = False
        self._last: Fleet | None = None
        self._parts: dict[int, int | None] = {}

    def part_of(self, shares: Shares, address: str) -> int | None:
        """
        Return which part of the limits this process has; None for an equal one.

        It keeps the first one that it got. With another one its limits would begin anew, in the midst of a second.
        """
        with self._lock:
            return self._parts.setdefault(shares.workers, shares.parts.get(address))

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
def _kept(job: ClusterJob, workers: int, part: int | None, _process: int) -> KeptFunction:
    policy = shared_by(job.policy.unpacked(), workers, part)
    called = under_policy(imported(job.function), policy, job.operation, run=job.journal_run)
    refuse_others(called, job.shared_files)
    return KeptFunction(called)
