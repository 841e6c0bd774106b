"""Refreshes of credentials, of processes that share a store: one at a time, and few while the service is down."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import other_processes
import pytest
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from attrs import define, evolve, field
from engine_calls import REFRESH, Log, executor, policy, refused
from servers.redis import RedisServer, redis_server
from servers.slow_door import SlowDoor

from resilience import Credentials, Executor, RemedyFailed, StateError, SyncExecutor
from resilience.clients.common.keys import KeyTriple
from resilience.core.admission.shared.refresh_record import RefreshRecord, refresh_record
from resilience.core.admission.shared.reservation import GivenSlots, SlotRequest
from resilience.core.events import RefreshEnded, RefreshStarted, Waited
from resilience.core.policy import PolicyValues
from resilience.core.settings.credentials import CredentialLimits, CredentialSource, SourceKind
from resilience.core.settings.state import OnUnavailable, StateSettings
from resilience.engine.credentials.loaded import Loaded
from resilience.engine.credentials.policy_source import PolicySources
from resilience.engine.credentials.refreshes import RefreshInFlight
from resilience.engine.runtime.event_loop import LOOP
from resilience.engine.runtime.plain_thread import THREAD, drive
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.sharing import refresh_turns
from resilience.engine.sharing.refresh_turns import RefreshTurns
from resilience.engine.sharing.shared_store import SharedStore
from resilience.state.store.memory import MemoryStore

sys.path.insert(0, str(Path(__file__).parents[1] / "fleet"))
from cancel_at import Backend, Steps, run_with

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


def sharing(
    store: str = "shared.db", *, cool_down: float = 5.0, on_unavailable: OnUnavailable = "local", **more: Any
) -> PolicyValues:
    return evolve(
        policy({"Expired": REFRESH}, **more),
        credentials={"alibaba": CredentialLimits(cool_down=cool_down)},
        state=StateSettings(store=store, on_unavailable=on_unavailable),
    )


@define(eq=False)
class Sts:
    """A token service that counts; it fails while ``is_down``."""

    takes: float = 0.1
    is_down: bool = False
    asked: list[float] = field(factory=list)
    under_way: int = 0
    most: int = 0

    async def key(self) -> str:
        self.asked.append(anyio.current_time())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await anyio.sleep(self.takes)
            if self.is_down:
                raise OSError("sts is away")
            return f"key-{len(self.asked)}"
        finally:
            self.under_way -= 1

    def source(self, expires: Callable[[str], float] | None = None) -> Credentials[str]:
        return Credentials(self.key, expires=expires)

    def peak(self) -> int:
        return max(sum(at <= each < at + 1.0 for each in self.asked) for at in self.asked)


def caller(source: Credentials[str], values: PolicyValues, **more: Any) -> Callable[[], Coroutine[Any, Any, str]]:
    async def call() -> str:
        return source.current()

    one = executor(values, credentials={"alibaba": source}, **more)
    return lambda: one.call("CreateGroupId", call)


@pytest.mark.parametrize("takes", [0.001, 0.1, 0.3])
async def test_fifty_processes_without_a_key_ask_one_after_the_other(takes: float) -> None:
    """Each gets a key of its own; one request is under way at a time, and few begin in a second."""
    sts = Sts(takes)
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(caller(sts.source(), sharing()))
    assert len(sts.asked) == 50
    assert sts.most == 1
    assert sts.peak() <= refresh_turns.PER_SECOND
    took = sts.asked[-1] - sts.asked[0]
    assert took <= 50 * max(1.1 / refresh_turns.PER_SECOND, takes + refresh_turns.PER_SECOND / 200)


async def test_keys_that_are_refused_are_renewed_one_after_the_other() -> None:
    """It is the same for a refresh that a fault asks for; the wait for it is told."""
    sts, log = Sts(), Log()
    made: list[str] = []

    async def work(observers: list[Log]) -> None:
        source = sts.source()

        async def call() -> str:
            used = source.current()
            if int(used.partition("-")[2]) <= 10:
                raise refused("Expired")
            return used

        one = executor(sharing(), credentials={"alibaba": source}, observers=observers)
        made.append(await one.call("CreateGroupId", call))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(work, [log])
    assert len(sts.asked) == 20
    assert sts.most == 1
    assert len(made) == 10
    waits = [event for event in log.events if isinstance(event, Waited)]
    assert {event.gate for event in waits} == {"credentials"}
    refreshes = [event for event in log.events if isinstance(event, RefreshStarted) and event.number]
    assert len(refreshes) == 10
    # The first turn comes at once.
    assert len(waits) >= 9 + 9


async def test_a_service_that_is_down_is_asked_once_in_a_cool_down() -> None:
    """The others get that failure, which names its class, without asking; then one of them tries again."""
    sts = Sts(is_down=True)
    failed: list[RemedyFailed] = []

    async def work() -> None:
        call = caller(sts.source(), sharing(cool_down=5.0))
        for _ in range(12):
            try:
                await call()
            except RemedyFailed as error:
                failed.append(error)
            await anyio.sleep(1.0)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(work)
    assert len(failed) == 240
    assert 2 <= len(sts.asked) <= 4
    others = [error for error in failed if "a refresh of another process has failed (OSError)" in str(error)]
    assert len(others) >= 200
    assert "sts is away" not in " ".join(map(str, failed))


async def test_one_process_that_fails_does_not_condemn_the_service() -> None:
    """While the refreshes of others succeed, a process that cannot refresh stands alone with that."""
    good, bad = Sts(), Sts(is_down=True)
    await caller(good.source(), sharing())()
    for _ in range(3):
        with pytest.raises(RemedyFailed):
            await caller(bad.source(), sharing())()
        await caller(good.source(), sharing())()
    assert (len(good.asked), len(bad.asked)) == (4, 3)


async def test_what_is_still_valid_is_not_waited_for() -> None:
    """Ahead of expiry a call goes on with what it has while another process refreshes, and a later call renews it."""
    sts = Sts(takes=3.0)
    sources = [sts.source(lambda _: time.time() + 3600) for _ in range(2)]
    log = Log()
    calls = [caller(source, sharing(), observers=[log]) for source in sources]
    for source, call in zip(sources, calls, strict=True):
        await call()
        assert isinstance(source.loaded, Loaded)
        source.loaded.expires_at, source.loaded.renew_at = time.time() + 60, 0.0
    took: list[float] = []

    async def timed(call: Callable[[], Coroutine[Any, Any, str]]) -> None:
        began = anyio.current_time()
        await call()
        took.append(anyio.current_time() - began)

    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(timed, call)
    assert min(took) < 0.1
    assert [source.generation for source in sources] in ([1, 2], [2, 1])
    # A refresh that has not begun is not told.
    assert sum(isinstance(event, RefreshStarted) for event in log.events) == 3
    time.sleep(1.1)  # noqa: ASYNC251  # what expires does so by the real clock
    for call in calls:
        await call()
    assert [source.generation for source in sources] == [2, 2]


async def test_accounts_and_functions_have_turns_of_their_own() -> None:
    """What is of another account is not waited for."""
    sts = Sts(takes=5.0)
    async with anyio.create_task_group() as tasks:
        for account in ("1", "2"):
            tasks.start_soon(caller(sts.source(), sharing(), account=account))
    assert sts.most == 2


async def test_without_the_executor_a_load_keeps_the_turn_too() -> None:
    """A source that an executor has takes turns also where the program loads it by itself."""
    sts = Sts()
    sources = [sts.source() for _ in range(3)]
    for source in sources:
        executor(sharing(), credentials={"alibaba": source})
    async with anyio.create_task_group() as tasks:
        for source in sources:
            tasks.start_soon(source.load)
    assert (len(sts.asked), sts.most) == (3, 1)


async def test_a_policy_that_is_switched_off_shares_nothing() -> None:
    """Each process refreshes by itself."""
    sts = Sts()
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(caller(sts.source(), sharing(), enabled=False))
    assert sts.most == 3


@pytest.mark.parametrize("clock", ["virtual", "real"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancellation_at_any_point_leaves_the_turn_to_others(backend: Backend, clock: str, tmp_path: Path) -> None:
    """Whenever a refresh or the wait for it is cancelled, another process has its turn soon."""
    last = 0
    while True:
        last += 1
        steps, sts = Steps(last), Sts(takes=0.0)
        values = sharing(str(tmp_path / f"{last}.db"))

        async def main(values: PolicyValues = values, steps: Steps = steps, sts: Sts = sts) -> None:
            async def two() -> None:
                async with anyio.create_task_group() as tasks:
                    for _ in range(2):
                        tasks.start_soon(caller(sts.source(), values))

            await steps.cover(two)
            with anyio.fail_after(5):
                await caller(sts.source(), values)()

        run_with(steps, backend, main, is_virtual=clock == "virtual")
        assert sts.most == 1
        if not steps.was_reached:
            break
    assert last > 5


class SlowOnce(MemoryStore):
    """A store whose first answer comes when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def reserve(self, request: SlotRequest, timeout: float) -> GivenSlots:
        if not self.is_asked.is_set():
            self.is_asked.set()
            self.may_answer.wait(10)
        return super().reserve(request, timeout)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_answer_after_a_cancellation_holds_no_one_up(backend: str) -> None:
    """What a cancelled refresh has asked for, and gets all the same, is given back at once."""
    store, sts = SlowOnce(), Sts(takes=0.0)
    turns = [RefreshTurns(SharedStore(StateSettings(store="memory"), open=lambda _: store), "key") for _ in range(2)]

    async def fetch(_: Runtime) -> str:
        return await sts.key()

    async def refresh(number: int) -> None:
        await turns[number].refresh(fetch, RefreshInFlight(LOOP), 5.0, waits=True, begins=lambda: None)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refresh, 0)
            await anyio.to_thread.run_sync(store.is_asked.wait)
            tasks.cancel_scope.cancel()
        store.may_answer.set()
        await anyio.sleep(0.1)
        with anyio.fail_after(5):
            await refresh(1)

    anyio.run(main, backend=backend)
    assert len(sts.asked) == 1


