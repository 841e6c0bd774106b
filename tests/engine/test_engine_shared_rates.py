"""Rate limits that processes share through a store, around real calls; and what calls do while the store is away."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterator, Sequence
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import other_processes
import pytest
from attrs import evolve
from engine_calls import FAIL, GROUP, INSTANCE, ONE_SECOND, RETRY, Log, executor, policy, refused
from servers.redis import RedisServer, redis_server

from resilience import Executor, RateExceeded, StateError, SyncExecutor
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.events import CallEnded, RateAdapted, StateChanged
from resilience.core.policy import PolicyValues
from resilience.core.settings.state import OnUnavailable, StateSettings
from resilience.engine.sharing import shared_store

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


def shared(
    store: Path | str,
    count: float = 100,
    *,
    per: float = 1.0,
    share: int = 1,
    on_unavailable: OnUnavailable = "local",
    deadline: float = 600.0,
    **more: Any,
) -> PolicyValues:
    """Return a policy that allows so many CreateGroupId, of all that use the store."""
    limits = RateLimits(operations={"CreateGroupId": Rate(count, per)}, share=share, **more)
    state = StateSettings(store=str(store), on_unavailable=on_unavailable)
    return evolve(policy({"Bad": FAIL}, deadline=deadline), rates={"alibaba": limits}, state=state)


def peak(instants: Sequence[float]) -> int:
    """Return the most calls that began in any second."""
    times = sorted(instants)
    return max(bisect_left(times, each + 1.0 - 1e-9) - number for number, each in enumerate(times))


def creating(made: list[float]) -> Callable[[str, str], Coroutine[Any, Any, str]]:
    """Return a function that makes groups, and notes when."""

    async def create(instance_id: str, group_id: str) -> str:
        made.append(time.monotonic())
        return f"{instance_id}/{group_id}"

    return create


def work(values: PolicyValues, calls: int, backend: str, pipe: Connection) -> None:
    """Make calls in a process of its own; send when they were made, on the clock of the machine."""
    made: list[float] = []

    async def main() -> None:
        wrapped = Executor(values, provider="alibaba", observers=()).wrap("CreateGroupId", creating(made))
        async with anyio.create_task_group() as tasks:
            for _ in range(calls):
                tasks.start_soon(wrapped, INSTANCE, GROUP)

    anyio.run(main, backend=backend)
    pipe.send(made)


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_four_processes_share_a_limit(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    """Processes on asyncio and trio, which know nothing of each other, together send what the limit allows."""
    store = tmp_path / "state.db" if kind == "file" else request.getfixturevalue("server").url
    context = other_processes.context()
    ends = []
    for backend in ("asyncio", "trio", "asyncio", "trio"):
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(shared(store, 50), 50, backend, theirs))
        process.start()
        ends.append((process, ours))
    made = [at for _, pipe in ends for at in pipe.recv()]
    for process, _ in ends:
        process.join()
    assert len(made) == 200
    # A machine that is busy wakes them later than they asked for.
    assert peak(made) <= 50 * 1.1


async def test_executors_of_one_process_share_it_too(tmp_path: Path) -> None:
    """Two executors with one store have one limit."""
    made: list[float] = []
    async with anyio.create_task_group() as tasks:
        for one in (executor(shared(tmp_path / "state.db", 20)), executor(shared(tmp_path / "state.db", 20))):
            wrapped = one.wrap("CreateGroupId", creating(made))
            for _ in range(15):
                tasks.start_soon(wrapped, INSTANCE, GROUP)
    assert len(made) == 30
    assert peak(made) <= 21
    assert max(made) - min(made) >= 1.0


def test_threads_share_it(tmp_path: Path) -> None:
    """Programs without an event loop ask the store from the threads that make calls."""
    made: list[float] = []
    wrapped = SyncExecutor(shared(tmp_path / "state.db", 20), provider="alibaba", observers=()).wrap(
        "CreateGroupId", lambda: made.append(time.monotonic())
    )
    threads = [threading.Thread(target=lambda: [wrapped() for _ in range(5)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 30
    assert peak(made) <= 21


def test_what_one_executor_is_refused_slows_the_other(tmp_path: Path) -> None:
    """Two executors find together what the service takes, and each tells how the limit has adapted."""
    times: list[float] = []
    refusals: list[float] = []

    async def create(instance_id: str, group_id: str) -> str:
        now = time.monotonic()
        if sum(each > now - 1.0 for each in times[-20:]) >= 20:
            refusals.append(now)
            raise refused("Busy", status=429)
        times.append(now)
        return f"{instance_id}/{group_id}"

    patient = evolve(RETRY, backoff=evolve(ONE_SECOND, base=0.01), counts=False)
    values = evolve(shared(tmp_path / "state.db", 80, adaptive=True), rules=policy({"Busy": patient}).rules)
    logs = [Log(), Log()]

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for log in logs:
                wrapped = executor(values, observers=[log]).wrap("CreateGroupId", create)
                for _ in range(60):
                    tasks.start_soon(wrapped, INSTANCE, GROUP)

    anyio.run(main)
    began = times[0]
    assert len(times) == 120
    assert times[-1] - began <= 120 / 20 * 1.5
    assert sum(each > began + 3.0 for each in refusals) <= 0.3 * sum(each > began + 3.0 for each in times)
    for log in logs:
        adapted = [event.change for event in log.events if isinstance(event, RateAdapted)]
        assert adapted[0].old == 80
        assert adapted[-1].new <= 40


async def test_a_call_that_would_come_too_late_is_refused_at_once(tmp_path: Path) -> None:
    """What the store says of the next slot decides as a limit of one's own does."""
    values = shared(tmp_path / "state.db", 1, per=30.0, deadline=10.0)
    wrapped = executor(values).wrap("CreateGroupId", creating([]))
    await wrapped(INSTANCE, GROUP)
    began = time.monotonic()
    with pytest.raises(RateExceeded):
        await wrapped(INSTANCE, GROUP)
    assert time.monotonic() - began < 5.0


