"""
A server on loopback that does what a script says, request by request, and then passes requests on to moto.

moto plays AWS; what it never does (throttle, lose an answer, tear it, refuse a token) stands in the script.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

from attrs import define, field, frozen

REGION: Final = "eu-west-1"
KEYS: Final = {"aws_access_key_id": "marker-id", "aws_secret_access_key": "marker-secret"}

Manner = Literal["answer", "pass", "lose", "hang", "tear"]
"""A step's own answer; moto's; moto's, but lost; none at all; moto's, cut in the middle."""


@frozen
class Step:
    """What the server does with one request."""

    manner: Manner = "answer"
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(factory=dict)


PASS: Final = Step("pass")
LOSE: Final = Step("lose")
HANG: Final = Step("hang")
TEAR: Final = Step("tear")


def refusal(code: str, status: int = 400, message: str = "marker", **more: Any) -> Step:
    """Return a refusal as the services with JSON write it; a modelled error may have further members."""
    headers = {"x-amzn-ErrorType": code, "x-amzn-RequestId": "req-1"}
    return Step("answer", status, json.dumps({"message": message, **more}).encode(), headers)


def role_answer(key_id: str, *, seconds: float = 3600) -> Step:
    """Return the answer of AssumeRole with new keys."""
    end = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>secret-of-{key_id}</SecretAccessKey>
        <SessionToken>token-of-{key_id}</SessionToken><Expiration>{end}</Expiration></Credentials></AssumeRoleResult>
        <ResponseMetadata><RequestId>sts-1</RequestId></ResponseMetadata></AssumeRoleResponse>"""
    return Step(body=body.encode(), headers={"Content-Type": "text/xml"})


EXPIRED: Final = refusal("ExpiredTokenException", 403)
THROTTLED: Final = refusal("ThrottlingException")


@frozen
class Request:
    """A request that the server got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def key_id(self) -> str:
        """The id of the key that signed it."""
        return self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]


@define(eq=False)
class Server:
    """
    The server; ``script`` is used up from its front, and ``rest`` is what follows it.

    Before both, ``judge`` may say what to do with a request.
    """

    moto: int | None
    script: list[Step] = field(factory=list)
    rest: Step = PASS
    judge: Callable[[Request], Step | None] = field(default=lambda _: None)
    requests: list[Request] = field(factory=list, init=False)
    connections: int = field(default=0, init=False)
    _closing: threading.Event = field(factory=threading.Event, init=False)
    _guard: threading.Lock = field(factory=threading.Lock, init=False)
    port: int = field(default=0, init=False)

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.port}"

    def took(self, method: str, path: str) -> int:
        """Return how many such requests came."""
        return sum(request.method == method and request.path.startswith(path) for request in self.requests)

    def step(self, request: Request) -> Step:
        """Return what to do with a request."""
        with self._guard:
            self.requests.append(request)
        judged = self.judge(request)
        if judged is not None:
            return judged
        with self._guard:
            return self.script.pop(0) if self.script else self.rest

    def forward(self, request: Request) -> tuple[int, bytes, Mapping[str, str]]:
        """Return moto's answer."""
        assert self.moto is not None, "the script is used up"
        connection = http.client.HTTPConnection("127.0.0.1", self.moto, timeout=30)
        try:
            connection.request(request.method, request.path, request.body, dict(request.headers))
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def wait(self) -> None:
        """Wait until the server ends."""
        self._closing.wait(30)

    def close(self) -> None:
        """Let the waiting threads end."""
        self._closing.set()


class _Handler(BaseHTTPRequestHandler):
    """Does what a server's script says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    aws: Server

    def setup(self) -> None:
        self.aws.connections += 1
        super().setup()

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def do_any(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers), body)
        step = self.aws.step(request)
        self.close_connection = step.manner in ("hang", "lose")
        if step.manner == "hang":
            self.aws.wait()
            return
        status, said, headers = step.status, step.body, step.headers
        if step.manner != "answer":
            status, said, headers = self.aws.forward(request)
        if step.manner == "lose":
            return
        if step.manner == "tear":
            said = said[: len(said) // 2]
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_any  # noqa: N815  # the names that the base class calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_OF_ONE_CONNECTION: Final = frozenset({"content-length", "server", "connection", "transfer-encoding"})


@contextlib.contextmanager
def serving(*script: Step, moto: int | None = None, rest: Step = PASS) -> Iterator[Server]:
    """Yield a server that follows a script."""
    server = Server(moto, list(script), rest)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"aws": server}))
    listener.daemon_threads = True
    server.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        listener.shutdown()
        listener.server_close()
        thread.join(5)


@contextlib.contextmanager
def moto() -> Iterator[int]:
    """Yield the port of a moto that has just started; it takes a second."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  # each worker reads this file, and one runs the server

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()[1]
    finally:
        server.stop()


def forget(port: int) -> None:
    """Remove everything that moto has made."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/moto-api/reset")
    connection.getresponse().read()
    connection.close()
