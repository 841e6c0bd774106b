"""Jitter inversion: finds the draws that lead to the recorded delays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from resilience.core.decision import Decision, MachineEvent
from resilience.core.history import History
from resilience.core.machine import step
from resilience.journal.model import RecordedAttempt, RecordedDecision

MIDDLE: Final = 0.5
GREATEST: Final = math.nextafter(1.0, 0.0)
_HALVINGS: Final = 40
# Delays are recorded to a microsecond.
_ROUNDING: Final = 1e-5


def draw_as_recorded(
    history: History, event: MachineEvent, *, now: float, recorded: RecordedDecision | None, draw: float | None
) -> float:
    """
    Return a draw that leads to the delay of a recorded decision.

    Args:
        history: The call so far; left unchanged.
        event: What happened.
        now: Seconds on the clock of the call.
        recorded: The recorded decision, or None.
        draw: The recorded draw, if it is known; None to find it by the delay. If no draw leads to that delay, the
            result is 0.5.
    """
    if recorded is None:
        return MIDDLE
    if recorded.action == "fail":
        # A wait beyond the deadline has no recorded length, but the longest wait was surely too long.
        return GREATEST
    if draw is not None:
        return draw
    return _draw_for(recorded.delay, lambda each: _delay(step(history, event, now=now, draw=each)[1]))


def reaches(history: History, event: MachineEvent, *, now: float, recorded: RecordedDecision) -> bool:
    """Tell whether a draw leads to a recorded decision."""
    low, high = (step(history, event, now=now, draw=draw)[1] for draw in (0.0, GREATEST))
    if low.verb != recorded.action:
        return False
    return not low.leads_on or _delay(low) - _ROUNDING <= recorded.delay <= _delay(high) + _ROUNDING


def draw_of(attempt: RecordedAttempt, earlier: Sequence[RecordedDecision]) -> float | None:
    """
    Return the draw of a recorded delay; None if the recording is not enough.

    Args:
        attempt: The attempt before the delay.
        earlier: The decisions before it, without those that repeat a verification.
    """
    backoff, fault = attempt.backoff, attempt.fault
    if backoff is None or fault is None:
        return None
    same = [each for each in earlier if each.action_name == attempt.action_name]
    previous = same[-1].delay if same else None

    def wait(draw: float) -> float:
        return backoff.delay(len(same) + 1, draw=draw, previous=previous, hint=fault.retry_after)

    return _draw_for(attempt.delay, wait)


def _draw_for(delay: float, wait: Callable[[float], float]) -> float:
    """Return a draw that leads to a delay, by bisection, since waits grow with draws; 0.5 if there is none."""
    low, high = 0.0, GREATEST
    if not wait(low) - _ROUNDING <= delay <= wait(high) + _ROUNDING:
        return MIDDLE
    if wait(high) - wait(low) <= _ROUNDING:
        return MIDDLE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if wait(middle) < delay else (low, middle)
    return high


def _delay(decision: Decision) -> float:
    # A wait beyond the deadline ends the call, so it counts as longer than any other.
    return decision.delay if decision.leads_on else math.inf
