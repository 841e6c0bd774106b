"""
Run calls in a plain thread, without an event loop.

Python cannot interrupt a thread, so this runtime cannot cut the user's function short. The
deadline is checked between attempts. Within an attempt the time-outs of an SDK's client are
lowered to the rest, if its adapter knows them (:mod:`resilience.clients.timeouts`).
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Final, Protocol, TypeVar

import anyio
from attrs import define, field

from resilience.engine.runtime import clock
from resilience.engine.runtime.halt import Halt
from resilience.engine.runtime.runtime import Ran, Timing, settled
from resilience.state.store import Store
from resilience.state.store.memory import MemoryStore

T = TypeVar("T")


class Clock(Protocol):
    """A clock that can wait."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait in this thread."""
        ...


class _TimeIsUp(BaseException):
    """Ends one of our waits at its limit; it passes through code of the user as a cancellation does."""


class _WorkingFor(threading.local):
    """The task of an event loop that a worker thread works for."""

    task: Hashable | None = None


working_for: Final = _WorkingFor()


class _Limits(threading.local):
    """
    What ends the waits of this thread.

    Attributes:
        until: The instant until which it may wait for other threads.
        halt: What tells it to end its calls.
    """

    until: float | None = None
    halt: Halt | None = None


@define(eq=False)
class _VirtualStores:
    """The stores in memory that stand for others under a virtual clock, by the others' names."""

    clock: Clock
    known: dict[str, MemoryStore] = field(factory=dict, init=False)


@define(eq=False)
class Thread:
    """The runtime of calls in a plain thread."""

    clock: Clock = field(default=clock)
    _limits: _Limits = field(factory=_Limits, init=False)
    _virtual_stores: _VirtualStores = field(init=False)

    @_virtual_stores.default
    def _no_stores(self) -> _VirtualStores:
        return _VirtualStores(self.clock)

    @property
    def blocks(self) -> bool:
        """True: a wait blocks the thread."""
        return True

    def now(self) -> float:
        """Return the monotonic time."""
        return self.clock.monotonic()

    def timing(self) -> Timing:
        """Return the monotonic clock."""
        return self.clock.monotonic, self.sleep

    async def sleep(self, seconds: float) -> None:
        """Block the thread; a halt ends the wait."""
        halt = self._limits.halt
        if halt is None:
            if seconds > 0:
                self.clock.sleep(seconds)
            return
        if seconds > 0:
            # A virtual clock must know of the wait, and waits for nothing.
            (halt.wait if self.clock is clock else self.clock.sleep)(seconds)
        halt.check()

    async def run_until(
        self,
        limit: float | None,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Ran:
        """
        Run a function to its end; only our own waits in it, for another thread, end at the limit.

        An earlier limit of an outer call ends the waits too, and the outer call with them. A thread that was halted
        does not begin.
        """
        self.go_on()
        outer = self._limits.until
        self._limits.until = min((each for each in (outer, limit) if each is not None), default=None)
        try:
            return await settled(function, args, kwargs)
        except _TimeIsUp:
            if outer is not None and self.now() >= outer:
                raise
            return Ran(cut=True)
        finally:
            self._limits.until = outer

    async def ask_ledger(self, function: Callable[[], T], threads: int) -> T:  # noqa: ARG002  # it is this one
        """Run a function in this thread."""
        return function()

    async def ask_store(self, function: Callable[[], T]) -> T:
        """Run a function in this thread."""
        return function()

    def virtual_store(self, where: str) -> Store | None:
        """Return the store of all threads under a virtual clock, if the clock is virtual."""
        if self.clock is clock:
            return None
        stores = self._virtual_stores
        if stores.clock is not self.clock:
            stores = self._virtual_stores = _VirtualStores(self.clock)
        return stores.known.setdefault(where, MemoryStore(clock=self.clock.monotonic))

    def latch(self) -> _ThreadLatch:
        """Return a latch for threads."""
        return _ThreadLatch(self)

    def wakeup(self) -> _ThreadWakeup:
        """Return a wake-up for this thread."""
        return _ThreadWakeup(self)

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Keep a halt away from the block."""
        with self.under(None):
            yield

    @property
    def halt(self) -> Halt | None:
        """What tells this thread to end its calls."""
        return self._limits.halt

    @contextmanager
    def under(self, halt: Halt | None) -> Iterator[None]:
        """Let a halt end the calls that this thread makes in the block."""
        outer, self._limits.halt = self._limits.halt, halt
        try:
            yield
        finally:
            self._limits.halt = outer

    def go_on(self) -> None:
        """
        Do nothing while this thread may make calls.

        Raises:
            Halted: It was told to end them.
        """
        if self._limits.halt is not None:
            self._limits.halt.check()

    def owner(self) -> Hashable:
        """Return the task that this thread works for, else the thread."""
        task = working_for.task
        if task is not None:
            return task
        try:
            return anyio.get_current_task().id
        except RuntimeError:
            return "thread", threading.get_ident()

    def left(self) -> float | None:
        """Return the seconds that one of our waits may take; None for no limit."""
        until = self._limits.until
        return None if until is None else max(until - self.now(), 0.0)


@define(eq=False)
class _ThreadLatch:
    _thread: Thread
    _event: threading.Event = field(factory=threading.Event, init=False)

    def set(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        is_open = self._event.wait(self._thread.left())
        self._thread.go_on()
        if not is_open:
            raise _TimeIsUp


@define(eq=False)
class _ThreadWakeup:
    _thread: Thread
    _event: threading.Event = field(factory=threading.Event, init=False)

    def wake(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None) -> bool:
        thread, event = self._thread, self._event
        left, halt = thread.left(), thread.halt
        if seconds is not None and thread.clock is not clock and not event.is_set():
            # A clock of tests: nothing would make its time pass while an event is waited for.
            thread.clock.sleep(seconds if left is None else min(seconds, left))
        else:
            with nullcontext() if halt is None else halt.setting(event):
                event.wait(min((each for each in (seconds, left) if each is not None), default=None))
        thread.go_on()
        was_woken = event.is_set()
        event.clear()
        if not was_woken and thread.left() == 0.0:
            raise _TimeIsUp
        return was_woken


THREAD: Final = Thread()


def at_once(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return a plain function as a coroutine function that never suspends."""

    async def invoke(*args: Any, **kwargs: Any) -> Any:
        return never_awaitable(function, function(*args, **kwargs))

    return invoke


def never_awaitable(function: Callable[..., Any], value: T) -> T:
    """
    Return a function's value.

    Raises:
        TypeError: The value is awaitable, which needs an event loop.
    """
    if not inspect.isawaitable(value):
        return value
    if inspect.iscoroutine(value):
        value.close()
    name = getattr(function, "__qualname__", function)
    raise TypeError(f"{name} returned something to await, which needs an event loop: use Executor")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the engine to its end; it never suspends, because its runtime blocks instead."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    coroutine.close()
    raise AssertionError("a call in a plain thread waits for an event loop")
