"""The telemetry of an executor that was given no observers."""

from __future__ import annotations

from functools import cache

from resilience.core.events import Observer
from resilience.telemetry.logs.observer import Logs
from resilience.telemetry.metrics.observer import Metrics
from resilience.telemetry.spans.observer import Spans


@cache
def default_observers() -> tuple[Observer, ...]:
    """
    Return metrics, logs and spans, the same for all executors.

    Metrics and logs come before spans, so that what they record belongs to the span that is about to end.
    """
    # An instrument is made once in a program, and an unknown code is complained of once.
    return Metrics(), Logs(), Spans()
