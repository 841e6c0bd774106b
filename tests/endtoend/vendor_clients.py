"""The vendors' own clients, pointed at a sandbox, in every way that a script may use them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models as tencent_models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient

from resilience.sandbox import Sandbox

INSTANCES = {"alibaba": "mqtt-cn-sandbox", "tencent": "mqtt-sandbox"}

Function = Callable[[Any], Any] | Callable[[Any], Awaitable[Any]]
Opened = AbstractAsyncContextManager[tuple[Function, Any]]


def snake(operation: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()


def alibaba_client(sandbox: Sandbox, **more: Any) -> AlibabaClient:
    return AlibabaClient(
        Config(
            **{
                "access_key_id": sandbox.alibaba.access_key_id,
                "access_key_secret": sandbox.alibaba.access_key_secret,
                "endpoint": sandbox.alibaba.endpoint,
                "protocol": "HTTP",
                "read_timeout": 1000,
                **more,
            }
        )
    )


def _profile(sandbox: Sandbox) -> ClientProfile:
    return ClientProfile(httpProfile=HttpProfile(endpoint=sandbox.tencent.endpoint, protocol="http", reqTimeout=1))


def _request(models: Any, operation: str, fields: dict[str, Any]) -> Any:
    request = getattr(models, f"{operation}Request")()
    for name, value in fields.items():
        setattr(request, name, value)
    return request


@asynccontextmanager
async def alibaba_sync(sandbox: Sandbox, operation: str, fields: dict[str, Any]) -> Any:
    request = _request(alibaba_models, operation, {snake(name): value for name, value in fields.items()})
    yield getattr(alibaba_client(sandbox), snake(operation)), request


@asynccontextmanager
async def alibaba_async(sandbox: Sandbox, operation: str, fields: dict[str, Any]) -> Any:
    request = _request(alibaba_models, operation, {snake(name): value for name, value in fields.items()})
    yield getattr(alibaba_client(sandbox), f"{snake(operation)}_async"), request


@asynccontextmanager
async def alibaba_old(sandbox: Sandbox, operation: str, fields: dict[str, Any]) -> Any:
    """Use the SDK of the previous generation, whose requests are built by hand here."""
    client = AcsClient(sandbox.alibaba.access_key_id, sandbox.alibaba.access_key_secret, "cn-hangzhou", timeout=1)

    def act(arguments: dict[str, Any]) -> Any:
        request = RpcRequest("OnsMqtt", "2020-04-20", operation)
        request.set_endpoint(sandbox.alibaba.endpoint)
        request.set_protocol_type("http")
        request.set_method("POST")
        for name, value in arguments.items():
            request.add_query_param(name, value)
        return client.do_action_with_exception(request)

    try:
        yield act, fields
    finally:
        # The client closes it when it goes, which the collector may do after it has warned of the open socket.
        client.session.close()


@asynccontextmanager
async def tencent_sync(sandbox: Sandbox, operation: str, fields: dict[str, Any]) -> Any:
    credential = Credential(sandbox.tencent.secret_id, sandbox.tencent.secret_key)
    client = MqttClient(credential, "ap-guangzhou", _profile(sandbox))
    yield getattr(client, operation), _request(tencent_models, operation, fields)


@asynccontextmanager
async def tencent_async(sandbox: Sandbox, operation: str, fields: dict[str, Any]) -> Any:
    credential = Credential(sandbox.tencent.secret_id, sandbox.tencent.secret_key)
    async with AsyncMqttClient(credential, "ap-guangzhou", _profile(sandbox)) as client:
        yield getattr(client, operation), _request(tencent_models, operation, fields)


STYLES: dict[str, dict[str, Callable[[Sandbox, str, dict[str, Any]], Opened]]] = {
    "alibaba": {"sync": alibaba_sync, "async": alibaba_async, "old": alibaba_old},
    "tencent": {"sync": tencent_sync, "async": tencent_async},
}
