"""Plain threads that share an executor, its credentials and its ledger."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from engine_calls import AT_ONCE, GROUP, INSTANCE, REFRESH, Log, policy, refused

from resilience import Credentials, Executor, Ledger, RemedyFailed, SyncExecutor
from resilience.core.events import CallEnded, RefreshEnded, RefreshStarted
from resilience.core.settings.credentials import CredentialLimits
from resilience.testing import virtual_time

VALUES = policy({"Expired": REFRESH, "Busy": AT_ONCE}, max_attempts=50)


def executor(values: Any = VALUES, /, **more: Any) -> SyncExecutor:
    asked: dict[str, Any] = {"provider": "alibaba", "observers": (), "draw": lambda: 0.5} | more
    return SyncExecutor(values, **asked)


class Sts:
    """A token service that is slow, and fails when it is told to; it counts what it makes."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.asked = 0
        self.fails = False

    def __call__(self) -> str:
        self.asked += 1
        time.sleep(self.seconds)
        if self.fails:
            raise ConnectionRefusedError("a secret")
        return f"key-{self.asked}"


class Cloud:
    """A service that takes one key, and knows what it made."""

    def __init__(self, source: Credentials[str], good: str = "key-1") -> None:
        self.source = source
        self.good = good
        self.made: list[str] = []

    def create(self, instance_id: str, group_id: str) -> str:
        assert instance_id
        if self.source.current() != self.good:
            raise refused("Expired")
        self.made.append(group_id)
        return group_id


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def at_once(count: int, function: Any) -> list[Any]:
    """Call a function in so many threads that begin together; return values and errors, in order."""
    barrier = threading.Barrier(count)

    def one(number: int) -> Any:
        barrier.wait(10)
        try:
            return function(number)
        except Exception as error:  # noqa: BLE001  # it is looked at
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_an_expired_token_is_renewed_once_for_all_threads() -> None:
    """Sixty-four threads meet it at once: one refresh, and every call ends well."""
    sts, log = Sts(0.05), Log()
    source = Credentials(sts)
    source.load_blocking()
    cloud = Cloud(source, "key-2")
    create = executor(credentials={"alibaba": source}, observers=(log,)).wrap("CreateGroupId", cloud.create)
    assert at_once(64, lambda number: create(INSTANCE, f"GID_{number}")) == [f"GID_{number}" for number in range(64)]
    assert (sts.asked, source.generation, len(cloud.made)) == (2, 2, 64)
    assert sum(event.leads for event in log.events if isinstance(event, RefreshStarted)) == 1


def test_the_first_credentials_are_loaded_once_for_all_threads() -> None:
    """Nobody asks twice, with or without a call around it."""
    sts = Sts(0.05)
    source = Credentials(sts)
    create = executor(credentials={"alibaba": source}).wrap("CreateGroupId", Cloud(source).create)
    values = at_once(32, lambda number: source.load_blocking() if number % 2 else create(INSTANCE, f"GID_{number}"))
    assert set(values[1::2]) == {"key-1"}
    assert values[::2] == [f"GID_{number}" for number in range(0, 32, 2)]
    assert sts.asked == 1


def test_a_refresh_that_fails_is_told_to_each_thread_by_an_error_of_its_own() -> None:
    """One refresh fails for all who waited, each error has the cause, and none the text of it."""
    sts = Sts(0.05)
    source = Credentials(sts)
    source.load_blocking()
    sts.fails = True
    create = executor(credentials={"alibaba": source}).wrap("CreateGroupId", Cloud(source, "none").create)
    errors = at_once(16, lambda number: create(INSTANCE, f"GID_{number}"))
    assert all(isinstance(error, RemedyFailed) for error in errors)
    assert len({id(error) for error in errors}) == 16
    assert {type(error.__cause__) for error in errors} == {ConnectionRefusedError}
    assert not any("secret" in str(error) for error in errors)
    assert sts.asked == 2


