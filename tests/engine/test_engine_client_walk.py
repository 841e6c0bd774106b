"""A wrapped client has no method that sends past the policy and says nothing: every public one is tried."""

from __future__ import annotations

import contextlib
import inspect
import json
import typing
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

import anyio
import httpx
import pytest
import requests
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from alibabacloud_sts20150401.client import Client as AlibabaStsClient
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.models import Config, OpenApiRequest
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from engine_calls import Log
from servers.plays import served
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.common_client_async import CommonClient as AsyncCommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.mqtt.v20240516 import models as mqtt_models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient
from tencentcloud.sts.v20180813 import models as sts_models
from tencentcloud.sts.v20180813.sts_client import StsClient
from wrapped_clients import let_go, params, tencent_at, tencent_profile

from resilience import Executor, Policy
from resilience.engine.client.wrapped_client import wrap_client

POLICY: Final = """
schema = 1
[limits]
deadline = "20s"
settle = "0s"
[sources.acme]
code = "json:code"
[sources.acme.operations]
PutThing = "POST /things/{id}"
"""


class Peer:
    """Takes every request for good, and counts them."""

    def __init__(self) -> None:
        self.count = 0
        self.address = ""


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    told = Peer()
    body = json.dumps({"RequestId": "r-1", "Response": {"RequestId": "r-1"}}).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.count += 1
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = do_POST  # noqa: N815  # the names are the base's

    with served(Handler) as port:
        told.address = f"127.0.0.1:{port}"
        yield told


def alibaba(cls: Any) -> Callable[[str], Any]:
    return lambda address: cls(
        Config(access_key_id="k", access_key_secret="s", endpoint=address, protocol="HTTP", read_timeout=5000)
    )


def common(cls: Any) -> Callable[[str], Any]:
    return lambda address: cls("mqtt", "2024-05-16", Credential("k", "s"), "ap-guangzhou", tencent_profile(address))


CLIENTS: Final[dict[str, Callable[[str], Any]]] = {
    "openapi": alibaba(OpenApiClient),
    "onsmqtt": alibaba(AlibabaClient),
    "alibaba-sts": alibaba(AlibabaStsClient),
    "old": lambda _: AcsClient("k", "s", "cn-hangzhou", auto_retry=False, timeout=5),
    "mqtt": lambda address: tencent_at(address, MqttClient),
    "mqtt-async": lambda address: tencent_at(address, AsyncMqttClient),
    "tencent-sts": lambda address: tencent_at(address, StsClient),
    "common": common(CommonClient),
    "common-async": common(AsyncCommonClient),
    "requests": lambda _: requests.Session(),
    "httpx": lambda _: httpx.Client(),
    "httpx-async": lambda _: httpx.AsyncClient(),
}

# How many of the methods send something; for each client, so that a walk that reaches nothing is seen.
SENDING: Final = {
    "openapi": 10,
    "onsmqtt": 210,
    "alibaba-sts": 26,
    "old": 4,
    "mqtt": 85,
    "mqtt-async": 81,
    "tencent-sts": 12,
    "common": 5,
    "common-async": 1,
    "requests": 9,
    "httpx": 10,
    "httpx-async": 10,
}

# These end the client, take from it what the walk needs, or write a log.
_ENDING: Final = frozenset({"close", "aclose", "mount", "set_file_logger", "set_stream_logger"})


def request_for(client: Any, name: str, function: Any, address: str) -> Any:
    """Return what a method takes for a request."""
    url = f"http://{address}/things/1"
    if isinstance(client, requests.Session):
        made = requests.Request("POST", url, json={})
        return made if name == "prepare_request" else made.prepare()
    if isinstance(client, httpx.Client | httpx.AsyncClient):
        return httpx.Request("POST", url, json={})
    with contextlib.suppress(Exception):
        kind = typing.get_type_hints(inspect.unwrap(function))["request"]
        if hasattr(kind, "to_map") and "OpenApi" not in kind.__name__:
            return kind()
    for models in (mqtt_models, sts_models):
        cls = getattr(models, f"{name}Request", None)
        if cls is not None:
            return cls()
    return OpenApiRequest(query={"GroupId": "GID_x"})


def acs_request(address: str) -> Any:
    request = CommonRequest(domain=address, version="2020-04-20", action_name="ListGroupId")
    request.set_protocol_type("http")
    return request


def arguments(client: Any, name: str, function: Any, address: str) -> dict[str, Any]:
    """Return an argument for every parameter that a method needs."""
    is_tencents = hasattr(client, "profile")
    known: dict[str, Callable[[], Any]] = {
        "request": lambda: (
            acs_request(address) if isinstance(client, AcsClient) else request_for(client, name, function, address)
        ),
        "acs_request": lambda: acs_request(address),
        "runtime": lambda: RuntimeOptions(read_timeout=5000),
        "params": lambda: {"InstanceId": "i"} if is_tencents else params("ListGroupId"),
        "action": lambda: "DescribeTopic" if is_tencents else "ListGroupId",
        "version": lambda: "2020-04-20",
        "protocol": lambda: "HTTP",
        "method": lambda: "POST",
        "auth_type": lambda: "AK",
        "pathname": lambda: "/",
        "body_type": lambda: "json",
        "url": lambda: f"http://{address}/things/1",
        "headers": dict,
        "body": lambda: b"{}",
    }
    needed = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}
    ]
    return {name: known[name]() if name in known else "x" for name in needed}


async def read(answer: Any) -> None:
    """Do with an answer what makes the method send, if nothing was sent so far."""
    if inspect.isawaitable(answer):
        answer = await answer
    if hasattr(answer, "__aenter__") and not isinstance(answer, httpx.Response):
        async with answer as opened:
            await opened.aread()
    elif hasattr(answer, "__enter__") and not isinstance(answer, httpx.Response | requests.Response):
        with answer as opened:
            opened.read()
    elif hasattr(answer, "__anext__"):
        async for _ in answer:
            break
    elif hasattr(answer, "__next__"):
        next(answer, None)


@pytest.mark.parametrize("name", CLIENTS)
def test_every_method_that_sends_is_a_call_or_says_that_it_is_none(name: str, peer: Peer) -> None:
    """Each public method is called: where the service is asked, one call was begun, and it is asked once."""
    silent, sending = list[str](), list[str]()

    async def walk() -> None:
        log: Any = Log()
        wrapped = wrap_client(CLIENTS[name](peer.address), Executor(Policy.loads(POLICY), observers=(log,)))
        for attribute in sorted(dir(type(wrapped))):
            function = getattr(wrapped, attribute)
            if attribute.startswith("_") or attribute in _ENDING or not inspect.isroutine(function):
                continue
            before, begun = peer.count, len(log.started)
            with contextlib.suppress(Exception):
                await read(function(**arguments(wrapped, attribute, function, peer.address)))
            asked, calls = peer.count - before, len(log.started) - begun
            if asked:
                sending.append(attribute)
            if asked and asked != calls:
                silent.append(f"{attribute}: {asked} requests, {calls} calls")
        with contextlib.suppress(Exception):
            await wrapped.aclose() if hasattr(wrapped, "aclose") else await wrapped.close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anyio.run(walk)
    let_go()
    assert silent == []
    assert len(sending) == SENDING[name], sending
