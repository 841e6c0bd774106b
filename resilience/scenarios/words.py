"""Expected and found values in words, and whether they are the same."""

from __future__ import annotations

from typing import Any

from resilience.scenarios.model import Exactly
from resilience.simulation.played import SimulatedStep


def is_as(expected: Any, found: Any) -> bool:
    """Tell whether a found value is as expected."""
    if isinstance(expected, Exactly):
        return isinstance(found, float | int) and abs(expected.seconds - found) <= expected.tolerance
    if isinstance(expected, tuple):
        return isinstance(found, tuple) and len(found) == len(expected) and all(map(is_as, expected, found))
    return bool(expected == found)


def in_words(value: Any) -> str:
    """Return a value of an expectation, or what was found in its place."""
    match value:
        case Exactly(seconds):
            return seconds_in_words(seconds)
        case tuple():
            return ", ".join(map(in_words, value)) or "none"
        case bool():
            return "true" if value else "false"
        case float():
            return seconds_in_words(value)
        case None:
            return "none"
        case str():
            return value or "no rule"
        case _:
            return str(value)


def seconds_in_words(number: float) -> str:
    """Return a length of time as exactly as expectations can be."""
    return f"{number:.4f}".rstrip("0").rstrip(".") + " s"


def event_in_words(step: SimulatedStep) -> str:
    """Return what was done in a step, and what came of it."""
    what = f"attempt {step.number}" if step.did == "attempt" else step.did
    return f"{what}: {step.result}"
