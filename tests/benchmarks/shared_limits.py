"""
Rate limits that several processes share through a store, in real time: the requests that a service counts.

To see it::

    python tests/benchmarks/shared_limits.py [--store redis|file] [--processes 4] [--rate 100] [--calls 1000]

The service is a process of its own on loopback, and notes when each request arrives. Each process makes its part of the
calls, sixteen at a time, on asyncio and on trio in turn. The store is a Redis server, installed or from Debian's
packages, or a file. Questions to the store are those that the server counts, or the processes where it is a file.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers.redis import redis_server

from resilience import Executor, Policy
from resilience.state.redis_client import RedisClient

_AT_ONCE = 16


def serve(pipe: Connection) -> None:
    """Answer every line on loopback until asked for the times at which lines came."""
    arrivals: list[float] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            arrivals.append(time.monotonic())
            writer.write(b"made\n")
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(pipe.recv)
        pipe.send(arrivals)

    asyncio.run(main())


def policy(store: str, rate: int) -> Policy:
    """Return a policy with one limit of one operation, kept in a store."""
    return Policy.loads(
        "schema = 1\n[limits]\ndeadline = '1h'\n[operations.acme]\nMake = 'safe'\n"
        f"[rate.acme.operations]\nMake = '{rate}/s'\n[state]\nstore = '{store}'\n"
    )


def work(number: int, limited: Policy, port: int, calls: int, ready: Barrier) -> None:
    """Make the calls of one process."""
    executor = Executor(limited, provider="acme", observers=())
    left = iter(range(calls))

    async def some() -> None:
        async with await anyio.connect_tcp("127.0.0.1", port) as connection:

            async def send() -> bytes:
                await connection.send(b"make\n")
                return await connection.receive()

            make = executor.wrap("Make", send)
            for _ in left:
                await make()

    async def main() -> None:
        ready.wait()
        async with anyio.create_task_group() as tasks:
            for _ in range(_AT_ONCE):
                tasks.start_soon(some)

    anyio.run(main, backend="trio" if number % 2 else "asyncio")


@contextlib.contextmanager
def a_store(kind: str) -> Iterator[str]:
    """Run a store, and yield where it is."""
    if kind == "redis":
        with redis_server() as server:
            yield server.url
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"{folder}/state.db"


def questions(store: str) -> int | None:
    """Return how many scripts a server has run; None where the store is a file."""
    if "://" not in store:
        return None
    client = RedisClient(store)
    counted = client.ask(lambda each: each.info("commandstats"), 5.0)
    client.close()
    return sum(int(counted[name]["calls"]) for name in ("cmdstat_evalsha", "cmdstat_eval") if name in counted)


def main() -> None:
    """Print what was counted."""
    parser = argparse.ArgumentParser(description="rate limits that processes share, as a service counts")
    parser.add_argument("--store", choices=["redis", "file"], default="redis")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--calls", type=int, default=1000)
    asked = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with a_store(asked.store) as store:
        ours, theirs = context.Pipe()
        server = context.Process(target=serve, args=(theirs,))
        server.start()
        port = ours.recv()
        limited, ready = policy(store, asked.rate), context.Barrier(asked.processes)
        workers = [
            context.Process(target=work, args=(number, limited, port, asked.calls // asked.processes, ready))
            for number in range(asked.processes)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        ours.send(None)
        arrivals = sorted(ours.recv())
        server.join()
        asked_for = questions(store)
    peak = max(bisect_left(arrivals, each + 1.0) - number for number, each in enumerate(arrivals))
    took = arrivals[-1] - arrivals[0]
    per_call = "" if asked_for is None else f", {asked_for / len(arrivals):.3f} questions for each request"
    sys.stdout.write(
        f"{len(arrivals)} requests at {asked.rate}/s of {asked.processes} processes ({asked.store}): {took:.2f} s, at "
        f"most {peak} in a second, {(len(arrivals) - 1) / took / asked.rate:.1%} of the limit{per_call}\n"
    )


if __name__ == "__main__":
    main()
