"""
How do Celery workers share a fleet?

A task is a chunk. Celery gives it to another worker if the first one dies (``acks_late``), and says so
(``redelivered``); its own retries stay off, because the policy retries. Celery has no coroutines; the calls of a chunk
run on an event loop of the worker all the same.

    pip install celery redis packaging
    export BROKER=redis://localhost:6379/0 BRIDGES=/tmp/bridges
    cd examples/engines
    celery --app celery_tasks worker --concurrency 2 &
    python celery_tasks.py
"""

from __future__ import annotations

import os
import sys
from typing import Any

from bridges import POLICY, ROWS, bridges
from celery import Celery, group

from resilience.fleet import Chunk, chunks, run_chunk

WORKERS = 2
FUNCTION = "bridges:create_bridge"

app = Celery("bridges", broker=os.environ["BROKER"], backend=os.environ["BROKER"])


@app.task(name="celery_tasks.make_calls", bind=True, acks_late=True, reject_on_worker_lost=True, max_retries=0)
def make_calls(self: Any, written: dict[str, Any]) -> dict[str, Any]:
    """Make the calls of a chunk."""
    delivery = 2 if self.request.delivery_info.get("redelivered") else None
    chunk = Chunk.of_json(written)
    return run_chunk(FUNCTION, chunk, policy=POLICY, share=WORKERS, delivery=delivery).as_json()


def main() -> int:
    """Give all chunks to the workers; return 0 if each bridge is there once."""
    given = [make_calls.s(chunk.as_json()) for chunk in chunks(ROWS, FUNCTION, policy=POLICY, size=8)]
    results = group(given).apply_async().get(timeout=60)
    failures = [each["failure"] for result in results for each in result["outcomes"] if each["failure"]]
    print(f"{len(given)} chunks, {len(bridges())} bridges, failures: {failures}")
    return 0 if len(bridges()) == len(set(bridges())) == len(ROWS) else 1


if __name__ == "__main__":
    sys.exit(main())
