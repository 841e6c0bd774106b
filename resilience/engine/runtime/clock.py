"""
The clock of waits and limits, which no test stops.

``freezegun`` stops the clocks of event loops as well, and with them every wait and limit of theirs
(:func:`is_stopped`). Calls go by this clock then.
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

``freezegun`` puts its own function in the place of ``time.monotonic``, in every module that has it: a deadline would
never come. It leaves this one alone, and so does ``time-machine`` (freezegun 1.5, time-machine 3; tried 2026-11-28).
"""

sleep: Final = time.sleep


def is_stopped() -> bool:
    """Tell whether another function stands in the place of the clock that event loops read."""
    return not isinstance(time.monotonic, BuiltinFunctionType)
