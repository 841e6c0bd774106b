"""Whether an SDK's client retries by itself, told from the real clients."""

from __future__ import annotations

from typing import Any

import pytest
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from darabonba.policy.retry import RetryCondition, RetryOptions
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.retry import NoopRetryer, StandardRetryer
from tencentcloud.common.retry_async import StandardRetryer as AsyncRetryer
from tencentcloud.mqtt.v20240516 import mqtt_client, mqtt_client_async

from resilience.clients import retries_itself

# Of tea-openapi 0.3, which the MQTT SDK still allows.
RuntimeOptions = pytest.importorskip("alibabacloud_tea_util.models").RuntimeOptions


def _tencent(**settings: Any) -> object:
    return mqtt_client.MqttClient(Credential("a", "b"), "r", ClientProfile(**settings))


def _tencent_async(**settings: Any) -> object:
    return mqtt_client_async.MqttClient(Credential("a", "b"), "r", ClientProfile(**settings))


def _alibaba(**settings: Any) -> object:
    return Client(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9", **settings))


def _retrying() -> RetryOptions:
    condition = RetryCondition({"maxAttempts": 3, "exception": ["ServerException"], "errorCode": []})
    return RetryOptions({"retryable": True, "retryCondition": [condition]})


@pytest.mark.parametrize(
    "client",
    [
        _tencent(),
        _tencent(retryer=NoopRetryer()),
        _tencent_async(),
        _alibaba(),
        _alibaba(retry_options=RetryOptions({"retryable": False})),
        _alibaba(retry_options=RetryOptions({"retryable": True})),
        RuntimeOptions(),
        object(),
        None,
    ],
    ids=["tencent", "noop", "tencent-async", "alibaba", "off", "no-condition", "runtime", "anything", "nothing"],
)
def test_a_client_as_it_comes_does_not_retry(client: object) -> None:
    """The defaults of both SDKs are left alone, and so are settings that switch nothing on."""
    assert retries_itself(client) is None


@pytest.mark.parametrize(
    ("client", "setting"),
    [
        pytest.param(_tencent(retryer=StandardRetryer()), "ClientProfile.retryer", id="tencent-retryer"),
        pytest.param(_tencent_async(retryer=AsyncRetryer()), "ClientProfile.retryer", id="tencent-async-retryer"),
        pytest.param(_tencent(disable_region_breaker=False), "ClientProfile.disable_region_breaker", id="breaker"),
        pytest.param(_alibaba(retry_options=_retrying()), "Config.retry_options", id="alibaba-options"),
        pytest.param(RuntimeOptions(autoretry=True), "RuntimeOptions.autoretry", id="runtime-options"),
    ],
)
def test_a_client_that_retries_is_told_with_the_setting_to_change(client: object, setting: str) -> None:
    """The sentence names what to change."""
    said = retries_itself(client)
    assert said is not None
    assert setting in said
