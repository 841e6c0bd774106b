"""Commands in processes of their own, for tests that interrupt them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PLAIN = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """
    Start the command with pipes; it is gone afterwards, whatever happens.

    A shell starts its background jobs with SIGINT ignored, and children inherit that: with a handler of our own
    in place while the process starts, Ctrl-C means there what it means to a user.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        running = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "resilience", *arguments],
            env=PLAIN,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with running:
        try:
            yield running
        finally:
            running.kill()
