"""
A limit on attempts on asyncio, for a fraction of what a cancel scope costs.

It does what ``asyncio.timeout`` does (the documentation of ``Task.uncancel``, Python 3.11):
when the time is up the task is cancelled once, and the code that set the alarm takes that one
cancellation back. A cancellation from elsewhere that comes as well is not taken for ours.

Attempts that have the same limit end in the order in which they began, so one timer is
enough for all that are under way: it is set for the first of them, and few ever ring.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, CancelledError, Task, TimerHandle, _get_running_loop, current_task
from typing import Any

from resilience.engine.runtime.clock import is_stopped

__all__ = ["Alarm", "Alarms", "CancelledError", "running_loop"]


def running_loop() -> AbstractEventLoop | None:
    """Return the event loop that may ring; None where none runs, or where its clock stands still."""
    return None if is_stopped() else _get_running_loop()


class Alarms:
    """
    The alarms of one event loop that ring after the same time.

    Args:
        loop: The event loop.
        limit: After how many seconds they ring.
    """

    __slots__ = ("_timer", "limit", "loop", "pending")

    def __init__(self, loop: AbstractEventLoop, limit: float) -> None:
        self.loop = loop
        self.limit = limit
        self.pending: dict[Alarm, None] = {}
        self._timer: TimerHandle | None = None

    def set(self, now: float) -> Alarm:
        """Set one for the current task, from the instant ``now``."""
        task: Task[Any] | None = current_task(self.loop)
        if task is None:
            raise AssertionError("an attempt runs outside of a task")
        alarm = Alarm(self, task, now + self.limit)
        self.pending[alarm] = None
        if self._timer is None:
            self._timer = self.loop.call_at(alarm.at, self._look)
        return alarm

    def _look(self) -> None:
        """Ring what is due; come again for the next."""
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
        End it, in any case and once.

        Returns:
            Whether it has rung, and nothing else has cancelled the task: then a ``CancelledError`` is ours.
        """
        if not self._rang:
            del self._alarms.pending[self]
            return False
        return self._task.uncancel() <= self._cancelling
