"""
What the ledger costs: one write, a call that is tracked, and what each kind of server carries.

To see it::

    python tests/benchmarks/ledger.py [--calls 500] [--folder DIRECTORY]

A write waits for the disk (full sync), so the disk is what is measured most: a
folder on the disk that a ledger would be on says more than a temporary one in memory.
The servers are started for the measurement, and have their files in the temporary folder.
"""

from __future__ import annotations

import argparse
import platform
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio

from resilience import Executor, Ledger
from resilience.core.policy import Action, Limits, PolicyValues
from resilience.state import LedgerEntry

sys.path.append(str(Path(__file__).parents[1]))
from servers.postgres import postgres_server  # its folder is on the path now
from servers.redis import redis_server  # likewise

_THREADS: Final = (1, 8)

POLICY = PolicyValues(name="benchmark", limits=Limits(deadline=120.0), unknown=Action(key="fail", do="fail"))


def _entry(number: int) -> LedgerEntry:
    resource = {"InstanceId": "mqtt-cn-x", "GroupId": f"GID_{number}"}
    return LedgerEntry(
        key=f"alibaba::CreateGroupId:{number}", provider="alibaba", operation="CreateGroupId", resource=resource
    )


def _timed(act: Callable[[int], object], calls: int) -> list[float]:
    took = []
    for number in range(calls):
        began = time.perf_counter()
        act(number)
        took.append(time.perf_counter() - began)
    return took


def _claimed(ledger: Ledger, number: int) -> None:
    ledger.claim(str(number))
    ledger.release(str(number))


async def _calls(call: Callable[[str, str], Awaitable[object]], prefix: str, calls: int) -> list[float]:
    took = []
    for number in range(calls):
        began = time.perf_counter()
        await call("mqtt-cn-x", f"GID_{prefix}{number}")
        took.append(time.perf_counter() - began)
    return took


async def _create(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # names that the catalogue knows
    return group_id


async def _executors(ledger: Ledger, calls: int) -> dict[str, list[float]]:
    plain = Executor(POLICY, provider="alibaba").wrap("CreateGroupId", _create)
    tracked = Executor(POLICY, provider="alibaba", ledger=ledger).wrap("CreateGroupId", _create)
    return {
        "call without a ledger": await _calls(plain, "p", calls),
        "tracked call": await _calls(tracked, "t", calls),
        "tracked call, done before": await _calls(tracked, "t", calls),
    }


def _line(name: str, took: list[float]) -> str:
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    return f"{name:28} {p50 * 1e6:10.0f} {p99 * 1e6:10.0f}"


@contextmanager
def _postgres() -> Iterator[str]:
    with postgres_server() as server:
        yield server.url()


@contextmanager
def _redis() -> Iterator[str]:
    with redis_server(appendonly=True) as server:
        yield server.url


def _resources_per_second(where: str, calls: int, threads: int) -> float:
    """Return how many resources are claimed, read, started and finished in a second."""
    gate = threading.Barrier(threads + 1)
    with Ledger(where) as ledger:
        ledger.entries()

        def make(first: int) -> None:
            gate.wait()
            for number in range(first, calls, threads):
                # Those of another number of threads are done.
                entry = _entry(threads * calls + number)
                while not ledger.claim(entry.key, first):
                    time.sleep(0.001)
                ledger.get(entry.key)
                ledger.start(entry)
                ledger.finish(entry)
                ledger.release(entry.key)

        workers = [threading.Thread(target=make, args=(first,)) for first in range(threads)]
        for each in workers:
            each.start()
        gate.wait()
        began = time.perf_counter()
        for each in workers:
            each.join()
        return calls / (time.perf_counter() - began)


def _servers(folder: Path, calls: int) -> Iterator[str]:
    yield f"{'resources/s (claim, read, started, done)':41} {'1 thread':>10} {'8 threads':>10}"
    with _postgres() as postgres, _redis() as redis:
        places = {"SQLite": str(folder / "rate.db"), "PostgreSQL": postgres, "Redis": redis}
        for name, where in places.items():
            yield f"{name:41}" + "".join(f" {_resources_per_second(where, calls, each):10.0f}" for each in _THREADS)


def main() -> None:
    """Measure, and print a table in microseconds."""
    parser = argparse.ArgumentParser(description="what the ledger costs")
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="where the ledger is made; by default a temporary folder")
    wanted = parser.parse_args()
    lines = [
        f"CPython {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {wanted.calls} calls",
        f"{'':28} {'p50 us':>10} {'p99 us':>10}",
    ]
    with tempfile.TemporaryDirectory(dir=wanted.folder) as folder, Ledger(Path(folder) / "ledger.db") as ledger:
        lines += [
            _line("write: started", _timed(lambda number: ledger.start(_entry(number)), wanted.calls)),
            _line("write: done", _timed(lambda number: ledger.finish(_entry(number)), wanted.calls)),
            _line("read", _timed(lambda number: ledger.get(_entry(number).key), wanted.calls)),
            _line("claim and release", _timed(lambda number: _claimed(ledger, number), wanted.calls)),
        ]
        for backend in ("asyncio", "trio"):
            with Ledger(Path(folder) / f"{backend}.db") as other:
                took = anyio.run(_executors, other, wanted.calls, backend=backend)
            lines += [_line(f"{name}, {backend}", each) for name, each in took.items()]
        lines += _servers(Path(folder), wanted.calls)
    print("\n".join(lines))  # noqa: T201  # a report


if __name__ == "__main__":
    main()
