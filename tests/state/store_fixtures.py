"""Stores in memory, in a file and on a server, which do everything alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers.redis import RedisServer, redis_server

from resilience.state.redis_client import RedisClient
from resilience.state.store import Store
from resilience.state.store.memory import MemoryStore
from resilience.state.store.opening import open_store


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["memory", "sqlite", "redis"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the same store once more, as another process does."""
    opened: list[Store] = []
    memory = MemoryStore()
    where = str(tmp_path / "state.db")
    if request.param == "redis":
        where = request.getfixturevalue("server").url
        RedisClient(where).ask(lambda client: client.flushall(), 5.0)

    def opening() -> Store:
        opened.append(memory if request.param == "memory" else open_store(where))
        return opened[-1]

    yield opening
    for store in opened:
        store.close()


@pytest.fixture
def store(another: Callable[[], Store]) -> Store:
    return another()
