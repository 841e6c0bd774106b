"""Every kind of client that can be covered, pointed at a sandbox, and one create to make with each."""

from __future__ import annotations

import contextlib
import functools
import gc
import inspect
import json
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest
import requests
from alibabacloud_credentials.models import CredentialModel
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from alibabacloud_tea_util.models import RuntimeOptions
from aliyunsdkcore.client import AcsClient
from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest
from attrs import evolve, frozen
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models as tencent_models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient

from resilience import Policy, SyncExecutor
from resilience.engine.client.wrapped_client import wrap_client
from resilience.sandbox import Sandbox

ALIBABA_INSTANCE: Final = "mqtt-cn-sandbox"
TENCENT_INSTANCE: Final = "mqtt-sandbox"

QUICK: Final = """
schema = 1
extends = ["builtin:alibaba-mqtt", "builtin:tencent-mqtt"]
[limits]
deadline = "20s"
attempt_timeout = "5s"
settle = "50ms"
[backoff.default]
base = "1ms"
cap = "2ms"
[backoff.throttled]
base = "1ms"
cap = "2ms"
[backoff.slow]
base = "1ms"
cap = "2ms"
[backoff.steady]
base = "1ms"
cap = "2ms"
"""


SHORT: Final = """
[limits]
deadline = "400ms"
attempt_timeout = "100ms"
"""


@functools.cache
def quick(more: str = "") -> Policy:
    """Return the shipped rules with waits that a test can afford, no rates, and tables that a test lays over them."""
    over = "".join(f"[env.test.{line[1:]}\n" if line[:1] == "[" else f"{line}\n" for line in more.split("\n"))
    policy = Policy.loads(f"{QUICK}\n[env.test]\n{over}", env="test")
    return policy if "[rate." in more else evolve(policy, rates={})


def alibaba_client(sandbox: Sandbox, cls: Any = AlibabaClient, /, **more: Any) -> Any:
    return cls(
        Config(
            **{
                "access_key_id": sandbox.alibaba.access_key_id,
                "access_key_secret": sandbox.alibaba.access_key_secret,
                "endpoint": sandbox.alibaba.endpoint,
                "protocol": "HTTP",
                "read_timeout": 5000,
                **more,
            }
        )
    )


def generic_client(sandbox: Sandbox, cls: Any = OpenApiClient, /, **more: Any) -> Any:
    """Return Alibaba's client for any product."""
    return alibaba_client(sandbox, cls, **more)


def params(action: str, **more: Any) -> Any:
    """Return the parameters of a generic call of Alibaba's."""
    return Params(
        **{
            "action": action,
            "version": "2020-04-20",
            "protocol": "HTTP",
            "pathname": "/",
            "method": "POST",
            "auth_type": "AK",
            "style": "RPC",
            "req_body_type": "formData",
            "body_type": "json",
            **more,
        }
    )


def generic_group(name: str) -> Any:
    """Return the request of a generic call about a group."""
    return OpenApiRequest(query={"GroupId": name, "InstanceId": ALIBABA_INSTANCE})


def old_client(sandbox: Sandbox, cls: Any = AcsClient, /, **more: Any) -> Any:
    return cls(
        sandbox.alibaba.access_key_id,
        sandbox.alibaba.access_key_secret,
        "cn-hangzhou",
        **{"auto_retry": False, "timeout": 5, **more},
    )


def tencent_profile(endpoint: str, **more: Any) -> ClientProfile:
    return ClientProfile(httpProfile=HttpProfile(endpoint=endpoint, protocol="http", reqTimeout=5), **more)


def tencent_client(sandbox: Sandbox, cls: Any = MqttClient, /, credential: Any = None, **more: Any) -> Any:
    credential = credential or Credential(sandbox.tencent.secret_id, sandbox.tencent.secret_key)
    return cls(credential, "ap-guangzhou", tencent_profile(sandbox.tencent.endpoint, **more))


def async_tencent_client(sandbox: Sandbox, **more: Any) -> Any:
    return tencent_client(sandbox, AsyncMqttClient, **more)


def common_client(sandbox: Sandbox, service: str = "mqtt", version: str = "2024-05-16") -> Any:
    credential = Credential(sandbox.tencent.secret_id, sandbox.tencent.secret_key)
    profile = tencent_profile(sandbox.tencent.endpoint)
    return CommonClient(service, version, credential, "ap-guangzhou", profile)


def group(name: str, kind: str = "CreateGroupId", **more: Any) -> Any:
    """Return a request of Alibaba's about a group."""
    fields = {"group_id": name, "instance_id": ALIBABA_INSTANCE, **more}
    return getattr(alibaba_models, f"{kind}Request")(**fields)


