"""Who watches a call sees every event in order, and changes nothing."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import anyio
import pytest
from engine_calls import GROUP, INSTANCE, REFRESH, RENAME, RETRY, VERIFY, Log, Service, executor, policy, refused

from resilience import Credentials
from resilience.core.decision import Accept, Rename, Wait
from resilience.core.events import AttemptFailed, CallEnded, CallStarted, Event, VerifyEnded, Waited
from resilience.core.observer import Sink

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


VALUES = policy(
    {"Busy": RETRY, "Taken": RENAME, "Expired": REFRESH, "lost": VERIFY}, repeats={"CreateGroupId": "duplicate"}
)


class Broken:
    """An observer that raises whenever it is asked or told."""

    idle_slot = None

    def __init__(self, *, refuses: bool) -> None:
        self.refuses = refuses
        self.told = 0

    def watch(self, started: CallStarted) -> Sink | None:  # noqa: ARG002  # the protocol's signature
        if self.refuses:
            raise RuntimeError("broken")
        return self.sink

    def sink(self, event: Event) -> None:  # noqa: ARG002  # the protocol's signature
        self.told += 1
        raise RuntimeError("broken")


class Uninterested:
    """An observer that wants to see nothing."""

    idle_slot = None

    def watch(self, started: CallStarted) -> None:  # noqa: ARG002  # the protocol's signature
        return None


async def test_events_come_in_the_order_of_what_happens() -> None:
    """Start, attempts, remedies and the end are told in order, each with what it is about."""
    log = Log()
    source = Credentials(Service(value="key"))
    script = [refused("Busy"), refused("Expired"), refused("Taken"), ConnectionResetError()]

    async def create_group(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # names that the catalogue knows
        source.current()
        raise script.pop(0)

    create = executor(VALUES, observers=[log], credentials={"alibaba": source}).wrap("CreateGroupId", create_group)
    create.verify(Service(value="found"))
    await create(INSTANCE, GROUP)
    assert [(each.operation, each.provider, each.policy) for each in log.started] == [
        ("CreateGroupId", "alibaba", VALUES)
    ]
    attempt = ["AttemptStarted", "AttemptFailed"]
    refresh = ["RefreshStarted", "RefreshEnded"]
    assert log.names == [
        *refresh, *attempt, *attempt, *refresh, *attempt, "ResourceRenamed", *attempt, "VerifyStarted", "VerifyEnded",
        "CallEnded",
    ]  # fmt: skip
    failed = [event for event in log.events if isinstance(event, AttemptFailed)]
    assert [event.number for event in failed] == [1, 2, 3, 4]
    assert [event.effect for event in failed] == ["none", "none", "none", "unknown"]
    assert isinstance(failed[0].decision, Wait)
    assert isinstance(failed[2].decision, Rename)
    verified = log.last(VerifyEnded)
    assert verified.there
    assert isinstance(verified.decision, Accept)
    ended = log.last(CallEnded)
    assert (ended.ended, ended.stop_reason, ended.attempts, ended.verified) == ("accepted", "accepted", 4, True)
    assert ended.renamed == {"GroupId": (GROUP, "GID_sensors-2")}


async def test_the_end_of_a_failed_call_says_what_left() -> None:
    """A call that failed tells its last fault, its rule, its waits and the class of the exception."""
    log = Log()
    service = Service(*[refused() for _ in range(9)])
    await executor(observers=[log]).outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    ended = log.last(CallEnded)
    assert (ended.ended, ended.stop_reason, ended.attempts) == ("exhausted", "attempts", 4)
    assert (ended.fault.code, ended.rule.id, ended.error) == (
        "Busy",
        'alibaba."Busy"',
        "resilience.ServiceError",
    )
    assert (ended.waited, ended.duration) == (pytest.approx(3.0), pytest.approx(3.0))


@pytest.mark.parametrize("refuses", [True, False], ids=["when-asked", "when-told"])
async def test_an_observer_that_raises_is_logged_once_and_changes_nothing(
    refuses: bool,  # noqa: FBT001  # a test's parameter
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Calls go on, the other observers see everything, and the log has one line about it."""
    broken, log = Broken(refuses=refuses), Log()
    service = Service()
    create = executor(observers=[broken, log]).wrap("CreateGroupId", service.group_function())
    with caplog.at_level(logging.ERROR, "resilience"):
        for _ in range(3):
            service.script = [refused()]
            assert await create(INSTANCE, GROUP) == "created"
    assert log.names.count("CallEnded") == 3
    (record,) = caplog.records
    assert "observer Broken failed" in record.getMessage()
    assert record.exc_info
    assert broken.told == (0 if refuses else 3 * 5)


async def test_without_observers_calls_are_the_same() -> None:
    """Nobody who watches, nobody who wants to: the call ends alike."""
    for observers in ([], [Uninterested()], [Uninterested(), Uninterested()]):
        service = Service()
        create = executor(observers=observers).wrap("CreateGroupId", service.group_function())
        for _ in range(2):
            service.script = [refused()]
            assert await create(INSTANCE, GROUP) == "created"


async def test_an_idle_observer_is_asked_again_when_it_wakes() -> None:
    """While an observer's slot is empty it is not told of calls; from then on it sees the next one."""

    class Sleeper(Log):
        idle_slot = ({"provider": None}, "provider")  # type: ignore[assignment]  # a list of events is what it adds

    sleeper = Sleeper()
    service = Service()
    create = executor(observers=[sleeper]).wrap("CreateGroupId", service.group_function())
    await create(INSTANCE, GROUP)
    seen = len(sleeper.started)
    await create(INSTANCE, GROUP)
    assert len(sleeper.started) == seen
    slot: Any = Sleeper.idle_slot
    slot[0]["provider"] = "set"
    await create(INSTANCE, GROUP)
    assert len(sleeper.started) == seen + 1


