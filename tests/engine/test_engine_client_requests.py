"""Finished and streamed requests of plain HTTP are calls too, and what a script reads of an answer is all of it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

import httpx
import pytest
import requests
from attrs import define, field
from engine_calls import Log
from servers.plays import served
from wrapped_clients import WEB_CLIENTS, peer, sent

from resilience import Executor, Policy, SyncExecutor
from resilience.engine.client.wrapped_client import wrap_client

REST: Final = """
schema = 1
[limits]
deadline = "20s"
settle = "10ms"
[backoff.default]
base = "1ms"
cap = "2ms"
[sources.acme]
hosts = ["127.0.0.1"]
code = "json:code"
success = "json:ok"
[sources.acme.operations]
PutThing = "POST /things/{id}"
MoveThing = "POST /moved/{id}"
[operations.acme]
PutThing = "safe"
MoveThing = "safe"
[rules.acme]
"BUSY" = { do = "retry", effect = "none" }
"PutThing/THERE" = { do = "accept", if = "always" }
"NO" = "fail"
"""

Said = tuple[int, object]


@define
class Web:
    """A REST API; it answers with what it is told, then with 201. The path says how an answer is sent."""

    script: list[Said] = field(factory=list)
    bodies: list[bytes] = field(factory=list)
    url: str = field(default="", init=False)


@pytest.fixture
def web() -> Iterator[Web]:
    told = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            told.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            if self.path.startswith("/moved"):
                self.send_response(307)
                self.send_header("Location", self.path.replace("moved", "things"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status, said = told.script.pop(0) if told.script else (201, {"made": True})
            body = json.dumps(said).encode() + b"\n"
            body = gzip.compress(body) if "packed" in self.path else body
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if "packed" in self.path:
                self.send_header("Content-Encoding", "gzip")
            if "pieces" in self.path:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for start in range(0, len(body), 7):
                    piece = body[start : start + 7]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
                return
            self.send_header("Content-Length", str(len(body) + 9 * ("torn" in self.path)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = "torn" in self.path

    with served(Handler) as port:
        told.url = f"http://127.0.0.1:{port}/things/1"
        yield told


@contextlib.asynccontextmanager
async def wrapped(make: Any, log: Any = None) -> Any:
    """Open a wrapped client, and close it as its kind is closed."""
    client = make()
    observers = () if log is None else (log,)
    yield wrap_client(client, Executor(Policy.loads(REST), observers=observers))
    await sent(client.aclose() if isinstance(client, httpx.AsyncClient) else client.close())


def finished(client: Any, url: str, **body: Any) -> Any:
    """Return a request as a script makes one that it sends itself."""
    if isinstance(client, requests.Session):
        return client.prepare_request(requests.Request("POST", url, **body))
    return client.build_request("POST", url, **body)


@WEB_CLIENTS
@pytest.mark.anyio
async def test_a_finished_request_is_a_call(make: Any, web: Web) -> None:
    """It is sent again with its whole body, whether it is given by place or by name."""
    log: Any = Log()
    async with wrapped(make, log) as client:
        web.script = [(429, {"code": "BUSY"}), (429, {"code": "BUSY"})]
        assert (await sent(client.send(finished(client, web.url, json={"name": "a"})))).status_code == 201
        web.script = [(429, {"code": "BUSY"})]
        assert (await sent(client.send(request=finished(client, web.url, json={"name": "a"})))).status_code == 201
    assert [json.loads(body) for body in web.bodies] == [{"name": "a"}] * 5
    assert [started.operation for started in log.started] == ["PutThing", "PutThing"]


@WEB_CLIENTS
@pytest.mark.anyio
async def test_a_finished_request_fails_and_is_accepted_as_any_other(make: Any, web: Web) -> None:
    """The last answer is the script's, and for what was there already it gets one that says 200."""
    async with wrapped(make) as client:
        web.script = [(403, {"code": "NO"})]
        refused = await sent(client.send(finished(client, web.url)))
        assert (refused.status_code, refused.json()) == (403, {"code": "NO"})
        web.script = [(409, {"code": "THERE"})]
        there = await sent(client.send(finished(client, web.url, json={"name": "a"})))
        assert (there.status_code, there.json(), there.request.method) == (200, {"name": "a"}, "POST")


@WEB_CLIENTS
@pytest.mark.anyio
async def test_a_redirect_is_a_part_of_its_call(make: Any, web: Web) -> None:
    """However many requests are sent on the way, a script has made one call."""
    log: Any = Log()
    async with wrapped(make, log) as client:
        follow = {} if make is requests.Session else {"follow_redirects": True}
        answer = await sent(client.send(finished(client, web.url.replace("things", "moved")), **follow))
    assert answer.status_code == 201
    assert [started.operation for started in log.started] == ["MoveThing"]


