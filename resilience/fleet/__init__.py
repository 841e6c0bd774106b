"""
Many calls of one kind: made a few at a time, from an input of any length.

:func:`provision` makes one call for each row: in this process, in several, or on a Dask cluster. :func:`plan` says what
it would do. :func:`chunks` and :func:`run_chunk` are the same for any other engine.

Plan past this machine
----------------------

**More machines make a fleet faster only where a machine is what holds it up.** Mostly a limit is. A limit of 10/s is
used up by one process, and 100,000 rows take 2 h 47 min on any number of machines. ``resilience plan`` says which it
is: how long the calls take at the limits. Reasons for more machines:

- The service counts by IP address, and the limit for an address is below that of all accounts together. Alibaba Cloud
  blocks an address that sends more than 300 requests in a second, so ``per_host = "280/s"`` ends a machine.
- The vendor's SDK needs more processor time than a machine has. First use its other processors, with ``--processes``.
- Work has to go on when a machine dies.

**What has to be shared.** One ledger, else things are made twice: ``[ledger] url``. A file is for one machine, and a
worker that does not see it makes no call. One store for the limits: ``[state] store``. Without it each worker has its
part of every limit, and cannot use what others leave.

**Many accounts.** A fleet is of one account, because limits are of an account: for 50 accounts start 50 fleets, which
share the store, the ledger and the cluster. A worker makes the calls of one chunk at a time, so the cluster needs at
least as many workers as accounts.

**What each part carries.** Measured on 2026-11-28 on two processors that other programs used too, with everything on
one machine: read them for the kind. Each figure has its command::

    13 us each         calls through map, in one process         python tests/benchmarks/mapping.py
    410 to 630/s       calls that PostgreSQL remembers           python tests/benchmarks/fleet_ledger.py
    690 to 750/s       calls that a file remembers               ... --ledger sqlite
    180/s              calls that a Redis remembers, which       ... --ledger redis
                       writes each change to its disk
    850/s of 1,000/s   calls whose limits share a Redis          python tests/benchmarks/shared_limits.py --rate 1000
    0.01 each          questions to Redis, at that rate          the same
    0.09 each          questions to Redis, at 100/s              ... --rate 100
    1,700 to 3,400/s   rows through Dask, 100 in a chunk         python tests/benchmarks/dask_chunks.py
    20 to 80/s         chunks through Dask, with one row each    the same
    35 min 11 s        20,000 calls at 10/s (33 min 19 s at      resilience simulate --policy FILE --fleet 20000
                       best), with the real limiter on a           --operation CreateGroupId --limit 10/s
                       virtual clock
    none lost or       10,000 rows, four workers, one killed     python tests/endtoend/dask_fleet.py
    made twice         every 2 s, one frozen for two leases,
                       the scheduler killed halfway
    none lost or       the same with processes, where            python tests/fleet/lease_kills.py --server postgres
    made twice         PostgreSQL, PgBouncer or Redis is           --store --delay 0.05
                       killed in the middle, and slow

**Where it ends: the ledger.** It is asked several times for each call, and notes it on a disk before it answers. So one
PostgreSQL of this kind is used up at 400 to 600 calls a second: before the Redis of the limits, and long before Dask,
whose chunks have five seconds of calls each. Fleets of different accounts have no key in common, so each may have a
ledger of its own.

**A million rows in 50 accounts**, 20,000 in each, at 10/s for an account. ``python tests/benchmarks/million_rows.py``
simulates it in some 20 minutes of processor time, with the real executors, limits, fleets and ledger code; the clock,
the service and the ledger's server are played. Its first 50,000 rows, with ``--rows 1000``, came to::

    behind one address with 280/s                                274/s    a million: 1 h 1 min
    behind two (--addresses 2)                                   488/s    34 min
    behind two, and a ledger that carries 400/s (--ledger 400)   395/s    42 min

So the address is what to have two of first, and then the ledger.

**What a lost machine costs.** A chunk has as many rows as the limit admits in five seconds. Dask gives that of a dead
worker to another one at once, and that of a worker that does not answer after ``worker-ttl``, which is 5 minutes unless
the cluster's configuration says less. What the worker had done is known; what it had begun is looked at, when the lease
of its key is over. The scheduler is one process: if it dies, the run ends, and the same command goes on.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resilience.fleet.distribution.chunking import Chunk, ChunkResult, chunks, run_chunk
    from resilience.fleet.planning import FleetPlan, plan
    from resilience.fleet.provisioning import provision
    from resilience.fleet.report import FleetReport
    from resilience.fleet.rows.problems import RowsError

__all__ = ["Chunk", "ChunkResult", "FleetPlan", "FleetReport", "RowsError", "chunks", "plan", "provision", "run_chunk"]

# The module of each public name. Executors import a part of this package, and need none of these.
_HOMES = {
    "Chunk": "distribution.chunking",
    "ChunkResult": "distribution.chunking",
    "FleetPlan": "planning",
    "FleetReport": "report",
    "RowsError": "rows.problems",
    "chunks": "distribution.chunking",
    "plan": "planning",
    "provision": "provisioning",
    "run_chunk": "distribution.chunking",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'resilience.fleet' has no attribute {name!r}")
    value = getattr(import_module(f"resilience.fleet.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
