"""
What a policy costs beside other libraries that try again, and beside what one writes by hand.

To see it, with the extra ``peers`` installed::

    python tests/benchmarks/peers.py [--rounds 31]

All of it is timed in turns, in an order that changes and in processor time of the thread, so that noise meets all of
it alike; a ratio is the median of the rounds' own ratios. Each figure stands beside its goal, which holds for the
ratio, and is marked where it misses it. A call in flight is weighed without what its own coroutine weighs. It takes
about a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import platform
import statistics
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import partial
from typing import Any, Final

import anyio
import anyio.lowlevel
import happy_path
import telemetry
from attrs import frozen
from interleaved import Subject, Subjects, measure
from peer_libraries import PEERS, RETRY_ON_TRIO, Function, Wrap

from resilience import Executor, ServiceError

_BATCH: Final = 8_000_000  # nanoseconds: short beside a round, so that all meet the same noise
_CALLS: Final = 2000
_IN_FLIGHT: Final = 400
_CONCURRENT: Final = 10_000


@frozen
class Goal:
    """
    What a figure is held to.

    Attributes:
        name: Of the subject.
        base: Of what it is compared with.
        most: The largest ratio.
    """

    name: str
    base: str
    most: float


ON_EVERY_LOOP: Final = (
    Goal("wrapped, no limits", "bare await", 3.0),
    Goal("wrapped, deadline", "anyio.fail_after", 0.8),
    Goal("executor.call", "bare await", 6.0),
    Goal("wrapped, outcome()", "bare await", 25.0),
    Goal("wrapped, fails fast", "tenacity, fails fast", 0.25),
    Goal("wrapped, fails fast", "redress, fails fast", 0.5),
    Goal("wrapped, one retry", "tenacity, one retry", 0.25),
    Goal("wrapped, one retry", "redress, one retry", 0.5),
    Goal("SDK", "by hand", 0.8),
    Goal("SDK, one retry", "by hand, one retry", 0.8),
)
AT_ONCE: Final = 1.0
"""10,000 calls at once, beside as many tasks without a policy."""

IN_FLIGHT: Final = 320
"""Bytes."""


class _BusyError(ServiceError):
    """A refusal after which a call is tried again."""


def _by_hand(function: Function, again: type[Exception]) -> Function:
    """Return the least that one would write."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        while True:
            try:
                return await function(*args, **kwargs)
            except again:
                await anyio.lowlevel.checkpoint()

    return call


_ALL: Final[Mapping[str, Wrap]] = {"hand-written": _by_hand, **PEERS}


