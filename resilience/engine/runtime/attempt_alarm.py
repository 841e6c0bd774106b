"""
Limit attempts on asyncio, at a fraction of the cost of a cancel scope.

An alarm works like ``asyncio.timeout`` (the documentation of ``Task.uncancel``, Python 3.11):
when the time is up it cancels the task once, and the code that set the alarm takes that
cancellation back. It does not take back a cancellation from elsewhere.

Attempts with the same limit reach it in the order in which they began. So one timer is enough
for all of them: it is set for the first attempt, and few alarms ever ring.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, CancelledError, Task, TimerHandle, _get_running_loop, current_task
from typing import Any

from resilience.engine.runtime.clock import is_stopped

__all__ = ["Alarm", "Alarms", "CancelledError", "running_loop"]


def running_loop() -> AbstractEventLoop | None:
    """Return the event loop of the running task of asyncio; None without one, or if its clock is stopped."""
    loop = None if is_stopped() else _get_running_loop()
    # If trio runs as a guest of asyncio's loop, no task of asyncio runs.
    return loop if loop is None or current_task(loop) is not None else None


class Alarms:
    """
    The alarms of one event loop with the same limit.

    Args:
        loop: The event loop.
        limit: The seconds after which they ring.
    """

    __slots__ = ("_timer", "limit", "loop", "pending")

    def __init__(self, loop: AbstractEventLoop, limit: float) -> None:
        self.loop = loop
        self.limit = limit
        self.pending: dict[Alarm, None] = {}
        self._timer: TimerHandle | None = None

    def set(self, now: float) -> Alarm:
        """Set an alarm for the current task, counted from the instant ``now``."""
        task: Task[Any] | None = current_task(self.loop)
        if task is None:
            raise AssertionError("an attempt runs outside of a task")
        alarm = Alarm(self, task, now + self.limit)
        self.pending[alarm] = None
        if self._timer is None:
            self._timer = self.loop.call_at(alarm.at, self._look)
        return alarm

    def _look(self) -> None:
        """Ring the alarms that are due, and set the timer for the next one."""
        self._timer = None
        now = self.loop.time()
        for alarm in list(self.pending):
            if alarm.at > now:
                self._timer = self.loop.call_at(alarm.at, self._look)
                return
            del self.pending[alarm]
            alarm.ring()


class Alarm:
    """Cancels a task at an instant, unless it is switched off before."""

    __slots__ = ("_alarms", "_cancelling", "_rang", "_task", "at")

    def __init__(self, alarms: Alarms, task: Task[Any], at: float) -> None:
        self._alarms = alarms
        self._task = task
        self._cancelling = task.cancelling()
        self._rang = False
        self.at = at

    def ring(self) -> None:
        """Cancel the task."""
        self._rang = True
        self._task.cancel()

    def switch_off(self) -> bool:
        """
        Switch the alarm off; call this exactly once.

        Returns:
            Whether the alarm has rung and nothing else has cancelled the task: then a ``CancelledError`` is the
            alarm's.
        """
        if not self._rang:
            del self._alarms.pending[self]
            return False
        return self._task.uncancel() <= self._cancelling
