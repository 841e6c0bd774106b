"""Keep the log records of requests that send telemetry out of the script's log."""

from __future__ import annotations

import logging

from resilience.clients.outline import LOGGERS
from resilience.telemetry.providers.environment import is_exporting


def drop_logs_of_exports() -> None:
    """Drop the log records of requests that send telemetry; more calls change nothing."""
    for name in LOGGERS:
        # `logging` adds the same function only once.
        logging.getLogger(name).addFilter(_is_of_the_script)


def _is_of_the_script(_: logging.LogRecord) -> bool:
    return not is_exporting()
