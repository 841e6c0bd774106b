"""The observer that measures calls with a meter of OpenTelemetry."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from opentelemetry import metrics
from opentelemetry.environment_variables import OTEL_PYTHON_METER_PROVIDER

from resilience.core.events import CallStarted
from resilience.core.observer import Sink, Slot
from resilience.telemetry import names
from resilience.telemetry.metrics.call_metrics import MetricsState
from resilience.telemetry.metrics.instruments import Instruments
from resilience.telemetry.providers.scope import SCOPE, version

# The variable in which the OpenTelemetry API keeps the provider that a program has set; None before. The name is
# private (opentelemetry/metrics/_internal/__init__.py 1.25.0 and 1.45.2, read 2026-11-21). The public function looks
# for it in its globals.
_HOME: Final = metrics.get_meter_provider.__globals__
_PROVIDER_NAME: Final = "_METER_PROVIDER"


class Metrics:
    """
    Measures calls, attempts, waits and remedies; the package's docstring has names, buckets and bounds.

    Give this to an executor before :class:`~resilience.telemetry.Spans`: the measurements then belong to the span of
    the call, and a histogram's exemplars refer to it.

    Args:
        meter_provider: The provider of the meter; by default the one that the program sets, before or after.

    Attributes:
        idle_slot: The variable in which an executor sees that no provider is set, so that it need
            not report a call. None if a provider was given, here or by the environment, or if the
            installed API has no such variable.
    """

    __slots__ = ("_begin", "_provider", "idle_slot")

    def __init__(self, meter_provider: metrics.MeterProvider | None = None) -> None:
        self.idle_slot: Slot | None = None
        # The API sets a provider that the environment names when it is first used, so waiting for it would be wrong.
        is_set_for_us = meter_provider is not None or OTEL_PYTHON_METER_PROVIDER in os.environ
        if not is_set_for_us and _PROVIDER_NAME in _HOME:
            self.idle_slot = (_HOME, _PROVIDER_NAME)
        self._provider = meter_provider
        self._begin: Callable[[CallStarted], Sink | None] | None = None

    def watch(self, started: CallStarted) -> Sink | None:
        """
        Count a call as under way.

        Returns:
            The function that measures the call, up to :class:`~resilience.core.events.CallEnded`. None
            if no provider is set, or a provider that measures nothing.
        """
        slot = self.idle_slot
        if slot is not None and slot[0][slot[1]] is None:
            return None
        begin = self._begin or self._make()
        return begin(started)

    def _make(self) -> Callable[[CallStarted], Sink | None]:
        # The first watched call makes the meter: a program without a provider need not read our version from a file.
        meter = metrics.get_meter(SCOPE, version() or "", self._provider, names.SCHEMA_URL)
        # The SDK returns this meter under OTEL_SDK_DISABLED.
        is_off = isinstance(meter, metrics.NoOpMeter)
        self._begin = _watch_nothing if is_off else MetricsState(Instruments.make(meter)).begin
        return self._begin


def _watch_nothing(_: CallStarted) -> None:
    """Stand for a meter that measures nothing."""
