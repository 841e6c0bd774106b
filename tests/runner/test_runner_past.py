"""What a script sends past the policy is counted, by operation and way, in all processes of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from otlp_receiver import Receiver
from runner_run import a_run
from script_runs import POLICY, Scripts
from servers.plays import served

from resilience.clients.common.room import SentRequest
from resilience.clients.outline import named_by_vendor
from resilience.runner.totals.bypasses import Bypasses, bypassed
from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)

API = """
[sources.acme]
hosts = ["127.0.0.1:{port}"]
[sources.acme.operations]
PutThing = "POST /things/{{id}}"
[operations.acme]
PutThing = "safe"
[rules.transport]
"http-503" = "retry"
"""


@pytest.fixture
def scripts(scripts: Scripts) -> Iterator[Scripts]:
    """Return a folder with a policy for an API that says 201 to everything; its address is in URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with served(Handler) as port:
        scripts.environ["URL"] = f"http://127.0.0.1:{port}/things/1"
        scripts.write("policy.toml", POLICY + API.format(port=port))
        yield scripts


def past(scripts: Scripts, text: str) -> list[str]:
    scripts.write("script.py", f"import os\nURL = os.environ['URL']\n{text}\n")
    ours = scripts.run("script.py")
    assert ours.code == 0, ours.err
    return [line.removeprefix("resilience: ") for line in ours.said()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            """
import urllib3, http.client, httpx, requests
for _ in range(3):
    urllib3.request("POST", URL, body=b"{}")
connection = http.client.HTTPConnection(URL.split("/")[2])
connection.request("POST", "/things/2", b"{}")
connection.getresponse().read()
with httpx.HTTPTransport() as transport:
    transport.handle_request(httpx.Request("POST", URL))
session = requests.Session()
session.get_adapter(URL).send(requests.Request("POST", URL).prepare())
requests.post(URL, json={})
""",
            (
                1,
                "3 by urllib3, 1 by http.client, 1 by a transport of httpx, 1 by an adapter of requests",
            ),
            id="blocking",
        ),
        pytest.param(
            """
import asyncio, aiohttp, httpx
async def main():
    async with aiohttp.ClientSession() as session:
        async with session.post(URL, json={}) as answer:
            await answer.read()
    async with httpx.AsyncHTTPTransport() as transport:
        answer = await transport.handle_async_request(httpx.Request("POST", URL))
        await answer.aread()
    async with httpx.AsyncClient() as client:
        await client.post(URL)
asyncio.run(main())
""",
            (1, "1 by aiohttp, 1 by a transport of httpx"),
            id="asynchronous",
        ),
        pytest.param(
            """
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry
requests.post(URL, data=iter([b"x"]))
requests.post(URL, data=iter([b"x"]))
session = requests.Session()
session.mount("http://", HTTPAdapter(max_retries=Retry(3, allowed_methods=None, status_forcelist=[503])))
session.post(URL)
requests.post(URL.replace("127.0.0.1", "localhost"))
""",
            (
                0,
                "2 by requests with a body that can be read once, 1 by requests with an adapter that repeats by itself",
            ),
            id="what-cannot-be-covered",
        ),
        pytest.param(
            """
import os, subprocess, sys
text = "import os, urllib.request; urllib.request.urlopen(os.environ['URL'], b'1')"
subprocess.run([sys.executable, "-c", text], check=True)
import urllib3
for _ in range(2):
    child = os.fork()
    if child == 0:
        urllib3.request("POST", URL)
        os._exit(0)
    os.waitpid(child, 0)
""",
            (0, "2 by urllib3, 1 by urllib.request"),
            id="processes",
        ),
        pytest.param(
            """
import sys, urllib3
urllib3.request("POST", URL)
text = "import os, urllib.request; urllib.request.urlopen(os.environ['URL'], b'1')"
os.execv(sys.executable, [sys.executable, "-c", text])
""",
            (0, "1 by urllib3, 1 by urllib.request"),
            id="another-program",
        ),
    ],
)
def test_what_goes_past_the_policy_is_counted(text: str, expected: tuple[int, str], scripts: Scripts) -> None:
    """Whichever library sends it; a wrapped call is none of these, nor is a request to another host."""
    calls, ways = expected
    count = sum(int(number) for number in re.findall(r"\d+(?= by)", ways))
    assert past(scripts, text) == [
        f"{'1 call' if calls else 'no calls under the policy'}; policy running",
        f"{count} calls were not under the policy: {re.sub(r'(?<=[0-9]) by', ' acme:PutThing by', ways)}",
    ]


def test_a_connection_of_the_scripts_own_is_counted(scripts: Scripts) -> None:
    """What is sent on a socket nobody can read: a connection counts, and none of those that a library has made."""
    host = scripts.environ["URL"].split("/")[2]
    ways = f"2 to {host} by a socket, 1 to {host} by asyncio, 1 acme:PutThing by aiohttp"
    assert past(
        scripts,
        """
import asyncio, socket, aiohttp, httpx, requests
host = tuple(URL.split("/")[2].split(":"))
socket.create_connection(host).close()
with socket.socket() as other:
    other.connect((host[0], int(host[1])))
async def main():
    _, writer = await asyncio.open_connection(*host)
    writer.close()
    async with aiohttp.ClientSession() as session, session.post(URL):
        pass
    async with httpx.AsyncClient() as client:
        await client.post(URL)
asyncio.run(main())
requests.post(URL)
try:
    socket.create_connection((host[0], 9), timeout=1)
except OSError:
    pass
""",
    ) == [
        "2 calls; policy running",
        f"4 calls were not under the policy: {ways}",
    ]


