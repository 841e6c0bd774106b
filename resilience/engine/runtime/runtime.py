"""
Where a call runs: on an event loop, or in the thread that makes it.

There is one engine. It is written as coroutines, and whatever in it takes time
asks a runtime: for the clock, for a sleep, for the end of a wait. On an event loop
these suspend. In a plain thread they block instead, so that a coroutine of the
engine runs from its beginning to its end without ever suspending, and needs no
event loop (:func:`~resilience.engine.runtime.plain_thread.drive`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from resilience.core.values import record

T = TypeVar("T")

Timing = tuple[Callable[[], float], Callable[[float], Awaitable[object]]]
"""A clock in seconds, and what lets seconds pass on it."""


@record
class Ran:
    """
    How an attempt or a remedy ended.

    Attributes:
        value: What it returned.
        error: What it raised, or None.
        cut: Whether our limit cut it short.
    """

    value: Any = None
    error: Exception | None = None
    cut: bool = False


class Latch(Protocol):
    """Opens once, for all who wait."""

    def set(self) -> object:
        """Open it."""
        ...

    async def wait(self) -> object:
        """Wait until it is open."""
        ...


class Runtime(Protocol):
    """What takes time, for one kind of call."""

    @property
    def blocks(self) -> bool:
        """Whether a wait holds up the thread; user code then runs in it, and cannot be cut short."""
        ...

    def now(self) -> float:
        """Return the seconds on the clock by which calls are timed."""
        ...

    def timing(self) -> Timing:
        """Return what :meth:`now` and :meth:`sleep` ask, for a call that asks often; also after the call."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    async def run_until(
        self,
        limit: float | None,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Ran:
        """
        Await a function until an instant on the clock, or without limit.

        A cancellation from outside is no way to end: it passes through.
        """
        ...

    async def ask_disk(self, function: Callable[[], T]) -> T:
        """Run a function that waits for a disk, for some milliseconds at most."""
        ...

    def latch(self) -> Latch:
        """Return a new latch, closed."""
        ...

    def shield(self) -> AbstractContextManager[object]:
        """Return what keeps cancellation off its block."""
        ...

    def owner(self) -> Hashable:
        """Return what stands for the task or thread of this call, and differs from all others that wait for it."""
        ...


async def settled(function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Ran:
    """Await a function, and return its error as a value."""
    try:
        return Ran(await function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001  # the caller classifies it
        return Ran(error=error)
