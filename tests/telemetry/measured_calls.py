"""Calls as scripts of events, and the time series that came of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Metric, NumberDataPoint
from scripted_calls import started

from resilience.core.events import CallStarted, Event
from resilience.core.observer import Sink
from resilience.telemetry import Metrics


@frozen
class Point:
    """
    One time series as it is read.

    Attributes:
        value: A counter's value; a histogram's sum.
        count: How often a histogram was recorded; 0 of a counter.
        bounds: The histogram's buckets.
        spans: The spans of the exemplars.
    """

    value: float
    count: int = 0
    bounds: tuple[float, ...] = ()
    spans: frozenset[int] = frozenset()


Series = dict[frozenset[tuple[str, Any]], Point]


def key(**attributes: str) -> frozenset[tuple[str, str]]:
    """Return what stands for a series of CreateGroupId: ``outcome="success"`` is ``resilience.outcome``."""
    full = {
        "outcome": "resilience.outcome",
        "kind": "resilience.attempt.type",
        "action": "resilience.decision.action",
        "knew": "resilience.ledger.answer",
        "answer": "resilience.verify.answer",
        "failure": "error.type",
    }
    told = {full[short]: value for short, value in attributes.items()}
    return frozenset({"resilience.operation.name": "CreateGroupId", **told}.items())


ALONE = key()


class Measured:
    """A real meter provider in memory, the observer under test, and what came out."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.observer = Metrics(self.provider)

    def watch(self, call: CallStarted | None = None) -> Sink:
        """Begin one call."""
        sink = self.observer.watch(call or started())
        assert sink is not None
        return sink

    def play(self, *events: Event, call: CallStarted | None = None) -> None:
        """Measure one call."""
        sink = self.watch(call)
        for event in events:
            sink(event)

    def metrics(self) -> dict[str, Metric]:
        """Return every instrument that has recorded something."""
        return {metric.name: metric for metric in self._metrics()}

    def scope(self) -> Any:
        """Return who says that it measured."""
        data = self.reader.get_metrics_data()
        assert data is not None
        return data.resource_metrics[0].scope_metrics[0].scope

    def read(self) -> dict[str, Series]:
        """Return the time series of each instrument; exemplars are gone once they were read."""
        return {
            name.removeprefix("resilience."): {
                frozenset((point.attributes or {}).items()): _point(point) for point in metric.data.data_points
            }
            for name, metric in self.metrics().items()
        }

    def series(self, name: str) -> Series:
        """Return the time series of one instrument, by their attributes."""
        return self.read().get(name, {})

    def values(self, name: str) -> dict[frozenset[tuple[str, Any]], float]:
        """Return each series of a counter with its value, or of a histogram with its sum."""
        return {attributes: round(point.value, 9) for attributes, point in self.series(name).items()}

    def _metrics(self) -> Iterator[Metric]:
        data = self.reader.get_metrics_data()
        for resource in [] if data is None else data.resource_metrics:
            for scope in resource.scope_metrics:
                yield from scope.metrics


def _point(point: Any) -> Point:
    spans = frozenset(exemplar.span_id for exemplar in point.exemplars or () if exemplar.span_id is not None)
    if isinstance(point, HistogramDataPoint):
        return Point(point.sum, point.count, tuple(point.explicit_bounds), spans)
    assert isinstance(point, NumberDataPoint)
    return Point(point.value, spans=spans)
