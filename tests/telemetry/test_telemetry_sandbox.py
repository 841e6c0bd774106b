"""What the vendors' own SDKs meet, in metrics and logs."""

from __future__ import annotations

import logging

import pytest
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_onsmqtt20200420.models import CreateGroupIdRequest
from alibabacloud_tea_openapi.models import Config
from attrs import evolve
from measured_calls import Measured, key
from scripted_calls import POLICY, rule
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516.models import DeleteTopicRequest
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient

from resilience import Executor
from resilience.core.backoff import Backoff
from resilience.core.policy import Action, Limits
from resilience.sandbox import Sandbox
from resilience.telemetry import Logs

pytestmark = pytest.mark.anyio

_AT_ONCE = Action(key="at-once", do="retry", backoff=Backoff(kind="constant", base=0.0, jitter="none"), counts=True)
_RULES = evolve(POLICY, limits=Limits(deadline=20.0), rules=(rule("SystemOverFlow", _AT_ONCE),))


async def test_a_throttled_sdk_is_measured_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """Two refusals of Alibaba's service and a success: three attempts, three lines, and no key or name in them."""
    measured = Measured()
    caplog.set_level(logging.DEBUG, "resilience")
    with Sandbox() as sandbox:
        sandbox.script("alibaba:CreateGroupId", "SystemOverFlow*2")
        service = sandbox.alibaba
        config = Config(
            access_key_id=service.access_key_id,
            access_key_secret=service.access_key_secret,
            endpoint=service.endpoint,
            protocol="HTTP",
        )
        executor = Executor(_RULES, provider="alibaba", observers=[measured.observer, Logs()])
        create = executor.wrap("CreateGroupId", Client(config).create_group_id)
        await create(CreateGroupIdRequest(group_id="GID_told", instance_id="mqtt-cn-sandbox"))
        secrets = (service.access_key_id, service.access_key_secret, "GID_told", "mqtt-cn-sandbox")
    attempts = measured.series("attempt.duration")
    assert {attributes: point.count for attributes, point in attempts.items()} == {
        key(kind="original", failure="SystemOverFlow"): 1,
        key(kind="retry", failure="SystemOverFlow"): 1,
        key(kind="retry"): 1,
    }
    assert measured.values("decisions") == {key(action="retry", failure="SystemOverFlow"): 2}
    told = [record.getMessage() for record in caplog.records if record.name == "resilience.calls"]
    assert [line.split(" (")[0] for line in told] == [
        "CreateGroupId: attempt 1 failed",
        "CreateGroupId: attempt 2 failed",
        "CreateGroupId: succeeded after 3 attempts, 0 s of them waits",
    ]
    assert not any(secret in line for line in told for secret in secrets)


async def test_a_code_that_the_policy_does_not_know_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    """An error of Tencent's that no rule is for: its class in the metric, its code in one warning."""
    measured = Measured()
    with Sandbox() as sandbox:
        service = sandbox.tencent
        profile = ClientProfile(httpProfile=HttpProfile(endpoint=service.endpoint, protocol="http", reqTimeout=5))
        client = MqttClient(Credential(service.secret_id, service.secret_key), "ap-guangzhou", profile)
        request = DeleteTopicRequest()
        request.InstanceId, request.Topic = "mqtt-sandbox", "nobody-made-it"
        executor = Executor(_RULES, provider="tencent", observers=[measured.observer, Logs()])
        delete = executor.wrap("DeleteTopic", client.DeleteTopic)
        for _ in range(2):
            with pytest.raises(TencentCloudSDKException) as raised:
                await delete(request)
    code = raised.value.get_code()
    (gaps,) = measured.values("faults.unmatched").values()
    (failures,) = measured.values("operation.failures").values()
    assert (gaps, failures) == (2, 2)
    (attributes,) = measured.series("operation.duration")
    assert dict(attributes)["error.type"].endswith(".TencentCloudSDKException")
    levels = [(record.levelname, code in record.getMessage()) for record in caplog.records]
    assert levels == [("WARNING", True)] * 3
    assert sum("no rule of policy" in record.getMessage() for record in caplog.records) == 1
