"""
What telemetry costs, as ratios within one interleaved run.

To see it::

    python tests/benchmarks/telemetry.py [--rounds 120] [--calls 20]

Each subject is timed in every round, in an order that changes, so that noise
meets all of them alike, and in CPU time of the thread that makes the calls:
neither other programs nor the exporter's own thread count. A ratio is between a
subject and its base, the minimum over all rounds of each, and the median of the
rounds' own ratios.

Without an SDK: calls under the usual observers against calls that nobody
watches. With an SDK (a batch processor whose exporter throws everything away,
and a reader for metrics): calls under the usual observers, policy included,
against the same spans, events, links and measurements written by hand around
the same function, with its retry. That both show the same is checked first. An
idler, who watches and does nothing, shows what of it is the policy and not telemetry.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
from interleaved import Subject, Unit, report
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from resilience import Executor, ServiceError
from resilience.core.backoff import Backoff
from resilience.core.events import CallStarted, Sink, Slot
from resilience.core.fault import Origin
from resilience.core.policy import Action, Limits, PolicyValues, Rule, ready_made
from resilience.telemetry import Logs, Metrics, Spans

Function = Callable[[str, str], Awaitable[str]]


AT_ONCE = Backoff(kind="constant", base=0.0, jitter="none")
RETRY = Action(key="at-once", do="retry", backoff=AT_ONCE, counts=True)
ORIGIN = Origin("mqtt.toml", 7, 1)
BUSY = Rule(id='alibaba."Busy"', scope="alibaba", operation=None, code="Busy", action=RETRY, locate=lambda: ORIGIN)
POLICY = PolicyValues(
    name="benchmark",
    digest="0123456789ab",
    limits=Limits(deadline=None),
    rules=(BUSY,),
    unknown=ready_made(Backoff())["fail"],
)


async def _succeed(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
    return group_id


class _Flaky:
    """A function whose every second call is refused."""

    def __init__(self) -> None:
        self.is_good = True

    async def __call__(self, instance_id: str, group_id: str) -> str:  # noqa: ARG002  # names that the catalogue knows
        self.is_good = not self.is_good
        if not self.is_good:
            raise ServiceError("Busy", status=429, request_id="5F3A-77", provider="alibaba")
        return group_id


class _Nowhere(SpanExporter):
    """Throws spans away."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002  # the SDK's signature
        return SpanExportResult.SUCCESS


class ByHand:
    """The same spans and measurements, as one writes them with OpenTelemetry's own calls."""

    def __init__(self, tracers: trace.TracerProvider, meters: metrics.MeterProvider) -> None:
        self.tracer = tracers.get_tracer("by hand")
        meter = meters.get_meter("by hand")
        self.active = meter.create_up_down_counter("resilience.operation.active", "{operation}")
        self.operations = meter.create_histogram("resilience.operation.duration", "s")
        self.attempts = meter.create_histogram("resilience.attempt.duration", "s")
        self.delays = meter.create_histogram("resilience.retry.delay", "s")
        self.decisions = meter.create_counter("resilience.decisions", "{decision}")

    async def call(self, function: Function) -> str:
        """Make a call that is tried again at once when the service is busy."""
        operation = "CreateGroupId"
        began = time.perf_counter()
        self.active.add(1, {"resilience.operation.name": operation})
        with self.tracer.start_as_current_span(
            operation,
            kind=SpanKind.CLIENT,
            attributes={
                "resilience.operation.name": operation,
                "resilience.policy.name": "benchmark",
                "resilience.policy.hash": "0123456789ab",
                "cloud.provider": "alibaba_cloud",
            },
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            value, number = await self._attempts(operation, span, function)
            outcome = "success" if number == 1 else "success_after_retry"
            span.set_attributes(
                {
                    "resilience.attempt.count": number,
                    "resilience.retry.delay.total": 0.0,
                    "resilience.outcome": outcome,
                    "resilience.stop_reason": "success",
                }
            )
            self.operations.record(
                time.perf_counter() - began, {"resilience.operation.name": operation, "resilience.outcome": outcome}
            )
        self.active.add(-1, {"resilience.operation.name": operation})
        return value

    async def _attempts(self, operation: str, span: trace.Span, function: Function) -> tuple[str, int]:
        number, previous = 1, None
        while True:
            which = "original" if number == 1 else "retry"
            started = time.perf_counter()
            with self.tracer.start_as_current_span(
                f"attempt {operation}",
                attributes={"resilience.attempt.number": number},
                links=None if previous is None else [Link(previous, {"resilience.link.kind": "previous_attempt"})],
                record_exception=False,
                set_status_on_exception=False,
            ) as attempt:
                previous = attempt.get_span_context()
                try:
                    value = await function("i", "g")
                except ServiceError as error:
                    self._failed(operation, attempt, error, which, time.perf_counter() - started)
                else:
                    self.attempts.record(
                        time.perf_counter() - started,
                        {"resilience.operation.name": operation, "resilience.attempt.type": which},
                    )
                    return value, number
            span.add_event(
                "resilience.retry.scheduled",
                {
                    "resilience.error.code": "Busy",
                    "resilience.rule.id": BUSY.id,
                    "resilience.attempt.number": number,
                    "resilience.retry.delay": 0.0,
                    "resilience.retry.jittered": False,
                },
            )
            await anyio.lowlevel.checkpoint()
            number += 1

    def _failed(self, operation: str, attempt: trace.Span, error: ServiceError, which: str, took: float) -> None:
        code = str(error.fault.code)
        self.attempts.record(
            took,
            {"resilience.operation.name": operation, "resilience.attempt.type": which, "error.type": code},
        )
        self.decisions.add(
            1, {"resilience.operation.name": operation, "resilience.decision.action": "retry", "error.type": code}
        )
        self.delays.record(0.0, {"resilience.operation.name": operation, "resilience.decision.action": "retry"})
        attempt.set_attributes(
            {
                "resilience.error.code": code,
                "resilience.error.status": error.fault.status or 0,
                "resilience.request.id": error.fault.request_id or "",
                "resilience.rule.id": BUSY.id,
                "resilience.rule.origin": f"{ORIGIN.file}:{ORIGIN.line}",
                "resilience.decision.action": "retry",
                "resilience.retry.delay": 0.0,
                "resilience.effect": "none",
                "error.type": code,
            }
        )
        attempt.set_status(Status(StatusCode.ERROR))


class _Idler:
    """Wants to see every call, and looks away: what remains is the price of not being quick."""

    idle_slot: Slot | None = None

    def watch(self, started: CallStarted) -> Sink:  # noqa: ARG002  # it looks away
        """Take every event and do nothing."""
        return lambda _: None


def _ours(tracers: TracerProvider | None, meters: MeterProvider | None) -> Executor:
    return Executor(POLICY, provider="alibaba", observers=[Metrics(meters), Logs(), Spans(tracers)])


def _providers(*processors: Any) -> tuple[TracerProvider, MeterProvider]:
    tracers = TracerProvider(shutdown_on_exit=False)
    for processor in processors:
        tracers.add_span_processor(processor)
    return tracers, MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)


