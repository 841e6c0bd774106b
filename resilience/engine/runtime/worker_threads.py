"""Plain functions run in worker threads; coroutines do not."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from attrs import define

from resilience.engine.runtime.clock import monotonic
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.plain_thread import working_for

# Plain SDK calls wait for the network, so more of them than cores is right; one limiter of ours,
# so that a script's own use of threads is not starved.
_THREADS = 64


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Return whether calling this gives a coroutine without running anything."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # an object whose call is a coroutine
    )


@define(eq=False)
class Job:
    """
    One plain function in a worker thread, which may outlive the attempt that began it.

    Attributes:
        ended_at: When the thread was through, on the event loop's clock; infinite while it is
            at work, and minus infinite where none was begun.
    """

    ended_at: float = -math.inf


class Threads:
    """Runs plain functions in worker threads, as many at a time as an executor may."""

    def __init__(self, total: int = _THREADS) -> None:
        self._total = total
        # Limiters belong to one event loop, and an executor may serve one after another.
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar("resilience_threads")

    def slots(self) -> anyio.CapacityLimiter:
        """
        Return what bounds the calls that use a thread: hold it around :meth:`run`.

        It is waited for before an attempt begins, so that the wait is no part of the attempt,
        and given back when the attempt ends, also where its thread is abandoned and runs on.
        """
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(self._total)
            self._limiter.set(limiter)
        return limiter

    async def run(self, function: Callable[..., Any], job: Job, /, *args: Any, **kwargs: Any) -> Any:
        """
        Run a plain function in a worker thread, and await what it returns if that is awaitable.

        A cancelled wait abandons the thread: it runs on, and what it does counts as unknown.
        """
        offset = LOOP.now() - monotonic()
        task = anyio.get_current_task().id

        def boxed() -> list[Any]:
            # In a box, because trio takes a coroutine that comes out of a thread for a mistake.
            working_for.task = task
            try:
                return [function(*args, **kwargs)]
            finally:
                working_for.task = None
                job.ended_at = monotonic() + offset

        # A call that holds a slot gets a thread at once.
        unbounded = anyio.CapacityLimiter(1)
        job.ended_at = math.inf
        [value] = await anyio.to_thread.run_sync(boxed, abandon_on_cancel=True, limiter=unbounded)
        while inspect.isawaitable(value):
            value = await value
        return value

    def awaitable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function itself if it is a coroutine function, else one that runs it in a thread."""
        return function if is_coroutine_function(function) else functools.partial(self.run, function, Job())
