"""What the library shows of a call, written by hand with OpenTelemetry's own calls."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
import anyio.lowlevel
from opentelemetry import context, metrics, trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from resilience import ServiceError

Function = Callable[[str, str], Awaitable[str]]

RULE: Final = 'alibaba."Busy"'
PLACE: Final = "mqtt.toml:7"


class ByHand:
    """The same spans and measurements, as one writes them with OpenTelemetry's own calls."""

    def __init__(self, tracers: trace.TracerProvider, meters: metrics.MeterProvider) -> None:
        self.tracer = tracers.get_tracer("by hand")
        meter = meters.get_meter("by hand")
        self.active = self._counter_of_active(meter)
        self.operations = meter.create_histogram("resilience.operation.duration", "s")
        self.attempts = meter.create_histogram("resilience.attempt.duration", "s")
        self.delays = meter.create_histogram("resilience.retry.delay", "s")
        self.decisions = meter.create_counter("resilience.decisions", "{decision}")

    def _counter_of_active(self, meter: metrics.Meter) -> Any:
        return meter.create_up_down_counter("resilience.operation.active", "{operation}")

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
            self._scheduled(span, number)
            await anyio.lowlevel.checkpoint()
            number += 1

    def _scheduled(self, span: trace.Span, number: int) -> None:
        span.add_event(
            "resilience.retry.scheduled",
            {
                "resilience.error.code": "Busy",
                "resilience.rule.id": RULE,
                "resilience.attempt.number": number,
                "resilience.retry.delay": 0.0,
                "resilience.retry.jittered": False,
            },
        )

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
                "resilience.rule.id": RULE,
                "resilience.rule.origin": PLACE,
                "resilience.decision.action": "retry",
                "resilience.retry.delay": 0.0,
                "resilience.effect": "none",
                "error.type": code,
            }
        )
        attempt.set_status(Status(StatusCode.ERROR))


class Sparing(ByHand):
    """The same data, by as few and as cheap operations of the SDK as will do: what no library can be quicker than."""

    under_way = 0

    def _counter_of_active(self, meter: metrics.Meter) -> Any:
        def observe(_: metrics.CallbackOptions) -> list[metrics.Observation]:
            return [metrics.Observation(self.under_way, {"resilience.operation.name": "CreateGroupId"})]

        return meter.create_observable_up_down_counter("resilience.operation.active", [observe], "{operation}")

    async def call(self, function: Function) -> str:
        """Make a call that is tried again at once when the service is busy."""
        operation = "CreateGroupId"
        began = time.perf_counter()
        self.under_way += 1
        current = context.get_current()
        about = {
            "resilience.operation.name": operation,
            "resilience.policy.name": "benchmark",
            "resilience.policy.hash": "0123456789ab",
            "cloud.provider": "alibaba_cloud",
        }
        span = self.tracer.start_span(operation, current, SpanKind.CLIENT, about)
        inside = trace.set_span_in_context(span, current)
        token = context.attach(inside)
        value, number = await self._attempts_in(inside, operation, span, function)
        self.under_way -= 1
        outcome = "success" if number == 1 else "success_after_retry"
        ended = {"resilience.operation.name": operation, "resilience.outcome": outcome}
        self.operations.record(time.perf_counter() - began, ended)
        span.set_attributes(
            {
                "resilience.attempt.count": number,
                "resilience.retry.delay.total": 0.0,
                "resilience.outcome": outcome,
                "resilience.stop_reason": "success",
            }
        )
        span.end()
        context.detach(token)
        return value

    async def _attempts_in(
        self, inside: context.Context, operation: str, span: trace.Span, function: Function
    ) -> tuple[str, int]:
        number, links = 1, None
        while True:
            which = "original" if number == 1 else "retry"
            started = time.perf_counter()
            about = {"resilience.attempt.number": number}
            attempt = self.tracer.start_span(f"attempt {operation}", inside, attributes=about, links=links)
            token = context.attach(trace.set_span_in_context(attempt, inside))
            try:
                value = await function("i", "g")
            except ServiceError as error:
                self._failed(operation, attempt, error, which, time.perf_counter() - started)
                attempt.end()
                context.detach(token)
            else:
                made = {"resilience.operation.name": operation, "resilience.attempt.type": which}
                self.attempts.record(time.perf_counter() - started, made)
                attempt.end()
                context.detach(token)
                return value, number
            links = [Link(attempt.get_span_context(), {"resilience.link.kind": "previous_attempt"})]
            self._scheduled(span, number)
            await anyio.lowlevel.checkpoint()
            number += 1
