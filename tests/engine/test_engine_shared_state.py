"""What several threads, processes, event loops and providers do to what they share."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio
from alibabacloud_onsmqtt20200420.models import CreateGroupIdResponse, CreateGroupIdResponseBody
from attrs import evolve
from engine_calls import ACCEPT_ALWAYS, AT_ONCE, GROUP, INSTANCE, REFRESH, policy, refused

from resilience import (
    Credentials,
    DeadlineExceeded,
    Executor,
    Ledger,
    LedgerError,
    RemedyFailed,
    ServiceError,
    SyncExecutor,
)
from resilience.core.admission.limits import BreakerLimits, BudgetLimits
from resilience.core.events import CallStarted, Event
from resilience.core.observer import Sink
from resilience.core.settings.credentials import CredentialLimits
from resilience.engine.credentials.sdk_managed import SdkManagedSources
from resilience.engine.runtime.locks import ProcessLock
from resilience.engine.runtime.plain_thread import THREAD, drive
from resilience.engine.runtime.runtime import Ran
from resilience.engine.target.names import NameScope, ProcessNames
from resilience.engine.target.target import Target

PATIENCE = 20.0
"""Seconds after which a thread of a test is taken to hang."""

VALUES = policy({"Busy": AT_ONCE, "GroupIdAlreadyExsited": ACCEPT_ALWAYS})


def plain(values: Any = VALUES, /, **more: Any) -> SyncExecutor:
    return SyncExecutor(values, **({"provider": "alibaba", "observers": ()} | more))


def looping(values: Any = VALUES, /, **more: Any) -> Executor:
    return Executor(values, **({"provider": "alibaba", "observers": ()} | more))


def at_once(*functions: Callable[[], object]) -> None:
    """Run functions in a thread each."""
    threads = [threading.Thread(target=each, daemon=True) for each in functions]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
        assert not each.is_alive(), "it hangs"


NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def forked(claim: Callable[[], bool]) -> bool:
    """Tell whether something holds in a forked process; it does not if it takes for ever."""
    with warnings.catch_warnings():
        # That a process with threads forks is what these tests are about.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        said: list[bool] = []
        thread = threading.Thread(target=lambda: said.append(claim()), daemon=True)
        thread.start()
        thread.join(5)
        os._exit(0 if said == [True] else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def restless() -> Iterator[None]:
    """Let the interpreter change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# values


def answer(status: int) -> CreateGroupIdResponse:
    return CreateGroupIdResponse(headers={}, status_code=status, body=CreateGroupIdResponseBody(request_id="R"))


FIRSTS = pytest.mark.parametrize(
    "first", [refused("GroupIdAlreadyExsited"), None, answer(200)], ids=["accepted", "nothing", "answer"]
)


def said(step: Any) -> Any:
    if isinstance(step, Exception):
        raise step
    return step


@FIRSTS
def test_answers_are_checked_whatever_the_first_call_brought(first: Any) -> None:
    """A redirect that the SDK takes for success is a failure, also after a first call that returned no answer."""
    script = [first, answer(200), answer(302)]

    @plain().wrap("CreateGroupId")
    def create(instance_id: str, group_id: str) -> Any:  # noqa: ARG001  # as the catalogue names them
        return said(script.pop(0))

    create(INSTANCE, GROUP)
    assert create(INSTANCE, GROUP).status_code == 200
    with pytest.raises(ServiceError):
        create(INSTANCE, GROUP)


@FIRSTS
def test_answers_are_checked_on_event_loops_whatever_the_first_call_brought(first: Any) -> None:
    """It is the same for coroutine functions."""
    script = [first, answer(200), answer(302)]

    @looping().wrap("CreateGroupId")
    async def create(instance_id: str, group_id: str) -> Any:  # noqa: ARG001  # as above
        return said(script.pop(0))

    async def calls() -> None:
        await create(INSTANCE, GROUP)
        assert (await create(INSTANCE, GROUP)).status_code == 200
        with pytest.raises(ServiceError):
            await create(INSTANCE, GROUP)

    asyncio.run(calls())


# observers


class Switched:
    """An observer with a switch of its own; while it is off, calls need not be told."""

    def __init__(self) -> None:
        self.switch: dict[str, Any] = {"on": None}
        self.idle_slot = (self.switch, "on")
        self.heard: list[Event] = []

    def watch(self, started: CallStarted) -> Sink | None:  # noqa: ARG002  # the observers' protocol
        return None if self.switch["on"] is None else self.heard.append


@pytest.mark.parametrize("number", [0, 1])
def test_each_of_two_observers_with_switches_that_look_alike_is_heard(number: int) -> None:
    """An observer that is switched on hears calls, also where another one's switch had the same value at first."""
    observers = [Switched(), Switched()]

    @plain(observers=observers).wrap("ListGroupId")
    def list_groups() -> None:
        pass

    list_groups()
    observers[number].switch["on"] = True
    list_groups()
    assert [bool(each.heard) for each in observers] == [number == 0, number == 1]


