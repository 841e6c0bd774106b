"""
What a wrapped client adds to a call that succeeds at once, in microseconds of processor time.

To see it::

    python tests/benchmarks/covered_clients.py [--rounds 15] [--calls 3000]

The SDKs' methods are replaced by ones that return a ready answer, so that nothing is left
but the cover: a policy with a deadline and without limits of rates, which would make the
calls wait, the check of the answer, observers on duty without an OpenTelemetry SDK. The
bare method and the covered one are timed in turns; what is told is the least and the
median difference.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import boto3
from alibabacloud_onsmqtt20200420 import models as alibaba
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from botocore.client import BaseClient
from tencentcloud.common.credential import Credential
from tencentcloud.mqtt.v20240516 import models as tencent
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient as AsyncMqttClient

from resilience import Policy, SyncExecutor, wrap_client

POLICY = """
schema = 1
name = "covered-clients"
extends = ["builtin:common"]
[rules.alibaba]
"SystemOverFlow" = "patient"
[rules.tencent]
"RequestLimitExceeded" = "patient"
[rules.aws-iot]
"ThrottlingException" = "patient"
"""

THING = {"thingName": "t", "thingArn": "a", "ResponseMetadata": {"HTTPStatusCode": 200}}
GROUP = alibaba.CreateGroupIdResponse(
    headers={}, status_code=200, body=alibaba.CreateGroupIdResponseBody(request_id="1")
)
TOPIC = tencent.CreateTopicResponse()
TOPIC._deserialize({"InstanceId": "mqtt-x", "Topic": "alerts", "RequestId": "1"})


def _alibaba(_self: Any, _request: Any, _runtime: Any) -> alibaba.CreateGroupIdResponse:
    return GROUP


async def _alibaba_async(_self: Any, _request: Any, _runtime: Any) -> alibaba.CreateGroupIdResponse:
    return GROUP


def _tencent(_self: Any, _request: Any) -> tencent.CreateTopicResponse:
    return TOPIC


def _aws(_self: Any, _operation: str, _parameters: Any) -> dict[str, Any]:
    return THING


async def _tencent_async(_self: Any, _request: Any, _opts: Any = None) -> tencent.CreateTopicResponse:
    return TOPIC


def _replace_methods() -> None:
    Client.create_group_id_with_options = _alibaba
    Client.create_group_id_with_options_async = _alibaba_async
    MqttClient.CreateTopic = _tencent
    AsyncMqttClient.CreateTopic = _tencent_async
    BaseClient._make_api_call = _aws


def _told(name: str, differences: list[float]) -> None:
    print(f"{name:24} {min(differences):6.2f} {statistics.median(differences):6.2f}")  # noqa: T201  # a report


def _blocking(bare: Callable[[], object], covered: Callable[[], object], rounds: int, calls: int) -> list[float]:
    differences = []
    for _ in range(rounds):
        spent = []
        for subject in (bare, covered):
            began = time.process_time()
            for _ in range(calls):
                subject()
            spent.append(time.process_time() - began)
        differences.append((spent[1] - spent[0]) / calls * 1e6)
    return differences


async def _awaited(
    bare: Callable[[], Awaitable[object]], covered: Callable[[], Awaitable[object]], rounds: int, calls: int
) -> list[float]:
    differences = []
    for _ in range(rounds):
        spent = []
        for subject in (bare, covered):
            began = time.process_time()
            for _ in range(calls):
                await subject()
            spent.append(time.process_time() - began)
        differences.append((spent[1] - spent[0]) / calls * 1e6)
    return differences


def main() -> None:
    """Time the SDKs, blocking and asynchronous."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=3000)
    asked = parser.parse_args()
    _replace_methods()
    executor = SyncExecutor(Policy.loads(POLICY))
    sizes = asked.rounds, asked.calls
    print(f"CPython {platform.python_version()}, {asked.rounds} rounds of {asked.calls} calls\n")  # noqa: T201  # a report
    print(f"{'microseconds added':24} {'min':>6} {'median':>6}")  # noqa: T201  # a report

    group, options = alibaba.CreateGroupIdRequest(group_id="GID_a", instance_id="i"), RuntimeOptions()
    client = Client(Config(access_key_id="a", access_key_secret="b", endpoint="127.0.0.1:9"))
    covered = wrap_client(client, executor)
    _told(
        "Alibaba, blocking",
        _blocking(
            lambda: client.create_group_id_with_options(group, options),
            lambda: covered.create_group_id_with_options(group, options),
            *sizes,
        ),
    )
    _told(
        "Alibaba, asyncio",
        asyncio.run(
            _awaited(
                lambda: client.create_group_id_with_options_async(group, options),
                lambda: covered.create_group_id_with_options_async(group, options),
                *sizes,
            )
        ),
    )
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    iot = boto3.client("iot", region_name="eu-west-1", **keys)
    covered_iot = wrap_client(iot, executor)
    _told("AWS, blocking", _blocking(iot.create_thing, covered_iot.create_thing, *sizes))
    topic, key = tencent.CreateTopicRequest(), Credential("a", "b")
    blocking = MqttClient(key, "r")
    covered_blocking = wrap_client(blocking, executor)
    _told(
        "Tencent, blocking",
        _blocking(lambda: blocking.CreateTopic(topic), lambda: covered_blocking.CreateTopic(topic), *sizes),
    )
    awaited = AsyncMqttClient(key, "r")
    covered_awaited = wrap_client(awaited, executor)
    _told(
        "Tencent, asyncio",
        asyncio.run(_awaited(lambda: awaited.CreateTopic(topic), lambda: covered_awaited.CreateTopic(topic), *sizes)),
    )


if __name__ == "__main__":
    main()
