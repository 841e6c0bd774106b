"""Attempts under way that processes limit together through a store: around real calls, kills and cancellations."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import other_processes
import pytest
from attrs import evolve, field, frozen
from engine_calls import GROUP, INSTANCE, Log, executor, policy
from servers.redis import RedisServer, redis_server
from servers.slow_door import SlowDoor

from resilience import Executor, SyncExecutor
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.events import Waited
from resilience.core.policy import PolicyValues
from resilience.core.settings.state import OnUnavailable, StateSettings

sys.path.insert(0, str(Path(__file__).parents[1] / "fleet"))
from cancel_at import Backend, Steps, run_with

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "state.db") if request.param == "file" else request.getfixturevalue("server").url


def limited(
    store: str,
    count: int,
    *,
    rate: float | None = None,
    share: int = 1,
    attempt_timeout: float | None = 20.0,
    on_unavailable: OnUnavailable = "local",
) -> PolicyValues:
    """Return a policy that allows so many attempts under way, of all that use the store."""
    rates = {} if rate is None else {"CreateGroupId": Rate(rate, 1.0)}
    return evolve(
        policy({}, attempt_timeout=attempt_timeout),
        rates={"alibaba": RateLimits(operations=rates, concurrency=count, share=share)},
        state=StateSettings(store=store, on_unavailable=on_unavailable),
    )


@frozen
class Service:
    """Notes when each attempt begins and ends, in a file that processes share."""

    path: Path
    takes: float = 0.02
    times: list[tuple[str, float]] = field(factory=list, init=False)

    def note(self, what: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{what} {time.monotonic()} {os.getpid()}\n")

    async def create(self, instance_id: str, group_id: str) -> str:
        self.note("begin")
        try:
            await anyio.sleep(self.takes)
        finally:
            self.note("end")
        return f"{instance_id}/{group_id}"

    def create_in_thread(self) -> None:
        self.note("begin")
        time.sleep(self.takes)
        self.note("end")

    def noted(self) -> list[tuple[str, float, int]]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [(what, float(at), int(process)) for what, at, process in map(str.split, lines)]

    def begun(self) -> list[float]:
        return [at for what, at, _ in self.noted() if what == "begin"]

    def most(self) -> int:
        now = most = 0
        for what, *_ in sorted(self.noted(), key=lambda each: each[1]):
            now += 1 if what == "begin" else -1
            most = max(most, now)
        return most


@pytest.mark.parametrize("count", [1, 4])
async def test_executors_with_one_store_limit_their_attempts_together(
    store: str, count: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Two executors never have more attempts under way than the limit says, and waiting is told."""
    service, log, account = Service(tmp_path / "service"), Log(), request.node.name
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            wrapped = executor(limited(store, count), account=account, observers=[log]).wrap(
                "CreateGroupId", service.create
            )
            for _ in range(15):
                tasks.start_soon(wrapped, INSTANCE, GROUP)
    assert len(service.begun()) == 30
    assert service.most() == count
    assert {event.gate for event in log.events if isinstance(event, Waited)} == {"concurrency"}


async def test_a_rate_and_a_number_under_way_hold_together(store: str, tmp_path: Path, request: Any) -> None:
    """Both limits are kept, with one question for both."""
    service = Service(tmp_path / "service", takes=0.1)
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            wrapped = executor(limited(store, 3, rate=40), account=request.node.name).wrap(
                "CreateGroupId", service.create
            )
            for _ in range(20):
                tasks.start_soon(wrapped, INSTANCE, GROUP)
    assert len(service.begun()) == 40
    assert service.most() == 3


