"""Plain functions run in worker threads; coroutines do not."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

# Plain SDK calls wait for the network, so more of them than cores is right; one limiter of ours,
# so that a script's own use of threads is not starved.
_THREADS = 64


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Return whether calling this gives a coroutine without running anything."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # an object whose call is a coroutine
    )


class Threads:
    """Runs plain functions in worker threads, with a limiter of its own for each executor."""

    def __init__(self, total: int = _THREADS) -> None:
        self._total = total
        # A limiter belongs to one event loop, and an executor may serve one after another.
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar("resilience_threads")

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """
        Run a plain function in a worker thread, and await what it returns if that is awaitable.

        A cancelled wait abandons the thread: it runs on, and what it does counts as unknown.
        """
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(self._total)
            self._limiter.set(limiter)

        def boxed() -> list[Any]:
            # In a box, because trio takes a coroutine that comes out of a thread for a mistake.
            return [function(*args, **kwargs)]

        [value] = await anyio.to_thread.run_sync(boxed, abandon_on_cancel=True, limiter=limiter)
        while inspect.isawaitable(value):
            value = await value
        return value

    def awaitable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function itself if it is a coroutine function, else one that runs it in a thread."""
        return function if is_coroutine_function(function) else functools.partial(self.run, function)
