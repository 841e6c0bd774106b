"""
A limit on one attempt on asyncio, for a fraction of what a cancel scope costs.

It does what ``asyncio.timeout`` does (bpo-46771 and the documentation of ``Task.uncancel``,
Python 3.11): when the time is up the task is cancelled once, and whoever set the alarm
takes that one cancellation back. A cancellation from elsewhere that comes as well is not
taken for ours.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, CancelledError, Task, current_task
from asyncio import _get_running_loop as running_loop
from typing import Any

__all__ = ["Alarm", "CancelledError", "running_loop"]


class Alarm:
    """
    Cancels the current task at an instant, unless it is switched off before.

    Args:
        loop: The running event loop.
        at: The instant, on its clock.
    """

    __slots__ = ("_cancelling", "_handle", "_rang", "_task")

    def __init__(self, loop: AbstractEventLoop, at: float) -> None:
        task: Task[Any] | None = current_task(loop)
        if task is None:
            raise AssertionError("an attempt runs outside of a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._rang = False
        self._handle = loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._rang = True
        self._task.cancel()

    def switch_off(self) -> bool:
        """
        End it, in any case and once.

        Returns:
            Whether it has rung, and nobody else has cancelled the task: then a ``CancelledError`` is ours.
        """
        self._handle.cancel()
        return self._rang and self._task.uncancel() <= self._cancelling
