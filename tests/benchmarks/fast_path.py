"""
What each trick of the fast path saves, in nanoseconds per call.

To see it::

    python tests/benchmarks/fast_path.py

Each trick is timed against what stands in its place where it is left out, around the same function. The figures in
the header of :mod:`resilience.engine.call.fast_path` are from here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio

from resilience.engine.runtime.attempt_alarm import Alarms

_CALLS: Final = 4000
_ROUNDS: Final = 41
_LIMIT: Final = 120.0

Function = Callable[..., Awaitable[Any]]


async def _function(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the signature of a call
    return group_id


async def _direct(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001  # a wrapper takes them
    return await _function(*args)


async def _second_frame(*args: Any, **kwargs: Any) -> Any:
    return await _direct(*args, **kwargs)


async def _with_keywords(*args: Any, **kwargs: Any) -> Any:
    return await _function(*args, **kwargs)


def _looks() -> tuple[Function, Function]:
    slot: dict[str, Any] = {"": None}

    def is_idle() -> bool:
        return slot[""] is None

    async def looked_up(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        if slot[""] is None and slot[""] is None:
            return await _function(*args)
        return None

    async def called(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        if is_idle() and is_idle():
            return await _function(*args)
        return None

    return looked_up, called


def _credentials() -> tuple[Function, Function]:
    renew_at = float("inf")

    async def none_needed(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        return await _function(*args)

    async def asked(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        if renew_at > time.time():
            return await _function(*args)
        return None

    return none_needed, asked


def _answers() -> tuple[Function, Function]:
    def check(_: object) -> object:
        return None

    async def by_type(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        value = await _function(*args)
        return value if type(value) is str or check(value) is None else None

    async def checked(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        value = await _function(*args)
        return value if check(value) is None else None

    return by_type, checked


def _limits() -> tuple[Function, Function]:
    loop = asyncio.get_running_loop()
    alarms = Alarms(loop, _LIMIT)

    async def alarmed(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        alarm = alarms.set(loop.time())
        try:
            return await _function(*args)
        finally:
            alarm.switch_off()

    async def scoped(*args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        with anyio.CancelScope(deadline=loop.time() + _LIMIT):
            return await _function(*args)

    return alarmed, scoped


async def _nanoseconds(function: Function) -> float:
    started = time.thread_time_ns()
    for _ in range(_CALLS):
        await function("i", "g")
    return (time.thread_time_ns() - started) / _CALLS


async def main() -> None:
    """Time both sides of each trick in every round, and print what the best rounds differ by."""
    tricks = {
        "one frame instead of two": (_direct, _second_frame),
        "no keywords passed on": (_direct, _with_keywords),
        "two slots looked up, no function called": _looks(),
        "no clock read without credentials": _credentials(),
        "the type of a plain value, before the check": _answers(),
        "an alarm instead of a cancel scope": _limits(),
    }
    best: dict[str, tuple[float, float]] = {}
    for _ in range(_ROUNDS):
        for name, (with_it, without) in tricks.items():
            one, other = best.get(name, (float("inf"), float("inf")))
            best[name] = min(one, await _nanoseconds(with_it)), min(other, await _nanoseconds(without))
    for name, (one, other) in best.items():
        print(f"{name:45} {other - one:6.0f} ns of {other:6.0f}")  # noqa: T201  # it is what the program is for


if __name__ == "__main__":
    asyncio.run(main())
