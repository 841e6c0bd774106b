from __future__ import annotations

import pytest
from opentelemetry.metrics import NoOpMeterProvider, get_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from programs import run_program
from scripted_calls import started

from resilience.telemetry import Metrics

# A program sets its provider once, so each of these is a program of its own.
_PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from resilience.telemetry import Metrics
from scripted_calls import ended, started

reader = InMemoryMetricReader()
provider = MeterProvider([reader], shutdown_on_exit=False)

def is_idle(observer):
    slots, name = observer.idle_slot
    return slots[name] is None

def call(observer):
    sink = observer.watch(started())
    if sink is not None:
        sink(ended())
    data = reader.get_metrics_data()
    if data is None:
        return []
    return sorted(metric.name for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics)

NAMES = ["active", "duration", "failures"]
NAMES = ["resilience.faults.unmatched"] + ["resilience.operation." + name for name in NAMES]

{steps}
"""


def _run(steps: str, **environment: str) -> None:
    run_program(_PROGRAM, steps, **environment)


def test_a_meter_provider_that_is_set_later_is_used() -> None:
    """Without a provider the slot is empty and no call is watched; setting one fills it, and series appear."""
    _run("""
observer = Metrics()
assert is_idle(observer)
assert observer.watch(started()) is None
metrics.set_meter_provider(provider)
assert not is_idle(observer)
assert call(observer) == NAMES
""")


def test_a_meter_provider_that_was_set_before_is_used() -> None:
    """It makes no difference whether the program sets its provider first."""
    _run("""
metrics.set_meter_provider(provider)
observer = Metrics()
assert not is_idle(observer)
assert call(observer) == NAMES
""")


def test_a_meter_provider_that_the_environment_names_is_used() -> None:
    """``OTEL_PYTHON_METER_PROVIDER`` counts, although the API only looks at it when somebody asks."""
    _run(
        """
observer = Metrics()
assert observer.idle_slot is None
assert observer.watch(started()) is not None
""",
        OTEL_PYTHON_METER_PROVIDER="sdk_meter_provider",
    )


def test_an_api_that_keeps_its_meter_provider_elsewhere_is_asked() -> None:
    """If the private name is gone there is no slot, and a provider that is set after the first call is used."""
    _run("""
from resilience.telemetry.metrics import observer as ours
ours._PROVIDER_NAME = "_MOVED"
observer = Metrics()
assert observer.idle_slot is None
assert call(observer) == []
metrics.set_meter_provider(provider)
assert call(observer)[-2:] == ["resilience.operation.active", "resilience.operation.duration"]
""")


def test_the_slot_is_where_the_installed_api_keeps_its_meter_provider() -> None:
    """The one private name that is relied on is there: if it moves, calls are no longer quick without a provider."""
    observer = Metrics()
    assert observer.idle_slot is not None
    home, name = observer.idle_slot
    assert name in home
    assert home["get_meter_provider"] is get_meter_provider


_CALLS = """
import anyio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from resilience import Executor
from resilience.telemetry import Logs, Spans
from scripted_calls import POLICY

exporter = InMemorySpanExporter()
tracers = TracerProvider(shutdown_on_exit=False)
tracers.add_span_processor(SimpleSpanProcessor(exporter))

async def create(instance_id, group_id):
    return group_id

def measured():
    data = reader.get_metrics_data()
    if data is None:
        return 0
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    return sum(metric.data.data_points[0].count for metric in metrics if metric.name.endswith("attempt.duration"))

async def main():
    executor = Executor(POLICY, provider="alibaba", observers=[Metrics(), Logs(), Spans()])
    wrapped = executor.wrap("CreateGroupId", create)
    for _ in range(3):
        await wrapped("i", "g")
    {first}
    await wrapped("i", "g")
    assert (measured(), len(exporter.get_finished_spans())) == {seen}
    {second}
    await wrapped("i", "g")
    assert measured() > 0 and len(exporter.get_finished_spans()) > 0

anyio.run(main)
"""

_SET_METERS, _SET_TRACERS = "metrics.set_meter_provider(provider)", "trace.set_tracer_provider(tracers)"


@pytest.mark.parametrize(
    ("first", "second", "seen"),
    [
        pytest.param(_SET_METERS, _SET_TRACERS, "(1, 0)", id="meters-first"),
        pytest.param(_SET_TRACERS, _SET_METERS, "(0, 2)", id="tracers-first"),
    ],
)
def test_an_executor_that_was_quick_notices_each_provider(first: str, second: str, seen: str) -> None:
    """Calls that succeed at once are told to nobody until a provider is set; then each observer sees them."""
    _run(_CALLS.format(first=first, second=second, seen=seen))


def test_a_given_meter_provider_is_always_asked() -> None:
    """With a provider of its own an observer has no slot, and does not depend on the program's."""
    reader = InMemoryMetricReader()
    observer = Metrics(MeterProvider([reader], shutdown_on_exit=False))
    assert observer.idle_slot is None
    assert observer.watch(started()) is not None
    assert reader.get_metrics_data() is not None


def test_a_provider_that_measures_nothing_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither under ``OTEL_SDK_DISABLED`` nor with the API's own no-op provider is a call watched."""
    assert Metrics(NoOpMeterProvider()).watch(started()) is None
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    observer = Metrics(MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False))
    assert observer.watch(started()) is None
    assert observer.watch(started()) is None
