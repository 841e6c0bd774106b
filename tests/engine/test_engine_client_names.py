"""Two names never become one under ``wrap_client``: real SDKs, threads and event loops, and clients of one executor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from aliyunsdkcore.acs_exception.exceptions import ServerException
from wrapped_clients import (
    STYLES,
    Style,
    alibaba_client,
    async_tencent_client,
    group,
    old_client,
    old_group,
    quick,
    sandboxed,
    tencent_client,
    topic,
)

from resilience import Executor, Ledger, RemedyFailed, SyncExecutor
from resilience.engine.client.wrapped_client import wrap_client
from resilience.sandbox import Sandbox

NUMBERED = """
[actions.new-name]
pattern = "GID_shared-{n}"
max = 12
[actions.next-topic]
do = "rename"
pattern = "shared-{n}"
max = 12
[rules.alibaba]
"CreateGroupId/GroupIdAlreadyExsited" = { do = "accept", if = "always" }
[rules.tencent]
"CreateTopic/UnsupportedOperation.ResourceAlreadyExists" = "next-topic"
"""
TAKEN = "UnsupportedOperation.ResourceAlreadyExists"


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with sandboxed() as running:
        yield running


def groups(cloud: Sandbox) -> list[str]:
    return sorted(row["GroupId"] for row in cloud.alibaba.groups)


@pytest.mark.parametrize("ledger", [False, True], ids=["no-ledger", "ledger"])
def test_clients_of_one_executor_share_no_new_name(
    cloud: Sandbox,
    tmp_path: Path,
    ledger: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """Six threads, each with a client of the new or of the old SDK, want the same few names at once."""
    names = [f"GID_line-{number}" for number in range(6)]
    for name in names:
        cloud.alibaba.add_foreign_group(name)
    with Ledger(tmp_path / "ledger.db") as kept:
        executor = SyncExecutor(quick(NUMBERED), observers=(), ledger=kept if ledger else None)

        def make(number: int) -> None:
            if number % 2:
                wrap_client(alibaba_client(cloud), executor).create_group_id(group(names[number]))
            else:
                wrap_client(old_client(cloud), executor).do_action_with_exception(old_group(cloud, names[number]))

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(make, range(6)))
    assert groups(cloud) == [f"GID_shared-{number}" for number in range(2, 8)]


def test_calls_of_one_event_loop_share_no_new_name(cloud: Sandbox) -> None:
    """The same among tasks, with functions of the executor beside its clients."""
    names = [f"GID_line-{number}" for number in range(4)]
    for name in names:
        cloud.alibaba.add_foreign_group(name)
    executor = Executor(quick(NUMBERED), provider="alibaba", observers=())
    plain = alibaba_client(cloud)
    executor.verify_with(plain)

    async def main() -> None:
        client = wrap_client(alibaba_client(cloud), executor)
        await asyncio.gather(
            client.create_group_id_async(group(names[0])),
            client.create_group_id_async(group(names[1])),
            executor.call("CreateGroupId", plain.create_group_id_async, group(names[2])),
            executor.call("CreateGroupId", plain.create_group_id, group(names[3])),
        )

    asyncio.run(main())
    assert groups(cloud) == [f"GID_shared-{number}" for number in range(2, 6)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_topics_share_no_new_name_either(cloud: Sandbox, backend: str) -> None:
    """Tencent's asynchronous client, on both event loops."""
    cloud.script("CreateTopic", f"{TAKEN}*3")
    executor = Executor(quick(NUMBERED), observers=())

    async def main() -> None:
        client = wrap_client(async_tencent_client(cloud), executor)
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(client.CreateTopic, topic(f"line-{number}"))

    anyio.run(main, backend=backend)
    made = sorted(row["Topic"] for row in cloud.tencent.topics)
    # Which calls meet the faults is chance: a second try of one may come before the first of another.
    assert len(set(made)) == 3
    assert {*made} <= {f"line-{number}" for number in range(3)} | {f"shared-{number}" for number in range(2, 5)}
    assert any(name.startswith("shared-") for name in made)
    assert cloud.asked("CreateTopic") == 3 + 3, "each refusal leads to one more request, and to no other"


@pytest.mark.parametrize(("name", "error"), [("alibaba", AlibabaCloudException), ("old-alibaba", ServerException)])
def test_a_given_name_is_refused_in_the_words_of_the_sdk(name: str, error: type[Exception], cloud: Sandbox) -> None:
    """The script's ``except`` catches it; nothing was sent, and the name is in no text."""
    style: Style = STYLES[name]
    cloud.alibaba.add_foreign_group("GID_area")
    client = wrap_client(style.client(cloud), SyncExecutor(quick(), observers=()))
    style.send(client, cloud, "GID_area")
    with pytest.raises(error) as refused:
        style.send(client, cloud, "GID_area-2")
    assert isinstance(refused.value, RemedyFailed)
    assert refused.value.remedy == "rename"
    said = "\n".join([str(refused.value), *refused.value.__notes__])
    assert "new name of another resource" in said
    assert "GID_area" not in said
    assert groups(cloud) == ["GID_area-2"]
    assert cloud.asked("CreateGroupId") == 2


def test_a_second_create_begins_with_the_new_name(cloud: Sandbox) -> None:
    """The script asks twice for what was renamed: that is one group, which exists."""
    cloud.alibaba.add_foreign_group("GID_area")
    client = wrap_client(alibaba_client(cloud), SyncExecutor(quick(NUMBERED), observers=()))
    for _ in range(2):
        assert client.create_group_id(group("GID_area")).status_code == 200
    assert groups(cloud) == ["GID_shared-2"]
    sent = [call.arguments["GroupId"] for call in cloud.calls if call.operation == "CreateGroupId"]
    assert sent == ["GID_area", "GID_shared-2", "GID_shared-2"]


def test_a_name_that_a_rename_left_is_not_changed_in_later_calls(cloud: Sandbox) -> None:
    """The script's own GID_area-2 is another group than the one that a rename tried under this name."""
    for name in ("GID_area", "GID_area-2"):
        cloud.alibaba.add_foreign_group(name)
    client = wrap_client(alibaba_client(cloud), SyncExecutor(quick(), observers=()))
    client.create_group_id(group("GID_area"))
    client.create_group_id(group("GID_area-2"))
    client.delete_group_id(group("GID_area-2", "DeleteGroupId"))
    assert groups(cloud) == ["GID_area-3"]


def test_instances_have_names_of_their_own(cloud: Sandbox) -> None:
    """The same new name in two instances is given twice."""
    cloud.alibaba.add_foreign_group("GID_area")
    other: Any = cloud.alibaba.instances[1]["InstanceId"]
    client = wrap_client(alibaba_client(cloud), SyncExecutor(quick(), observers=()))
    client.create_group_id(group("GID_area"))
    request = group("GID_area")
    request.instance_id = other
    client.create_group_id(request)
    assert groups(cloud) == ["GID_area-2", "GID_area-2"]


def test_a_blocking_topic_client_keeps_a_hash(cloud: Sandbox) -> None:
    """One hundred characters are the service's own limit."""
    cloud.script("CreateTopic", f"{TAKEN}, ok, {TAKEN}")
    client = wrap_client(
        tencent_client(cloud), SyncExecutor(quick(NUMBERED.replace("shared-", "{name}-")), observers=())
    )
    for number in range(2):
        client.CreateTopic(topic("t" * 99 + str(number)))
    made = {row["Topic"] for row in cloud.tencent.topics}
    assert (len(made), {len(name) for name in made}) == (2, {100})
