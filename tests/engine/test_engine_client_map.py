"""Methods of wrapped clients can be bound, and their calls mapped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from wrapped_clients import alibaba_client, async_tencent_client, group, quick, sandboxed, tencent_client, topic

from resilience import Executor, Outcome, SyncExecutor
from resilience.engine.client.wrapped_client import wrap_client
from resilience.sandbox import Sandbox


@pytest.fixture
def cloud() -> Iterator[Sandbox]:
    with sandboxed() as running:
        yield running


def test_blocking_methods_are_mapped_in_threads(cloud: Sandbox) -> None:
    """Each outcome has an answer of the SDK's own type; a refusal is an outcome with the service's own exception."""
    executor = SyncExecutor(quick())
    alibaba, tencent = (wrap_client(make(cloud), executor) for make in (alibaba_client, tencent_client))
    names = [f"GID_sensors_{number}" for number in range(20)]
    calls = [executor.bind(alibaba.create_group_id, group(name)) for name in names]
    calls += [executor.bind(tencent.CreateTopic, topic(name)) for name in names]
    calls += [executor.bind(alibaba.create_group_id, group("no such name"))]
    outcomes = list(executor.map(calls, concurrency=4, ordered=True))
    assert [outcome.ended for outcome in outcomes] == ["success"] * 40 + ["failed"]
    assert {type(outcome.value).__name__ for outcome in outcomes[:40]} == {
        "CreateGroupIdResponse",
        "CreateTopicResponse",
    }
    assert type(outcomes[40].error).__module__.startswith(("Tea", "darabonba", "alibabacloud"))
    assert {outcome.call.function for outcome in outcomes} == {"create_group_id", "CreateTopic"}


def test_asynchronous_methods_are_mapped_on_the_loop(cloud: Sandbox) -> None:
    """Alibaba's ``_async`` methods and Tencent's asynchronous client."""
    executor = Executor(quick())

    async def main() -> list[Outcome[Any]]:
        alibaba = wrap_client(alibaba_client(cloud), executor)
        async with async_tencent_client(cloud) as client:
            tencent = wrap_client(client, executor)
            calls = [executor.bind(alibaba.create_group_id_async, group(f"GID_sensors_{each}")) for each in range(5)]
            calls += [executor.bind(tencent.CreateTopic, topic(f"t-{each}")) for each in range(5)]
            async with executor.map(calls, concurrency=4) as outcomes:
                return [outcome async for outcome in outcomes]

    assert [outcome.ended for outcome in asyncio.run(main())] == ["success"] * 10


def test_a_method_for_the_other_executor_is_refused(cloud: Sandbox) -> None:
    """With the name of the one that takes it."""
    executor = Executor(quick())
    client = wrap_client(alibaba_client(cloud), executor)
    with pytest.raises(TypeError, match=r"create_group_id is blocking: use SyncExecutor.map"):
        executor.bind(client.create_group_id, group("GID_sensors"))
    with pytest.raises(TypeError, match=r"create_group_id_async is asynchronous: use Executor.map"):
        SyncExecutor(quick()).bind(client.create_group_id_async, group("GID_sensors"))
    with pytest.raises(TypeError, match="is no method of a wrapped client"):
        executor.bind(alibaba_client(cloud).create_group_id_async, group("GID_sensors"))
