"""Clients of plain HTTP under a policy, for APIs that ``[sources]`` describes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
import requests
from attrs import define, field
from engine_calls import Log
from servers.plays import served
from wrapped_clients import WEB_CLIENTS, peer, quick, sent

from resilience import Executor, Policy, SyncExecutor
from resilience.engine.client.wrapped_client import wrap_client

REST = """
schema = 1
[limits]
deadline = "20s"
attempt_timeout = "5s"
settle = "50ms"
[backoff.default]
base = "1ms"
cap = "2ms"
[sources.acme]
hosts = ["127.0.0.1"]
code = "json:code"
[sources.acme.operations]
CreateUser = "POST /users/{kind}"
[rules.acme]
"BUSY" = { do = "retry", effect = "none" }
"CreateUser/ALREADY_EXISTS" = { do = "accept", if = "always" }
"NO" = "fail"
"""


@define
class Web:
    """A REST API; it answers with what it is told, and then with 201."""

    script: list[tuple[int, object]] = field(factory=list)
    asked: list[tuple[str, str, bytes]] = field(factory=list)
    url: str = field(default="", init=False)


@pytest.fixture
def web() -> Iterator[Web]:
    told = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.asked.append((self.command, self.path, body))
            status, said = told.script.pop(0) if told.script else (201, {"made": True})
            answer = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815  # the name is the base's

    with served(Handler) as port:
        told.url = f"http://127.0.0.1:{port}"
        yield told


@contextlib.asynccontextmanager
async def opened(make: Any) -> Any:
    """Open a client, and close it as its kind is closed."""
    client = make()
    yield client
    await sent(client.aclose() if isinstance(client, httpx.AsyncClient) else client.close())


@WEB_CLIENTS
@pytest.mark.anyio
async def test_a_client_of_plain_http_follows_the_codes_of_its_api(make: Any, web: Web) -> None:
    """A retry is another request; what fails returns the service's own answer; what is accepted is a 200."""
    log: Any = Log()
    async with opened(make) as client:
        wrapped = wrap_client(client, Executor(Policy.loads(REST), provider="acme", observers=(log,)))
        assert isinstance(wrapped, make)
        web.script = [(429, {"code": "BUSY"}), (400, {"code": "BUSY"})]
        made = await sent(wrapped.post(f"{web.url}/users/mqtt", json={"user_id": "dev-1"}))
        assert (made.status_code, made.json(), len(web.asked)) == (201, {"made": True}, 3)
        web.script = [(403, {"code": "NO", "why": "a long story"})]
        refused = await sent(wrapped.post(f"{web.url}/users/mqtt", json={"user_id": "dev-1"}))
        assert (refused.status_code, refused.json()) == (403, {"code": "NO", "why": "a long story"})
        web.script = [(409, {"code": "ALREADY_EXISTS"})]
        there = await sent(wrapped.post(f"{web.url}/users/mqtt", json={"user_id": "dev-1"}))
        assert (there.status_code, there.json(), type(there)) == (200, {"user_id": "dev-1"}, type(made))
        assert [started.operation for started in log.started] == ["CreateUser"] * 3
        assert (await sent(wrapped.get(f"{web.url.replace('127.0.0.1', 'localhost')}/users"))).status_code == 201
        assert len(log.started) == 3, "another host is none of ours"


@WEB_CLIENTS
@pytest.mark.anyio
async def test_a_client_of_plain_http_raises_its_own_errors(make: Any) -> None:
    """Where there is no answer, the library's exception leaves; a post in doubt is not repeated."""
    async with opened(make) as client:
        wrapped = wrap_client(client, Executor(Policy.loads(REST), provider="acme", observers=()))
        with (
            peer(hangs_up=True) as address,
            pytest.raises((requests.ConnectionError, httpx.RemoteProtocolError)) as cut,
        ):
            await sent(wrapped.post(f"http://{address}/users/mqtt", json={"user_id": "dev-1"}))
        assert "CreateUser stopped after 1 attempt" in "".join(cut.value.__notes__)


def test_what_cannot_be_covered_says_why() -> None:
    """A policy without an API, a session that repeats by itself, and a thing that is no client."""
    executor = SyncExecutor(Policy.loads(REST), observers=())
    with pytest.raises(ValueError, match=r"describes no API: add a \[sources.NAME\] table"):
        wrap_client(requests.Session(), SyncExecutor(quick(), observers=()))
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=3))
    with pytest.raises(ValueError, match="max_retries"):
        wrap_client(session, executor)
    with pytest.raises(TypeError, match=r"found builtins\.dict; for any other, wrap the functions"):
        wrap_client({}, executor)


BY_MESSAGE = REST.replace(
    '"NO" = "fail"', '"NO" = [{ message = "come back later", do = "retry", effect = "none" }, "fail"]'
)


@WEB_CLIENTS
@pytest.mark.parametrize(
    ("place", "body", "asked"),
    [
        pytest.param("", {"code": "NO", "detail": {"text": "Come BACK later"}}, 2, id="anywhere"),
        pytest.param("", {"code": "NO", "detail": "never"}, 1, id="nowhere"),
        pytest.param("json:detail.text", {"code": "NO", "detail": {"text": "come back later"}}, 2, id="there"),
        pytest.param("json:detail", {"code": "NO", "detail": ["come back later"]}, 2, id="in-a-list"),
        pytest.param("json:reason", {"code": "NO", "detail": "come back later"}, 1, id="elsewhere"),
    ],
)
@pytest.mark.anyio
async def test_an_api_s_message_chooses_the_answer(make: Any, place: str, body: Any, asked: int, web: Web) -> None:
    """The policy says where a message stands; where it does not say, the whole body is looked at."""
    text = BY_MESSAGE.replace(
        'code = "json:code"', f'code = "json:code"\nmessage = "{place}"' if place else 'code = "json:code"'
    )
    policy = Policy.loads(text)
    async with opened(make) as plain:
        client = wrap_client(plain, Executor(policy, provider="acme", observers=()))
        web.script = [(429, body)]
        answer = await sent(client.post(f"{web.url}/users/mqtt", json={"name": "a"}))
    assert answer.status_code == (201 if asked == 2 else 429)
    assert len(web.asked) == asked


@pytest.mark.parametrize("library", [requests, httpx])
def test_an_exception_for_a_status_has_its_body_for_a_message(library: Any, web: Web) -> None:
    """``raise_for_status`` in a function of one's own: what the answer said is looked at, as it was read already."""
    policy = Policy.loads(BY_MESSAGE)

    def create() -> Any:
        answer = library.post(f"{web.url}/users/mqtt", json={})
        answer.raise_for_status()
        return answer.status_code

    call = SyncExecutor(policy, provider="acme", observers=()).wrap("CreateUser", create)
    web.script = [(429, {"code": "NO", "why": "come back later"})]
    assert call() == 201
    web.script = [(429, {"code": "NO", "why": "never"})]
    with pytest.raises((requests.HTTPError, httpx.HTTPStatusError)):
        call()
    assert len(web.asked) == 3
