"""Calls with a ledger on a server: what they do when it is away, and when they have lost their key."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from engine_calls import AT_ONCE, GROUP, INSTANCE, Log, Service, executor, policy, refused

from resilience import DeadlineExceeded, Executor, Ledger, LedgerError, SyncExecutor
from resilience.core.backoff import Backoff
from resilience.core.policy import Action
from resilience.engine.target import ledger_entry
from resilience.state import LedgerEntry
from resilience.state.ledger import entry_key

# The library for Redis does not close what it made for a connection that has ended.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning")]
pytest_plugins = ("servers.fixtures",)

SERVERS = ("postgres", "redis")
HOLDER = Path(__file__).with_name("lease_holder.py")
KEY = entry_key("alibaba", "", "CreateGroupId", {"InstanceId": INSTANCE, "GroupId": GROUP})


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    # In real time, because servers do not know of a clock that jumps.
    return request.param


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest) -> str:
    made: str = request.getfixturevalue(f"new_{request.param}_url")()
    return made


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with Ledger(url, lease=1.0) as opened:
        yield opened


def ledgered(ledger: Ledger, **more: Any) -> Executor:
    return executor(policy({"Busy": AT_ONCE}, **{"settle": 0.0, **more}), ledger=ledger)


def entries(url: str) -> list[LedgerEntry]:
    with Ledger(url) as ledger:
        return ledger.entries()


async def test_a_second_run_knows_what_is_done(url: str, ledger: Ledger) -> None:
    """The first call makes the resource, and the same call of another process is accepted and sends nothing."""
    service = Service(refused("Busy"))
    create = ledgered(ledger).wrap("CreateGroupId", service.group_function())
    assert (await create.outcome(INSTANCE, GROUP)).ended == "success_after_retry"
    with Ledger(url) as other:
        outcome = await ledgered(other).wrap("CreateGroupId", service.group_function()).outcome(INSTANCE, GROUP)
    assert outcome.ended == "accepted"
    assert len(service.calls) == 2


async def test_what_made_nothing_is_forgotten(url: str, ledger: Ledger) -> None:
    """A call that the service has refused leaves nothing behind, and its key is free."""
    create = ledgered(ledger).wrap("CreateGroupId", Service(refused("No")).group_function())
    assert (await create.outcome(INSTANCE, GROUP)).ended == "failed"
    assert entries(url) == []
    with Ledger(url) as other:
        until(lambda: other.claim(KEY))


async def test_what_is_unfinished_is_verified_when_its_lease_is_over(url: str, ledger: Ledger) -> None:
    """A holder that died has left a doubt; the next call waits for the end of its lease, and asks the verifier."""
    with Ledger(url, lease=1.0) as dead:
        silent(dead)
        assert dead.claim(KEY)
        dead.start(LedgerEntry(key=KEY, provider="alibaba", operation="CreateGroupId", resource={"GroupId": GROUP}))
        service = Service()
        create = ledgered(ledger).wrap("CreateGroupId", service.group_function())

        @create.verify
        async def find(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # as the catalogue
            return group_id

        began = time.monotonic()
        outcome = await create.outcome(INSTANCE, GROUP)
        assert 0.5 < time.monotonic() - began < 10
        assert (outcome.ended, outcome.verified, service.calls) == ("accepted", True, [])
        with pytest.raises(LedgerError, match="no sign of life"):
            dead.finish(LedgerEntry(key=KEY, provider="alibaba", operation="CreateGroupId", resource={}))
    assert [each.state for each in entries(url)] == ["done"]


async def test_an_attempt_ends_before_its_lease(url: str, ledger: Ledger) -> None:
    """It is cut short like one that reaches its own limit; its effect is unknown, and the ledger knows that."""
    hanging = Service("hang").group_function()
    create = ledgered(ledger, max_attempts=1, deadline=5.0).wrap("CreateGroupId", hanging)
    outcome = await create.outcome(INSTANCE, GROUP)
    assert 0.3 < outcome.attempts[0].duration < 1.0
    assert isinstance(outcome.error, DeadlineExceeded)
    assert (outcome.error.limit, outcome.error.seconds) == ("lease", 1.0)
    assert [each.state for each in entries(url)] == ["started"]


async def test_an_earlier_limit_of_an_attempt_keeps_its_name(ledger: Ledger) -> None:
    """The time-out of attempts is shorter than the lease, as it should be."""
    values = {"attempt_timeout": 0.1, "max_attempts": 1}
    outcome = await ledgered(ledger, **values).wrap("CreateGroupId", Service("hang").group_function()).outcome("i", "g")
    assert isinstance(outcome.error, DeadlineExceeded)
    assert outcome.error.limit == "attempt_timeout"


async def test_a_call_that_blocks_its_event_loop_keeps_its_key(url: str, ledger: Ledger) -> None:
    """Nothing of the event loop runs meanwhile, and no other process takes the key."""
    took: list[bool] = []

    async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # as the catalogue
        time.sleep(1.7)  # noqa: ASYNC251  # that is what it is about
        with Ledger(url, lease=1.0) as other:
            took.append(other.claim(KEY))
        return group_id

    outcome = await ledgered(ledger).wrap("CreateGroupId", create_group).outcome(INSTANCE, GROUP)
    assert (outcome.ended, took) == ("success", [False])


async def test_a_call_that_waits_between_attempts_keeps_its_key(url: str, ledger: Ledger) -> None:
    """It waits for longer than its lease."""
    service, took = Service(refused("Busy")), []
    slowly = Action(key="wait", do="retry", backoff=Backoff(kind="constant", base=1.8, jitter="none"), counts=True)
    create = executor(policy({"Busy": slowly}), ledger=ledger).wrap("CreateGroupId", service.group_function())

    async def look() -> None:
        await anyio.sleep(1.6)
        with Ledger(url, lease=1.0) as other:
            took.append(other.claim(KEY))

    async with anyio.create_task_group() as group:
        group.start_soon(look)
        assert (await create.outcome(INSTANCE, GROUP)).ended == "success_after_retry"
    assert took == [False]


async def test_a_key_of_another_call_is_waited_for(url: str, ledger: Ledger) -> None:
    """Two processes call the same at once: one makes it, and the other one takes what is there."""
    service = Service(0.3)
    with Ledger(url, lease=1.0) as other:
        outcomes: list[str | None] = []

        async def call(which: Ledger) -> None:
            create = ledgered(which).wrap("CreateGroupId", service.group_function())
            outcomes.append((await create.outcome(INSTANCE, GROUP)).ended)

        async with anyio.create_task_group() as group:
            group.start_soon(call, ledger)
            group.start_soon(call, other)
    assert sorted(map(str, outcomes)) == ["accepted", "success"]
    assert len(service.calls) == 1


async def test_a_cancelled_call_gives_its_key_back(url: str, ledger: Ledger) -> None:
    """Soon, and without blocking its event loop; the entry stays as a doubt."""

    async def create_group(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # as the catalogue
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await ledgered(ledger).wrap("CreateGroupId", create_group)(INSTANCE, GROUP)
    with Ledger(url, lease=1.0) as other:
        await anyio.to_thread.run_sync(until, lambda: other.claim(KEY))
    assert [each.state for each in entries(url)] == ["started"]


async def test_a_call_within_a_call_for_the_same_resource_is_found(ledger: Ledger) -> None:
    """It would wait for itself."""
    inner = ledgered(ledger).wrap("CreateGroupId", Service().group_function())

    async def outer(instance_id: str, group_id: str) -> str | None:
        value: str = await inner(instance_id, group_id)
        return value

    with pytest.raises(LedgerError, match="inside of a call for the same resource"):
        await ledgered(ledger).wrap("CreateGroupId", outer)(INSTANCE, GROUP)


async def test_a_server_that_is_away_stops_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent, and the error names the address, without the password, and what to do."""
    monkeypatch.setattr(ledger_entry, "_PATIENCE", 0.2)
    service, log = Service(), Log()
    with Ledger("postgresql://user:hunter2@127.0.0.1:1/place") as ledger:
        values = policy({"Busy": AT_ONCE})
        create = executor(values, ledger=ledger, observers=(log,)).wrap("CreateGroupId", service.group_function())
        outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.stop_reason, service.calls) == ("ledger", [])
    text = str(outcome.error)
    assert text.startswith("ledger postgresql://127.0.0.1:1/place: the server cannot be reached; start it")
    assert "hunter2" not in f"{outcome.error!r} {outcome.error.__notes__} {log.events} {outcome!r}"  # type: ignore[union-attr]  # it has notes
    assert outcome.error.__cause__ is None  # type: ignore[union-attr]  # it is there
    assert outcome.error.__suppress_context__  # type: ignore[union-attr]  # it is there


