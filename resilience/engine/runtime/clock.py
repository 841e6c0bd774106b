"""
The clock of waits and limits, which ``freezegun`` and ``time-machine`` do not stop.

``freezegun`` stops the clocks of event loops too, and with them every wait and limit of an event
loop (:func:`is_stopped`). Calls use this clock then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType
from typing import Final

monotonic: Final[Callable[[], float]] = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic
)
"""
Return seconds that never go back.

``freezegun`` replaces ``time.monotonic`` in every module that has it, so that a deadline would never come. It does not
replace this function, and neither does ``time-machine`` (freezegun 1.5, time-machine 3; tried 2026-11-28).
"""

sleep: Final = time.sleep


def is_stopped() -> bool:
    """Tell whether the clock of event loops has been replaced."""
    return not isinstance(time.monotonic, BuiltinFunctionType)