async def _shows(subject: Callable[[TracerProvider, MeterProvider], Subject]) -> tuple[list[Any], list[Any]]:
    """Return what a call shows of itself: its spans, and the series of its measurements."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider([reader], shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    call = subject(tracers, meters)
    for _ in range(2):
        await call()
    spans = [
        (
            span.name,
            span.kind,
            span.status.status_code,
            sorted((span.attributes or {}).items()),
            [(event.name, sorted((event.attributes or {}).items())) for event in span.events],
            len(span.links),
        )
        for span in exporter.get_finished_spans()
    ]
    data = reader.get_metrics_data()
    resources = [] if data is None else data.resource_metrics
    series = sorted(
        (
            metric.name,
            type(metric.data).__name__,
            sorted((point.attributes or {}).items()),
            getattr(point, "value", None),
            getattr(point, "count", None),
        )
        for scope in resources[0].scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    )
    return spans, [each for each in series if not each[0].endswith((".failures", ".unmatched"))]


async def check() -> None:
    """End the program if what is compared is not the same."""

    def watched(function: Function, tracers: TracerProvider, meters: MeterProvider) -> Subject:
        return partial(_ours(tracers, meters).wrap("CreateGroupId", function), "i", "g")

    def by_hand(function: Function, tracers: TracerProvider, meters: MeterProvider) -> Subject:
        return partial(ByHand(tracers, meters).call, function)

    for one, other in ((_succeed, _succeed), (_Flaky(), _Flaky())):
        ours, theirs = await _shows(partial(watched, one)), await _shows(partial(by_hand, other))
        if ours != theirs:
            sys.exit(f"what is compared is not the same:\n{ours}\n{theirs}")


def with_sdk() -> list[tuple[str, Subject, str | None]]:
    """Return calls that an SDK records, as the usual observers show them and as written by hand."""
    watched = _ours(*_providers(BatchSpanProcessor(_Nowhere())))
    by_hand = ByHand(*_providers(BatchSpanProcessor(_Nowhere())))
    return [
        ("by hand", partial(by_hand.call, _succeed), None),
        ("SDK", partial(watched.wrap("CreateGroupId", _succeed), "i", "g"), "by hand"),
        ("by hand, one retry", partial(by_hand.call, _Flaky()), None),
        ("SDK, one retry", partial(watched.wrap("CreateGroupId", _Flaky()), "i", "g"), "by hand, one retry"),
    ]


def _subjects() -> list[tuple[str, Subject, str | None]]:
    """Return each subject with its name and the name of its base."""
    nobody = Executor(POLICY, provider="alibaba", observers=[])
    idle = _ours(None, None)
    idler = Executor(POLICY, provider="alibaba", observers=[_Idler()])

    def call(executor: Executor, function: Function) -> Subject:
        return partial(executor.wrap("CreateGroupId", function), "i", "g")

    return [
        ("nobody watches", call(nobody, _succeed), None),
        ("no SDK", call(idle, _succeed), "nobody watches"),
        ("nobody watches, one retry", call(nobody, _Flaky()), None),
        ("no SDK, one retry", call(idle, _Flaky()), "nobody watches, one retry"),
        ("watched by an idler", call(idler, _succeed), None),
        ("watched by an idler, one retry", call(idler, _Flaky()), None),
        *with_sdk(),
    ]


if __name__ == "__main__":
    anyio.run(check)
    report(
        _subjects, what="what telemetry costs", clock=time.thread_time_ns, unit=Unit("us", 1e3, 2), rounds=120, calls=20
    )