def test_calls_in_plain_threads_have_leases_too(url: str, ledger: Ledger) -> None:
    """The thread of the call is blocked, and its lease goes on."""
    took: list[bool] = []

    def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # as the catalogue
        time.sleep(1.5)
        with Ledger(url, lease=1.0) as other:
            took.append(other.claim(KEY))
        return group_id

    sync = SyncExecutor(policy(), provider="alibaba", ledger=ledger)
    assert sync.wrap("CreateGroupId", create_group)(INSTANCE, GROUP) == GROUP
    assert took == [False]
    assert [each.state for each in entries(url)] == ["done"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot stop a process")
async def test_a_stopped_process_sends_nothing_when_it_goes_on(
    url: str, ledger: Ledger, tmp_path: Path, anyio_backend: str
) -> None:
    """It is stopped for twice its lease, between two attempts, while another process makes the resource."""
    words = [sys.executable, str(HOLDER), url, str(tmp_path), "1.0", anyio_backend]
    with subprocess.Popen(words, stdout=subprocess.PIPE, encoding="utf-8") as holder:  # noqa: ASYNC220, S603  # our own
        assert holder.stdout is not None
        assert holder.stdout.readline() == "refused\n"
        os.kill(holder.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        service = Service()
        create = ledgered(ledger, settle=0.1).wrap("CreateGroupId", service.group_function())

        @create.verify
        async def find(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # as the catalogue
            return group_id if service.calls else None

        assert (await create.outcome(INSTANCE, GROUP)).ended == "success"
        await anyio.sleep(max(stopped + 2.0 - time.monotonic(), 0.0))
        os.kill(holder.pid, signal.SIGCONT)
        said = await anyio.to_thread.run_sync(holder.communicate)
    assert said[0].startswith("ledger 1 ledger ")
    assert "another call has taken" in said[0]
    assert not (tmp_path / "made").exists()
    assert [each.state for each in entries(url)] == ["done"]


def silent(ledger: Ledger) -> None:
    """Let a ledger give no sign of life."""
    keeper = ledger._backend._own.get()  # type: ignore[attr-defined]  # the thread that does
    keeper.lease = 1000.0


def until(is_so: Any) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        threading.Event().wait(0.02)
