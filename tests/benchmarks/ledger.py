"""
What the ledger costs: one write, and a call that is tracked.

To see it::

    python tests/benchmarks/ledger.py [--calls 500] [--folder DIRECTORY]

A write waits for the disk (full sync), so the disk is what is measured most: a
folder on the disk that a ledger would be on says more than a temporary one in memory.
"""

from __future__ import annotations

import argparse
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from resilience import Executor, Ledger
from resilience.core.policy import Action, Limits, PolicyValues
from resilience.state import LedgerEntry

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
    print("\n".join(lines))  # noqa: T201  # a report


if __name__ == "__main__":
    main()