def _flaky() -> Callable[[str, str], Awaitable[str]]:
    is_good = True

    async def call(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the signature of a call
        nonlocal is_good
        is_good = not is_good
        if not is_good:
            raise _BusyError("Busy", status=429)
        return group_id

    return call


def _subjects() -> Subjects:
    """Return ours, by hand, and the peers'."""
    from_peers: list[tuple[str, Subject, str | None]] = []
    for name, wrap in _ALL.items():
        refused = partial(happy_path.caught, wrap(happy_path.refuse, _BusyError))
        from_peers += [
            (name, partial(wrap(happy_path.succeed, _BusyError), "i", "g"), "bare await"),
            (f"{name}, fails fast", refused, "bare raise"),
        ]
        if not _is_trio() or name in RETRY_ON_TRIO or name not in PEERS:
            from_peers.append((f"{name}, one retry", partial(wrap(_flaky(), _BusyError), "i", "g"), "retry by hand"))
    return [
        *happy_path.subjects(),
        *from_peers,
        *telemetry.with_sdk(),
    ]


def _is_trio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False


class _Pause:
    """Stops a coroutine where it is awaited."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def _pausing(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the signature of a call
    await _Pause()
    return group_id


def _weight(call: Callable[[str, str], Any]) -> float:
    """Return the bytes of a call that waits for its answer."""
    for each in [call("i", "g") for _ in range(10)]:
        # To its end: who has seen one call may do less for the next.
        with contextlib.suppress(StopIteration):
            while True:
                each.send(None)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        calls = [call("i", "g") for _ in range(_IN_FLIGHT)]
        for each in calls:
            each.send(None)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    for each in calls:
        each.close()
    return (after - before) / _IN_FLIGHT


async def _weights(ours: Callable[[str, str], Any]) -> dict[str, float]:
    # On a loop, which some of them ask for.
    bare = _weight(_pausing)
    wrapped = {"ours": ours, **{name: wrap(_pausing, _BusyError) for name, wrap in _ALL.items()}}
    return {name: _weight(each) - bare for name, each in wrapped.items()}


async def _yielding(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the signature of a call
    await asyncio.sleep(0)
    return group_id


async def _at_once(ours: Callable[[str, str], Any]) -> dict[str, float]:
    """Return the seconds that many calls at once take, the best of some rounds."""
    wrapped = {name: _ALL[name](_yielding, _BusyError) for name in ("hand-written", "tenacity")}
    subjects = {"bare": _yielding, "ours": ours, **wrapped}
    took: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(7):
        for name, call in subjects.items():
            gc.collect()
            began = time.thread_time()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(_CONCURRENT):
                    tasks.create_task(call("i", "g"))
            took[name].append(time.thread_time() - began)
    return {name: min(each) for name, each in took.items()}


def _print(*cells: str) -> None:
    name, *rest = cells
    sys.stdout.write(f"{name:<34}" + "".join(f"{cell:>12}" for cell in rest[:-1]) + f"   {rest[-1]}\n")


def _verdict(ratio: float, most: float) -> str:
    return f"goal {most:g}" + ("" if ratio <= most else "  MISSED")


def _tell(took: dict[str, list[float]]) -> None:
    """Print a line for each goal, and the peers without one."""
    _print("", "us", "base us", "ratio", "of")
    for goal in ON_EVERY_LOOP:
        if goal.base not in took:
            continue
        ratio = statistics.median(map(_ratio, took[goal.name], took[goal.base]))
        figures = [statistics.median(took[each]) / 1000 / _attempts(each) for each in (goal.name, goal.base)]
        _print(
            goal.name + (", each attempt" if _attempts(goal.name) > 1 else ""),
            *(f"{figure:.2f}" for figure in figures),
            f"{ratio:.2f}",
            f"{goal.base}: {_verdict(ratio, goal.most)}",
        )
    for kind in ("", ", fails fast", ", one retry"):
        names = [name for name in _ALL if name + kind in took]
        figures = [statistics.median(took[name + kind]) / 1000 / _attempts(kind) for name in names]
        sys.stdout.write(f"  us{kind or ', happy path'}: ")
        sys.stdout.write(", ".join(f"{name} {figure:.2f}" for name, figure in zip(names, figures, strict=True)) + "\n")


def _ratio(one: float, other: float) -> float:
    return one / other


def _attempts(name: str) -> int:
    """Return how many attempts a call of a subject makes."""
    return 2 if name.endswith("one retry") and not name.startswith(("SDK", "by hand")) else 1


def main() -> None:
    """Measure everything, and print it beside its goals."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=31, help="rounds on each event loop (default %(default)s)")
    options = parser.parse_args()
    anyio.run(telemetry.check)
    sys.stdout.write(f"CPython {platform.python_version()}, {options.rounds} rounds\n")
    for backend in ("asyncio", "trio"):
        _, took = anyio.run(measure, _subjects, time.thread_time_ns, options.rounds, _CALLS, _BATCH, backend=backend)
        sys.stdout.write(f"\n{backend}\n")
        _tell(took)
    executor = Executor(happy_path.policy(None), provider="alibaba")
    weights = asyncio.run(_weights(executor.wrap("CreateGroupId", _pausing)))
    sys.stdout.write("\nbytes of a call in flight beyond its own coroutine\n")
    for name, weight in weights.items():
        _print(name, f"{weight:.0f}", _verdict(weight, IN_FLIGHT) if name == "ours" else "")
    seconds = asyncio.run(_at_once(executor.wrap("CreateGroupId", _yielding)))
    sys.stdout.write(f"\n{_CONCURRENT} calls at once, best of seven\n")
    for name, took_all in seconds.items():
        ratio = took_all / seconds["bare"]
        _print(name, f"{took_all * 1000:.0f} ms", f"{ratio:.2f}", _verdict(ratio, AT_ONCE) if name == "ours" else "")


if __name__ == "__main__":
    main()
