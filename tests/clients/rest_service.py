"""A real HTTP server on loopback that speaks like the management APIs of EMQX and HiveMQ, or as a test tells it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from attrs import define, field, frozen

_EMQX: Final = "/api/v5/authentication/"
_HIVEMQ: Final = "/api/v1/management/trace-recordings"


@frozen
class Answer:
    """What is sent back: JSON, or bytes as they are."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(factory=dict)


@define
class RestService:
    """
    Users of EMQX and trace recordings of HiveMQ; leaving the context ends it.

    Attributes:
        scripted: Answers that are sent first, whatever is asked.
        requests: What was asked: method, path and body.
    """

    scripted: list[Answer] = field(factory=list)
    requests: list[tuple[str, str, bytes]] = field(factory=list, init=False)
    _names: set[str] = field(factory=set, init=False)
    _server: ThreadingHTTPServer = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                length = int(self.headers.get("Content-Length") or 0)
                answer = service.answer(self.command, self.path, self.rfile.read(length))
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                body = b"" if answer.body is None else body
                # Without a date of its own, so that a test may set one.
                self.send_response_only(answer.status)
                for name, value in {
                    "Content-Type": "application/json",
                    "X-Request-Id": "REQ-1",
                    **answer.headers,
                }.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Keep the tests' output free of requests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        """The beginning of its URLs."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Return the answer to a request, and remember the request."""
        self.requests.append((method, path, body))
        if self.scripted:
            return self.scripted.pop(0)
        if path.startswith(_EMQX):
            return self._users(method, path, body)
        if path.startswith(_HIVEMQ):
            return self._recordings(method, path, body)
        return Answer(404, {"code": "NOT_FOUND", "message": "marker"})

    def _users(self, method: str, path: str, body: bytes) -> Answer:
        parts = path.removeprefix(_EMQX).split("/")
        if method == "POST":
            name = json.loads(body)["user_id"]
            if name in self._names:
                return Answer(409, {"code": "ALREADY_EXISTS", "message": "marker"})
            self._names.add(name)
            return Answer(201, {"user_id": name, "is_superuser": False})
        if parts[-1] not in self._names:
            return Answer(404, {"code": "NOT_FOUND", "message": "marker"})
        self._names.discard(parts[-1])
        return Answer(204)

    def _recordings(self, method: str, path: str, body: bytes) -> Answer:
        if method == "POST":
            return Answer(201, {"traceRecording": json.loads(body)})
        detail = f"marker {path.rpartition('/')[2]}"
        return Answer(404, {"errors": [{"title": "Resource not found", "detail": detail}]})
