"""A receiver of OTLP over HTTP, on loopback."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from attrs import define, field
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from servers.plays import served


@define
class Receiver:
    """
    What an OTLP receiver got.

    Attributes:
        endpoint: Where it listens.
        spans: Every span.
        metrics: The names of all metrics.
        services: The names of all services.
    """

    endpoint: str = ""
    spans: list[Any] = field(factory=list)
    metrics: set[str] = field(factory=set)
    services: set[str] = field(factory=set)

    def take(self, path: str, body: bytes) -> None:
        """Take one export."""
        read: dict[str, Callable[[bytes], Any]] = {
            "/v1/traces": ExportTraceServiceRequest.FromString,
            "/v1/metrics": ExportMetricsServiceRequest.FromString,
        }
        message = read[path](body)
        for each in [*getattr(message, "resource_spans", ()), *getattr(message, "resource_metrics", ())]:
            named = {attribute.key: attribute.value.string_value for attribute in each.resource.attributes}
            self.services.add(named["service.name"])
        for each in getattr(message, "resource_spans", ()):
            self.spans += [span for scope in each.scope_spans for span in scope.spans]
        for each in getattr(message, "resource_metrics", ()):
            self.metrics |= {metric.name for scope in each.scope_metrics for metric in scope.metrics}

    def named(self, name: str) -> list[Any]:
        """Return the spans of a name."""
        return [span for span in self.spans if span.name == name]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Start a receiver on a free port."""
    got = Receiver()
    guard = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            with guard:
                got.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()

    with served(Handler) as port:
        got.endpoint = f"http://127.0.0.1:{port}"
        yield got
