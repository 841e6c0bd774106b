"""
Makes things through ``map``, at a service on loopback that has a bad day and counts.

The test uses it with few calls. Many of them, in seconds::

    python tests/endtoend/map_load.py [--calls 100000] [--on asyncio|trio|threads] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import anyio
import anyio.abc
from attrs import define, field, frozen
from counting_service import counting_service

from resilience import Executor, Policy, ServiceError, SyncExecutor

POLICY: Final = Policy.load(Path(__file__).with_name("map.toml"))

Runtime = Literal["asyncio", "trio", "threads"]


@frozen
class Report:
    """
    What came of a map.

    Attributes:
        tally: What map says.
        ended: How many calls ended how.
        counted: What the service says.
    """

    tally: str
    ended: Mapping[Any, int]
    counted: dict[str, int]


@define
class Connection:
    """A connection of an event loop."""

    stream: anyio.abc.ByteStream
    _rest: bytes = field(default=b"", init=False)

    async def ask(self, request: str) -> str:
        """Send a line; return the line that comes back."""
        await self.stream.send(f"{request}\n".encode())
        while b"\n" not in self._rest:
            self._rest += await self.stream.receive()
        answer, _, self._rest = self._rest.partition(b"\n")
        return answer.decode()


async def _on_loop(port: int, calls: int) -> Report:
    free: list[Connection] = []

    async def ask(request: str) -> str:
        connection = free.pop() if free else Connection(await anyio.connect_tcp("127.0.0.1", port))
        try:
            answer = await connection.ask(request)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            await connection.stream.aclose()
            raise ConnectionResetError from None
        free.append(connection)
        return answer

    executor = Executor(POLICY, provider="acme", observers=())

    @executor.wrap("CreateThing")
    async def create(name: str) -> str:
        return _made(await ask(f"make {name}"), name)

    @create.verify
    async def find(name: str) -> str | None:
        return name if await ask(f"look {name}") == "yes" else None

    async with executor.map(create.bind(f"thing-{number}") for number in range(calls)) as outcomes:
        async for outcome in outcomes:
            outcome.unwrap()
    counted = json.loads(await ask("count"))
    for each in free:
        await each.stream.aclose()
    return Report(str(outcomes.tally), outcomes.tally.ended, counted)


def _in_threads(port: int, calls: int) -> Report:
    own = threading.local()
    opened: list[Any] = []

    def ask(request: str) -> str:
        if getattr(own, "stream", None) is None:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                own.stream = connection.makefile("rwb")  # which keeps it open
            opened.append(own.stream)
        own.stream.write(f"{request}\n".encode())
        own.stream.flush()
        answer = own.stream.readline()
        if not answer:
            own.stream.close()
            own.stream = None
            raise ConnectionResetError
        return str(answer, "ascii").strip()

    executor = SyncExecutor(POLICY, provider="acme", observers=())

    @executor.wrap("CreateThing")
    def create(name: str) -> str:
        return _made(ask(f"make {name}"), name)

    @create.verify
    def find(name: str) -> str | None:
        return name if ask(f"look {name}") == "yes" else None

    outcomes = executor.map(create.bind(f"thing-{number}") for number in range(calls))
    for outcome in outcomes:
        outcome.unwrap()
    counted = json.loads(ask("count"))
    for each in opened:
        each.close()
    return Report(str(outcomes.tally), outcomes.tally.ended, counted)


def _made(answer: str, name: str) -> str:
    if answer == "busy":
        raise ServiceError("Busy", status=503)
    return name


def load(calls: int, runtime: Runtime, seed: int) -> Report:
    """Make so many things, and let the service count."""
    with counting_service(seed) as port:
        if runtime == "threads":
            return _in_threads(port, calls)
        return anyio.run(_on_loop, port, calls, backend=runtime)


def main() -> int:
    """Make many; the exit code is 1 if the service has not made each once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--on", choices=["asyncio", "trio", "threads"], default="asyncio")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.monotonic()
    report = load(wanted.calls, wanted.on, wanted.seed)
    took, most = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{report.tally}, in {took:.1f} s and {most:.0f} MB: {report.ended}")  # noqa: T201  # a report
    print(f"the service counted {report.counted}")  # noqa: T201  # likewise
    return int(report.counted["made"] != wanted.calls or report.counted["twice"] > 0)


if __name__ == "__main__":
    sys.exit(main())