@WEB_CLIENTS
@pytest.mark.anyio
async def test_files_of_a_form_are_sent_again(make: Any, web: Web) -> None:
    """Both libraries can send a form with files again: one has it in memory, the other goes back to the beginning."""
    log: Any = Log()
    async with wrapped(make, log) as client:
        web.script = [(429, {"code": "BUSY"})]
        answer = await sent(client.post(web.url, files={"file": ("name", io.BytesIO(b"content"))}))
    assert (answer.status_code, len(log.started)) == (201, 1)
    assert [b"content" in body for body in web.bodies] == [True, True]


class Parts:
    """A body that can be read again from its beginning."""

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"x"])


@pytest.mark.parametrize("body", [bytearray(b"x"), Parts()], ids=["bytearray", "parts"])
def test_a_body_that_can_be_read_again_is_sent_again(body: Any, web: Web) -> None:
    """Only what is gone when it has been read is refused."""
    session = wrap_client(requests.Session(), SyncExecutor(Policy.loads(REST), observers=()))
    request = requests.Request("POST", web.url, data=body, headers={"Content-Length": "1"}).prepare()
    request.headers.pop("Transfer-Encoding", None)
    web.script = [(429, {"code": "BUSY"})]
    assert session.send(request).status_code == 201
    assert web.bodies == [b"x", b"x"]


@WEB_CLIENTS
@pytest.mark.anyio
async def test_a_body_that_can_be_read_once_is_refused_with_a_word(make: Any, web: Web) -> None:
    """Another attempt would send nothing; the error says so before the first, and what to do."""

    async def parts() -> Any:
        yield b"x"

    async with wrapped(make) as client:
        name = "data" if make is requests.Session else "content"
        body = parts() if make is httpx.AsyncClient else iter([b"x"])
        with pytest.raises(ValueError, match=r"PutThing: the body is read while it is sent.*give it as bytes"):
            await sent(client.post(web.url, **{name: body}))
    assert web.bodies == []


def all_of_requests() -> dict[str, Callable[[Any], Any]]:
    return {
        "content": lambda answer: answer.content,
        "raw": lambda answer: answer.raw.read(decode_content=True),
        "stream": lambda answer: b"".join(answer.raw.stream(3, decode_content=True)),
        "iter_content": lambda answer: b"".join(answer.iter_content(3)),
        "iter_lines": lambda answer: b"".join(answer.iter_lines()),
        "text": lambda answer: answer.text.encode(),
    }


@pytest.mark.parametrize("path", ["", "/packed", "/pieces", "/packed-pieces"])
@pytest.mark.parametrize("how", all_of_requests())
def test_a_stream_of_requests_is_read_in_full(path: str, how: str, web: Web) -> None:
    """What the policy has read of a refusal is there for the script, by whichever method it reads; a retry is made."""
    session = wrap_client(requests.Session(), SyncExecutor(Policy.loads(REST), observers=()))
    web.script = [(429, {"code": "BUSY"}), (403, {"code": "NO"})]
    url = web.url.replace("/things/1", f"/things/1{path.replace('/', '-')}")
    with session.post(url, stream=True) as answer:
        assert answer.status_code == 403
        assert json.loads(all_of_requests()[how](answer)) == {"code": "NO"}
    with session.post(url, stream=True) as answer:
        assert (answer.status_code, answer._content) == (201, False), "a success is left unread"
        assert json.loads(all_of_requests()[how](answer)) == {"made": True}


def test_the_bytes_of_a_stream_are_those_that_came(web: Web) -> None:
    """What was packed stays so for a script that reads it raw, as without a policy."""
    plain = requests.Session()
    session = wrap_client(plain, SyncExecutor(Policy.loads(REST), observers=()))
    found = []
    for each in (plain, session):
        web.script = [(403, {"code": "NO"})]
        with each.post(f"{web.url}-packed", stream=True) as answer:
            found.append((gzip.decompress(answer.raw.read()), answer.headers["Content-Encoding"]))
    assert found[0] == found[1] == (b'{"code": "NO"}\n', "gzip")