# real processes and stores


def refresh_in_process(store: str, path: str, takes: float, backend: str) -> None:
    """Load credentials, and note when the refresh begins and ends."""

    def note(what: str) -> None:
        with Path(path).open("a") as file:
            file.write(f"{what} {time.monotonic()}\n")

    def fetch() -> str:
        note("begin")
        time.sleep(takes)
        note("end")
        return "key"

    values = sharing(store)
    if backend == "threads":
        source: Credentials[str] = Credentials(fetch)
        SyncExecutor(values, provider="alibaba", credentials={"alibaba": source}, observers=()).call(
            "CreateGroupId", source.current
        )
        return
    source = Credentials(fetch)

    async def use() -> str:
        return source.current()

    async def main() -> None:
        await Executor(values, provider="alibaba", credentials={"alibaba": source}, observers=()).call(
            "CreateGroupId", use
        )

    anyio.run(main, backend=backend)


def noted(path: Path) -> list[tuple[str, float]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return sorted(((what, float(at)) for what, at in map(str.split, lines)), key=lambda each: each[1])


def started(store: str, path: Path, takes: float, *backends: str) -> list[BaseProcess]:
    context = other_processes.context()
    processes: list[BaseProcess] = [
        context.Process(target=refresh_in_process, args=(store, str(path), takes, backend)) for backend in backends
    ]
    for process in processes:
        process.start()
    return processes


def test_processes_take_turns(server: RedisServer, tmp_path: Path) -> None:
    """On asyncio, on trio and in threads a refresh begins when the one before has ended."""
    path = tmp_path / "noted"
    for process in started(server.url, path, 0.3, "asyncio", "trio", "threads"):
        process.join()
    assert [what for what, _ in noted(path)] == ["begin", "end"] * 3


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_slow_store_lets_no_two_refresh_at_once(backend: str, server: RedisServer) -> None:
    """Each answer takes a fifth of a second, and the turns are still one after the other."""
    sts, door = Sts(takes=0.05), SlowDoor(server.port, 0.1)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(caller(sts.source(), sharing(door.url, on_unavailable="fail"), account=backend))

    try:
        anyio.run(main, backend=backend)
    finally:
        door.close()
    assert (len(sts.asked), sts.most) == (4, 1)


def test_a_process_that_was_killed_in_its_refresh_is_waited_for_until_its_lease_is_over(tmp_path: Path) -> None:
    """Then the next one goes on."""
    store, path = str(tmp_path / "state.db"), tmp_path / "noted"
    (killed,) = started(store, tmp_path / "killed", 60.0, "threads")
    deadline = time.monotonic() + 60
    while not noted(tmp_path / "killed"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.kill()
    for process in (killed, *started(store, path, 0.0, "asyncio")):
        process.join()
    began = noted(tmp_path / "killed")[0][1]
    # The lease began a little before the refresh; a machine that is busy notices its end late.
    assert began + refresh_turns.LEASE - 2.0 <= noted(path)[0][1] <= began + refresh_turns.LEASE + 30.0


@pytest.mark.parametrize("on_unavailable", ["local", "fail"])
def test_without_the_store_each_process_refreshes_by_itself_or_not_at_all(
    on_unavailable: OnUnavailable, tmp_path: Path
) -> None:
    """What the policy says decides; where calls fail, no token is asked for, and the cause says why."""
    (tmp_path / "folder").touch()
    asked: list[int] = []

    def fetch() -> str:
        asked.append(1)
        return "key"

    source: Credentials[str] = Credentials(fetch)
    values = sharing(str(tmp_path / "folder" / "state.db"), on_unavailable=on_unavailable)
    one = SyncExecutor(values, provider="alibaba", credentials={"alibaba": source}, observers=())
    if on_unavailable == "local":
        assert one.call("CreateGroupId", source.current) == "key"
        return
    with pytest.raises(RemedyFailed) as caught:
        one.call("CreateGroupId", source.current)
    assert isinstance(caught.value.__cause__, StateError)
    assert asked == []
    (tmp_path / "folder").unlink()
    time.sleep(0.6)
    assert one.call("CreateGroupId", source.current) == "key"


def test_a_store_that_hangs_in_a_refresh_loses_no_key(tmp_path: Path) -> None:
    """What came of a refresh is used, whether the store can be told or not."""
    path, log = tmp_path / "state.db", Log()
    observers: Any = [log]
    holder: list[sqlite3.Connection] = []

    def fetch() -> str:
        holder.append(sqlite3.connect(path))
        holder[0].execute("BEGIN IMMEDIATE")
        return "key"

    source: Credentials[str] = Credentials(fetch)
    one = SyncExecutor(
        sharing(str(path), on_unavailable="fail"),
        provider="alibaba",
        credentials={"alibaba": source},
        observers=observers,
    )
    assert one.call("CreateGroupId", source.current) == "key"
    assert log.last(RefreshEnded).error is None
    holder[0].close()


def test_no_secret_is_in_the_store(tmp_path: Path) -> None:
    """Neither a key nor an exception's text is there, and the account is not to be read."""
    path = tmp_path / "state.db"
    tries = iter([OSError("secret-text"), None])

    def fetch() -> str:
        error = next(tries)
        if error is not None:
            raise error
        return "secret-key"

    source: Credentials[str] = Credentials(fetch, limits=CredentialLimits(cool_down=0.0))
    one = SyncExecutor(
        sharing(str(path)), provider="alibaba", account="secret-account", credentials={"alibaba": source}, observers=()
    )
    with pytest.raises(RemedyFailed):
        one.call("CreateGroupId", source.current)
    assert one.call("CreateGroupId", source.current) == "secret-key"
    connection = sqlite3.connect(path)
    everything = "\n".join(connection.iterdump())
    connection.close()
    assert "OSError" in everything
    assert "secret" not in everything


def test_threads_of_one_process_still_share_one_refresh(tmp_path: Path) -> None:
    """The turns of processes stand before it."""
    asked: list[int] = []

    def fetch() -> int:
        time.sleep(0.05)
        asked.append(os.getpid())
        return len(asked)

    source: Credentials[int] = Credentials(fetch)
    one = SyncExecutor(
        sharing(str(tmp_path / "s.db")), provider="alibaba", credentials={"alibaba": source}, observers=()
    )
    threads = [threading.Thread(target=one.call, args=("CreateGroupId", source.current)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


def test_a_record_says_when_the_service_may_be_asked() -> None:
    """A failure holds for the cool-down, unless a success was shortly before it; a clock set back holds no one up."""
    assert RefreshRecord().cools_for(5.0, 100.0) == 0.0
    failed = RefreshRecord().failed("OSError", 100.0)
    assert failed.cools_for(5.0, 102.0) == 3.0
    assert failed.cools_for(5.0, 106.0) == 0.0
    assert failed.cools_for(5.0, 0.0) == 5.0
    assert failed.succeeded(103.0).cools_for(5.0, 104.0) == 0.0
    assert RefreshRecord().succeeded(98.0).failed("OSError", 100.0).cools_for(5.0, 101.0) == 0.0
    assert RefreshRecord().succeeded(90.0).failed("OSError", 100.0).cools_for(5.0, 101.0) == 4.0
    for record in (failed, failed.succeeded(3.0), RefreshRecord()):
        assert refresh_record(record.text()) == record


@pytest.mark.parametrize(("kind", "most"), [("command", 1), ("assume_role", 1), ("file", 2)])
def test_sources_of_a_policy_take_turns_where_they_ask_a_service(kind: SourceKind, most: int, tmp_path: Path) -> None:
    """A command and a role are asked one after the other, and a file is only read."""
    store, lock = SharedStore(StateSettings(store=str(tmp_path / "state.db"))), threading.Lock()
    found, under_way, both = 0, 0, threading.Barrier(2)

    def fetch() -> KeyTriple:
        nonlocal found, under_way
        with lock:
            under_way += 1
            found = max(found, under_way)
        time.sleep(0.5)
        with lock:
            under_way -= 1
        return KeyTriple(access_key_id="id", access_key_secret="new", security_token="token")

    def renew() -> None:
        said = CredentialSource(kind=kind)
        sources = PolicySources({"alibaba": fetch}, {"alibaba": said}, store, lambda provider: provider)
        keys = Config(access_key_id="id", access_key_secret="old", security_token="t", endpoint="e.example")
        client = Client(keys)
        source = sources.of("alibaba", client)
        assert source is not None
        both.wait(10)
        drive(source.renew(1, runtime=THREAD))
        assert source.current().access_key_secret == "new"

    threads = [threading.Thread(target=renew) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == most
