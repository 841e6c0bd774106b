"""Breakers and budgets that processes share through a store, around real calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from engine_calls import RETRY, Log, Service, executor, policy, refused
from servers.redis import RedisServer, redis_server

from resilience import BreakerOpen, BudgetExhausted, ServiceError, StateError, SyncExecutor
from resilience.core.admission.limits import BreakerLimits, BudgetLimits
from resilience.core.backoff import Backoff
from resilience.core.events import BreakerChanged
from resilience.core.policy import PolicyValues
from resilience.core.settings.state import OnUnavailable, StateSettings
from resilience.engine.sharing import shared_store

pytestmark = pytest.mark.anyio
QUICK = evolve(RETRY, backoff=Backoff(kind="constant", base=0.01, jitter="none"))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "state.db") if request.param == "file" else request.getfixturevalue("server").url


def shared(
    store: str,
    *,
    breaker: BreakerLimits | None = None,
    budget: BudgetLimits | None = None,
    on_unavailable: OnUnavailable = "local",
) -> PolicyValues:
    return evolve(
        policy({"Down": QUICK}, max_attempts=10),
        breakers={} if breaker is None else {"alibaba": breaker},
        budgets={} if budget is None else {"alibaba": budget},
        state=StateSettings(store=store, on_unavailable=on_unavailable),
    )


def down() -> ServiceError:
    return refused("Broken", status=500)


async def test_a_breaker_that_one_executor_opens_refuses_the_calls_of_another(
    store: str, request: pytest.FixtureRequest
) -> None:
    """The other learns it within a second, tells of it, and sends nothing until probes have succeeded."""
    breaker = BreakerLimits(min_calls=2, failure_rate=0.6, open_for=1.5, probes=1)
    values, account, log = shared(store, breaker=breaker), request.node.name, Log()
    one = executor(values, account=account)
    other = executor(values, account=account, observers=[log])
    service = Service()
    await other.call("CreateGroupId", service)
    for _ in range(2):
        with pytest.raises(ServiceError):
            await one.call("CreateGroupId", Service(down()))
    await anyio.sleep(0.15)
    with pytest.raises(BreakerOpen):
        await one.call("CreateGroupId", service)
    await anyio.sleep(1.0)
    with pytest.raises(BreakerOpen) as caught:
        await other.call("CreateGroupId", service)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 1.5
    changed = log.last(BreakerChanged)
    assert (changed.old, changed.new) == ("closed", "open")
    await anyio.sleep(1.6)
    await other.call("CreateGroupId", Service())
    await anyio.sleep(0.15)
    await other.call("CreateGroupId", Service())
    await one.call("CreateGroupId", Service())
    assert [executor.breaker().state for executor in (one, other)] == ["closed", "closed"]
    assert len(service.calls) == 1


async def test_two_executors_make_the_retries_of_one_budget(store: str, request: pytest.FixtureRequest) -> None:
    """Five retries are paid for in all, and the sixth attempt's call is refused."""
    values = shared(store, budget=BudgetLimits(capacity=5, cost=1, deposit=0))
    sent = []
    for _ in range(2):
        running = executor(values, account=request.node.name)
        service = Service(*[refused("Down") for _ in range(20)])
        with pytest.raises(BudgetExhausted):
            await running.call("CreateGroupId", service)
        sent.append(len(service.calls))
    assert sent == [6, 1]


async def test_what_is_done_by_hand_holds_in_all_executors(store: str, request: pytest.FixtureRequest) -> None:
    """An executor that makes no call opens the breaker for the others, and closes it again."""
    values, account, log = shared(store, breaker=BreakerLimits()), request.node.name, Log()
    hand = SyncExecutor(values, provider="alibaba", account=account, observers=())
    other = executor(values, account=account, observers=[log])
    await other.call("CreateGroupId", Service())
    hand.breaker().open()
    await anyio.sleep(1.1)
    with pytest.raises(BreakerOpen):
        await other.call("CreateGroupId", Service())
    assert other.breaker().is_held
    assert log.last(BreakerChanged).by_hand
    # This one knows nothing yet.
    third = executor(values, account=account)
    with pytest.raises(BreakerOpen):
        await third.call("CreateGroupId", Service())
    third.breaker().reset()
    await anyio.sleep(1.1)
    await other.call("CreateGroupId", Service())
    assert not other.breaker().is_held


def test_a_breaker_is_opened_by_hand_without_the_store(tmp_path: Path) -> None:
    """The process itself refuses; nothing is raised, and the store's absence is said."""
    (tmp_path / "folder").touch()
    values = shared(str(tmp_path / "folder" / "state.db"), breaker=BreakerLimits())
    one = SyncExecutor(values, provider="alibaba", observers=())
    one.breaker().open()
    with pytest.raises(BreakerOpen):
        one.call("CreateGroupId", lambda: None)


def test_threads_share_them_too(store: str, request: pytest.FixtureRequest) -> None:
    """Programs without an event loop ask the store from the threads that make calls."""
    values = shared(store, budget=BudgetLimits(capacity=3, cost=1, deposit=0), breaker=BreakerLimits(min_calls=50))
    sent = 0

    def create() -> None:
        nonlocal sent
        sent += 1
        raise refused("Down")

    for _ in range(2):
        running = SyncExecutor(values, provider="alibaba", account=request.node.name, observers=())
        with pytest.raises(BudgetExhausted):
            running.call("CreateGroupId", create)
    assert sent == 5


@pytest.mark.parametrize("on_unavailable", ["local", "fail"])
async def test_without_the_store_each_process_decides_by_itself_or_not_at_all(
    tmp_path: Path, on_unavailable: OnUnavailable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaker and budget go on in this process, or calls end before they are sent."""
    monkeypatch.setattr(shared_store, "TIMEOUT", 0.2)
    path = tmp_path / "state.db"
    values = shared(
        str(path),
        breaker=BreakerLimits(min_calls=2, failure_rate=0.6, open_for=60.0),
        budget=BudgetLimits(capacity=2, cost=1),
        on_unavailable=on_unavailable,
    )
    running = executor(values)
    await running.call("CreateGroupId", Service())
    holder = sqlite3.connect(path)
    holder.execute("BEGIN IMMEDIATE")
    await anyio.sleep(1.0)
    service = Service(down(), down())
    if on_unavailable == "fail":
        with pytest.raises(StateError):
            await running.call("CreateGroupId", service)
        assert service.calls == []
    else:
        for _ in range(2):
            with pytest.raises(ServiceError):
                await running.call("CreateGroupId", service)
        with pytest.raises(BreakerOpen):
            await running.call("CreateGroupId", service)
    holder.close()
