"""Requests of plain HTTP clients follow the policy, where they go to an API that it describes."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from script_runs import POLICY, Scripts
from servers.plays import served

pytest_plugins = ("runner_fixtures",)

API = """
[sources.broker]
code = "json:code"
hosts = ["127.0.0.1:{port}"]
[sources.broker.operations]
CreateUser = "POST /users"
[rules.broker]
"BUSY" = "retry"
"""


class Broker:
    """A service that is busy at every other request; it remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.port = 0


@pytest.fixture
def broker() -> Iterator[Broker]:
    playing = Broker()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(length)
            playing.asked.append(self.path)
            is_busy = len(playing.asked) % 2
            body = b'{"code": "BUSY"}' if is_busy else b'{"id": 1}'
            self.send_response(429 if is_busy else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as playing.port:
        yield playing


@pytest.fixture
def scripts(scripts: Scripts, broker: Broker) -> Scripts:
    scripts.environ["URL"] = f"http://127.0.0.1:{broker.port}/users"
    scripts.write("policy.toml", POLICY + API.format(port=broker.port))
    return scripts


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import requests\nprint(requests.post(URL, json={'name': 'a'}).json())", id="requests"),
        pytest.param("import httpx\nprint(httpx.post(URL, json={'name': 'a'}).json())", id="httpx"),
        pytest.param(
            "import asyncio, httpx, inspect\n"
            "async def main():\n"
            "    async with httpx.AsyncClient() as client:\n"
            "        assert inspect.iscoroutinefunction(client.request)\n"
            "        print((await client.post(URL)).json())\n"
            "asyncio.run(main())",
            id="httpx-async",
        ),
        pytest.param(
            "import subprocess, sys\n"
            "text = 'import os, requests; print(requests.post(os.environ[\"URL\"]).json())'\n"
            "subprocess.run([sys.executable, '-c', text])",
            id="child",
        ),
    ],
)
def test_a_request_to_an_api_of_the_policy_is_a_call(text: str, scripts: Scripts, broker: Broker) -> None:
    """One that is refused for a moment is made again, in every process of the run."""
    scripts.write("script.py", f"import os\nURL = os.environ['URL']\n{text}\n")
    ours = scripts.run("script.py")
    assert (ours.code, ours.out) == (0, "{'id': 1}\n")
    assert broker.asked == ["/users", "/users"]
    assert ours.err == "resilience: 1 call, 1 retry; waited 10 ms; policy running\n"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        pytest.param({}, "name", id="nothing-to-go-by"),
        pytest.param({"size": 3, "name": "a"}, "name", id="the-usual-word"),
        pytest.param({"label": "a", "size": 3}, "label", id="the-first-field"),
        pytest.param({"size": 3, "user_id": 7}, "user_id", id="an-id"),
        pytest.param({"user": {"size": 3, "name": "a"}}, "user.name", id="inside-another"),
        pytest.param({"password": "secret-word", "label": "a"}, "label", id="never-a-secret"),
    ],
)
def test_what_is_not_sent_again_says_why_and_what_to_write(
    body: dict[str, object], key: str, scripts: Scripts, broker: Broker
) -> None:
    """A new user's first policy: the summary of the failed call has the line that makes the rule act."""
    text = POLICY + API.format(port=broker.port).replace('"retry"', '{ do = "retry", effect = "unknown" }')
    scripts.write("policy.toml", text)
    scripts.write(
        "script.py", f"import os, requests\nprint(requests.post(os.environ['URL'], json={body!r}).status_code)\n"
    )
    ours = scripts.run("script.py")
    assert (ours.out, broker.asked) == ("429\n", ["/users"])
    lines = ours.err.splitlines()
    assert lines[1] == "resilience: failed: CreateUser: BUSY"
    assert lines[2].startswith(
        'resilience: CreateUser is not declared and counts as "duplicate": after BUSY it may have'
    )
    line = lines[2].partition("[operations.broker] ")[2].partition(" if")[0]
    assert f'key = ["{key}"]' in line
    scripts.write("policy.toml", f"{text}[operations.broker]\n{line}\n")
    broker.asked.clear()
    assert (scripts.run("script.py").out, len(broker.asked)) == ("200\n", 2)


def test_other_requests_are_nobodys_business(scripts: Scripts, broker: Broker) -> None:
    """A host that the policy does not name is asked once, and so is a body that cannot be sent twice."""
    scripts.write(
        "script.py",
        """
        import os, requests
        url = os.environ["URL"]
        print(requests.post(url.replace("127.0.0.1", "localhost")).status_code)
        print(requests.post(url).status_code)
        print(requests.post(url, data=iter([b"1"]), headers={"Content-Length": "0"}).status_code)
        """,
    )
    ours = scripts.run("script.py")
    assert ours.out.split() == ["429", "200", "429"]
    assert len(broker.asked) == 3
    past = "1 broker:CreateUser by requests with a body that can be read once"
    assert ours.said() == [
        "resilience: 1 call; policy running",
        f"resilience: 1 call was not under the policy: {past}",
    ]


def test_an_api_without_a_host_is_not_looked_for(scripts: Scripts, broker: Broker) -> None:
    """It could be any, and a policy for one API must not repeat the requests to another; the end says so."""
    scripts.write("policy.toml", POLICY + API.replace('hosts = ["127.0.0.1:{port}"]\n', ""))
    scripts.write("script.py", "import os, requests\nprint(requests.post(os.environ['URL']).status_code)\n")
    ours = scripts.run("script.py")
    assert (ours.out, len(broker.asked)) == ("429\n", 1)
    assert ours.said() == [
        "resilience: no management calls; policy running",
        "resilience: broker is not under the policy: [sources.broker] does not say its hosts",
    ]
