"""Run plain functions in worker threads of an event loop."""

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

# The threads of an executor. Plain SDK calls wait for the network, so more threads than cores are right. The limiter is
# our own, so that a script's other threads do not starve.
_THREADS = 64


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Tell whether a call of this function returns a coroutine, without running any of it."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # an object whose call is a coroutine
    )


@define(eq=False)
class Job:
    """
    One plain function in a worker thread, which may outlive its attempt.

    Attributes:
        ended_at: When the thread ended its work, on the event loop's clock; infinite while it
            works, and minus infinite before it begins.
    """

    ended_at: float = -math.inf


class Threads:
    """Runs plain functions in worker threads, up to a number at a time."""

    def __init__(self, total: int = _THREADS) -> None:
        self._total = total
        # A limiter belongs to one event loop, and an executor may serve several, one after another.
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar("resilience_threads")

    def slots(self) -> anyio.CapacityLimiter:
        """
        Return the limiter of calls that use a thread; hold it around :meth:`run`.

        A call waits for it before an attempt begins, so that the wait is not part of the attempt. It
        gives it back when the attempt ends, even if the thread is abandoned and runs on.
        """
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(self._total)
            self._limiter.set(limiter)
        return limiter

    async def run(self, function: Callable[..., Any], job: Job, /, *args: Any, **kwargs: Any) -> Any:
        """
        Run a plain function in a worker thread, and await its value if that is awaitable.

        A cancellation abandons the thread: it runs on, and its effect is unknown.
        """
        offset = LOOP.now() - monotonic()
        task = anyio.get_current_task().id

        def boxed() -> list[Any]:
            # In a list, because trio refuses a coroutine that a thread returns.
            working_for.task = task
            try:
                return [function(*args, **kwargs)]
            finally:
                working_for.task = None
                job.ended_at = monotonic() + offset

        # The call holds a slot, so it needs no second limit.
        unbounded = anyio.CapacityLimiter(1)
        job.ended_at = math.inf
        [value] = await anyio.to_thread.run_sync(boxed, abandon_on_cancel=True, limiter=unbounded)
        while inspect.isawaitable(value):
            value = await value
        return value

    def awaitable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a coroutine function unchanged, and a plain function as one that runs it in a thread."""
        return function if is_coroutine_function(function) else functools.partial(self.run, function, Job())
