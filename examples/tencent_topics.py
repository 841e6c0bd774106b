"""
How do I buy an instance on TDMQ for MQTT, and fill it, without ever buying or making anything twice?

The service has no idempotency token, and a second CreateInstance buys a second instance. So every creating function
here has a verifier, which is asked whenever an answer got lost. When to ask is in the policy ``builtin:provisioning``.
Offline, with a few faults to overcome; the same on trio::

    python examples/tencent_topics.py --sandbox
    python examples/tencent_topics.py --sandbox --trio

Against the real service, **where it buys an instance**, the script reads:

``TENCENTCLOUD_SECRET_ID``, ``TENCENTCLOUD_SECRET_KEY``
    A key that may do all this.
``TENCENT_MQTT_ENDPOINT``
    ``mqtt.tencentcloudapi.com``. An address that begins with ``127.`` is spoken to in plain HTTP, everything else in
    HTTPS.
``TENCENT_MQTT_REGION``
    Such as ``ap-guangzhou``.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from textwrap import indent
from typing import Any, Literal, TypeVar

import anyio
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models
from tencentcloud.mqtt.v20240516.mqtt_client_async import MqttClient

from resilience import DONE, Executor, Outcome, Policy
from resilience.sandbox import Sandbox, without_proxies

VARIABLES = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENT_MQTT_ENDPOINT", "TENCENT_MQTT_REGION")
INSTANCE = "plant-7"
TOPICS = ("telemetry", "commands", "alerts")

R = TypeVar("R")


def connect(environ: Mapping[str, str]) -> MqttClient:
    """Return the asynchronous client; use it with ``async with``."""
    endpoint = environ["TENCENT_MQTT_ENDPOINT"]
    return MqttClient(
        Credential(environ["TENCENTCLOUD_SECRET_ID"], environ["TENCENTCLOUD_SECRET_KEY"]),
        environ["TENCENT_MQTT_REGION"],
        ClientProfile(
            httpProfile=HttpProfile(
                endpoint=endpoint,
                protocol="http" if endpoint.startswith("127.") else "https",
                # Less than the 10 s that the policy allows an attempt: the SDK knows more of what went wrong.
                reqTimeout=8,
            )
        ),
    )


async def provision(  # noqa: C901  # a row of small functions, side by side
    executor: Executor, client: MqttClient
) -> list[Outcome[Any]]:
    """Set everything up, one thing after the other, and return how each call ended."""

    @executor.wrap("CreateInstance")
    async def create_instance(name: str) -> str:
        request = _filled(models.CreateInstanceRequest(), Name=name, InstanceType="BASIC", SkuCode="basic_1k")
        return str((await client.CreateInstance(request)).InstanceId)

    @create_instance.verify
    async def find_instance(name: str) -> str | None:
        named = _filled(models.Filter(), Name="InstanceName", Values=[name])
        found = await client.DescribeInstanceList(_filled(models.DescribeInstanceListRequest(), Filters=[named]))
        # The filter finds parts of names too.
        return next((row.InstanceId for row in found.Data if row.InstanceName == name), None)

    @executor.wrap("CreateTopic")
    async def create_topic(instance_id: str, topic: str) -> str:
        request = _filled(models.CreateTopicRequest(), InstanceId=instance_id, Topic=topic)
        return str((await client.CreateTopic(request)).Topic)

    @create_topic.verify
    async def find_topic(instance_id: str, topic: str) -> str | None:
        named = _filled(models.Filter(), Name="TopicName", Values=[topic])
        request = _filled(models.DescribeTopicListRequest(), InstanceId=instance_id, Filters=[named])
        found = await client.DescribeTopicList(request)
        return next((row.Topic for row in found.Data if row.Topic == topic), None)

    @executor.wrap("ModifyTopic")
    async def describe_topic(instance_id: str, topic: str, remark: str) -> None:
        await client.ModifyTopic(
            _filled(models.ModifyTopicRequest(), InstanceId=instance_id, Topic=topic, Remark=remark)
        )

    @executor.wrap("DeleteUser")
    async def delete_user(instance_id: str, username: str) -> None:
        await client.DeleteUser(_filled(models.DeleteUserRequest(), InstanceId=instance_id, Username=username))

    @executor.wrap("CreateUser")
    async def create_user(instance_id: str, username: str, password: str) -> None:
        await client.CreateUser(
            _filled(models.CreateUserRequest(), InstanceId=instance_id, Username=username, Password=password)
        )

    # A function that returns None has nothing to bring back: DONE says that the user is there. Its password is ours,
    # because each attempt of one call sends the same one.
    @create_user.verify
    async def find_user(instance_id: str, username: str, password: str) -> object:  # noqa: ARG001  # as the function
        named = _filled(models.Filter(), Name="Username", Values=[username])
        request = _filled(models.DescribeUserListRequest(), InstanceId=instance_id, Filters=[named])
        found = await client.DescribeUserList(request)
        return DONE if any(row.Username == username for row in found.Data) else None

    @executor.wrap("CreateAuthorizationPolicy")
    async def allow_reading(instance_id: str, policy_name: str, username: str, topic: str) -> int:
        request = _filled(
            models.CreateAuthorizationPolicyRequest(),
            InstanceId=instance_id,
            PolicyName=policy_name,
            PolicyVersion=1,
            Priority=10,
            Effect="allow",
            Actions="connect,sub",
            Resources=f"{topic}/#",
            Username=username,
        )
        return int((await client.CreateAuthorizationPolicy(request)).Id)

    @allow_reading.verify
    async def find_policy(instance_id: str, policy_name: str, username: str, topic: str) -> int | None:
        request = _filled(models.DescribeAuthorizationPoliciesRequest(), InstanceId=instance_id)
        found = await client.DescribeAuthorizationPolicies(request)
        wanted = (policy_name, username, f"{topic}/#")
        return next((row.Id for row in found.Data if (row.PolicyName, row.Username, row.Resources) == wanted), None)

    instance = await create_instance.outcome(INSTANCE)
    outcomes: list[Outcome[Any]] = [instance]
    if instance.value is None:
        return outcomes
    # Nothing here waits for the instance to start: that, too, is an answer that the policy knows.
    outcomes += [await create_topic.outcome(instance.value, topic) for topic in TOPICS]
    outcomes.append(await describe_topic.outcome(instance.value, "alerts", "for the people on call"))
    outcomes.append(await delete_user.outcome(instance.value, "old-dashboard"))
    outcomes.append(await create_user.outcome(instance.value, "dashboard", secrets.token_urlsafe(24)))
    outcomes.append(await allow_reading.outcome(instance.value, "dashboard-reads", "dashboard", "telemetry"))
    return outcomes


def _filled(request: R, **fields: object) -> R:
    for name, value in fields.items():
        setattr(request, name, value)
    return request


def rehearse(sandbox: Sandbox) -> dict[str, str]:
    """Script a bad day for this script, and return the environment that points it at the sandbox."""
    service = sandbox.tencent
    # Seconds. Shorter than the first wait for an instance that is not ready.
    service.boot_seconds = 2.0
    sandbox.script("tencent:CreateInstance", "applied InternalError")
    sandbox.script("tencent:CreateTopic", "ok, ok, applied lost")
    sandbox.script("tencent:CreateUser", "lost")
    sandbox.script("tencent:CreateAuthorizationPolicy", "RequestLimitExceeded, applied FailedOperation")
    return {
        "TENCENTCLOUD_SECRET_ID": service.secret_id,
        "TENCENTCLOUD_SECRET_KEY": service.secret_key,
        "TENCENT_MQTT_ENDPOINT": service.endpoint,
        "TENCENT_MQTT_REGION": "ap-guangzhou",
    }


async def run(environ: Mapping[str, str]) -> bool:
    """Do the work, print how each call ended, and return whether all of it is done."""
    executor = Executor(Policy.load("builtin:provisioning", env="dev"), provider="tencent")
    async with connect(environ) as client:
        outcomes = await provision(executor, client)
    for outcome in outcomes:
        resource = next(value for name, value in outcome.arguments.items() if name != "instance_id")
        print(f"{outcome.operation:27} {resource:17} {outcome.ended:20} attempts: {len(outcome.attempts)}", end="")
        print(f", waited {outcome.waited:.1f} s" if outcome.waited else "")
        if outcome.error is not None:
            print(indent("\n".join(outcome.error.__notes__), "    "))
    return all(outcome.error is None for outcome in outcomes)


def main() -> int:
    """Run against the sandbox, or against what the environment names."""
    options = set(sys.argv[1:])
    backend: Literal["asyncio", "trio"] = "trio" if "--trio" in options else "asyncio"
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if "--sandbox" in options:
        with without_proxies(), Sandbox() as sandbox:
            return 0 if anyio.run(run, rehearse(sandbox), backend=backend) else 1
    if missing or options - {"--trio"}:
        print(f"give --sandbox to try this offline, or set {', '.join(missing or VARIABLES)}", file=sys.stderr)
        return 2
    return 0 if anyio.run(run, os.environ, backend=backend) else 1


if __name__ == "__main__":
    sys.exit(main())
