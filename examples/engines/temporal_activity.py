"""
How do Temporal workers share a fleet?

An activity is a chunk. Temporal tries it again if its worker is lost, and says which attempt it is; errors of the
function come back as outcomes, so Temporal does not retry them. A workflow's history keeps the rows, so a fleet of more
than some thousand rows gives each activity a part of a file instead.

The activity by itself, in Temporal's test environment, without a server::

    pip install temporalio
    BRIDGES=/tmp/bridges python examples/engines/temporal_activity.py

With a server, a worker and whoever starts the workflow are processes of yours::

    client = await Client.connect("localhost:7233")
    worker = Worker(
        client,
        task_queue="bridges",
        workflows=[Fleet],
        activities=[make_calls],
        activity_executor=ThreadPoolExecutor(1),
    )
    written = [chunk.as_json() for chunk in chunks(ROWS, FUNCTION, policy=POLICY)]
    await client.execute_workflow(Fleet.run, written, id="bridges-2026-11", task_queue="bridges")
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

with workflow.unsafe.imports_passed_through():
    from bridges import POLICY, ROWS, bridges

    from resilience.fleet import Chunk, chunks, run_chunk

WORKERS = 2
FUNCTION = "bridges:create_bridge"


@activity.defn
def make_calls(written: dict[str, Any]) -> dict[str, Any]:
    """Make the calls of a chunk."""
    chunk = Chunk.of_json(written)
    return run_chunk(FUNCTION, chunk, policy=POLICY, share=WORKERS, delivery=activity.info().attempt).as_json()


@workflow.defn
class Fleet:
    """All chunks, some at a time: as many as there are workers with room for an activity."""

    @workflow.run
    async def run(self, written: list[dict[str, Any]]) -> int:
        """Return how many rows failed."""
        begun = [
            workflow.start_activity(
                make_calls,
                each,
                start_to_close_timeout=timedelta(minutes=5),
                retry_policy=RetryPolicy(maximum_attempts=5),
            )
            for each in written
        ]
        results = [await each for each in begun]
        return sum(outcome["failure"] is not None for result in results for outcome in result["outcomes"])


def main() -> int:
    """Run each activity twice, as after a lost worker; return 0 if each bridge is there once."""
    results = []
    for chunk in chunks(ROWS, FUNCTION, policy=POLICY, size=8):
        for attempt in (1, 2):
            environment = ActivityEnvironment()
            environment.info = replace(environment.info, attempt=attempt)
            results.append(environment.run(make_calls, chunk.as_json()))
    print(f"{len(results)} activities, {len(bridges())} bridges")
    return 0 if len(bridges()) == len(set(bridges())) == len(ROWS) else 1


if __name__ == "__main__":
    sys.exit(main())
