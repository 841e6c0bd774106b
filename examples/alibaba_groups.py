"""
How do I set up groups, a token and device credentials on ApsaraMQ for MQTT with an STS token that may die on the way?

The functions below make one request each. What happens when a request fails is not in them: it is in the policy
``builtin:provisioning``. Offline, with a few faults to overcome, and the result as a list::

    python examples/alibaba_groups.py --sandbox

Against the real service, where each successful call is billed, the script reads:

``ALIBABA_CLOUD_ACCESS_KEY_ID``, ``ALIBABA_CLOUD_ACCESS_KEY_SECRET``
    A key that may assume the role.
``ALIBABA_CLOUD_ROLE_ARN``
    The role whose temporary keys sign all other requests.
``ALIBABA_MQTT_ENDPOINT``, ``ALIBABA_STS_ENDPOINT``
    Host names, such as ``onsmqtt.cn-hangzhou.aliyuncs.com`` and ``sts.cn-hangzhou.aliyuncs.com``. An address that
    begins with ``127.`` is spoken to in plain HTTP, everything else in HTTPS.
``ALIBABA_MQTT_INSTANCE``
    The instance to work on: ``mqtt-cn-...`` or ``post-cn-...``.

The asynchronous methods of this SDK need asyncio. On trio, write the wrapped functions with ``def`` and the synchronous
methods: the executor runs them in worker threads.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from textwrap import indent
from typing import Any

import anyio
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config
from attrs import field, frozen
from Tea.exceptions import TeaException

from resilience import Credentials, Executor, Outcome, Policy
from resilience.clients import KeyTriple, alibaba_credential
from resilience.sandbox import Sandbox, without_proxies

VARIABLES = (
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_ROLE_ARN",
    "ALIBABA_MQTT_ENDPOINT",
    "ALIBABA_STS_ENDPOINT",
    "ALIBABA_MQTT_INSTANCE",
)
GROUPS = ("GID_sensors", "GID_gateways", "GID_actuators")
TOKEN_SECONDS = 3600


@frozen
class DeviceKey:
    """What a device signs in with."""

    client_id: str
    key_id: str
    secret: str = field(repr=False)


def credentials(environ: Mapping[str, str]) -> Credentials[KeyTriple]:
    """Return a source of temporary keys; the executor asks it for new ones when the policy says so."""
    client = StsClient(
        Config(
            access_key_id=environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            access_key_secret=environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            **_address(environ["ALIBABA_STS_ENDPOINT"]),
        )
    )
    request = sts_models.AssumeRoleRequest(
        role_arn=environ["ALIBABA_CLOUD_ROLE_ARN"], role_session_name="provisioning", duration_seconds=3600
    )

    # A plain function: it runs in a worker thread. The asynchronous method would do as well, but not on trio.
    def assume_role() -> KeyTriple:
        keys = client.assume_role(request).body.credentials
        return KeyTriple(
            access_key_id=keys.access_key_id,
            access_key_secret=keys.access_key_secret,
            security_token=keys.security_token,
            expires_at=datetime.fromisoformat(keys.expiration).timestamp(),
        )

    return Credentials(assume_role, expires=lambda keys: keys.expires_at)


def connect(environ: Mapping[str, str], keys: Credentials[KeyTriple]) -> Client:
    """Return a client that signs each request with the newest keys, so that a refresh needs no new client."""
    return Client(Config(credential=alibaba_credential(keys.current), **_address(environ["ALIBABA_MQTT_ENDPOINT"])))


def _address(endpoint: str) -> dict[str, Any]:
    # In milliseconds, and together less than the 10 s that the policy allows an attempt: the SDK, which knows more of
    # what went wrong, gives up first.
    timeouts = {"connect_timeout": 3000, "read_timeout": 6000}
    return {"endpoint": endpoint, "protocol": "HTTP" if endpoint.startswith("127.") else "HTTPS", **timeouts}


async def provision(executor: Executor, client: Client, instance_id: str) -> list[Outcome[Any]]:
    """Set everything up, one thing after the other, and return how each call ended."""

    @executor.wrap("CreateGroupId")
    async def create_group(instance_id: str, group_id: str) -> str:
        await client.create_group_id_async(models.CreateGroupIdRequest(group_id=group_id, instance_id=instance_id))
        return group_id

    # Asked when "already exists" follows a lost answer: is the group there, and so the one that we made?
    @create_group.verify
    async def find_group(instance_id: str, group_id: str) -> str | None:
        answer = await client.list_group_id_async(models.ListGroupIdRequest(instance_id=instance_id))
        return group_id if any(row.group_id == group_id for row in answer.body.data or []) else None

    @executor.wrap("ApplyToken")
    async def apply_token(instance_id: str, topics: str) -> str:
        expires_ms = int((time.time() + TOKEN_SECONDS) * 1000)
        answer = await client.apply_token_async(
            models.ApplyTokenRequest(instance_id=instance_id, resources=topics, actions="R,W", expire_time=expires_ms)
        )
        return str(answer.body.token)

    @executor.wrap("UnRegisterDeviceCredential")
    async def retire_device(instance_id: str, client_id: str) -> None:
        await client.un_register_device_credential_async(
            models.UnRegisterDeviceCredentialRequest(client_id=client_id, instance_id=instance_id)
        )

    @executor.wrap("RegisterDeviceCredential")
    async def register_device(instance_id: str, client_id: str) -> DeviceKey:
        answer = await client.register_device_credential_async(
            models.RegisterDeviceCredentialRequest(client_id=client_id, instance_id=instance_id)
        )
        return _device_key(answer.body.device_credential)

    # The secret came back in an answer that may be lost. This brings it.
    @register_device.verify
    async def find_device(instance_id: str, client_id: str) -> DeviceKey | None:
        try:
            answer = await client.get_device_credential_async(
                models.GetDeviceCredentialRequest(client_id=client_id, instance_id=instance_id)
            )
        except TeaException as error:
            if error.code == "DeviceCredentialNotFound":
                return None
            raise
        return _device_key(answer.body.device_credential)

    groups = [await create_group.outcome(instance_id, name) for name in GROUPS]
    outcomes: list[Outcome[Any]] = [*groups]
    outcomes.append(await apply_token.outcome(instance_id, "sensors/#"))
    outcomes.append(await retire_device.outcome(instance_id, f"{GROUPS[0]}@@@old-0001"))
    # The value, and not the name that we asked for: the policy may have chosen another one.
    made = [group.value for group in groups if group.value is not None]
    outcomes += [await register_device.outcome(instance_id, f"{name}@@@dev-0001") for name in made]
    return outcomes


def _device_key(answer: Any) -> DeviceKey:
    return DeviceKey(answer.client_id, answer.device_access_key_id, answer.device_access_key_secret)


def rehearse(sandbox: Sandbox) -> dict[str, str]:
    """Script a bad day for this script, and return the environment that points it at the sandbox."""
    service = sandbox.alibaba
    service.add_foreign_group("GID_actuators")
    sandbox.script("alibaba:CreateGroupId", "SystemOverFlow, ok, applied lost")
    sandbox.script("alibaba:ApplyToken", "CheckAccountInfoFailed, ApplyTokenOverFlow")
    sandbox.script("alibaba:RegisterDeviceCredential", "applied lost")
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": service.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": service.access_key_secret,
        "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1000000000000000:role/provisioning",
        "ALIBABA_MQTT_ENDPOINT": service.endpoint,
        "ALIBABA_STS_ENDPOINT": service.endpoint,
        "ALIBABA_MQTT_INSTANCE": service.instances[0]["InstanceId"],
    }


async def run(environ: Mapping[str, str]) -> bool:
    """Do the work, print how each call ended, and return whether all of it is done."""
    keys = credentials(environ)
    policy = Policy.load("builtin:provisioning", env="dev")
    executor = Executor(policy, provider="alibaba", credentials={"alibaba": keys})
    outcomes = await provision(executor, connect(environ, keys), environ["ALIBABA_MQTT_INSTANCE"])
    for outcome in outcomes:
        resource = list(outcome.arguments.values())[1]
        print(f"{outcome.operation:27} {resource:27} {outcome.ended:20} attempts: {len(outcome.attempts)}")
        for old, new in outcome.renamed.values():
            print(f"    {old} was taken by another account: the group is {new}")
        if outcome.error is not None:
            print(indent("\n".join(outcome.error.__notes__), "    "))
    return all(outcome.error is None for outcome in outcomes)


def main() -> int:
    """Run against the sandbox, or against what the environment names."""
    if sys.argv[1:] == ["--sandbox"]:
        with without_proxies(), Sandbox() as sandbox:
            return 0 if anyio.run(run, rehearse(sandbox)) else 1
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing or sys.argv[1:]:
        print(f"give --sandbox to try this offline, or set {', '.join(missing or VARIABLES)}", file=sys.stderr)
        return 2
    return 0 if anyio.run(run, os.environ) else 1


if __name__ == "__main__":
    sys.exit(main())
