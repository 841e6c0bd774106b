"""
How do the workers of a Ray cluster share a fleet?

A task is a chunk. Ray starts it again elsewhere if its worker dies (``max_retries``, which counts lost workers); errors
of the function come back as outcomes, so they are not retried. This starts a cluster of its own, on this machine::

    pip install ray
    BRIDGES=/tmp/bridges python examples/engines/ray_tasks.py

With the argument ``--kill`` a worker is killed in the middle.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import ray
from bridges import POLICY, ROWS, bridges

from resilience.fleet import Chunk, chunks, run_chunk

WORKERS = 2
FUNCTION = "bridges:create_bridge"


@ray.remote(max_retries=3)
def make_calls(written: dict[str, Any], *, die: bool = False) -> dict[str, Any]:
    """Make the calls of a chunk."""
    result = run_chunk(FUNCTION, Chunk.of_json(written), policy=POLICY, share=WORKERS)
    killed = Path(f"{os.environ['BRIDGES']}.killed")
    if die and not killed.exists():
        killed.touch()
        # All bridges of the chunk are there, and nothing outside knows it.
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return result.as_json()


def main() -> int:
    """Give all chunks to the cluster; return 0 if each bridge is there once."""
    here = str(Path(__file__).parent)
    ray.init(num_cpus=WORKERS, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": here}})
    given = [
        make_calls.remote(chunk.as_json(), die="--kill" in sys.argv)
        for chunk in chunks(ROWS, FUNCTION, policy=POLICY, size=8)
    ]
    results = ray.get(given)
    failures = [each["failure"] for result in results for each in result["outcomes"] if each["failure"]]
    print(f"{len(given)} chunks, {len(bridges())} bridges, failures: {failures}")
    return 0 if len(bridges()) == len(set(bridges())) == len(ROWS) else 1


if __name__ == "__main__":
    sys.exit(main())
