"""The observer that logs, with the standard library: what was decided about calls that did not succeed at once."""

from __future__ import annotations

import logging
from typing import Final

from resilience.core.events import ALWAYS_IDLE, CallStarted, Sink, Slot
from resilience.telemetry.logs.call_log import CallLogger, LogState

log: Final = logging.getLogger("resilience.calls")

# Without a handler of its own, warnings of a program that has configured no logging would go to its standard
# error. Not on the parent: what the engine itself has to complain about there shall be seen.
log.addHandler(logging.NullHandler())


class Logs:
    """
    Logs what was decided about calls, to the logger ``resilience.calls``; records in the package's docstring.

    Nothing is logged of a call that succeeds at once, and nothing is seen unless the program configures logging.
    Give it to an executor before :class:`~resilience.telemetry.Spans`: what is logged then belongs to the
    current span, and a bridge from logging to OpenTelemetry tells which one.

    Args:
        show_names: Whether the name that a rename ended with is told. Off for names that must not leave the house.

    Attributes:
        idle_slot: Says that a call that succeeds at once need not be told.
    """

    __slots__ = ("_state", "idle_slot")

    def __init__(self, *, show_names: bool = True) -> None:
        self.idle_slot: Slot | None = ALWAYS_IDLE
        self._state = LogState(log, show_names=show_names)

    def watch(self, started: CallStarted) -> Sink | None:
        """Return what logs one call; None if the logger drops even warnings."""
        is_heard = _has_listener(log) and log.isEnabledFor(logging.WARNING)
        return CallLogger(started, self._state) if is_heard else None


def _has_listener(logger: logging.Logger | None) -> bool:
    """Tell whether a record would get anywhere: a script that has not configured logging need not pay for its words."""
    while logger is not None:
        for handler in logger.handlers:
            if not isinstance(handler, logging.NullHandler):
                return True
        logger = logger.parent if logger.propagate else None
    return False
