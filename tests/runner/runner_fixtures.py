"""Fixtures: a folder with scripts, a sandbox for their SDKs, and a receiver for their telemetry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from otlp_receiver import Receiver, receiving
from script_runs import Scripts

from resilience.sandbox import Sandbox

# What the scripts of these tests have in common: a client of each SDK, as a script makes it that has never heard of us.
CLIENTS: Final = """
    import os, sys
    from importlib import import_module

    KEYS = os.environ["ALIBABA_ID"], os.environ["ALIBABA_SECRET"]
    OTHER_KEYS = os.environ["TENCENT_ID"], os.environ["TENCENT_SECRET"]
    INSTANCE, OTHER_INSTANCE = "mqtt-cn-sandbox", "mqtt-sandbox"

    def alibaba():
        from alibabacloud_onsmqtt20200420.client import Client
        from alibabacloud_tea_openapi.models import Config
        pair = dict(zip(("access_key_id", "access_key_secret"), KEYS))
        return Client(Config(**pair, endpoint=os.environ["ALIBABA"], protocol="HTTP", read_timeout=5000))

    def group(name, kind="CreateGroupIdRequest", **other):
        from alibabacloud_onsmqtt20200420 import models
        return getattr(models, kind)(group_id=name, instance_id=INSTANCE, **other)

    def old_alibaba():
        from aliyunsdkcore.client import AcsClient
        return AcsClient(*KEYS, "cn-hangzhou", auto_retry=False)

    def old_group(name):
        from aliyunsdkonsmqtt.request.v20200420.CreateGroupIdRequest import CreateGroupIdRequest
        request = CreateGroupIdRequest()
        request.set_endpoint(os.environ["ALIBABA"])
        request.set_protocol_type("http")
        request.set_GroupId(name)
        request.set_InstanceId(INSTANCE)
        return request

    def tencent(kind="mqtt_client", **other):
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile
        module = import_module("tencentcloud.mqtt.v20240516." + kind)
        http = HttpProfile(endpoint=os.environ["TENCENT"], protocol="http", reqTimeout=5)
        return module.MqttClient(Credential(*OTHER_KEYS), "ap-guangzhou", ClientProfile(httpProfile=http, **other))

    def topic(name):
        from tencentcloud.mqtt.v20240516 import models
        request = models.CreateTopicRequest()
        request.InstanceId, request.Topic = OTHER_INSTANCE, name
        return request

    def make_topic(name="sensors"):
        return tencent().CreateTopic(topic(name)).Topic
    """


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def clients(scripts: Scripts, cloud: Sandbox) -> Scripts:
    """Return a folder in which scripts can import clients that are pointed at the sandbox."""
    alibaba, tencent = cloud.alibaba, cloud.tencent
    scripts.environ.update(ALIBABA_ID=alibaba.access_key_id, ALIBABA_SECRET=alibaba.access_key_secret)
    scripts.environ.update(TENCENT_ID=tencent.secret_id, TENCENT_SECRET=tencent.secret_key)
    scripts.environ.update(ALIBABA=alibaba.endpoint, TENCENT=tencent.endpoint)
    scripts.write("clients.py", CLIENTS)
    return scripts


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as got:
        yield got
