"""
How do the workers of Restate share a fleet?

A handler is a chunk. Restate's server keeps what it was asked, and asks again when a worker dies or does not answer; a
chunk's key is its idempotency key, so that a second run joins the first. Errors of the function come back as outcomes,
so Restate does not retry them. A worker that says nothing for a minute is asked again, so a chunk has less to do.

The server is a program from npm, and a worker is a web server with HTTP/2::

    npm install @restatedev/restate-server && npx restate-server &
    pip install restate-sdk hypercorn
    export BRIDGES=/tmp/bridges
    cd examples/engines
    hypercorn --bind 127.0.0.1:9080 restate_service:app &
    curl localhost:9070/deployments --json '{"uri": "http://localhost:9080"}'
    python restate_service.py
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import Request, urlopen

import restate
from bridges import POLICY, ROWS, bridges

from resilience.fleet import Chunk, chunks, run_chunk

WORKERS = 1
FUNCTION = "bridges:create_bridge"
INGRESS = os.environ.get("RESTATE", "http://localhost:8080")

service = restate.Service("Bridges")


@service.handler("make_calls")
async def make_calls(_: restate.Context, written: dict[str, Any]) -> dict[str, Any]:
    """Make the calls of a chunk, in a thread, because they have an event loop of their own."""
    result = await asyncio.to_thread(run_chunk, FUNCTION, Chunk.of_json(written), policy=POLICY, share=WORKERS)
    return result.as_json()


app = restate.app([service])


def asked(chunk: Chunk) -> dict[str, Any]:
    """Give a chunk to the server, and wait for what became of it."""
    headers = {"content-type": "application/json", "idempotency-key": chunk.key}
    request = Request(f"{INGRESS}/Bridges/make_calls", json.dumps(chunk.as_json()).encode(), headers)  # noqa: S310  # an address of ours
    with urlopen(request, timeout=120) as answer:  # noqa: S310  # likewise
        result: dict[str, Any] = json.load(answer)
    return result


def main() -> int:
    """Give all chunks to the server; return 0 if each bridge is there once."""
    given = list(chunks(ROWS, FUNCTION, policy=POLICY, size=8))
    with ThreadPoolExecutor(len(given)) as threads:
        results = list(threads.map(asked, given))
    failures = [each["failure"] for result in results for each in result["outcomes"] if each["failure"]]
    print(f"{len(given)} chunks, {len(bridges())} bridges, failures: {failures}")
    return 0 if len(bridges()) == len(set(bridges())) == len(ROWS) else 1


if __name__ == "__main__":
    sys.exit(main())
