"""
Limits that several processes share through a store, in real time: the requests that a service counts.

To see it::

    python tests/benchmarks/shared_limits.py [--store redis|file] [--processes 4] [--rate 100] [--calls 1000]
    python tests/benchmarks/shared_limits.py --rate 0 --concurrency 16 --takes 0.1
    python tests/benchmarks/shared_limits.py --rate 100 --adaptive
    python tests/benchmarks/shared_limits.py --refreshes 50 --takes 0.05

The service is a process of its own on loopback. It answers after ``--takes`` seconds, and notes when each request
arrives and how many are under way. Each process makes its part of the calls, sixteen at a time, on asyncio and on trio
in turn. With ``--refreshes`` it is a token service: so many executors, of all processes, have no credentials and make a
call at once. The store is a Redis server, installed or from Debian's packages, or a file. Questions to the store are
those that the server counts, or none where it is a file.
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

from resilience import Credentials, Executor, Policy
from resilience.state.redis_client import RedisClient

_AT_ONCE = 16


def serve(pipe: Connection, takes: float) -> None:
    """Answer every line on loopback until asked for the times at which lines came, and for the most under way."""
    arrivals: list[float] = []
    under_way: list[int] = [0]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            arrivals.append(time.monotonic())
            under_way.append(under_way[-1] + 1)
            if takes:
                await asyncio.sleep(takes)
            under_way.append(under_way[-1] - 1)
            writer.write(b"made\n")
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(pipe.recv)
        pipe.send((arrivals, max(under_way)))

    asyncio.run(main())


def policy(store: str, asked: argparse.Namespace) -> Policy:
    """Return a policy with the limits of one operation, kept in a store."""
    limits = f"[rate.acme]\nadaptive = {str(asked.adaptive).lower()}\n"
    if asked.concurrency:
        limits += f"concurrency = {asked.concurrency}\n"
    if asked.rate:
        limits += f"[rate.acme.operations]\nMake = '{asked.rate}/s'\n"
    return Policy.loads(
        "schema = 1\n[limits]\ndeadline = '1h'\nattempt_timeout = '20s'\n[operations.acme]\nMake = 'safe'\n"
        f"{'' if asked.refreshes else limits}[state]\nstore = '{store}'\non_unavailable = 'fail'\n"
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


def refresh(number: int, limited: Policy, port: int, executors: int, ready: Barrier) -> None:
    """Make the first call of some executors at once; each needs credentials."""

    async def ask() -> str:
        async with await anyio.connect_tcp("127.0.0.1", port) as connection:
            await connection.send(b"token\n")
            await connection.receive()
        return "key"

    async def one() -> None:
        source: Credentials[str] = Credentials(ask)

        async def use() -> str:
            return source.current()

        await Executor(limited, provider="acme", credentials={"acme": source}, observers=()).call("Make", use)

    async def main() -> None:
        ready.wait()
        async with anyio.create_task_group() as tasks:
            for _ in range(executors):
                tasks.start_soon(one)

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
    parser = argparse.ArgumentParser(description="limits that processes share, as a service counts")
    parser.add_argument("--store", choices=["redis", "file"], default="redis")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--rate", type=int, default=100, help="requests in a second; 0 for no limit")
    parser.add_argument("--concurrency", type=int, default=0, help="requests under way; 0 for no limit")
    parser.add_argument("--adaptive", action="store_true")
    parser.add_argument("--takes", type=float, default=0.0, help="how long the service takes, in seconds")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--refreshes", type=int, default=0, help="so many executors ask for credentials at once")
    asked = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with a_store(asked.store) as store:
        ours, theirs = context.Pipe()
        server = context.Process(target=serve, args=(theirs, asked.takes))
        server.start()
        port = ours.recv()
        limited, ready = policy(store, asked), context.Barrier(asked.processes)
        target, all_of_them = (refresh, asked.refreshes) if asked.refreshes else (work, asked.calls)
        parts = [
            all_of_them * (number + 1) // asked.processes - all_of_them * number // asked.processes
            for number in range(asked.processes)
        ]
        workers = [
            context.Process(target=target, args=(number, limited, port, part, ready))
            for number, part in enumerate(parts)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        ours.send(None)
        arrivals, most = ours.recv()
        server.join()
        asked_for = questions(store)
    sys.stdout.write(said(asked, sorted(arrivals), most, asked_for))


def said(asked: argparse.Namespace, arrivals: list[float], most: int, asked_for: int | None) -> str:
    """Return what was counted, in one line."""
    peak = max(bisect_left(arrivals, each + 1.0) - number for number, each in enumerate(arrivals))
    took = arrivals[-1] - arrivals[0]
    parts = [
        f"{len(arrivals)} requests of {asked.processes} processes ({asked.store}) in {took:.2f} s",
        f"at most {peak} in a second and {most} under way",
    ]
    if asked.rate and not asked.refreshes:
        parts.append(f"{(len(arrivals) - 1) / took / asked.rate:.1%} of {asked.rate}/s")
    if asked.concurrency and asked.takes:
        # At the end some processes have fewer calls left than places.
        early = sum(each < arrivals[0] + took * 0.9 for each in arrivals)
        parts.append(
            f"{early * asked.takes / (took * 0.9 * asked.concurrency):.1%} of {asked.concurrency} places in use"
        )
    if asked_for is not None:
        parts.append(f"{asked_for / len(arrivals):.3f} questions for each request")
    return ", ".join(parts) + "\n"


if __name__ == "__main__":
    main()
