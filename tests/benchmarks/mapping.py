"""
What ``map`` costs for each call, and how much memory it needs for a million of them.

To see it::

    python tests/benchmarks/mapping.py [--calls 1000000] [--most-mb 200]

Calls that end at the next turn of the event loop go through ``map``, and through what a program would write by hand:
as many tasks as may be under way, which share an iterator, and a task for each call behind a limiter. ``outcome`` is
what each of them awaits. The exit code is 1 if the process has needed more memory than ``--most-mb``.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import anyio
import anyio.lowlevel

from resilience import Executor, SyncExecutor
from resilience.core.policy import Action, Limits, PolicyValues

POLICY = PolicyValues(name="benchmark", limits=Limits(deadline=120.0), unknown=Action(key="fail", do="fail"))
CONCURRENCY = 16
_FEW = 50_000
"""The calls of a variant that is only compared with; a task for each of a million calls needs memory of its own."""

executor = Executor(POLICY, provider="alibaba")
threads = SyncExecutor(POLICY, provider="alibaba")


@executor.wrap("CreateGroupId")
async def create(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
    """Succeed at the next turn."""
    await anyio.lowlevel.checkpoint()
    return group_id


@threads.wrap("CreateGroupId")
def create_here(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # as above
    """Succeed at once."""
    return group_id


def names(calls: int) -> Iterator[str]:
    """Yield as many names."""
    return (f"GID_{number}" for number in range(calls))


async def by_map(calls: int) -> None:
    """Make calls with ``map``."""
    async with executor.map((create.bind("i", name) for name in names(calls)), concurrency=CONCURRENCY) as outcomes:
        async for _ in outcomes:
            pass


async def in_order(calls: int) -> None:
    """Likewise, in order."""
    bound = (create.bind("i", name) for name in names(calls))
    async with executor.map(bound, concurrency=CONCURRENCY, ordered=True) as outcomes:
        async for _ in outcomes:
            pass


async def one_by_one(calls: int) -> None:
    """Await one outcome after the other."""
    for name in names(calls):
        await create.outcome("i", name)


async def by_workers(calls: int) -> None:
    """Let some tasks share an iterator; nothing comes back."""
    todo = names(calls)

    async def work() -> None:
        for name in todo:
            await create.outcome("i", name)

    async with anyio.create_task_group() as tasks:
        for _ in range(CONCURRENCY):
            tasks.start_soon(work)


async def by_tasks(calls: int) -> None:
    """Start a task for each call, behind a limiter."""
    limiter = anyio.CapacityLimiter(CONCURRENCY)

    async def make(name: str) -> None:
        async with limiter:
            await create.outcome("i", name)

    async with anyio.create_task_group() as tasks:
        for name in names(calls):
            tasks.start_soon(make, name)


def in_threads(calls: int) -> None:
    """Make calls with ``SyncExecutor.map``."""
    for _ in threads.map((create_here.bind("i", name) for name in names(calls)), concurrency=CONCURRENCY):
        pass


def one_by_one_here(calls: int) -> None:
    """Make one call after the other in this thread."""
    for name in names(calls):
        create_here.outcome("i", name)


def memory() -> float:
    """Return the most memory that this process has needed so far, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def tell(name: str, calls: int, run: Callable[[int], object]) -> None:
    """Print what a call of a variant takes of the processor."""
    run(1000)
    began = time.process_time()
    run(calls)
    took = (time.process_time() - began) / calls * 1e6
    print(f"{name:34} {calls:>9,} calls {took:8.1f} us each {memory():8.0f} MB")  # noqa: T201  # a report


def main() -> int:
    """Run all variants, those that must need little memory first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--most-mb", type=float, default=200.0)
    wanted = parser.parse_args()
    few = min(_FEW, wanted.calls)
    began = memory()
    print(f"Python {platform.python_version()}; {began:.0f} MB before the first call")  # noqa: T201  # a report

    def on(backend: str, function: Callable[[int], Awaitable[None]]) -> Callable[[int], object]:
        return lambda calls: anyio.run(function, calls, backend=backend)

    for backend in ("asyncio", "trio"):
        tell(f"{backend}: map", wanted.calls, on(backend, by_map))
    tell("threads: map", wanted.calls, in_threads)
    for backend in ("asyncio", "trio"):
        tell(f"{backend}: map, ordered", few, on(backend, in_order))
    most = memory()
    tell("threads: one by one", few, one_by_one_here)
    for backend in ("asyncio", "trio"):
        tell(f"{backend}: one by one", few, on(backend, one_by_one))
        tell(f"{backend}: workers by hand", few, on(backend, by_workers))
        tell(f"{backend}: a task for each call", few, on(backend, by_tasks))
    print(f"map has needed {most:.0f} MB at most, of {wanted.most_mb:.0f} MB")  # noqa: T201  # a report
    return int(most > wanted.most_mb)


if __name__ == "__main__":
    sys.exit(main())
