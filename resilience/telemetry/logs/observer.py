"""The observer that logs calls with the standard library."""

from __future__ import annotations

import logging
from typing import Final

from resilience.core.events import CallStarted
from resilience.core.observer import ALWAYS_IDLE, Sink, Slot
from resilience.telemetry.logs.call_log import CallLogger, LogState

log: Final = logging.getLogger("resilience.calls")

# Without this handler, warnings would go to standard error in a program that has configured no logging. The parent
# logger has none, so that the engine's own warnings are seen.
log.addHandler(logging.NullHandler())


class Logs:
    """
    Logs the decisions in calls to the logger ``resilience.calls``; the package's docstring lists the records.

    A call that succeeds at once has no record. Records are seen only if the program configures logging. Give this to
    an executor before :class:`~resilience.telemetry.Spans`: the records then belong to the call's span, which a bridge
    from logging to OpenTelemetry shows.

    Args:
        show_names: Whether records show the new name of a renamed resource. Switch it off for confidential names.

    Attributes:
        idle_slot: Tells the executor that this observer ignores calls that succeed at once.
    """

    __slots__ = ("_state", "idle_slot")

    def __init__(self, *, show_names: bool = True) -> None:
        self.idle_slot: Slot | None = ALWAYS_IDLE
        self._state = LogState(log, show_names=show_names)

    def watch(self, started: CallStarted) -> Sink | None:
        """Return the function that logs one call; None if the logger drops even warnings."""
        is_heard = _has_listener(log) and log.isEnabledFor(logging.WARNING)
        return CallLogger(started, self._state) if is_heard else None


def _has_listener(logger: logging.Logger | None) -> bool:
    """Tell whether a handler would get a record; without one, a script does not pay for the sentences."""
    while logger is not None:
        for handler in logger.handlers:
            if not isinstance(handler, logging.NullHandler):
                return True
        logger = logger.parent if logger.propagate else None
    return False
