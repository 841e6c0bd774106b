"""Rates as policies write them: ``280/s``, ``60/m``, ``1000/h``."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import field, frozen
from attrs.validators import gt

UNITS: Final[Mapping[str, float]] = MappingProxyType({"s": 1.0, "m": 60.0, "h": 3600.0})
"""The length of each unit in seconds."""

MOST_CALLS: Final = 1_000_000
"""The largest number before the slash; a limiter remembers the time of each call of one window."""

_RATE: Final = re.compile(r"([1-9][0-9]{0,9})/([smh])")


@frozen
class Rate:
    """
    How many calls may begin in any window of one length.

    ``60/m`` and ``1/s`` differ: the first allows 60 calls in the same second.

    Attributes:
        count: The calls of one window; above 0.
        per: The length of the window in seconds; above 0.
    """

    count: float = field(validator=gt(0))
    per: float = field(validator=gt(0))

    @classmethod
    def of(cls, text: str) -> Rate:
        """
        Read a rate such as ``280/s``.

        Raises:
            ValueError: The text is no rate. The message says what was expected and found.
        """
        found = parsed(text)
        if found is None:
            raise ValueError(f'expected a rate such as "10/s", "60/m" or "1000/h", got "{text}"')
        return found

    @property
    def per_second(self) -> float:
        """The calls of one second, on average."""
        return self.count / self.per

    def most_within(self, seconds: float) -> float:
        """Return the most calls that can begin in some time of this length."""
        return self.count * max(1, math.ceil(seconds / self.per))

    def __str__(self) -> str:
        """Return the rate as policies write it."""
        unit = next((name for name, length in UNITS.items() if length == self.per), f"{self.per:g}s")
        return f"{self.count:.10g}/{unit}"


_LOOSE: Final = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*(?:calls|requests|times)?\s*"
    r"(?:/|per|a|an|p|rp|qp|(?=q?r?p[smh]$)|\s)\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
)
_HOURS_OF_A_DAY: Final = 24


def meant_rate(text: str) -> str | None:
    """Return the rate that a text such as ``0.5/s`` or ``10 per second`` means, as policies write it; else None."""
    match = _LOOSE.fullmatch(text.strip().lower())
    if match is None:
        return None
    number, unit = float(match[1]), match[2][0]
    if unit == "d":
        number, unit = number / _HOURS_OF_A_DAY, "h"
    # A fraction is a whole number of a longer window.
    longer = [name for name in UNITS if UNITS[name] >= UNITS[unit]]
    for name in longer:
        count = number * UNITS[name] / UNITS[unit]
        if count == round(count) and parsed(f"{count:.0f}/{name}") is not None:
            return f"{count:.0f}/{name}"
    return None


@functools.lru_cache(maxsize=1024)
def parsed(text: str) -> Rate | None:
    """Return the rate of a text such as ``280/s``; None for any other text."""
    match = _RATE.fullmatch(text)
    if match is None or int(match[1]) > MOST_CALLS:
        return None
    return Rate(float(match[1]), UNITS[match[2]])
