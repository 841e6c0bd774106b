"""Servers of a test's own handler, on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Answer with a handler's methods in the block, and log nothing; yield the port on 127.0.0.1."""

    def log_message(*_: Any) -> None:
        """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("QuietHandler", (handler,), {"log_message": log_message}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
