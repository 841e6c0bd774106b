"""
Keep our log records off the script's standard output.

A script may log to standard output, and another program may read it. The script's own records
still go there. Our records, and those of the telemetry that we set up, go to the script's
other handlers.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Final

_STDOUT: Final = 1


class _NotToStdout(logging.Handler):
    """Passes records on to the handlers of the root logger that do not write to standard output."""

    def __init__(self, fallback: logging.Handler | None, is_muted: Callable[[], bool]) -> None:
        super().__init__()
        self._fallback = fallback
        self._is_muted = is_muted

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on; if the script has set up no logging, use Python's handler of last resort."""
        if record.levelno >= logging.WARNING and self._is_muted():
            return  # the summary says it once
        fallback = [] if self._fallback is None else [self._fallback]
        for handler in logging.getLogger().handlers or fallback:
            if record.levelno >= handler.level and not _is_stdout(handler):
                handler.handle(record)


def _never() -> bool:
    return False


def keep_off_stdout(name: str, *, is_muted: Callable[[], bool] = _never) -> None:
    """
    Keep the records of a logger, and of its children, off standard output; more calls change nothing.

    Args:
        name: The logger.
        is_muted: Tells whether warnings and errors are dropped too.
    """
    logger = logging.getLogger(name)
    if any(isinstance(handler, _NotToStdout) for handler in logger.handlers):
        return
    # A library with a handler of its own wants no output if the script has set up no logging.
    logger.addHandler(_NotToStdout(None if logger.handlers else logging.lastResort, is_muted))
    logger.propagate = False


def _is_stdout(handler: Any) -> bool:
    # The second is the stream of rich's handlers.
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
