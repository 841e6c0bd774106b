"""The draws of a recorded call: which number jitter was taken from, as far as a delay tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from resilience.core.decision import Decision, Event
from resilience.core.history import History
from resilience.core.machine import step
from resilience.journal.model import RecordedAttempt, RecordedDecision

MIDDLE: Final = 0.5
GREATEST: Final = math.nextafter(1.0, 0.0)
_HALVINGS: Final = 40
# Delays are recorded to a microsecond.
_ROUNDING: Final = 1e-5


def draw_as_recorded(
    history: History, event: Event, *, now: float, recorded: RecordedDecision | None, draw: float | None
) -> float:
    """
    Return a draw that leads to the delay of a recorded decision.

    Args:
        history: The call so far; left unchanged.
        event: What happened.
        now: Seconds on the clock of the call.
        recorded: What was decided then; None where nothing was.
        draw: The number that jitter was taken from, where it is known; None to find it by the delay, in the middle
            of the jitter if no draw leads to that delay.
    """
    if recorded is None:
        return MIDDLE
    if recorded.action == "fail":
        # If a wait was too long for the deadline, its length is not recorded; the longest was too long for certain.
        return GREATEST
    if draw is not None:
        return draw
    return _draw_for(recorded.delay, lambda each: _delay(step(history, event, now=now, draw=each)[1]))


def reaches(history: History, event: Event, *, now: float, recorded: RecordedDecision) -> bool:
    """Return whether some draw leads to a recorded decision."""
    low, high = (step(history, event, now=now, draw=draw)[1] for draw in (0.0, GREATEST))
    if low.verb != recorded.action:
        return False
    return not low.leads_on or _delay(low) - _ROUNDING <= recorded.delay <= _delay(high) + _ROUNDING


def draw_of(attempt: RecordedAttempt, earlier: Sequence[RecordedDecision]) -> float | None:
    """
    Return the number that the jitter of a recorded delay was taken from; None if the recording does not tell.

    Args:
        attempt: The attempt that the delay followed.
        earlier: The decisions before it, those that repeat a question left out.
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
    """Return a draw that leads to a delay, by halving: waits never shrink as draws grow; the middle if none does."""
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
    # A wait that is too long becomes the end of the call: it is longer than any that is made.
    return decision.delay if decision.leads_on else math.inf
