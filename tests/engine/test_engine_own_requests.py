"""Operations of an API of one's own: remembered, renamed, read back and checked in requests of real clients."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from servers.plays import served

from resilience import Ledger, Policy, SyncExecutor, wrap_client

POLICY = """
schema = 1
name = "own"
[limits]
deadline = "8s"
max_attempts = 3
settle = "0s"
[backoff.default]
kind = "constant"
base = "0s"
[sources.acme]
code = "json:code"
[sources.acme.operations]
Create = "POST /tenants/{tenant}/devices"
Get = "GET /tenants/{tenant}/devices/{name}"
[rules.acme]
"BUSY" = "retry"
"TAKEN" = { do = "rename", pattern = "{name}-{n}" }
[rules.transport.acme]
"lost" = "retry"
"garbled" = "retry"
"""
DECLARED = """
[operations.acme.Create]
repeat = "duplicate"
key = ["tenant", "name"]
rename = "name"
read_back = "Get"
requires = ["id"]
"""


class Api:
    """Makes devices; their names say what goes wrong."""

    def __init__(self) -> None:
        self.devices: list[str] = []
        self.asked: Counter[str] = Counter()
        self.url = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]] | None:
        """Return status and body; None for no answer."""
        if method == "GET":
            name = path.rpartition("/")[2]
            return (200, {"id": 7, "name": name}) if name in self.devices else (404, {"code": "NOT_FOUND"})
        name = json.loads(body)["name"]
        self.asked[name] += 1
        is_first = self.asked[name] == 1
        if name == "taken":
            return 409, {"code": "TAKEN"}
        if name.startswith("away") and is_first:
            return None
        self.devices.append(name)
        if name.startswith("lost") and is_first:
            return None
        return 201, {"name": name} if name.startswith("half") and is_first else {"id": 1, "name": name}


@pytest.fixture
def api() -> Iterator[Api]:
    playing = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = playing.answer(self.command, self.path, body)
            if answer is None:
                self.close_connection = True
                return
            text = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self.do_POST()

    with served(Handler) as port:
        playing.url = f"http://127.0.0.1:{port}/tenants/t/devices"
        yield playing


Post = Callable[[SyncExecutor, str, str], Any]


def by_requests(executor: SyncExecutor, url: str, name: str) -> Any:
    with requests.Session() as plain:
        return wrap_client(plain, executor).post(url, json={"name": name})


def by_prepared(executor: SyncExecutor, url: str, name: str) -> Any:
    with requests.Session() as plain:
        client = wrap_client(plain, executor)
        return client.send(client.prepare_request(requests.Request("POST", url, json={"name": name})))


def by_httpx(executor: SyncExecutor, url: str, name: str) -> Any:
    with httpx.Client() as plain:
        return wrap_client(plain, executor).post(url, content=json.dumps({"name": name}).encode())


def by_httpx_send(executor: SyncExecutor, url: str, name: str) -> Any:
    with httpx.Client() as plain:
        client = wrap_client(plain, executor)
        return client.send(client.build_request("POST", url, json={"name": name}))


def by_httpx_async(executor: SyncExecutor, url: str, name: str) -> Any:
    async def post() -> Any:
        async with httpx.AsyncClient() as plain:
            return await wrap_client(plain, executor).post(url, json={"name": name})

    return asyncio.run(post())


WAYS = [by_requests, by_prepared, by_httpx, by_httpx_send, by_httpx_async]


@pytest.mark.parametrize("post", WAYS)
def test_requests_are_remembered_renamed_and_read_back(api: Api, tmp_path: Path, post: Post) -> None:
    """After lost answers and in a second run nothing is made twice, whichever way the client sends."""
    for _ in range(2):
        with Ledger(tmp_path / "run.db") as ledger:
            executor = SyncExecutor(Policy.loads(POLICY + DECLARED), ledger=ledger, observers=())
            answers = [post(executor, api.url, name).json() for name in ("lost", "away", "half", "taken", "fine")]
            assert [each["name"] for each in answers] == ["lost", "away", "half", "taken-2", "fine"]
            assert all("id" in each for each in answers)
    assert sorted(api.devices) == ["away", "fine", "half", "lost", "taken-2"]


def test_a_later_request_names_what_was_renamed_by_its_new_name(api: Api) -> None:
    """In the path as in the body, as for the services' own SDKs; other names stay."""
    with requests.Session() as plain:
        client = wrap_client(plain, SyncExecutor(Policy.loads(POLICY + DECLARED), observers=()))
        assert client.post(api.url, json={"name": "taken"}).json()["name"] == "taken-2"
        assert client.get(f"{api.url}/taken").json()["name"] == "taken-2"
        assert client.get(f"{api.url}/other").status_code == 404


def test_what_a_ledger_cannot_remember_is_made_and_logged_once(
    api: Api, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The line that is logged is the cure."""
    with Ledger(tmp_path / "run.db") as ledger, caplog.at_level(logging.WARNING, "resilience"):
        executor = SyncExecutor(Policy.loads(POLICY), ledger=ledger, observers=())
        for name in ("fine", "fine"):
            by_requests(executor, api.url, name)
        (said,) = [record.getMessage() for record in caplog.records]
        assert api.devices == ["fine", "fine"]
        assert "the ledger cannot remember acme:Create: no key" in said
        line = said.partition("[operations.acme] ")[2].partition(", or key")[0]
        executor = SyncExecutor(Policy.loads(f"{POLICY}[operations.acme]\n{line}\n"), ledger=ledger, observers=())
        for name in ("new", "new"):
            by_requests(executor, api.url, name)
    assert api.devices == ["fine", "fine", "new"]
