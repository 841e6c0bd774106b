"""
What we log, kept off the script's standard output.

A script may send its log there, and its output to another program. It gets its own
lines as ever; ours, and those of telemetry that we have set up, go to every other
handler that it has.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Final

from resilience.clients.outline import LOGGERS
from resilience.telemetry.providers.environment import is_exporting

_STDOUT: Final = 1


class _NotToStdout(logging.Handler):
    """Passes records on to the handlers of the root logger that do not write to standard output."""

    def __init__(self, fallback: logging.Handler | None, is_muted: Callable[[], bool]) -> None:
        super().__init__()
        self._fallback = fallback
        self._is_muted = is_muted

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on; where the script has set up no logging, do as Python does."""
        if record.levelno >= logging.WARNING and self._is_muted():
            return  # said once, at the end, and not for each try
        fallback = [] if self._fallback is None else [self._fallback]
        for handler in logging.getLogger().handlers or fallback:
            if record.levelno >= handler.level and not _is_stdout(handler):
                handler.handle(record)


def _never() -> bool:
    return False


def keep_off_stdout(name: str, *, is_muted: Callable[[], bool] = _never) -> None:
    """
    Keep what is logged to this logger, and to those below it, off standard output; once is enough.

    Args:
        name: The logger.
        is_muted: Tells whether warnings and errors are dropped as well.
    """
    logger = logging.getLogger(name)
    if any(isinstance(handler, _NotToStdout) for handler in logger.handlers):
        return
    # A library that has a handler of its own wants nothing to be said where no logging is set up.
    logger.addHandler(_NotToStdout(None if logger.handlers else logging.lastResort, is_muted))
    logger.propagate = False


def drop_logs_of_exports() -> None:
    """Let nothing be logged of the requests that telemetry is sent with; once is enough."""
    for name in LOGGERS:
        # The very same function is added only once.
        logging.getLogger(name).addFilter(_is_of_the_script)


def _is_of_the_script(_: logging.LogRecord) -> bool:
    return not is_exporting()


def _is_stdout(handler: Any) -> bool:
    # The second is where handlers of rich have it.
    for stream in (getattr(handler, "stream", None), getattr(getattr(handler, "console", None), "file", None)):
        if stream is None:
            continue
        if stream is sys.stdout or stream is sys.__stdout__:
            return True
        try:
            if stream.fileno() == _STDOUT:
                return True
        except (AttributeError, OSError, ValueError):
            continue  # no file, or a closed one
    return False
