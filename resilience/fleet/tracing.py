"""The spans of a fleet: one around all of its calls, and one around those of each chunk on another machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from resilience.fleet.function import FleetFunction
from resilience.fleet.progress import FleetProgress
from resilience.telemetry.spans.fleet_span import fleet_span

SERVICE: Final = "resilience fleet"
"""The name of the service in telemetry, where the environment does not say it."""


@contextmanager
def traced(function: FleetFunction, progress: FleetProgress) -> Iterator[None]:
    """
    Make the span of a fleet, current in the block.

    It is below the span that is current, or below that of the environment variable ``TRACEPARENT``.
    """
    name = f"fleet {function.target.operation.name}"
    outer = os.environ.get("TRACEPARENT") or None
    with fleet_span(name, function.executor.policy, progress.rows, traceparent=outer) as counts:
        try:
            yield
        finally:
            counts.done, counts.failed = progress.done, progress.failed