async def test_calls_at_a_time_do_not_mix() -> None:
    """Each call has its own sink: numbers count per call, whatever runs beside it."""
    sinks: list[list[Event]] = []

    class Each:
        idle_slot = None

        def watch(self, started: CallStarted) -> Sink:  # noqa: ARG002  # the protocol's signature
            sinks.append([])
            return sinks[-1].append

    one = executor(observers=[Each()])
    async with anyio.create_task_group() as group:
        for number in range(4):
            function = Service(*[refused() for _ in range(number)], 1.0).group_function()
            group.start_soon(one.call, "CreateGroupId", function, INSTANCE, GROUP)
    assert sorted(sum(isinstance(event, AttemptFailed) for event in sink) for sink in sinks) == [0, 1, 2, 3]
    assert all(isinstance(sink[-1], CallEnded) for sink in sinks)


async def test_what_a_call_waits_for_before_an_attempt_is_told_by_one_event() -> None:
    """New credentials took two seconds; that the attempt itself took long is no such wait."""
    log = Log()

    async def load() -> str:
        await anyio.sleep(2)
        return "key"

    source = Credentials(load)

    async def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        await anyio.sleep(5)
        return str(source.current())

    create = executor(VALUES, observers=[log], credentials={"alibaba": source}).wrap("CreateGroupId", create_group)
    await create(INSTANCE, GROUP)
    assert log.names == [
        "RefreshStarted", "RefreshEnded", "Waited", "AttemptStarted", "AttemptSucceeded", "CallEnded"
    ]  # fmt: skip
    waited = log.last(Waited)
    assert (waited.gate, waited.duration) == ("credentials", pytest.approx(2.0))
    await create(INSTANCE, GROUP)
    assert log.names[6:] == ["AttemptStarted", "AttemptSucceeded", "CallEnded"]


async def test_a_plain_function_waits_for_a_thread() -> None:
    """With all of the executor's threads taken, the call tells for how long it had none."""
    log = Log()
    calls = executor(VALUES, observers=[log])

    def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        return group_id

    create = calls.wrap("CreateGroupId", create_group)
    slots = calls.target_factory.setting.threads.slots()
    holders = [object() for _ in range(int(slots.total_tokens))]
    for each in holders:
        slots.acquire_on_behalf_of_nowait(each)

    async def free() -> None:
        await anyio.sleep(3)
        slots.release_on_behalf_of(holders.pop())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(free)
        # The virtual clock does not wait for the thread.
        await create.limited(deadline="none", attempt_timeout="none")(INSTANCE, GROUP)
    for each in holders:
        slots.release_on_behalf_of(each)
    waited = log.last(Waited)
    assert (waited.gate, waited.duration) == ("thread", pytest.approx(3.0))


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([], id="success"),
        pytest.param([refused()], id="retry"),
        pytest.param([refused("Other")], id="no-rule"),
        pytest.param([refused() for _ in range(9)], id="exhausted"),
        pytest.param([30.0], id="cut-short"),
        pytest.param([TypeError("a programming error")], id="programming-error"),
        pytest.param([ValueError("no fault of the service")], id="unknown"),
        pytest.param([refused("Expired")], id="refresh-without-credentials"),
        pytest.param(["hang"], id="cancelled"),
    ],
)
@pytest.mark.parametrize("limit", [None, 10.0], ids=["unlimited", "limited"])
@pytest.mark.parametrize("as_outcome", [False, True], ids=["value", "outcome"])
async def test_what_is_told_of_a_first_call_is_told_of_every_call(
    script: list[Any],
    limit: float | None,
    as_outcome: bool,  # noqa: FBT001  # a test's parameter
) -> None:
    """The first call of a function goes through a whole run, later ones need none to begin with; nobody can tell."""
    values = policy({"Busy": RETRY, "lost": RETRY, "Expired": REFRESH}, deadline=None, attempt_timeout=limit)
    told = []
    for calls_before in range(3):
        log, service = Log(), Service()
        create = executor(values, observers=[log]).wrap("CreateGroupId", service.group_function())
        call = create.outcome if as_outcome else create
        for _ in range(calls_before):
            await call(INSTANCE, GROUP)
        log.events.clear()
        service.script = list(script)
        with anyio.move_on_after(300), contextlib.suppress(Exception):
            await call(INSTANCE, GROUP)
        told.append(log.events)
        assert len(log.started) == calls_before + 1
    first, second, third = told
    assert isinstance(first[-1], CallEnded)
    assert second == first
    assert third == first


async def test_a_check_that_breaks_ends_what_observers_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter's check of answers that raises is a programming error: the call's end is told, first or later."""

    def check(value: object) -> None:
        if isinstance(value, Odd):
            raise ZeroDivisionError

    class Odd:
        pass

    class Other:
        pass

    monkeypatch.setattr("resilience.engine.target.target.checker", lambda _provider, _operation: check)
    told = []
    for calls_before in range(2):
        log, service = Log(), Service(value=Other())
        create = executor(observers=[log]).wrap("CreateGroupId", service.group_function())
        for _ in range(calls_before):
            await create(INSTANCE, GROUP)
        log.events.clear()
        service.value = Odd()
        with pytest.raises(ZeroDivisionError):
            await create(INSTANCE, GROUP)
        told.append(log.events)
    first, later = told
    assert later == first
    end = first[-1]
    assert isinstance(end, CallEnded)
    assert (end.ended, end.error) == (None, "ZeroDivisionError")
