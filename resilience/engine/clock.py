"""The clock of waits and limits in plain threads, which no test freezes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

monotonic: Final[Callable[[], float]] = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic
)
"""
Return seconds that never go back.

``freezegun`` puts its own function in the place of ``time.monotonic``, in every module that has it: a deadline would
never come. It leaves this one alone, and so does ``time-machine`` (freezegun 1.5, time-machine 3; tried 2026-11-28).
"""

sleep: Final = time.sleep