def old_group(sandbox: Sandbox, name: str) -> Any:
    """Return the same for the old SDK."""
    request = CreateGroupIdRequest()
    request.set_endpoint(sandbox.alibaba.endpoint)
    request.set_protocol_type("http")
    request.set_GroupId(name)
    request.set_InstanceId(ALIBABA_INSTANCE)
    return request


def tencent_request(operation: str, **fields: Any) -> Any:
    """Return a request of Tencent's about the sandbox's instance."""
    request = getattr(tencent_models, f"{operation}Request")()
    for name, value in {"InstanceId": TENCENT_INSTANCE, **fields}.items():
        setattr(request, name, value)
    return request


def topic(name: str) -> Any:
    return tencent_request("CreateTopic", Topic=name)


def topic_fields(name: str) -> dict[str, str]:
    return {"InstanceId": TENCENT_INSTANCE, "Topic": name}


@frozen
class Style:
    """
    One way to call a management API.

    Attributes:
        provider: Whose.
        operation: The create that is made.
        client: Makes a client.
        send: Makes the create of a name, given client, sandbox and name.
        answer: Tells whether an answer is what the client's SDK returns.
        there: What a second create of a name is refused with.
    """

    provider: str
    operation: str
    client: Callable[..., Any]
    send: Callable[[Any, Sandbox, str], Any]
    answer: Callable[[Any], bool]

    @property
    def field(self) -> str:
        return "GroupId" if self.provider == "alibaba" else "Topic"

    @property
    def there(self) -> str:
        return {"alibaba": "GroupIdAlreadyExsited", "tencent": "UnsupportedOperation.ResourceAlreadyExists"}[
            self.provider
        ]

    @property
    def busy(self) -> str:
        return {"alibaba": "ApplyTokenOverFlow", "tencent": "RequestLimitExceeded"}[self.provider]

    @property
    def name(self) -> str:
        return "GID_sensors" if self.provider == "alibaba" else "sensors"

    async def create(self, client: Any, sandbox: Sandbox, name: str = "") -> Any:
        """Make the create; a blocking client blocks here too."""
        answer = self.send(client, sandbox, name or self.name)
        return await answer if inspect.isawaitable(answer) else answer


def _is_alibabas(answer: Any) -> bool:
    return isinstance(answer, alibaba_models.CreateGroupIdResponse) and answer.status_code == 200


def _is_alibabas_map(answer: Any) -> bool:
    return isinstance(answer, dict) and answer["statusCode"] == 200 and "RequestId" in answer["body"]


def _is_tencents(answer: Any) -> bool:
    return isinstance(answer, tencent_models.CreateTopicResponse)


def _is_json(answer: Any) -> bool:
    return isinstance(answer, dict) and "RequestId" in answer["Response"]


STYLES: Final[dict[str, Style]] = {
    "alibaba": Style(
        "alibaba",
        "CreateGroupId",
        alibaba_client,
        lambda client, _, name: client.create_group_id(group(name)),
        _is_alibabas,
    ),
    "alibaba-async": Style(
        "alibaba",
        "CreateGroupId",
        alibaba_client,
        lambda client, _, name: client.create_group_id_async(group(name)),
        _is_alibabas,
    ),
    "alibaba-generic": Style(
        "alibaba",
        "CreateGroupId",
        generic_client,
        lambda client, _, name: client.call_api(params("CreateGroupId"), generic_group(name), RuntimeOptions()),
        _is_alibabas_map,
    ),
    "alibaba-generic-async": Style(
        "alibaba",
        "CreateGroupId",
        generic_client,
        lambda client, _, name: client.call_api_async(params("CreateGroupId"), generic_group(name), RuntimeOptions()),
        _is_alibabas_map,
    ),
    "old-alibaba": Style(
        "alibaba",
        "CreateGroupId",
        old_client,
        lambda client, sandbox, name: client.do_action_with_exception(old_group(sandbox, name)),
        lambda answer: isinstance(answer, bytes) and "RequestId" in json.loads(answer),
    ),
    "tencent": Style(
        "tencent", "CreateTopic", tencent_client, lambda client, _, name: client.CreateTopic(topic(name)), _is_tencents
    ),
    "tencent-json": Style(
        "tencent",
        "CreateTopic",
        tencent_client,
        lambda client, _, name: client.call_json("CreateTopic", topic_fields(name)),
        _is_json,
    ),
    "tencent-content": Style(
        "tencent",
        "CreateTopic",
        tencent_client,
        lambda client, _, name: client.call("CreateTopic", topic_fields(name)),
        lambda answer: isinstance(answer, bytes) and _is_json(json.loads(answer)),
    ),
    "tencent-common": Style(
        "tencent",
        "CreateTopic",
        common_client,
        lambda client, _, name: client.call_json("CreateTopic", topic_fields(name)),
        _is_json,
    ),
    "tencent-async": Style(
        "tencent",
        "CreateTopic",
        async_tencent_client,
        lambda client, _, name: client.CreateTopic(topic(name)),
        _is_tencents,
    ),
    "tencent-async-by-name": Style(
        "tencent",
        "CreateTopic",
        async_tencent_client,
        lambda client, _, name: client.call_and_deserialize(action="CreateTopic", params=topic_fields(name)),
        _is_json,
    ),
}