def test_a_failed_refresh_is_not_repeated_before_it_has_cooled_down() -> None:
    """Until then others get the failure; after it the next one asks again."""
    sts, limits = Sts(), CredentialLimits(cool_down=5.0, max_refreshes=1)
    source = Credentials(sts, limits=limits)
    source.load_blocking()
    sts.fails = True
    create = executor(credentials={"alibaba": source}).wrap("CreateGroupId", Cloud(source, "key-3").create)
    with virtual_time() as clock:
        for _ in range(3):
            assert isinstance(create.outcome(INSTANCE, GROUP).error, RemedyFailed)
        assert sts.asked == 2
        clock.sleep(5.0)
        sts.fails = False
        assert create(INSTANCE, GROUP) == GROUP
    assert sts.asked == 3


def test_a_wait_for_the_refresh_of_another_thread_ends_at_the_deadline() -> None:
    """The one who waits is not held up by the one who refreshes; the latter runs to its end."""
    release, log = threading.Event(), Log()
    begun = threading.Event()

    def slow() -> str:
        begun.set()
        release.wait(10)
        return "key-1"

    source = Credentials(slow)
    values = policy({"Busy": AT_ONCE}, deadline=0.2)
    create = executor(values, credentials={"alibaba": source}, observers=(log,)).wrap(
        "CreateGroupId", Cloud(source).create
    )
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(create, INSTANCE, "GID_leader")
        assert begun.wait(10)
        began = time.monotonic()
        outcome = create.outcome(INSTANCE, "GID_waiter")
        assert time.monotonic() - began < 5
        release.set()
        assert leader.result(10) == "GID_leader"
    assert str(outcome.error) == "CreateGroupId: refresh was cut short by deadline (0.2 s)"
    ended = next(event for event in log.events if isinstance(event, RefreshEnded))
    assert ended.error == "resilience.DeadlineExceeded"


def test_a_leader_that_is_interrupted_leaves_the_refresh_to_the_next() -> None:
    """``KeyboardInterrupt`` in one thread's refresh does not hang the others."""
    begun, asked = threading.Event(), list[int]()

    def refresh() -> str:
        asked.append(1)
        if len(asked) == 1:
            begun.set()
            time.sleep(0.1)
            raise KeyboardInterrupt
        return "key-1"

    source = Credentials(refresh)
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(source.load_blocking)
        assert begun.wait(10)
        assert pool.submit(source.load_blocking).result(10) == "key-1"
        assert isinstance(leader.exception(10), KeyboardInterrupt)
    assert len(asked) == 2


@pytest.mark.parametrize("first", ["thread", "loop"])
def test_a_source_that_a_thread_and_a_loop_want_at_once_says_so(first: str) -> None:
    """Neither hangs: the second gets an error that says what to do; afterwards both can use what was loaded."""
    begun, release = threading.Event(), threading.Event()

    def refresh() -> str:
        begun.set()
        release.wait(10)
        return "key-1"

    source = Credentials(refresh)

    async def in_a_thread() -> str:
        return await anyio.to_thread.run_sync(source.load_blocking)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(in_a_thread if first == "thread" else source.load)
            await anyio.to_thread.run_sync(begun.wait, 10)
            try:
                other = source.load if first == "thread" else in_a_thread
                with pytest.raises(RuntimeError, match="in a plain thread and on an event loop at once; give each"):
                    await other()
            finally:
                release.set()
        assert await source.load() == "key-1"
        assert await in_a_thread() == "key-1"

    anyio.run(main)


def test_a_refresh_that_needs_an_event_loop_says_so() -> None:
    """A coroutine function cannot run here; the cause of the failure is why."""

    async def refresh() -> str:
        return "key-1"

    source = Credentials(refresh)
    with pytest.raises(RemedyFailed) as caught:
        source.load_blocking()
    assert "is a coroutine function, and needs an event loop" in str(caught.value.__cause__)


