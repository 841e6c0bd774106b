"""Subjects that are timed in turns, in an order that changes, so that noise meets all of them alike."""

from __future__ import annotations

import argparse
import gc
import platform
import random
import statistics
from collections.abc import Awaitable, Callable, Sequence

import anyio
from attrs import frozen

Subject = Callable[[], Awaitable[object]]
Subjects = Sequence[tuple[str, Subject, str | None]]
"""Name, what is timed, and the name of what it is compared with."""


@frozen
class Unit:
    """How times are told: a word, its length in nanoseconds, and the digits after the point."""

    word: str
    length: float
    digits: int


async def measure(
    make: Callable[[], Subjects], clock: Callable[[], int], rounds: int, calls: int, longest: int | None = None
) -> tuple[Subjects, dict[str, list[float]]]:
    """
    Return the subjects, and what a call of each took in each round, in nanoseconds.

    Args:
        make: Makes the subjects.
        clock: Tells the time in nanoseconds.
        rounds: In each of them, all subjects are timed.
        calls: How many calls of a subject are timed at once.
        longest: How many nanoseconds they may take together, so that of slow subjects fewer calls are timed; None for
            no limit.
    """
    subjects = make()
    often: dict[str, int] = {}
    for name, subject, _ in subjects:
        began = clock()
        for _ in range(20):
            await subject()
        often[name] = calls if longest is None else max(5, min(calls, longest * 20 // max(clock() - began, 1)))
    took: dict[str, list[float]] = {name: [] for name, _, _ in subjects}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, subject, _ in random.sample(subjects, len(subjects)):
                began = clock()
                for _ in range(often[name]):
                    await subject()
                took[name].append((clock() - began) / often[name])
            gc.collect()
    finally:
        gc.enable()
    return subjects, took


def report(  # a keyword for each thing that the benchmarks differ in
    make: Callable[[], Subjects],
    *,
    what: str,
    clock: Callable[[], int],
    unit: Unit,
    rounds: int,
    calls: int,
) -> None:
    """Measure on both event loops, as often as the command line says, and print a table for each."""
    parser = argparse.ArgumentParser(description=f"{what}, as ratios within one interleaved run")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--calls", type=int, default=calls)
    asked = parser.parse_args()
    print(f"CPython {platform.python_version()}, {asked.rounds} rounds of {asked.calls} calls")  # noqa: T201  # a report
    for backend in ("asyncio", "trio"):
        subjects, took = anyio.run(measure, make, clock, asked.rounds, asked.calls, backend=backend)
        print(f"\n{backend:30} {'min':>9} {'median':>9} {unit.word}   x of base (min, median)")  # noqa: T201  # a report
        for name, _, base in subjects:
            least, middle = (each / unit.length for each in (min(took[name]), statistics.median(took[name])))
            line = f"{name:30} {least:9.{unit.digits}f} {middle:9.{unit.digits}f}"
            if base is not None:
                ratios = [one / other for one, other in zip(took[name], took[base], strict=True)]
                line += f"   {min(took[name]) / min(took[base]):6.2f} {statistics.median(ratios):6.2f}  of {base}"
            print(line)  # noqa: T201  # a report