# functions


@pytest.mark.parametrize("make", [plain, looping])
def test_a_generator_function_is_refused(make: Callable[[], Any]) -> None:
    """Its work would be done after the call, where no policy sees it."""

    def items() -> Iterator[int]:
        yield 1

    async def later_items() -> Any:
        yield 1

    for function in (items, later_items):
        with pytest.raises(TypeError, match="generator function"):
            make().wrap("ListGroupId", function)


# credentials


def test_a_fault_of_another_provider_renews_its_credentials() -> None:
    """Tokens of the provider whose SDK refused are replaced, whatever provider the operation is of."""
    values = policy({"Expired": REFRESH})
    values = evolve(values, rules=tuple(evolve(each, scope="tencent") for each in values.rules))
    tokens = iter("abc")
    source: Credentials[str] = Credentials(lambda: next(tokens))
    source.load_blocking()
    seen: list[str] = []

    @plain(values, credentials={"tencent": source}).wrap("ListGroupId")
    def list_groups() -> str:
        seen.append(source.current())
        if seen[-1] == "a":
            raise refused("Expired", provider="tencent")
        return seen[-1]

    assert list_groups() == "b"
    assert seen == ["a", "b"]


def test_a_limit_around_another_one_holds() -> None:
    """A wait for what another thread does ends at the earlier limit, and so does what has that limit."""

    async def longer() -> Ran:
        return await THREAD.run_until(THREAD.now() + PATIENCE, THREAD.latch().wait, (), {})

    began = time.monotonic()
    ran = drive(THREAD.run_until(THREAD.now() + 0.05, longer, (), {}))
    assert ran == Ran(cut=True)
    assert time.monotonic() - began < PATIENCE
    inner = drive(THREAD.run_until(None, THREAD.run_until, (THREAD.now() + 0.05, THREAD.latch().wait, (), {}), {}))
    assert inner == Ran(value=Ran(cut=True))


@NEEDS_FORK
def test_a_forked_process_waits_for_no_refresh_of_its_parent() -> None:
    """The thread that ran it is not there; the child refreshes for itself."""
    is_running, may_end = threading.Event(), threading.Event()
    parent = os.getpid()

    def refresh() -> int:
        if os.getpid() == parent:
            is_running.set()
            may_end.wait(PATIENCE)
        return os.getpid()

    source: Credentials[int] = Credentials(refresh)
    leader = threading.Thread(target=source.load_blocking, daemon=True)
    leader.start()
    assert is_running.wait(PATIENCE)
    status = forked(lambda: source.load_blocking() == os.getpid())
    may_end.set()
    leader.join(PATIENCE)
    assert (status, source.current()) == (True, parent)


@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
def test_event_loops_in_several_threads_share_one_refresh(run: Callable[[Any], Any]) -> None:
    """A credential may be used on several loops; all that come meanwhile wait for the one refresh."""
    asked: list[int] = []
    loaded: list[int] = []
    have_begun = threading.Barrier(3)

    async def refresh() -> int:
        asked.append(1)
        await anyio.sleep(0.3)
        return len(asked)

    source: Credentials[int] = Credentials(refresh, limits=CredentialLimits())

    async def load() -> None:
        loaded.append(await source.load())

    def main() -> None:
        have_begun.wait(PATIENCE)
        run(load) if run is trio.run else run(load())

    at_once(main, main, main)
    assert (asked, loaded) == ([1], [1, 1, 1])


@NEEDS_FORK
def test_a_lock_that_a_thread_holds_is_free_in_a_forked_process() -> None:
    """Nobody is there who could give it back; among the threads of the new process it is a lock as before."""
    lock = ProcessLock()
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            is_held.set()
            may_end.wait(PATIENCE)

    def excludes() -> bool:
        with lock:
            other = threading.Thread(target=hold, daemon=True)
            other.start()
            assert not is_held.wait(0.1)
        return is_held.wait(5)

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    assert is_held.wait(PATIENCE)

    def holds() -> bool:
        is_held.clear()
        return excludes()

    assert forked(holds)
    may_end.set()
    holder.join(PATIENCE)
    is_held.clear()
    assert excludes()


def test_a_failure_on_an_earlier_event_loop_does_not_cool_for_ever() -> None:
    """Each run of trio has a clock of its own, and a later one may be far behind."""
    tried: list[float] = []

    async def refresh() -> str:
        tried.append(trio.current_time())
        if len(tried) == 1:
            raise OSError
        return "key"

    source: Credentials[str] = Credentials(refresh, limits=CredentialLimits(cool_down=5.0))

    class Clock(trio.abc.Clock):
        def __init__(self, begins: float) -> None:
            self.begins = begins

        def start_clock(self) -> None: ...

        def current_time(self) -> float:
            return self.begins + time.monotonic()

        def deadline_to_sleep_time(self, deadline: float) -> float:
            return deadline - self.current_time()

    with pytest.raises(RemedyFailed):
        trio.run(source.load, clock=Clock(100_000.0))
    assert trio.run(source.load, clock=Clock(0.0)) == "key"