@pytest.mark.parametrize("path", ["", "-packed", "-pieces"])
@pytest.mark.parametrize("how", ["read", "iter_raw", "iter_bytes", "iter_text", "iter_lines"])
@pytest.mark.parametrize("backend", ["blocking", "asyncio", "trio"])
def test_a_stream_of_httpx_is_read_in_full(path: str, how: str, backend: str, web: Web) -> None:
    """The same holds for both clients of httpx."""
    import anyio  # noqa: PLC0415  # the only test that starts a loop itself

    async def read(answer: Any) -> bytes:
        if how == "read":
            return bytes(await sent(answer.aread() if backend != "blocking" else answer.read()))
        parts: list[Any] = []
        if backend == "blocking":
            parts.extend(getattr(answer, how)())
        else:
            parts.extend([part async for part in getattr(answer, f"a{how}")()])
        body = b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
        return gzip.decompress(body) if how == "iter_raw" and path == "-packed" else body

    async def main() -> None:
        make = httpx.Client if backend == "blocking" else httpx.AsyncClient
        async with wrapped(make) as client:
            web.script = [(429, {"code": "BUSY"}), (403, {"code": "NO"})]
            for status, said in ((403, {"code": "NO"}), (201, {"made": True})):
                stream = client.stream("POST", f"{web.url}{path}")
                if backend == "blocking":
                    with stream as answer:
                        assert (answer.status_code, json.loads(await read(answer))) == (status, said)
                else:
                    async with stream as answer:
                        assert (answer.status_code, json.loads(await read(answer))) == (status, said)

    anyio.run(main, backend="asyncio" if backend == "blocking" else backend)


@WEB_CLIENTS
@pytest.mark.anyio
async def test_a_streamed_success_that_says_it_is_none_is_a_failure(make: Any, web: Web) -> None:
    """Where the policy says that the body tells it, a short JSON text is read."""
    async with wrapped(make) as client:
        web.script = [(200, {"ok": False, "code": "BUSY"})]
        answer = await sent(client.send(finished(client, web.url), stream=True))
        assert answer.status_code == 201
        await sent(answer.aclose() if make is httpx.AsyncClient else answer.close())
    assert len(web.bodies) == 2


@WEB_CLIENTS
@pytest.mark.anyio
async def test_a_refusal_that_is_torn_is_torn_for_the_script(make: Any, web: Web) -> None:
    """What breaks while the policy reads breaks for the script where it would have broken."""
    async with wrapped(make) as client:
        web.script = [(403, {"code": "NO"})]
        answer = await sent(client.send(finished(client, f"{web.url}-torn"), stream=True))
        assert answer.status_code == 403
        with pytest.raises((requests.RequestException, httpx.HTTPError)):
            _ = (
                answer.content
                if make is requests.Session
                else await sent(answer.aread() if make is httpx.AsyncClient else answer.read())
            )


def test_a_hook_that_sends_belongs_to_its_call(web: Web) -> None:
    """What a client asks while a request is being signed or hooked is part of the attempt; what comes later is not."""
    log: Any = Log()
    with httpx.Client() as plain:
        client = wrap_client(plain, SyncExecutor(Policy.loads(REST), observers=(log,)))
        todo = [lambda: client.post(web.url)]
        client.event_hooks = {"request": [lambda _: todo.pop()() if todo else None]}
        client.post(web.url)
        assert (len(web.bodies), len(log.started)) == (2, 1)
        client.post(web.url)
        assert (len(web.bodies), len(log.started)) == (3, 2)


def test_a_task_that_an_attempt_has_started_makes_calls_of_its_own(web: Web) -> None:
    """It goes on when the attempt has ended, and what it sends then is no part of it."""
    log: Any = Log()

    async def main() -> None:
        later, tasks = asyncio.Event(), list[Any]()
        async with wrapped(httpx.AsyncClient, log) as client:

            async def ask_later() -> None:
                await later.wait()
                await client.post(web.url)

            async def start(_: Any) -> None:
                if not tasks:
                    tasks.append(asyncio.create_task(ask_later()))

            client.event_hooks = {"request": [start]}
            await client.post(web.url)
            later.set()
            await tasks[0]

    asyncio.run(main())
    assert (len(web.bodies), len(log.started)) == (2, 2)


@pytest.mark.parametrize("make", [requests.Session, httpx.Client])
def test_a_finished_request_gives_up_in_time(make: Any) -> None:
    """The time-outs of a finished request are lowered to what is left, and its own are not touched."""
    policy = Policy.loads(REST.replace('deadline = "20s"', 'deadline = "20s"\nattempt_timeout = "150ms"'))
    with make() as client, peer(hangs_up=False) as address:
        covered_client = wrap_client(client, SyncExecutor(policy, observers=()))
        request = finished(covered_client, f"http://{address}/other", json={})
        with pytest.raises((requests.Timeout, httpx.TimeoutException)):
            covered_client.send(request)
        assert make is requests.Session or request.extensions["timeout"]["read"] == 5.0
