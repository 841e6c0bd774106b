"""Who watches the calls of an executor that was given no observers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from resilience.core.events import Observer
from resilience.core.policy import PolicyValues
from resilience.telemetry.journal import Journal
from resilience.telemetry.logs.observer import Logs
from resilience.telemetry.metrics.observer import Metrics
from resilience.telemetry.spans.observer import Spans


def observers_for(policy: PolicyValues) -> Sequence[Observer]:
    """
    Return the observers of an executor: metrics, logs and spans, and the journal that the policy asks for.

    Metrics and logs come before spans, so that what they record belongs to the span that is about to end.
    The journal comes after them, so that it can tell which span a call has.

    Raises:
        JournalError: The journal cannot be written.
    """
    if policy.telemetry is None or policy.telemetry.journal is None:
        return _shared()
    return (*_shared(), Journal(policy.telemetry.journal))


@cache
def _shared() -> tuple[Observer, ...]:
    # An instrument is made once in a program, and an unknown code is complained of once.
    return Metrics(), Logs(), Spans()
