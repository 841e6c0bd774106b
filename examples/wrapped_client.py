"""
How do I put a policy around a whole SDK client, in one line?

``wrap_client`` returns a client of the same type. Its calls look as before, also many at once in a task group; what
happens when one fails is in the policy. Operation, read-back and the value of an accepted call come from the catalogue,
so nothing is said of them here. Offline, with a few faults to overcome; the same on trio::

    python examples/wrapped_client.py --sandbox
    python examples/wrapped_client.py --sandbox --trio

Against the real service, where it makes topics, the script reads:

``TENCENTCLOUD_SECRET_ID``, ``TENCENTCLOUD_SECRET_KEY``
    A key that may do this.
``TENCENT_MQTT_ENDPOINT``
    ``mqtt.tencentcloudapi.com``. An address that begins with ``127.`` is spoken to in plain HTTP, everything else in
    HTTPS.
``TENCENT_MQTT_REGION``
    Such as ``ap-guangzhou``.

Alibaba's client goes the same way: ``client = wrap_client(Client(config), executor)``, then
``await client.create_group_id_async(request)`` on asyncio.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from textwrap import indent
from typing import Literal

import anyio
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient

from resilience import Executor, Policy, wrap_client
from resilience.sandbox import Sandbox, without_proxies

VARIABLES = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENT_MQTT_ENDPOINT", "TENCENT_MQTT_REGION")
TOPICS = ("telemetry", "commands", "alerts", "firmware", "audit")


def connect(environ: Mapping[str, str]) -> MqttClient:
    """Return the SDK's own asynchronous client."""
    endpoint = environ["TENCENT_MQTT_ENDPOINT"]
    protocol = "http" if endpoint.startswith("127.") else "https"
    return MqttClient(
        Credential(environ["TENCENTCLOUD_SECRET_ID"], environ["TENCENTCLOUD_SECRET_KEY"]),
        environ["TENCENT_MQTT_REGION"],
        ClientProfile(httpProfile=HttpProfile(endpoint=endpoint, protocol=protocol, reqTimeout=8)),
    )


async def make_topics(client: MqttClient) -> dict[str, TencentCloudSDKException]:
    """Make all topics at once, on the first instance of the account; return what went wrong, by topic."""
    found = await client.DescribeInstanceList(models.DescribeInstanceListRequest())
    failed: dict[str, TencentCloudSDKException] = {}

    async def make(topic: str) -> None:
        request = models.CreateTopicRequest()
        request.InstanceId, request.Topic = found.Data[0].InstanceId, topic
        try:
            await client.CreateTopic(request)
        except TencentCloudSDKException as error:
            failed[topic] = error

    async with anyio.create_task_group() as tasks:
        for topic in TOPICS:
            tasks.start_soon(make, topic)
    return failed


def rehearse(sandbox: Sandbox) -> dict[str, str]:
    """Script a bad day for this script, and return the environment that points it at the sandbox."""
    service = sandbox.tencent
    sandbox.script("tencent:DescribeInstanceList", "InternalError")
    sandbox.script("tencent:CreateTopic", "RequestLimitExceeded*2, applied lost")
    return {
        "TENCENTCLOUD_SECRET_ID": service.secret_id,
        "TENCENTCLOUD_SECRET_KEY": service.secret_key,
        "TENCENT_MQTT_ENDPOINT": service.endpoint,
        "TENCENT_MQTT_REGION": "ap-guangzhou",
    }


async def run(environ: Mapping[str, str]) -> bool:
    """Make the topics, and return whether all are there."""
    executor = Executor(Policy.load("builtin:provisioning", env="dev"))
    async with connect(environ) as client:
        failed = await make_topics(wrap_client(client, executor))
    for topic in TOPICS:
        error = failed.get(topic)
        # The SDK's own exception, with a note that says what was tried and which rule decided.
        print(f"{topic:10} made" if error is None else f"{topic:10} {error.code}\n{indent(error.__notes__[0], '    ')}")
    return not failed


async def rehearsal(sandbox: Sandbox) -> bool:
    """Run on a bad day, and tell what the service saw of it."""
    is_done = await run(rehearse(sandbox))
    made = sum(sandbox.applied("CreateTopic", Topic=topic) for topic in TOPICS)
    print(f"{len(TOPICS)} topics, {sandbox.asked('CreateTopic')} requests to make one, {made} of them carried out")
    return is_done


def main() -> int:
    """Run against the sandbox, or against what the environment names."""
    options = set(sys.argv[1:])
    backend: Literal["asyncio", "trio"] = "trio" if "--trio" in options else "asyncio"
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if "--sandbox" in options:
        with without_proxies(), Sandbox() as sandbox:
            return 0 if anyio.run(rehearsal, sandbox, backend=backend) else 1
    if missing or options - {"--trio"}:
        print(f"give --sandbox to try this offline, or set {', '.join(missing or VARIABLES)}", file=sys.stderr)
        return 2
    return 0 if anyio.run(run, os.environ, backend=backend) else 1


if __name__ == "__main__":
    sys.exit(main())
