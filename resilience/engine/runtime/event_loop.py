"""Calls on an event loop: asyncio, uvloop or trio."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, Final, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
from anyio.lowlevel import RunVar
from attrs import define, field

from resilience.engine.runtime import clock
from resilience.engine.runtime.runtime import Ran, Timing, settled
from resilience.state.store import Store
from resilience.state.store.memory import MemoryStore

T = TypeVar("T")

# The threads for ledgers, by their number. They are our own, so that a script which uses all of its threads does not
# delay them.
_limiters: Final[RunVar[dict[int, anyio.CapacityLimiter]]] = RunVar("resilience_ledger_threads")
# The threads that wait for a store: one for each operation and host at a time. They are no threads of the ledger, which
# must not wait for a store that is slow.
_STORE_THREADS: Final = 8
_store_limiters: Final[RunVar[anyio.CapacityLimiter]] = RunVar("resilience_store_threads")


# The stores in memory that stand for others under a virtual clock, by the others' names.
_virtual_stores: Final[RunVar[dict[str, MemoryStore]]] = RunVar("resilience_virtual_stores")


def _is_virtual() -> bool:
    """Tell whether the clock of the running event loop is one of tests (:mod:`resilience.testing`)."""
    asyncio = sys.modules.get("asyncio")
    running = None if asyncio is None else asyncio._get_running_loop()  # noqa: SLF001  # it is in the module's __all__
    if running is not None:
        return getattr(running, "is_virtual", False)
    trio, testing = sys.modules.get("trio"), sys.modules.get("trio.testing")
    if trio is None or testing is None or not trio.lowlevel.in_trio_run():
        return False
    return isinstance(trio.lowlevel.current_clock(), testing.MockClock)


def _store_limiter() -> anyio.CapacityLimiter:
    """Return this event loop's limiter of threads that wait for a store."""
    limiter = _store_limiters.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(_STORE_THREADS)
        _store_limiters.set(limiter)
    return limiter


def ledger_limiter(threads: int) -> anyio.CapacityLimiter:
    """Return this event loop's limiter of so many threads that wait for a ledger."""
    limiters = _limiters.get(None)
    if limiters is None:
        limiters = {}
        _limiters.set(limiters)
    if threads not in limiters:
        limiters[threads] = anyio.CapacityLimiter(threads)
    return limiters[threads]


def _on_loop(function: Callable[[], None]) -> Callable[[], object]:
    """Return a function for another thread; it makes the running event loop call ``function``."""
    asyncio = sys.modules.get("asyncio")
    running = None if asyncio is None else asyncio._get_running_loop()  # noqa: SLF001  # it is in the module's __all__
    if running is None:
        token = sys.modules["trio"].lowlevel.current_trio_token()
        return functools.partial(token.run_sync_soon, function)
    return functools.partial(running.call_soon_threadsafe, function)


def _sleep(seconds: float) -> Awaitable[None]:
    if seconds > 0 and clock.is_stopped():
        return anyio.to_thread.run_sync(clock.sleep, seconds, abandon_on_cancel=True)
    return anyio.sleep(seconds)


def _sleep_on_asyncio(seconds: float) -> Awaitable[object]:
    if seconds > 0 and clock.is_stopped():
        return _sleep(seconds)
    slept: Awaitable[object] = sys.modules["asyncio"].sleep(seconds)
    return slept


@define(eq=False)
class _LoopWakeup:
    _loop: Loop
    _event: anyio.Event = field(factory=anyio.Event, init=False)
    _thread: int = field(factory=threading.get_ident, init=False)
    _elsewhere: Callable[[], object] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._elsewhere = _on_loop(self._set)

    def wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._set()
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the call with it
                self._elsewhere()

    def _set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None) -> bool:
        limit = None if seconds is None else self._loop.now() + seconds
        await self._loop.run_until(limit, self._event.wait, (), {})
        if not self._event.is_set():
            return False
        self._event = anyio.Event()
        return True


