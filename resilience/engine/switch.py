"""The switch that turns policies off: ``RESILIENCE=off`` in the environment."""

from __future__ import annotations

import os
import warnings
from typing import Final

_VARIABLE: Final = "RESILIENCE"
_OFF: Final = frozenset({"off", "0", "false", "no"})
_ON: Final = frozenset({"on", "1", "true", "yes", ""})


def switched_off() -> bool:
    """Tell whether the environment switches policies off; warn of an unknown value."""
    value = os.environ.get(_VARIABLE, "")
    word = value.strip().lower()
    if word not in _ON | _OFF:
        warnings.warn(
            f"{_VARIABLE}: expected off or on, got {value!r:.40}; policies stay on", RuntimeWarning, stacklevel=3
        )
    return word in _OFF
