"""
Test policies without waiting: a virtual clock.

A test under a virtual clock ends at once, even if its waits are long: when the program
does nothing but wait, the clock jumps to the end of the wait. For anyio's pytest plugin
there are backends::

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(request):
        return virtual_backend(request.param)

    @pytest.mark.anyio
    async def test_a_throttled_call_waits_and_succeeds():
        began = anyio.current_time()
        await create_group("mqtt-cn-x", "GID_sensors")
        assert anyio.current_time() - began == 20.0

A program without an event loop has :func:`virtual_time`::

    def test_a_throttled_call_waits_and_succeeds():
        with virtual_time() as clock:
            create_group("mqtt-cn-x", "GID_sensors")
            assert clock.monotonic() == 20.0

Only the clock of the waits is virtual. Credentials expire by ``time.time()``, which
stays real.

Under a virtual clock nothing is asked of the store that a policy names in ``[state]``. A store in memory stands for it,
by the virtual clock: the executors of one event loop, or of one ``virtual_time``, share limits, budget, breaker and
refreshes as processes do.

A call also ends in time under a clock that ``freezegun`` or ``time-machine`` has stopped. The program's own sleeps on
an event loop stand still under ``freezegun``, unless it gets ``real_asyncio=True``, or for trio ``ignore=["trio"]``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import selectors
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import define, field

from resilience.engine.runtime.plain_thread import THREAD

if TYPE_CHECKING:
    from trio.testing import MockClock

__all__ = ["VirtualTime", "virtual_backend", "virtual_time"]

# A reference, so that a test which replaces time.sleep does not replace this one.
_really_sleep: Final = time.sleep


def virtual_backend(name: Literal["asyncio", "trio"], *, patience: float = 0.0) -> tuple[str, dict[str, Any]]:
    """
    Return an anyio backend with a virtual clock: its name and its options.

    Use it for ``anyio_backend`` of anyio's pytest plugin, or in a plain call::

        backend, options = virtual_backend("trio")
        anyio.run(main, backend=backend, backend_options=options)

    Args:
        name: ``asyncio`` or ``trio``, which must be installed.
        patience: How long the event loop must be idle before the clock jumps, in real seconds. At 0, the
            default, an event loop that waits for a thread or a socket counts as idle, and a timeout
            ends that wait at once; 0.05 is enough for threads that have little to do.
    """
    if name == "asyncio":
        return name, {"loop_factory": functools.partial(_VirtualLoop, patience)}
    return name, {"clock": _clock_of_trio(patience)}


@define(eq=False)
class VirtualTime:
    """
    The clock of calls in plain threads, under :func:`virtual_time`; it begins at 0.

    A scripted service moves the clock for a slow call: ``clock.sleep(20.0)``.
    """

    _patience: float
    _now: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def monotonic(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now

    def sleep(self, seconds: float, /) -> None:
        """Move the clock forward, without waiting."""
        end = self._now + seconds
        if self._patience:
            _really_sleep(self._patience)
        with self._lock:
            self._now = max(self._now, end)


@contextlib.contextmanager
def virtual_time(*, patience: float = 0.0) -> Iterator[VirtualTime]:
    """
    Make the waits of every ``SyncExecutor`` of this process take no time, until the block ends.

    These are the waits between attempts, and the waits for a ledger entry that another call works on. Your own
    functions take real time, which the virtual clock does not count. So does a wait for a credential refresh in
    another thread; its limit counts real seconds.

    Args:
        patience: How long each wait really takes, in seconds. At 0, the default, the waits of several threads
            add up, and a thread that waits for another one's ledger entry reaches its deadline at once; with
            0.05, waits that begin together also end together.

    Yields:
        The clock, which shows how long the waits would have been.

    Raises:
        RuntimeError: The time is virtual already.
    """
    if isinstance(THREAD.clock, VirtualTime):
        raise RuntimeError("virtual_time: the time of this process is virtual already")  # noqa: TRY004  # not about types
    before, THREAD.clock = THREAD.clock, VirtualTime(patience)
    try:
        yield THREAD.clock
    finally:
        THREAD.clock = before


def _clock_of_trio(patience: float) -> MockClock:
    """Return a clock of trio that jumps to the next deadline, and lets trio sleep where there is none."""
    from trio.testing import MockClock  # noqa: PLC0415  # trio is optional

    clock = MockClock(autojump_threshold=patience)
    sleep_time = clock.deadline_to_sleep_time

    def until(deadline: float) -> float:
        # While a thread or a socket is waited for, and nothing has a deadline, trio would ask for events without a
        # pause: it would take a whole processor from that very thread.
        threshold = math.inf if deadline == math.inf else patience
        if clock.autojump_threshold != threshold:
            clock.autojump_threshold = threshold
        return sleep_time(deadline)

    clock.deadline_to_sleep_time = until  # type: ignore[method-assign]  # trio's class is final
    return clock


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with the time of its selector."""

    is_virtual = True

    def __init__(self, patience: float) -> None:
        self._jumping = _JumpingSelector(patience)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time, in seconds from 0."""
        return self._jumping.now


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for events at most ``patience`` seconds, and then moves the clock instead."""

    def __init__(self, patience: float) -> None:
        super().__init__()
        self.now = 0.0
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the events that are ready; if there are none, move the clock by ``timeout``."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(self._patience)
        if not ready:
            self.now += timeout
        return ready
