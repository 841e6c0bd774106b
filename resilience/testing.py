"""
For tests of policies: a clock that never waits.

A test under a virtual clock is over at once, however long its waits are: when
nothing is left to do but to wait, the clock jumps to the end of the wait. It
gives anyio's pytest plugin its backends::

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(request):
        return virtual_backend(request.param)

    @pytest.mark.anyio
    async def test_a_throttled_call_waits_and_succeeds():
        began = anyio.current_time()
        await create_group("mqtt-cn-x", "GID_sensors")
        assert anyio.current_time() - began == 20.0

Only the event loop's clock is virtual. ``time.time()``, by which credentials
expire, stays what it is.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from typing import Any, Literal

__all__ = ["virtual_backend"]


def virtual_backend(name: Literal["asyncio", "trio"], *, patience: float = 0.0) -> tuple[str, dict[str, Any]]:
    """
    Return an anyio backend whose clock jumps over every wait: a name and its options.

    It is for ``anyio_backend`` of anyio's pytest plugin, and for a plain call::

        backend, options = virtual_backend("trio")
        anyio.run(main, backend=backend, backend_options=options)

    Args:
        name: ``asyncio`` or ``trio``, which must be installed.
        patience: How long nothing must happen before the clock jumps, in real seconds. At 0, the default,
            an event loop that waits for a thread or a socket counts as idle, and a timeout over
            that wait ends it at once; 0.05 is enough where threads have little to do.
    """
    if name == "asyncio":
        return name, {"loop_factory": functools.partial(_VirtualLoop, patience)}
    from trio.testing import MockClock  # noqa: PLC0415  # trio is optional

    return name, {"clock": MockClock(autojump_threshold=patience)}


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is that of its selector."""

    def __init__(self, patience: float) -> None:
        self._jumping = _JumpingSelector(patience)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time, in seconds from 0."""
        return self._jumping.now


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for events no longer than ``patience``, and then lets the clock jump instead."""

    def __init__(self, patience: float) -> None:
        super().__init__()
        self.now = 0.0
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; where nothing is, the time that was to be waited for has passed."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(self._patience)
        if not ready:
            self.now += timeout
        return ready