class Loop:
    """The runtime of calls on an event loop."""

    blocks: Final = False

    def now(self) -> float:
        """Return the event loop's time."""
        return clock.monotonic() if clock.is_stopped() else anyio.current_time()

    def timing(self) -> Timing:
        """Return the clock of the running event loop."""
        if clock.is_stopped():
            return clock.monotonic, _sleep
        # Asking anyio each time takes longer than everything else in a call.
        asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
        loop = None if asyncio is None else asyncio._get_running_loop()  # noqa: SLF001  # it is in the module's __all__
        # If trio runs as a guest of asyncio's loop, no task of asyncio runs.
        if loop is not None and asyncio is not None and (trio is None or asyncio.current_task(loop) is not None):
            return loop.time, _sleep_on_asyncio
        return (anyio.current_time if trio is None else trio.current_time), _sleep

    async def sleep(self, seconds: float) -> None:
        """Wait, and let other tasks run, also for 0 seconds."""
        await _sleep(seconds)

    async def run_until(
        self,
        limit: float | None,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Ran:
        """Await a function, and cancel it at the limit."""
        if limit is None:
            return await settled(function, args, kwargs)
        if clock.is_stopped():
            return await self._run_until(limit, function, args, kwargs)
        with anyio.CancelScope(deadline=limit):
            try:
                return Ran(await function(*args, **kwargs))
            except Exception as error:  # noqa: BLE001  # the caller classifies it
                return Ran(error=error)
        return Ran(cut=True)

    async def _run_until(
        self,
        limit: float,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Ran:
        """Await a function, and cancel it at the limit by a thread, since the event loop's clock is stopped."""
        with anyio.CancelScope() as scope:
            timer = threading.Timer(max(limit - clock.monotonic(), 0.0), _on_loop(scope.cancel))
            timer.daemon = True
            timer.start()
            try:
                return await settled(function, args, kwargs)
            finally:
                timer.cancel()
        return Ran(cut=True)

    async def ask_ledger(self, function: Callable[[], T], threads: int) -> T:
        """Run a function in a thread."""
        return await anyio.to_thread.run_sync(function, limiter=ledger_limiter(threads))

    async def ask_store(self, function: Callable[[], T]) -> T:
        """Run a function in a thread, which goes on by itself where the call is cancelled."""
        if _is_virtual():
            # A virtual clock would jump over every limit while a thread works.
            await anyio.lowlevel.checkpoint()
            return function()
        return await anyio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=_store_limiter())

    def virtual_store(self, where: str) -> Store | None:
        """Return the store of all executors of this event loop, if its clock is virtual."""
        if not _is_virtual():
            return None
        stores = _virtual_stores.get(None)
        if stores is None:
            stores = {}
            _virtual_stores.set(stores)
        if where not in stores:
            stores[where] = MemoryStore(clock=self.timing()[0])
        return stores[where]

    def latch(self) -> anyio.Event:
        """Return an event of the loop."""
        return anyio.Event()

    def wakeup(self) -> _LoopWakeup:
        """Return a wake-up that any thread can use."""
        return _LoopWakeup(self)

    def shield(self) -> anyio.CancelScope:
        """Return a shielded scope; it does not stop asyncio's own ``Task.cancel()``."""
        return anyio.CancelScope(shield=True)

    def owner(self) -> Hashable:
        """Return the id of the task."""
        return anyio.get_current_task().id


LOOP: Final = Loop()


def needs_asyncio_loop(operation: str) -> None:
    """
    Refuse a method that needs asyncio under another event loop.

    Raises:
        RuntimeError: Another event loop runs.
    """
    import asyncio  # noqa: PLC0415  # programs on trio do not need it

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            f"{operation}: the asynchronous methods of this client need asyncio, and another event loop runs here; "
            "call the blocking method in a plain function, which an executor runs in a worker thread"
        ) from None
