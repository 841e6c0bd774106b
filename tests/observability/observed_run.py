"""
The faulty day in a process of its own, with a real SDK of OpenTelemetry.

    python observed_run.py crash|scraped|pushed|raising LEDGER < ENVIRON

``scraped`` serves its metrics on a port of loopback, prints the port and waits for the end of its standard input.
``pushed`` and ``raising`` send spans by OTLP to where the environment says; ``raising`` ends with an exception that
nobody catches.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
from faulty_day import Day
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import start_http_server

from resilience import Ledger


def main() -> None:
    """Do what the first argument says."""
    how, path = sys.argv[1:]
    environ = json.loads(sys.stdin.readline())
    if how == "scraped":
        metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
    elif how != "crash":
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    anyio.run(_run, how, path, environ)
    if how == "scraped":
        server, _ = start_http_server(0, addr="127.0.0.1")
        print(server.server_port, flush=True)  # noqa: T201  # what the test waits for
        sys.stdin.read()


async def _run(how: str, path: str, environ: dict[str, Any]) -> None:
    with Ledger(path) as ledger:
        day = Day(environ, ledger)
        if how == "crash":
            await day.crash()
        with trace.get_tracer("script").start_as_current_span("provision", record_exception=False):
            await day.run()
            if how == "raising":
                raise RuntimeError("the script has a mistake")


if __name__ == "__main__":
    main()
