"""
A receiver of spans by OTLP over HTTP, in a process of its own, that knows nothing of the SDK.

    python span_receiver.py

Prints its port. When its standard input ends, each request becomes one line on the standard output: its path, its
content encoding, and the spans in OTLP's own JSON. Not earlier, because a full pipe would hold up the next answer.
"""

from __future__ import annotations

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

_received: list[object] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Take one request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding", "")
        message = ExportTraceServiceRequest.FromString(gzip.decompress(body) if encoding == "gzip" else body)
        _received.append({"path": self.path, "encoding": encoding, "message": MessageToDict(message)})
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that http.server gives it
        """Say nothing of what went well."""


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201  # what the test reads


def main() -> None:
    """Listen until nobody writes to us any more."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    _say(server.server_port)
    sys.stdin.read()
    server.shutdown()
    for each in _received:
        _say(each)


if __name__ == "__main__":
    main()