def everywhere() -> Iterator[Any]:
    """Yield each style, with each event loop that it works on; a blocking one needs none, and meets only asyncio."""
    for name, style in STYLES.items():
        backends = ("asyncio", "trio") if name.startswith("tencent-async") else ("asyncio",)
        for backend in backends:
            yield pytest.param(style, (backend, {}), id=f"{name}-{backend}")


class OwnKeys:
    """A credential of a user's own that can be told to refresh, for clients of either provider."""

    def __init__(self, service: Any, seconds: float = 0.0) -> None:
        self.service = service
        self.seconds = seconds
        self.refreshes = 0
        self.key = service.issue_token()

    def refresh(self) -> None:
        self.refreshes += 1
        time.sleep(self.seconds)
        self.key = self.service.issue_token()

    def get_credential(self) -> CredentialModel:
        key_id, secret, token = self.key
        return CredentialModel(access_key_id=key_id, access_key_secret=secret, security_token=token, type="sts")

    async def get_credential_async(self) -> CredentialModel:
        return self.get_credential()

    def get_credential_info(self) -> tuple[str, str, str]:
        key_id, secret, token = self.key
        return key_id, secret, token


def with_credential(style: Style, sandbox: Sandbox, credential: Any) -> Any:
    """Return a client that signs with a credential object."""
    if style.provider == "alibaba":
        return style.client(sandbox, credential=credential, access_key_id=None, access_key_secret=None)
    client = style.client(sandbox)
    client.credential = credential
    return client


def raise_in_another_process(kind: str, endpoints: tuple[str, str], keys: tuple[str, str]) -> None:
    """Make a call that ends in an error of ours; for a pool of processes, which sends the error back."""
    executor = SyncExecutor(quick(), observers=())
    if kind == "alibaba":
        config = Config(
            access_key_id=keys[0], access_key_secret=keys[1], endpoint=endpoints[0], protocol="HTTP", read_timeout=5000
        )
        wrap_client(AlibabaClient(config), executor).close_connection(close_connection())
    else:
        client = MqttClient(Credential(*keys), "ap-guangzhou", tencent_profile(endpoints[1]))
        wrap_client(client, executor).CreateTopic(topic("sensors"))


def close_connection() -> Any:
    return alibaba_models.CloseConnectionRequest(client_id="GID_sensors@@@1", instance_id=ALIBABA_INSTANCE)


def purchase(name: str = "sensors") -> Any:
    request = tencent_models.CreateInstanceRequest()
    request.InstanceType, request.Name, request.SkuCode = "BASIC", name, "basic_1k"
    return request


def let_go() -> None:
    """
    Collect the clients that a test has made.

    A wrapped client refers to itself, so its sockets are closed by the collector, which warns of each that nobody has
    closed before; and it must not do so in a later test.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextlib.contextmanager
def sandboxed() -> Iterator[Sandbox]:
    """Run a sandbox for one test."""
    with Sandbox() as running:
        yield running
    let_go()


@contextlib.contextmanager
def peer(*, hangs_up: bool) -> Iterator[str]:
    """Run a server that takes every request, and says nothing, or hangs up; yield its address."""
    open_connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            open_connections.append(connection)
            connection.recv(65536)
            if hangs_up:
                # Not close(), which would reset the connection if the client has said more than was read.
                connection.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in open_connections:
        connection.close()
    let_go()


def tencent_at(address: str, cls: Any = MqttClient) -> Any:
    return cls(Credential("id", "key"), "ap-guangzhou", tencent_profile(address))


def alibaba_at(address: str) -> Any:
    return AlibabaClient(
        Config(access_key_id="id", access_key_secret="key", endpoint=address, protocol="HTTP", read_timeout=5000)
    )


EVERYWHERE = pytest.mark.parametrize(("style", "anyio_backend"), [*everywhere()])


WEB_CLIENTS = pytest.mark.parametrize(
    ("make", "anyio_backend"),
    [
        pytest.param(requests.Session, "asyncio", id="requests"),
        pytest.param(httpx.Client, "asyncio", id="httpx"),
        pytest.param(httpx.AsyncClient, "asyncio", id="httpx-asyncio"),
        pytest.param(httpx.AsyncClient, "trio", id="httpx-trio"),
    ],
)
"""Every client of plain HTTP, on its event loop."""


async def sent(answer: Any) -> Any:
    """Return an answer, also one that is awaited."""
    return await answer if inspect.isawaitable(answer) else answer
