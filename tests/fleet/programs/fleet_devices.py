"""What users have in a module: functions around a vendor's SDK, wrapped under the policy of their scripts."""

from __future__ import annotations

import os

from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_onsmqtt20200420.models import CreateGroupIdRequest, ListGroupIdRequest
from alibabacloud_tea_openapi.models import Config

from resilience import DONE, Executor, Policy, SyncExecutor

INSTANCE = "mqtt-cn-fleet"

executor = Executor(Policy.load("builtin:alibaba-mqtt"), provider="alibaba")
plain_executor = SyncExecutor(Policy.load("builtin:alibaba-mqtt"), provider="alibaba")


def _client() -> Client:
    keys = {"access_key_id": os.environ["KEY_ID"], "access_key_secret": os.environ["KEY_SECRET"]}
    patience = int(os.environ.get("READ_TIMEOUT", "4000"))
    return Client(Config(**keys, endpoint=os.environ["ENDPOINT"], protocol="HTTP", read_timeout=patience))


client = _client()


@executor.wrap("CreateGroupId")
async def create_group(group_id: str, instance_id: str = INSTANCE) -> None:
    """Make one group."""
    await client.create_group_id_async(CreateGroupIdRequest(instance_id=instance_id, group_id=group_id))


@create_group.verify
async def find_group(group_id: str, instance_id: str = INSTANCE) -> object:
    """Say whether the group is there."""
    found = await client.list_group_id_async(ListGroupIdRequest(instance_id=instance_id))
    return DONE if any(each.group_id == group_id for each in found.body.data or []) else None


@plain_executor.wrap("CreateGroupId")
def create_group_plainly(group_id: str, instance_id: str = INSTANCE) -> None:
    """Make one group, without an event loop."""
    client.create_group_id(CreateGroupIdRequest(instance_id=instance_id, group_id=group_id))


async def create_group_bare(group_id: str, instance_id: str = INSTANCE) -> None:
    """Make one group, under no policy yet."""
    await client.create_group_id_async(CreateGroupIdRequest(instance_id=instance_id, group_id=group_id))


@executor.wrap("CreateGroupId")
async def create_wrongly(group_id: str, instance_id: str = INSTANCE) -> None:
    """Make a mistake."""
    raise TypeError(f"{len(group_id)} {len(instance_id)}")
