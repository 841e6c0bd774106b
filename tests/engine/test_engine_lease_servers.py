"""A server that keeps the ledger dies, or answers nothing for a while, in the middle of many calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import anyio
import anyio.to_thread
import pytest
from engine_calls import AT_ONCE, INSTANCE, executor, policy, refused
from servers.postgres import postgres_server
from servers.redis import redis_server

from resilience import Ledger

# The library for Redis does not close what it made for a connection that failed.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning")]

CALLS = 60


class Server(Protocol):
    """A server that a test may end or stop."""

    def kill(self) -> None: ...

    def start(self) -> None: ...

    def freeze(self) -> None: ...

    def wake(self) -> None: ...


@contextmanager
def postgres() -> Iterator[tuple[Server, str]]:
    with postgres_server() as server:
        yield server, server.url()


@contextmanager
def redis() -> Iterator[tuple[Server, str]]:
    with redis_server(appendonly=True) as server:
        yield server, server.url


SERVERS = [pytest.param(postgres, id="postgres"), pytest.param(redis, id="redis")]


@pytest.mark.parametrize("place", SERVERS)
@pytest.mark.parametrize(("anyio_backend", "end", "begin"), [("asyncio", "kill", "start"), ("trio", "freeze", "wake")])
async def test_a_server_that_comes_back_loses_nothing(place: Any, end: str, begin: str) -> None:
    """All calls under way wait for it; each resource is made once, and the ledger knows it."""
    made: Counter[str] = Counter()
    attempts: Counter[str] = Counter()
    limit = anyio.CapacityLimiter(8)
    is_half_done = anyio.Event()

    async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # as the catalogue
        await anyio.sleep(0.02)
        attempts[group_id] += 1
        if attempts[group_id] == 1 and group_id.endswith("5"):
            raise refused("Busy")
        made[group_id] += 1
        if made.total() == CALLS // 2:
            is_half_done.set()
        return group_id

    with place() as (server, url), Ledger(url, lease=4.0) as ledger:
        create = executor(policy({"Busy": AT_ONCE}, settle=0.0), ledger=ledger).wrap("CreateGroupId", create_group)
        outcomes = []

        async def call(number: int) -> None:
            async with limit:
                outcomes.append(await create.outcome(INSTANCE, f"GID_{number:03}"))

        async with anyio.create_task_group() as group:
            for number in range(CALLS):
                group.start_soon(call, number)
            await is_half_done.wait()
            await anyio.to_thread.run_sync(getattr(server, end))
            await anyio.sleep(1.5)
            await anyio.to_thread.run_sync(getattr(server, begin))
        assert [str(outcome.error) for outcome in outcomes if outcome.error is not None] == []
        assert Counter(outcome.ended for outcome in outcomes) == {"success": 54, "success_after_retry": 6}
        assert set(made.values()) == {1}
        entries = await anyio.to_thread.run_sync(ledger.entries)
    assert len(entries) == CALLS
    assert {each.state for each in entries} == {"done"}
