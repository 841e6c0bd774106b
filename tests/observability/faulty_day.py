"""
A provisioning script with both vendors' SDKs, and a sandbox on whose day everything goes wrong once.

Everything that telemetry has a word for happens: retries, new credentials and credentials that cannot be had, another
name, a verified acceptance, a failure, a limit, a code without a rule, a resource that an earlier run began, calls side
by side, a breaker that opens, a rate limit that adapts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import anyio
from alibabacloud_onsmqtt20200420 import models as alibaba
from alibabacloud_onsmqtt20200420.client import Client as AlibabaClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models as tencent
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient

from resilience import Credentials, Executor, Ledger, Outcome, Policy, ServiceError
from resilience.clients import KeyTriple, alibaba_credential, verifiers_for
from resilience.sandbox import Sandbox

POLICY: Final = Path(__file__).with_name("faulty_day.toml")
ALIBABA_INSTANCE: Final = "mqtt-cn-sandbox"
TENCENT_INSTANCE: Final = "mqtt-sandbox"
PASSWORD: Final = "PA55WORDmarker0123456789abcdef"
_TOPICS: Final = ("alerts", "commands", "telemetry", "archive")


def spoil(sandbox: Sandbox) -> dict[str, str]:
    """Script the day, and return the environment that points the script at it."""
    sandbox.alibaba.add_foreign_group("GID_actuators")
    sandbox.script("alibaba:CreateGroupId", "SystemOverFlow, ok, applied lost")
    sandbox.script("alibaba:ApplyToken", "CheckAccountInfoFailed, ApplyTokenOverFlow")
    sandbox.script("alibaba:DeleteGroupId", "DeleteGroupIdError*")
    sandbox.script("alibaba:RegisterDeviceCredential", "reset, garbage")
    sandbox.script("tencent:CreateTopic", "RequestLimitExceeded, ok, applied lost, truncated")
    sandbox.script("tencent:CreateUser", "lost, 503")
    return {
        "ALIBABA_ENDPOINT": sandbox.alibaba.endpoint,
        "ALIBABA_KEY": sandbox.alibaba.access_key_id,
        "ALIBABA_SECRET": sandbox.alibaba.access_key_secret,
        "TENCENT_ENDPOINT": sandbox.tencent.endpoint,
        "TENCENT_ID": sandbox.tencent.secret_id,
        "TENCENT_KEY": sandbox.tencent.secret_key,
    }


class Day:
    """
    One run of the script.

    Args:
        environ: What :func:`spoil` returned.
        ledger: What calls are written to.
        more: For the executors: observers, say.
    """

    def __init__(self, environ: Mapping[str, str], ledger: Ledger, **more: Any) -> None:
        policy = Policy.load(POLICY)
        where = {"endpoint": environ["ALIBABA_ENDPOINT"], "protocol": "HTTP", "read_timeout": 2000}
        keys = {"access_key_id": environ["ALIBABA_KEY"], "access_key_secret": environ["ALIBABA_SECRET"]}
        sts = StsClient(Config(**keys, **where))
        self.credentials = Credentials(lambda: _assume(sts), expires=lambda triple: triple.expires_at)
        self.alibaba = AlibabaClient(Config(credential=alibaba_credential(self.credentials.current), **where))
        profile = HttpProfile(endpoint=environ["TENCENT_ENDPOINT"], protocol="http", reqTimeout=2)
        self.tencent = MqttClient(
            Credential(environ["TENCENT_ID"], environ["TENCENT_KEY"]),
            "ap-guangzhou",
            ClientProfile(httpProfile=profile),
        )
        own: dict[str, Any] = {"account": "1", "ledger": ledger, **more}
        self.ours = Executor(policy, provider="alibaba", credentials={"alibaba": self.credentials}, **own)
        self.theirs = Executor(policy, provider="tencent", **own)
        self.locked_out = Executor(policy, provider="alibaba", credentials={"alibaba": Credentials(_refused)}, **more)
        for executor, client in ((self.ours, self.alibaba), (self.theirs, self.tencent)):
            for operation, verifier in verifiers_for(client).items():
                executor.verify(operation)(verifier)

        self._create_group = self.ours.wrap("CreateGroupId", self.alibaba.create_group_id, accepted=lambda _: None)

    async def crash(self) -> NoReturn:
        """Die after the request for a group was sent, before its answer."""
        await self.ours.wrap("CreateGroupId", _die)(_group("GID_interrupted"))
        raise AssertionError("the process has ended")

    async def run(self) -> list[Outcome[Any]]:
        """Make everything, one thing after the other; topics side by side."""
        begun = time.monotonic()
        made = [*await self._groups(), *await self._devices(), *await self._topics(), *await self._misfortunes()]
        # The limit of this operation adapts when the second is over in which the service refused a call.
        await anyio.sleep(max(begun + 1.2 - time.monotonic(), 0.0))
        return [*made, await self._create_group.outcome(_group("GID_late"))]

    async def _groups(self) -> list[Outcome[Any]]:
        names = ("GID_sensors", "GID_gateways", "GID_actuators", "GID_interrupted")
        return [await self._create_group.outcome(_group(name)) for name in names]

    async def _devices(self) -> list[Outcome[Any]]:
        register = self.ours.wrap("RegisterDeviceCredential", self.alibaba.register_device_credential)
        apply = self.ours.wrap("ApplyToken", self.alibaba.apply_token)
        device = alibaba.RegisterDeviceCredentialRequest(client_id="GID_sensors@@@d1", instance_id=ALIBABA_INSTANCE)
        token = alibaba.ApplyTokenRequest(
            instance_id=ALIBABA_INSTANCE, resources="sensors/#", actions="R", expire_time=_in_an_hour() * 1000
        )
        return [await register.outcome(device), await apply.outcome(token)]

    async def _topics(self) -> list[Outcome[Any]]:
        create = self.theirs.wrap("CreateTopic", self.tencent.CreateTopic)
        made: list[Outcome[Any]] = []

        async def make(name: str) -> None:
            made.append(await create.outcome(_topic(name)))

        async with anyio.create_task_group() as group:
            for name in _TOPICS:
                group.start_soon(make, name)
        user = tencent.CreateUserRequest()
        user.InstanceId, user.Username, user.Password = TENCENT_INSTANCE, "dashboard", PASSWORD
        return [*made, await self.theirs.wrap("CreateUser", self.tencent.CreateUser).outcome(user)]

    async def _misfortunes(self) -> Sequence[Outcome[Any]]:
        delete = self.ours.wrap("DeleteGroupId", self.alibaba.delete_group_id)
        gone = alibaba.DeleteGroupIdRequest(group_id="GID_old", instance_id=ALIBABA_INSTANCE)
        remove = tencent.DeleteTopicRequest()
        remove.InstanceId, remove.Topic = TENCENT_INSTANCE, "nobody-made-it"
        return [
            await delete.outcome(gone),
            await self.theirs.wrap("DeleteTopic", self.tencent.DeleteTopic).outcome(remove),
            await self.ours.wrap("QueryToken", _surprised).outcome("QueryToken"),
            await self.locked_out.wrap("ListGroupId", _surprised).outcome("ListGroupId"),
        ]


def _assume(client: StsClient) -> KeyTriple:
    request = sts_models.AssumeRoleRequest(
        role_arn="acs:ram::1:role/day", role_session_name="day", duration_seconds=3600
    )
    keys = client.assume_role(request).body.credentials
    return KeyTriple(
        access_key_id=keys.access_key_id,
        access_key_secret=keys.access_key_secret,
        security_token=keys.security_token,
        expires_at=_in_an_hour(),
    )


def _in_an_hour() -> int:
    return int(time.time()) + 3600


def _refused() -> KeyTriple:
    raise PermissionError("the role may not be assumed with key LTAIsecret")


async def _surprised(_: str) -> None:
    raise ServiceError("Sandbox.NeverHeardOf", "what nobody has a rule for", status=400, provider="alibaba")


async def _die(_: alibaba.CreateGroupIdRequest) -> None:
    os._exit(3)


def _group(name: str) -> alibaba.CreateGroupIdRequest:
    return alibaba.CreateGroupIdRequest(group_id=name, instance_id=ALIBABA_INSTANCE)


def _topic(name: str) -> tencent.CreateTopicRequest:
    request = tencent.CreateTopicRequest()
    request.InstanceId, request.Topic = TENCENT_INSTANCE, name
    return request
