"""Read and write durations in the form of policies: ``250ms``, ``30s``, ``1m30s``, ``2h``."""

from __future__ import annotations

import functools
import math
import re
from typing import Final

_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_DURATION = re.compile(f"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?")
_UNITS: Final = (3600.0, 60.0, 1.0, 0.001)
_MILLISECONDS: Final = 1000


@functools.lru_cache(maxsize=1024)
def seconds(text: str) -> float | None:
    """Return a duration in seconds, None for other texts; units go from large to small, each at most once."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        return None
    total = math.fsum(float(part) * unit for part, unit in zip(match.groups(), _UNITS, strict=True) if part)
    return total if math.isfinite(total) else None


_LOOSE = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*"
    r"(?:(milliseconds?|millis|msecs?|ms)|(seconds?|secs?|s)|(minutes?|mins?|m)|(hours?|hrs?|h)|(days?|d))?[\s,]*"
)
_LOOSE_UNITS: Final = ("ms", "s", "m", "h", "d")
_HOURS_OF_A_DAY: Final = 24


def meant(text: str) -> str | None:
    """Return a duration of another form, such as ``1 min``, in the form of policies; None if it is unclear."""
    position, parts = 0, []
    text = text.strip().lower()
    while position < len(text):
        match = _LOOSE.match(text, position)
        if match is None:
            return None
        number, *units = match.groups()
        # A number without a unit means seconds, but only if it is the whole text.
        unit = next((name for name, found in zip(_LOOSE_UNITS, units, strict=True) if found), None)
        if unit is None and (position or match.end() < len(text)):
            return None
        if unit == "d":
            # Policies have no unit longer than an hour. Days together with hours are left to the reader.
            if position or match.end() < len(text):
                return None
            number, unit = f"{float(number) * _HOURS_OF_A_DAY:g}", "h"
        parts.append(number + (unit or "s"))
        position = match.end()
    text = "".join(parts)
    return text if seconds(text) is not None else None


def written(number: float) -> str:
    """Return a number of seconds as a duration."""
    if 0 < number < 1:
        return f"{number * _MILLISECONDS:g}ms"
    return f"{number:g}s"