def test_threads_limit_their_attempts_together(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Programs without an event loop do so too."""
    service = Service(tmp_path / "service")

    def create(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # as the catalogue names them
        service.create_in_thread()

    def some() -> None:
        values = limited(store, 2)
        wrapped = SyncExecutor(values, provider="alibaba", account=request.node.name, observers=()).wrap(
            "CreateGroupId", create
        )
        for _ in range(6):
            wrapped(INSTANCE, GROUP)

    threads = [threading.Thread(target=some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(service.begun()) == 24
    assert service.most() == 2


async def test_one_call_after_the_other_leaves_permits_to_others(store: str, request: pytest.FixtureRequest) -> None:
    """Between its calls a program holds up no other, although its lease goes on."""
    values = limited(store, 1, attempt_timeout=None)
    one, other = (executor(values, account=request.node.name) for _ in range(2))

    async def create() -> None: ...

    with anyio.fail_after(10):
        for _ in range(3):
            await one.call("CreateGroupId", create)
            await other.call("CreateGroupId", create)


async def test_without_the_store_each_process_has_its_part(tmp_path: Path) -> None:
    """While the store is away, the limit divided by share holds in this process."""
    (tmp_path / "folder").touch()
    service = Service(tmp_path / "service")
    wrapped = executor(limited(str(tmp_path / "folder" / "state.db"), 8, share=4)).wrap("CreateGroupId", service.create)
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(wrapped, INSTANCE, GROUP)
    assert service.most() == 2


async def test_permits_count_again_when_the_store_is_back(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Attempts that began without the store are told to it afterwards."""
    path, service = tmp_path / "state.db", Service(tmp_path / "service", takes=0.2)
    wrapped = executor(limited(str(path), 2), account=request.node.name).wrap("CreateGroupId", service.create)
    await wrapped(INSTANCE, GROUP)
    holder = sqlite3.connect(path)
    holder.execute("BEGIN IMMEDIATE")
    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(wrapped, INSTANCE, GROUP)
        await anyio.sleep(1.5)
        holder.close()
    assert service.most() == 2
    assert len(service.begun()) == 31


# processes that are killed or stopped


def work(values: PolicyValues, account: str, service: Service, calls: int, backend: str) -> None:
    async def main() -> None:
        wrapped = Executor(values, provider="alibaba", account=account, observers=()).wrap(
            "CreateGroupId", service.create
        )
        async with anyio.create_task_group() as tasks:
            for _ in range(calls):
                tasks.start_soon(wrapped, INSTANCE, GROUP)

    anyio.run(main, backend=backend)


def started(values: PolicyValues, account: str, service: Service, calls: int, backend: str = "asyncio") -> BaseProcess:
    context = other_processes.context()
    process = context.Process(target=work, args=(values, account, service, calls, backend))
    process.start()
    return process


def wait_for(claim: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("kind", "count"), [("file", 3), ("redis", 1)])
def test_processes_never_have_too_many_under_way(
    kind: str, count: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Three processes on asyncio and trio together have at most as many as the limit says."""
    store = str(tmp_path / "state.db") if kind == "file" else request.getfixturevalue("server").url
    service = Service(tmp_path / "service", takes=0.03)
    processes = [
        started(limited(store, count), request.node.name, service, 20, backend)
        for backend in ("asyncio", "trio", "asyncio")
    ]
    for process in processes:
        process.join()
    assert len(service.begun()) == 60
    assert service.most() == count


def test_a_killed_process_gives_its_permit_back_after_the_lease(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The lease is as long as an attempt may take; then another process goes on."""
    values, account = limited(str(tmp_path / "state.db"), 1, attempt_timeout=1.5), request.node.name
    hanging, service = Service(tmp_path / "hanging", takes=1.0), Service(tmp_path / "service")
    holder = started(values, account, hanging, 1)
    wait_for(hanging.begun)
    killed_at = time.monotonic()
    holder.kill()
    holder.join()
    work(values, account, service, 3, "asyncio")
    first = service.begun()[0]
    assert 1.0 <= first - killed_at <= 5.0
    assert len(service.begun()) == 3


def test_a_process_that_was_stopped_begins_nothing_with_its_old_permit(
    server: RedisServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What was under way when it stopped is cut when it goes on; what it begins then has a permit again."""
    values, account = limited(server.url, 1, attempt_timeout=1.0), request.node.name
    stopped, service = Service(tmp_path / "stopped", takes=0.2), Service(tmp_path / "service", takes=0.2)
    process = started(values, account, stopped, 8)
    assert process.pid is not None
    wait_for(lambda: len(stopped.begun()) >= 2)
    os.kill(process.pid, signal.SIGSTOP)
    other = started(values, account, service, 15)
    try:
        wait_for(lambda: len(service.begun()) >= 3)
    finally:
        woken_at = time.monotonic()
        os.kill(process.pid, signal.SIGCONT)
    process.join()
    other.join()
    merged = sorted([*stopped.noted(), *service.noted()], key=lambda each: each[1])
    ends = dict.fromkeys((process.pid, other.pid), 0.0)
    for what, at, who in merged:
        if what == "end":
            ends[who] = at
    assert (len(stopped.begun()), len(service.begun())) == (8, 15)
    after = [each for each in merged if each[1] >= woken_at]
    # The attempt that was under way when it stopped ends now; no other overlaps.
    leftover = next((number for number, each in enumerate(after) if each[0] == "end" and each[2] == process.pid), None)
    before = [each for each in merged if each[1] < woken_at and each[2] == process.pid]
    if before[-1][0] == "begin" and leftover is not None:
        del after[leftover]
    under_way = most = sum(
        1 if what == "begin" else -1 for what, at, who in merged if at < woken_at and who == other.pid
    )
    for what, *_ in after:
        under_way += 1 if what == "begin" else -1
        most = max(most, under_way)
    assert most <= 1


# cancellation


@pytest.mark.parametrize("clock", ["virtual", "real"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancellation_at_any_point_gives_the_permit_back(backend: Backend, clock: str, tmp_path: Path) -> None:
    """Whenever a call is cancelled, another executor has the only permit soon, although leases go on for minutes."""
    last = 0
    while True:
        last += 1
        steps = Steps(last)
        values = limited(str(tmp_path / f"{last}.db"), 1, attempt_timeout=None)

        async def main(values: PolicyValues = values, steps: Steps = steps) -> None:
            one, other = executor(values), executor(values)

            async def create() -> None:
                await anyio.lowlevel.checkpoint()

            async def both() -> None:
                async with anyio.create_task_group() as tasks:
                    for _ in range(2):
                        tasks.start_soon(one.call, "CreateGroupId", create)

            await steps.cover(both)
            with anyio.fail_after(10):
                await other.call("CreateGroupId", create)

        run_with(steps, backend, main, is_virtual=clock == "virtual")
        if not steps.was_reached:
            break
    assert last > 5


# a store that is slow, or begins anew


@pytest.mark.parametrize("count", [1, 3])
async def test_a_slow_store_makes_no_attempt_too_many(
    server: RedisServer, count: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A fifth of a second away: what an answer says is what was true when it was made."""
    service, door = Service(tmp_path / "service", takes=0.05), SlowDoor(server.port, 0.1)
    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                values = limited(door.url, count, on_unavailable="fail")
                wrapped = executor(values, account=request.node.name).wrap("CreateGroupId", service.create)
                for _ in range(8):
                    tasks.start_soon(wrapped, INSTANCE, GROUP)
    finally:
        door.close()
    assert len(service.begun()) == 24
    assert service.most() == count


async def test_a_store_that_begins_anew_is_told_what_is_under_way(tmp_path: Path) -> None:
    """When a server has lost everything, attempts that go on count again with the next question."""
    service = Service(tmp_path / "service", takes=0.3)
    with redis_server() as own:
        values = limited(own.url, 2)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                wrapped = executor(values).wrap("CreateGroupId", service.create)
                for _ in range(12):
                    tasks.start_soon(wrapped, INSTANCE, GROUP)
            await anyio.sleep(1.0)
            await anyio.to_thread.run_sync(own.kill)
            await anyio.to_thread.run_sync(own.start)
            restarted = time.monotonic()
    assert len(service.begun()) == 24
    # While it is away each has the limit for itself, and what it began then is known a second after it is back.
    times = [(at, 1 if what == "begin" else -1) for what, at, _ in service.noted()]
    now = 0
    for at, change in sorted(times):
        now += change
        assert now <= (2 if not restarted - 1.0 <= at <= restarted + 3.0 else 4)
