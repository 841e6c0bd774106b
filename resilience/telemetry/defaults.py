"""The observers of an executor without observers of its own."""

from __future__ import annotations

from functools import cache

from resilience.core.observer import Observer
from resilience.telemetry.logs.observer import Logs
from resilience.telemetry.metrics.observer import Metrics
from resilience.telemetry.spans.observer import Spans


@cache
def default_observers() -> tuple[Observer, ...]:
    """
    Return metrics, logs and spans, the same objects for all executors.

    Metrics and logs come before spans, so that their records belong to the span that is about to end.
    """
    # All executors share them: a program makes each instrument once, and warns of an unknown code once.
    return Metrics(), Logs(), Spans()
