"""
The protocol of runtimes: a call runs on an event loop, or in the thread that makes it.

There is one engine, written as coroutines. For everything that takes time it asks a
runtime: the clock, a sleep, the end of a wait. On an event loop these suspend. In a
plain thread they block, so that a coroutine of the engine runs to its end without
suspending, and needs no event loop (:func:`~resilience.engine.runtime.plain_thread.drive`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from resilience.core.values import record
from resilience.state.store import Store

T = TypeVar("T")

Timing = tuple[Callable[[], float], Callable[[float], Awaitable[object]]]
"""A clock in seconds, and what lets seconds pass on it."""


@record
class Ran:
    """
    How an attempt or a remedy ended.

    Attributes:
        value: The returned value.
        error: The raised exception, or None.
        cut: Whether a limit cut it short.
    """

    value: Any = None
    error: Exception | None = None
    cut: bool = False


class Latch(Protocol):
    """Opens once, for all waiting calls."""

    def set(self) -> object:
        """Open the latch."""
        ...

    async def wait(self) -> object:
        """Wait until the latch is open."""
        ...


class Wakeup(Protocol):
    """Ends the wait of one call early."""

    def wake(self) -> object:
        """End the wait, or the next one; from any thread."""
        ...

    async def wait(self, seconds: float | None) -> bool:
        """Wait until it is woken, or so many seconds; tell whether it was woken."""
        ...


class Runtime(Protocol):
    """The clock and the waits of one kind of call."""

    @property
    def blocks(self) -> bool:
        """Whether a wait blocks the thread; user code then runs in that thread, and cannot be cut short."""
        ...

    def now(self) -> float:
        """Return the seconds on the clock of calls."""
        ...

    def timing(self) -> Timing:
        """Return the clock and the sleep of this runtime, for a call that uses them often; they work after it too."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait some seconds."""
        ...

    async def run_until(
        self,
        limit: float | None,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Ran:
        """
        Await a function until an instant on the clock, or without limit for None.

        A cancellation from outside passes through.
        """
        ...

    async def ask_ledger(self, function: Callable[[], T], threads: int) -> T:
        """
        Run a function that waits for a disk some milliseconds, or for a server some seconds at most.

        Args:
            function: The function.
            threads: How many of them may wait at once.
        """
        ...

    async def ask_store(self, function: Callable[[], T]) -> T:
        """Run a function that waits for a store; it goes on by itself where the call is cancelled."""
        ...

    def virtual_store(self, where: str) -> Store | None:
        """Return the store in memory that stands for another one under a virtual clock; None under a real clock."""
        ...

    def latch(self) -> Latch:
        """Return a new latch, which is closed."""
        ...

    def wakeup(self) -> Wakeup:
        """Return a wake-up for the running call."""
        ...

    def shield(self) -> AbstractContextManager[object]:
        """Return a context manager that keeps cancellation from its block."""
        ...

    def owner(self) -> Hashable:
        """Return an identity of the task or thread of this call, different from that of any other."""
        ...


async def settled(function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Ran:
    """Await a function, and return its value or its error."""
    try:
        return Ran(await function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001  # the caller classifies it
        return Ran(error=error)
