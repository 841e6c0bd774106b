"""
Fixtures: a running sandbox, and the vendors' own SDKs pointed at it.

A plugin that the test modules name, and no conftest: type checkers take two files of that name for one module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from aliyunsdkcore.client import AcsClient
from sandbox_clients import (
    ALIBABA_INSTANCE,
    TENCENT_INSTANCE,
    Ask,
    alibaba_config,
    tencent_credential,
    tencent_profile,
)
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient

from resilience.sandbox import Sandbox, TemporaryKey


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def alibaba(sandbox: Sandbox) -> Ask:
    """Return a function that asks Alibaba: operation in snake case, then its fields; answers with the wire's map."""

    def ask(operation: str, *, key: TemporaryKey | None = None, config: Any = None, **fields: Any) -> Any:
        client = AlibabaClient(alibaba_config(sandbox, key, **(config or {})))
        name = "".join(word.capitalize() for word in operation.split("_"))
        request = getattr(alibaba_models, f"{name}Request")(**fields)
        return getattr(client, operation)(request).body.to_map()

    return ask


@pytest.fixture
def create_group(alibaba: Ask) -> Ask:
    def create(group_id: str = "GID_sensors", **other: Any) -> Any:
        return alibaba("create_group_id", group_id=group_id, instance_id=ALIBABA_INSTANCE, **other)

    return create


@pytest.fixture
def old_alibaba(sandbox: Sandbox) -> Callable[..., AcsClient]:
    """Return a function that makes a client of the old SDK, given a secret."""

    def make(secret: str = "") -> AcsClient:
        return AcsClient(
            sandbox.alibaba.access_key_id,
            secret or sandbox.alibaba.access_key_secret,
            "cn-hangzhou",
            auto_retry=False,
        )

    return make


@pytest.fixture
def tencent(sandbox: Sandbox) -> Ask:
    """Return a function that asks Tencent with plain fields; answers with the fields of Response."""

    def ask(operation: str, *, key: TemporaryKey | None = None, timeout: float = 5.0, **fields: Any) -> Any:
        client = MqttClient(tencent_credential(sandbox, key), "ap-guangzhou", tencent_profile(sandbox, timeout))
        return client.call_json(operation, fields)["Response"]

    return ask


@pytest.fixture
def create_topic(tencent: Ask) -> Ask:
    def create(topic: str = "sensors", **other: Any) -> Any:
        return tencent("CreateTopic", InstanceId=TENCENT_INSTANCE, Topic=topic, **other)

    return create


@pytest.fixture
def async_tencent(sandbox: Sandbox) -> Callable[..., AsyncMqttClient]:
    """Return a function that makes Tencent's native async client; use it with ``async with``."""

    def make(timeout: float = 5.0) -> AsyncMqttClient:
        return AsyncMqttClient(tencent_credential(sandbox), "ap-guangzhou", tencent_profile(sandbox, timeout))

    return make