async def test_a_cancelled_call_takes_nothing_along(tmp_path: Path) -> None:
    """Calls go on with the slots that a cancelled call has asked for."""
    made: list[float] = []
    wrapped = executor(shared(tmp_path / "state.db", 50)).wrap("CreateGroupId", creating(made))
    async with anyio.create_task_group() as tasks:
        for number in range(20):

            async def cut(number: int = number) -> None:
                with anyio.move_on_after(0.002 * number):
                    await wrapped(INSTANCE, GROUP)

            tasks.start_soon(cut)
        with anyio.fail_after(5):
            async with anyio.create_task_group() as inner:
                for _ in range(20):
                    inner.start_soon(wrapped, INSTANCE, GROUP)
    assert len(made) >= 20


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """Return the path of a store that cannot be used until the file in its place is removed."""
    blocker = tmp_path / "folder"
    blocker.touch()
    return blocker / "state.db"


async def test_without_its_store_a_process_keeps_its_part_of_the_limit(
    away: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The store's absence is said once, in the log and to observers, and the limit divided by share holds."""
    made: list[float] = []
    log = Log()
    wrapped = executor(shared(away, 40, share=4), observers=[log]).wrap("CreateGroupId", creating(made))
    with caplog.at_level(logging.WARNING, "resilience"):
        async with anyio.create_task_group() as tasks:
            for _ in range(25):
                tasks.start_soon(wrapped, INSTANCE, GROUP)
    assert len(made) == 25
    assert peak(made) == 10
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith(f"state {away}: File exists; check the path and its permissions")
    assert warning.endswith("until it is back, this process keeps its own part of the limits")
    assert [event for event in log.events if isinstance(event, StateChanged)] == [
        StateChanged(is_away=True, on_unavailable="local")
    ]


async def test_a_store_that_is_back_is_used_without_a_restart(away: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Calls try it again by themselves, after a pause."""
    log = Log()
    wrapped = executor(shared(away, 100), observers=[log]).wrap("CreateGroupId", creating([]))
    with caplog.at_level(logging.WARNING, "resilience"):
        await wrapped(INSTANCE, GROUP)
        away.parent.unlink()
        with anyio.fail_after(10):
            while log.events.count(StateChanged(is_away=False, on_unavailable="local")) == 0:
                await wrapped(INSTANCE, GROUP)
                await anyio.sleep(0.05)
    assert [record.getMessage() for record in caplog.records][-1] == f"state {away}: it is back"
    changes = [event.is_away for event in log.events if isinstance(event, StateChanged)]
    assert changes == [True, False]


async def test_where_the_policy_says_fail_nothing_is_sent(away: Path) -> None:
    """A call ends with our own error, which says what to do, until the store is back."""
    made: list[float] = []
    log = Log()
    one = executor(shared(away, on_unavailable="fail"), observers=[log])
    wrapped = one.wrap("CreateGroupId", creating(made))
    for _ in range(2):
        outcome = await wrapped.outcome(INSTANCE, GROUP)
        assert (outcome.ended, outcome.stop_reason) == ("refused", "state")
        assert isinstance(outcome.error, StateError)
        assert "check the path and its permissions" in str(outcome.error)
    assert made == []
    assert log.last(CallEnded).stop_reason == "state"
    away.parent.unlink()
    with anyio.fail_after(10):
        while not made:
            await wrapped.outcome(INSTANCE, GROUP)
            await anyio.sleep(0.05)


@pytest.mark.parametrize("on_unavailable", ["local", "fail"])
async def test_a_store_that_does_not_answer_is_left_alone_after_its_own_time(
    tmp_path: Path, on_unavailable: OnUnavailable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is locked keeps a call for the store's time-out, and the calls after it not at all."""
    monkeypatch.setattr(shared_store, "TIMEOUT", 0.2)
    path = tmp_path / "state.db"
    one = executor(shared(path, 1000, on_unavailable=on_unavailable))
    wrapped = one.wrap("CreateGroupId", creating([]))
    await wrapped(INSTANCE, GROUP)
    await anyio.sleep(0.2)  # the slots of that question are too old to be used
    holder = sqlite3.connect(path)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    first = await wrapped.outcome(INSTANCE, GROUP)
    took = time.monotonic() - began
    assert 0.15 <= took < 2.0
    assert first.stop_reason == ("success" if on_unavailable == "local" else "state")
    began = time.monotonic()
    await wrapped.outcome(INSTANCE, GROUP)
    assert time.monotonic() - began < 0.15
    holder.close()


async def test_a_server_that_restarts_in_mid_run_costs_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """Calls go on at this process's part of the limit, and together again when the server is back."""
    made: list[float] = []
    log = Log()
    with redis_server() as server, caplog.at_level(logging.WARNING, "resilience"):
        wrapped = executor(shared(server.url, 50, share=2), observers=[log]).wrap("CreateGroupId", creating(made))
        await wrapped(INSTANCE, GROUP)  # imports coredis, which takes longer than a restart where a machine is busy
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(150):
                    tasks.start_soon(wrapped, INSTANCE, GROUP)
                await anyio.sleep(0.5)
                await anyio.to_thread.run_sync(server.kill)
                await anyio.sleep(1.0)
                await anyio.to_thread.run_sync(server.start)
            while StateChanged(is_away=False, on_unavailable="local") not in log.events:
                await wrapped(INSTANCE, GROUP)
                await anyio.sleep(0.05)
    assert len(made) >= 150
    assert peak(made) <= 50 * 1.1 + 5
    changes = [event.is_away for event in log.events if isinstance(event, StateChanged)]
    assert changes == [True, False]
    assert len(caplog.records) == 2
    assert "it cannot be reached" in caplog.records[0].getMessage()


async def test_a_server_that_hangs_in_mid_run_stops_no_call() -> None:
    """Calls wait for the store's own time-out, once, and not for the server to go on."""
    made: list[float] = []
    with redis_server() as server:
        wrapped = executor(shared(server.url, 50)).wrap("CreateGroupId", creating(made))
        await wrapped(INSTANCE, GROUP)
        made.clear()
        try:
            with anyio.fail_after(15):
                async with anyio.create_task_group() as tasks:
                    for _ in range(100):
                        tasks.start_soon(wrapped, INSTANCE, GROUP)
                    await anyio.sleep(0.3)
                    server.freeze()
        finally:
            server.wake()
    assert len(made) == 100
    assert max(late - early for early, late in pairwise(sorted(made))) < 3 * shared_store.TIMEOUT


def test_the_store_is_not_opened_before_a_call_needs_it(tmp_path: Path) -> None:
    """A policy with a state costs nothing until a limited call is made."""
    executor(shared(tmp_path / "state.db")).wrap("CreateGroupId", creating([]))
    assert not (tmp_path / "state.db").exists()