class SlowToHash:
    """A credential that refreshes itself; the threads that look for it meet."""

    def __hash__(self) -> int:
        time.sleep(0.01)
        return 1

    def __eq__(self, other: object) -> bool:
        return self is other

    def refresh(self) -> None: ...

    def get_credential_info(self) -> None: ...


def test_threads_that_share_a_credential_share_its_source() -> None:
    """Two clients with one credential, first used by two threads at once, have one source between them."""
    client: Any = type("Client", (), {"__module__": "tencentcloud.mqtt"})()
    client.credential = SlowToHash()
    sources, found = SdkManagedSources(THREAD), []
    at_once(*[lambda: found.append(sources.of(client))] * 4)
    assert len({id(each) for each in found}) == 1


# names


@pytest.mark.usefixtures("restless")
def test_no_rename_is_lost_when_threads_rename_at_once() -> None:
    """Every thread's renames are known afterwards: a lost one would send the name of somebody else's resource."""
    names = ProcessNames()

    def rename(thread: int) -> None:
        for number in range(100):
            old = f"GID_{thread}-{number}"
            names.give(NameScope("alibaba", "CreateGroupId", "GroupId", INSTANCE), old, f"{old}-2")

    at_once(*[lambda thread=thread: rename(thread) for thread in range(4)])
    assert len(names.changes()) == 400


# the ledger


def test_a_blocking_call_inside_of_a_call_for_the_same_resource_is_refused(tmp_path: Path) -> None:
    """It would wait for the call around it, with the event loop, so it says so at once."""
    values = policy(deadline=2.0)
    ledger = Ledger(tmp_path / "ledger.db")

    @plain(values, ledger=ledger).wrap("CreateGroupId")
    def create(instance_id: str, group_id: str) -> None: ...

    @looping(values, ledger=ledger).wrap("CreateGroupId")
    async def create_later(instance_id: str, group_id: str) -> None:
        create(instance_id, group_id)

    async def main() -> None:
        with pytest.raises(LedgerError, match="called inside of a call for the same resource"):
            await create_later(INSTANCE, GROUP)

    asyncio.run(main())
    trio.run(main)


# event loops


def test_loops_in_several_threads_cut_their_own_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that two event loops call at once is cut on each of them at the limit."""
    monkeypatch.setattr(Target, "may_shield", False)
    values = policy(attempt_timeout=0.05, deadline=None, max_attempts=1)
    delays = [0.0]

    @looping(values).wrap("ListGroupId")
    async def list_groups() -> None:
        await asyncio.sleep(delays[0])

    asyncio.run(list_groups())
    delays[0] = PATIENCE * 2
    cut: list[str] = []

    async def calls() -> None:
        for _ in range(3):
            try:
                await list_groups()
            except DeadlineExceeded:
                cut.append(threading.current_thread().name)

    at_once(*[lambda: asyncio.run(calls())] * 3)
    assert sorted(cut.count(name) for name in set(cut)) == [3, 3, 3]


def test_trio_as_a_guest_of_asyncio_has_one_clock() -> None:
    """Limits hold where trio runs inside of asyncio's loop: what is in time succeeds, and what hangs is cut."""
    delays = [0.0, 0.0, PATIENCE * 2]

    @looping(policy(attempt_timeout=0.1, max_attempts=1)).wrap("ListGroupId")
    async def list_groups() -> None:
        await trio.sleep(delays.pop(0))

    async def guest() -> list[str]:
        return [(await list_groups.outcome()).ended for _ in range(3)]

    async def host() -> Any:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done.set_result
        )
        return (await done).unwrap()

    assert asyncio.run(host()) == ["success", "success", "failed"]


@NEEDS_FORK
def test_shared_limits_are_free_in_a_forked_process() -> None:
    """A thread that changes a breaker or a budget while its process forks holds up no call of the new process."""
    limits = BreakerLimits(min_calls=1, open_for=0.001, probes=1)
    running = plain(evolve(VALUES, budgets={"alibaba": BudgetLimits()}, breakers={"alibaba": limits}))
    assert running.outcome("CreateGroupId", refuse).error is not None
    outage = running.target_factory.setting.outage
    breaker = outage.breaker("alibaba", "CreateGroupId")
    assert breaker is not None
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with breaker.mutex:
            is_held.set()
            may_end.wait(PATIENCE)

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    assert is_held.wait(PATIENCE)
    time.sleep(0.01)
    assert forked(lambda: bool(running.call("CreateGroupId", lambda: "made") == "made"))
    may_end.set()
    holder.join(PATIENCE)


def refuse() -> None:
    raise refused("Broken", status=500)