def test_a_request_to_a_service_that_no_sdk_has_sent_is_counted(clients: Scripts, cloud: Sandbox) -> None:
    """What a script signs itself is known by its action and version; calls of the SDKs are not counted again."""
    clients.write(
        "script.py",
        """
        import urllib.request
        from urllib.error import HTTPError
        from clients import *
        alibaba().create_group_id(group("GID_sensors"))
        make_topic()
        query = "Action=ListGroupId&Version=2020-04-20"
        try:
            urllib.request.urlopen(f"http://{os.environ['ALIBABA']}/?{query}", b"")
        except HTTPError:
            print("refused")
        urllib.request.urlopen(f"http://{os.environ['TENCENT']}/?Action=x", b"")
        import httpx, requests
        for send in (requests.post, httpx.post):
            assert send(f"http://{os.environ['ALIBABA']}/?{query}").status_code >= 400
        """,
    )
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "refused\n"), ours.err
    ways = [f"1 alibaba:ListGroupId by {way}" for way in ("urllib.request", "requests", "httpx")]
    assert ours.said() == [
        "resilience: 2 calls; policy running",
        f"resilience: 3 calls were not under the policy: {', '.join(ways)}",
    ]
    assert cloud.asked("CreateGroupId") == 1


def request(host: str, target: str = "/", **headers: str) -> SentRequest:
    return SentRequest("POST", host, target, {name.replace("_", "-"): value for name, value in headers.items()})


TC3 = "TC3-HMAC-SHA256 Credential=k/2026-11-28/{}/tc3_request, SignedHeaders=content-type;host, Signature=0"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(
            request("onsmqtt.cn-hangzhou.aliyuncs.com:443", x_acs_action="ListGroupId"),
            "alibaba:ListGroupId",
            id="host-and-header",
        ),
        pytest.param(
            request("sts-vpc.cn-beijing.aliyuncs.com:443", "/?Action=AssumeRole&Version=2015-04-01"),
            "alibaba:AssumeRole",
            id="host-and-query",
        ),
        pytest.param(request("onsmqtt.cn-hangzhou.aliyuncs.com:443"), "alibaba:POST", id="nothing-but-a-host"),
        pytest.param(
            request("127.0.0.1:80", x_acs_action="ListGroupId", x_acs_version="2020-04-20"),
            "alibaba:ListGroupId",
            id="version",
        ),
        pytest.param(
            request("ecs.cn-hangzhou.aliyuncs.com:443", x_acs_action="RunInstances", x_acs_version="2015-04-01"),
            None,
            id="other-host-of-the-vendor",
        ),
        pytest.param(
            request("127.0.0.1:80", x_acs_action="RunInstances", x_acs_version="2014-05-26"), None, id="other-version"
        ),
        pytest.param(
            request("mqtt.tencentcloudapi.com:443", x_tc_action="CreateTopic"), "tencent:CreateTopic", id="tencent"
        ),
        pytest.param(
            request(
                "127.0.0.1:80", x_tc_action="CreateTopic", x_tc_version="2024-05-16", authorization=TC3.format("mqtt")
            ),
            "tencent:CreateTopic",
            id="tencent-elsewhere",
        ),
        pytest.param(
            request("127.0.0.1:80", x_tc_action="RunJob", x_tc_version="2024-05-16", authorization=TC3.format("batch")),
            None,
            id="signed-for-another-product",
        ),
        pytest.param(request("cvm.tencentcloudapi.com:443", x_tc_action="RunInstances"), None, id="other-product"),
        pytest.param(request("example.com:443", "/?Action=x"), None, id="somebody-elses"),
    ],
)
def test_a_request_to_a_service_is_known(asked: SentRequest, expected: str | None) -> None:
    """Its host tells it, or else action, version and signature."""
    assert named_by_vendor(asked) == expected


def test_ways_beyond_number_are_counted_together(tmp_path: Path) -> None:
    """A script that makes up operations does not fill the disk, and no call is lost from the sum."""
    run = a_run(tmp_path)
    counting = Bypasses(run)
    for number in range(100):
        for _ in range(2):
            counting.count(f"acme:Op{number}", "urllib3")
    found = bypassed(run)
    assert sum(found.values()) == 200
    assert found["others", "other ways"] == 200 - 2 * 64
    assert len(found) == 65


def test_telemetry_is_no_call_of_an_api(scripts: Scripts, receiver: Receiver) -> None:
    """A collector may be on the host of an API; what is sent to it is neither covered nor counted."""
    text = (scripts.folder / "policy.toml").read_text(encoding="utf-8")
    scripts.write("policy.toml", re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1", text))
    scripts.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.endpoint
    script = """
import requests, time
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("mine").start_as_current_span("mine"):
    pass
requests.post(URL)
"""
    assert past(scripts, script) == ["1 call; policy running"]
    assert receiver.named("mine")