def test_threads_under_load_lose_and_repeat_nothing() -> None:
    """Thirty-two threads, two thousand calls and a fault in every third attempt: each is made once and told once."""
    counted, guard, log = collections.Counter[str](), threading.Lock(), Log()
    attempts = [0]

    def create(instance_id: str, group_id: str) -> str:
        assert instance_id
        with guard:
            attempts[0] += 1
            fails = attempts[0] % 3 == 0
            counted[group_id] += not fails
        if fails:
            raise refused()
        return group_id

    wrapped = executor(observers=(log,)).wrap("CreateGroupId", create)
    names = [f"GID_{number}" for number in range(2000)]
    with ThreadPoolExecutor(32) as pool:
        values = list(pool.map(lambda name: wrapped(INSTANCE, name), names))
    assert values == names
    assert set(counted.values()) == {1}
    ended = [event for event in log.events if isinstance(event, CallEnded)]
    assert len(ended) == 2000
    assert sum(event.attempts for event in ended) == attempts[0]


def test_threads_on_one_resource_take_turns_and_do_it_once(ledger: Ledger) -> None:
    """The ledger lets one thread in; the others wait for it and find it done."""
    made: list[str] = []

    def create(instance_id: str, group_id: str) -> str:
        assert instance_id
        made.append(group_id)
        time.sleep(0.05)
        return group_id

    wrapped = executor(ledger=ledger).wrap("CreateGroupId", create, accepted=lambda _, group_id: f"known {group_id}")
    values = at_once(8, lambda _: wrapped(INSTANCE, GROUP))
    assert collections.Counter(values) == {GROUP: 1, f"known {GROUP}": 7}
    assert made == [GROUP]


def test_a_thread_that_waits_for_a_resource_gives_up_at_its_deadline(ledger: Ledger) -> None:
    """It says what it waited for, and has asked the service nothing."""
    begun, release, made = threading.Event(), threading.Event(), list[str]()

    def create(instance_id: str, group_id: str) -> str:
        assert instance_id
        made.append(group_id)
        begun.set()
        release.wait(10)
        return group_id

    wrapped = executor(policy({}, deadline=0.2), ledger=ledger).wrap(
        "CreateGroupId", create, accepted=lambda *_: "known"
    )
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(wrapped, INSTANCE, GROUP)
        assert begun.wait(10)
        outcome = wrapped.outcome(INSTANCE, GROUP)
        release.set()
        assert first.result(10) == GROUP
    assert (outcome.stop_reason, made) == ("deadline", [GROUP])
    assert "waiting for another call on the same resource" in str(outcome.error)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_thread_and_a_task_take_turns_on_one_resource(backend: str, ledger: Ledger) -> None:
    """Both kinds of executor know the same ledger."""
    made: list[str] = []

    def create(instance_id: str, group_id: str) -> str:
        assert instance_id
        made.append(group_id)
        time.sleep(0.05)
        return group_id

    asked: dict[str, Any] = {"provider": "alibaba", "observers": (), "ledger": ledger}
    in_thread = SyncExecutor(VALUES, **asked).wrap("CreateGroupId", create, accepted=lambda *_: "known")
    in_loop = Executor(VALUES, **asked).wrap("CreateGroupId", create, accepted=lambda *_: "known")
    values: list[str] = []

    async def main() -> None:
        async def one() -> None:
            values.append(await in_loop(INSTANCE, GROUP))

        async def other() -> None:
            values.append(await anyio.to_thread.run_sync(in_thread, INSTANCE, GROUP))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one)
            tasks.start_soon(other)

    anyio.run(main, backend=backend)
    assert (sorted(values), made) == ([GROUP, "known"], [GROUP])


def test_waits_of_threads_that_begin_together_end_together() -> None:
    """With a little patience the virtual clock is that of all threads."""
    with virtual_time(patience=0.05) as clock:
        at_once(4, lambda _: clock.sleep(100.0))
        assert clock.monotonic() == 100.0
        with pytest.raises(RuntimeError, match="virtual already"), virtual_time():
            pass
    before = time.monotonic()
    with virtual_time() as clock:
        clock.sleep(3600.0)
        assert clock.monotonic() == 3600.0
    assert time.monotonic() - before < 5
