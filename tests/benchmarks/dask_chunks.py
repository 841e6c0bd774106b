"""
What a Dask cluster costs a fleet: rows and chunks in a second, whose calls take no time and need no ledger.

To see it::

    python tests/benchmarks/dask_chunks.py [--rows 50000] [--workers 2]

The cluster is on this machine, so that its scheduler, its workers and the fleet share the processors. ``one row`` has a
chunk for each row: what a chunk costs, whatever is in it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from unittest.mock import patch

sys.path.append(str(Path(__file__).parents[1] / "fleet"))
sys.path.append(str(Path(__file__).parent))

from dask_cluster import dask_cluster

from resilience import Executor, Policy
from resilience.fleet import provision
from resilience.fleet.distribution import placed
from resilience.fleet.distribution.chunking import SIZE

POLICY: Final = 'schema = 1\nname = "benchmark"\n[limits]\ndeadline = "60s"\n'

executor = Executor(Policy.loads(POLICY), provider="alibaba")


@executor.wrap("QueryToken")
async def ask(name: str) -> str:
    """Ask nothing."""
    return name


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201  # a report


def main() -> None:
    """Print a line for each size of chunks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    _say(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    with (
        tempfile.TemporaryDirectory() as folder,
        dask_cluster(Path(folder), environment, workers=wanted.workers) as cluster,
        cluster.client() as client,
    ):
        # The workers import what they need.
        provision("dask_chunks:ask", [{"name": "n"}] * 100, policy=Policy.loads(POLICY), on=client)
        for size, rows in ((SIZE, wanted.rows), (1, wanted.rows // 50)):
            with patch.object(placed, "SIZE", size):
                began = time.perf_counter()
                report = provision("dask_chunks:ask", [{"name": "n"}] * rows, policy=Policy.loads(POLICY), on=client)
            took = time.perf_counter() - began
            what = "one row" if size == 1 else f"{size} rows"
            _say(f"{what:>9} in a chunk: {report.done / took:8,.0f} rows/s, {report.done / size / took:6,.0f} chunks/s")


if __name__ == "__main__":
    main()
