"""What a call does with the ledger: before its first attempt, before each, and at its end."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from attrs import evolve
from engine_calls import ACCEPT, AT_ONCE, GROUP, INSTANCE, RENAME, VERIFY, Log, Service, executor, refused
from engine_calls import policy as slow_policy

from resilience import Executor, Ledger, LedgerError, Policy
from resilience.core.events import Waited
from resilience.core.fault import Repeat
from resilience.core.policy import Action, LedgerSettings, PolicyValues
from resilience.engine.runtime import event_loop
from resilience.engine.target import ledger_entry
from resilience.state import LedgerEntry

pytestmark = pytest.mark.anyio

DRY_RUN = Action(key="dry", do="accept", condition="always", dry_run=True)
LOOK = evolve(VERIFY, backoff=AT_ONCE.backoff)
RULES = {"Busy": AT_ONCE, "Taken": RENAME, "Exists": ACCEPT, "Dry": DRY_RUN, "lost": LOOK}
LOST = ConnectionResetError()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    # In real time: a clock that jumps over waits would jump over the threads that write as well.
    return request.param


def policy(**more: Any) -> PolicyValues:
    """Return a policy that does not wait between attempts, nor for effects that come late."""
    return slow_policy(RULES, **{"settle": 0.0, **more})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def ledgered(ledger: Ledger, values: PolicyValues | None = None, **more: Any) -> Executor:
    """Return an executor as a new run has it, with this ledger."""
    return executor(values or policy(), ledger=ledger, **more)


def again(ledger: Ledger, on_unfinished: Literal["verify", "retry", "fail"]) -> Ledger:
    """Return a ledger of the same file with another answer to what is unfinished."""
    return Ledger(ledger.path, on_unfinished=on_unfinished)


def only(ledger: Ledger) -> LedgerEntry:
    [entry] = ledger.entries()
    return entry


async def left_unfinished(ledger: Ledger, *script: Any, **limits: Any) -> Service:
    """Make a call that is cancelled while its last attempt hangs, as if its process had died; return its service."""
    service = Service(*script, "hang")
    attempts = len(service.script)
    create = ledgered(ledger, policy(**limits)).wrap("CreateGroupId", service.group_function())
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(create, INSTANCE, GROUP)
            while len(service.calls) < attempts:  # noqa: ASYNC110  # the service is scripted, and has no event
                await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()
    assert only(ledger).state == "started"
    return service


# What an earlier run has done


async def test_what_is_done_is_not_done_again(ledger: Ledger) -> None:
    """A second run gets a success that nobody verified, and the service hears nothing of it."""
    service = Service()
    await ledgered(ledger).wrap("CreateGroupId", service.group_function())(INSTANCE, GROUP)
    create = ledgered(ledger).wrap(
        "CreateGroupId", service.group_function(), accepted=lambda instance_id, group_id: f"{instance_id}/{group_id}"
    )
    done = only(ledger)
    outcome = await create.outcome(INSTANCE, GROUP)
    assert len(service.calls) == 1
    assert (outcome.ended, outcome.verified, outcome.value) == ("accepted", False, f"{INSTANCE}/{GROUP}")
    assert only(ledger) == done, "nothing new was learnt, so nothing was written"


async def test_what_is_done_is_looked_at_where_somebody_can(ledger: Ledger) -> None:
    """With a verifier the value of a second run is what is there, and what has gone since is made again."""
    service = Service()
    await ledgered(ledger).wrap("CreateGroupId", service.group_function())(INSTANCE, GROUP)
    create = ledgered(ledger).wrap("CreateGroupId", service.group_function())
    there: list[str | None] = ["found", None]

    @create.verify
    async def find(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # names that the catalogue knows
        return there.pop(0)

    outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.verified, outcome.value) == ("accepted", True, "found")
    outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, len(service.calls)) == ("success", 2)
    assert only(ledger).state == "done"


async def test_a_new_name_is_used_again(ledger: Ledger) -> None:
    """A second run takes the name that the first was renamed to, without asking for the taken one."""
    service = Service(refused("Taken"))
    first = await ledgered(ledger).wrap("CreateGroupId", service.group_function()).outcome(INSTANCE, GROUP)
    assert first.renamed == {"GroupId": (GROUP, f"{GROUP}-2")}
    second = await ledgered(ledger).wrap("CreateGroupId", service.group_function()).outcome(INSTANCE, GROUP)
    assert second.renamed == first.renamed
    assert second.arguments["group_id"] == f"{GROUP}-2"
    assert len(service.calls) == 2


async def test_accounts_do_not_share_what_is_done(ledger: Ledger) -> None:
    """The same names in another account are other resources."""
    service = Service()
    for account in ("one", "two"):
        await ledgered(ledger, account=account).wrap("CreateGroupId", service.group_function())(INSTANCE, GROUP)
    assert len(service.calls) == len(ledger.entries()) == 2


# What an earlier run started and never finished


async def test_an_unfinished_rename_goes_on_with_the_same_name(ledger: Ledger) -> None:
    """A run that died under a new name is followed by one that asks for, and makes, that very name."""
    await left_unfinished(ledger, refused("Taken"))
    service = Service(refused("Taken"))
    create = ledgered(ledger).wrap("CreateGroupId", service.group_function())
    asked: list[str] = []

    @create.verify
    async def find(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # names that the catalogue knows
        asked.append(group_id)
        return None

    outcome = await create.outcome(INSTANCE, GROUP)
    assert set(asked) == {f"{GROUP}-2"}
    assert [args[1] for args, _ in service.calls] == [f"{GROUP}-2", f"{GROUP}-3"], "numbers go on"
    assert outcome.renamed == {"GroupId": (GROUP, f"{GROUP}-3")}
    assert only(ledger).number == 3


async def test_an_unfinished_resource_that_is_there_is_done(ledger: Ledger) -> None:
    """``verify`` asks before it makes: there means done, and no second attempt."""
    await left_unfinished(ledger)
    service = Service()
    create = ledgered(ledger).wrap("CreateGroupId", service.group_function())

    @create.verify
    async def find(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        return "found"

    outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.verified, service.calls) == ("accepted", True, [])
    assert only(ledger).state == "done"


async def test_retry_makes_the_attempt_and_takes_what_exists(ledger: Ledger) -> None:
    """``retry`` asks nobody; that the service has it already is the earlier run's doing."""
    await left_unfinished(ledger)
    service = Service(refused("Exists"))
    with again(ledger, "retry") as retrying:
        outcome = await ledgered(retrying).wrap("CreateGroupId", service.group_function()).outcome(INSTANCE, GROUP)
    assert (outcome.ended, len(service.calls)) == ("accepted", 1)
    assert only(ledger).state == "done"


async def test_fail_stops_and_says_what_to_do(ledger: Ledger) -> None:
    """``fail`` sends nothing, says which entry it is, and leaves it as it was."""
    await left_unfinished(ledger)
    service = Service()
    with again(ledger, "fail") as failing:
        create = ledgered(failing).wrap("CreateGroupId", service.group_function())
        outcome = await create.outcome(INSTANCE, GROUP)
        assert (outcome.stop_reason, outcome.may_exist, service.calls) == ("unverified", True, [])
        with pytest.raises(LedgerError, match=r"never finished it; look whether it is there, and then forget"):
            await create(INSTANCE, GROUP)
    assert only(ledger).state == "started"


@pytest.mark.parametrize("on_unfinished", ["verify", "retry", "fail"])
async def test_a_duplicate_is_never_repeated_blindly(
    ledger: Ledger, on_unfinished: Literal["verify", "retry", "fail"]
) -> None:
    """What would be made twice stops a run that cannot look, whatever ``on_unfinished`` says."""
    twice: dict[str, Repeat] = {"CreateGroupId": "duplicate"}
    await left_unfinished(ledger, repeats=twice)
    service = Service()
    with again(ledger, on_unfinished) as same:
        create = ledgered(same, policy(repeats=twice)).wrap("CreateGroupId", service.group_function())
        outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, outcome.may_exist) == ("failed", "unverified", True)
    assert isinstance(outcome.error, LedgerError)
    assert service.calls == []
    assert only(ledger).state == "started"


async def test_a_function_that_cannot_hold_the_new_name_is_refused(ledger: Ledger) -> None:
    """A resource that was renamed is not made under its old name by a function without such a parameter."""
    await left_unfinished(ledger, refused("Taken"))
    service = Service()

    class Fixed:
        __slots__ = ()
        instance_id, group_id = INSTANCE, GROUP

    async def create(request: Fixed) -> Any:
        return await service(request)

    outcome = await ledgered(ledger).outcome("CreateGroupId", create, Fixed())
    assert (outcome.ended, outcome.stop_reason, service.calls) == ("refused", "ledger", [])
    assert f"an earlier run renamed GroupId to '{GROUP}-2'" in str(outcome.error)


# How a call ends


async def test_what_was_surely_not_made_is_forgotten(ledger: Ledger) -> None:
    """After a refusal the next run begins anew."""
    service = Service(refused("Invalid"))
    create = ledgered(ledger).wrap("CreateGroupId", service.group_function())
    assert (await create.outcome(INSTANCE, GROUP)).ended == "failed"
    assert ledger.entries() == []
    assert await create(INSTANCE, GROUP) == "created"


async def test_what_may_have_been_made_stays_unfinished(ledger: Ledger) -> None:
    """A call that ends in doubt leaves the doubt to the next run."""
    service = Service(LOST, LOST, LOST, LOST)
    create = ledgered(ledger).wrap("CreateGroupId", service.group_function())
    assert (await create.outcome(INSTANCE, GROUP)).ended == "exhausted"
    assert only(ledger).state == "started"


async def test_a_dry_run_leaves_no_entry(ledger: Ledger) -> None:
    """A success that created nothing is not written."""
    create = ledgered(ledger).wrap("CreateGroupId", Service(refused("Dry")).group_function())
    assert (await create.outcome(INSTANCE, GROUP)).stop_reason == "dry_run"
    assert ledger.entries() == []


async def test_a_dry_run_does_not_forget_an_earlier_doubt(ledger: Ledger) -> None:
    """What an earlier run may have made is still unfinished after a dry run."""
    await left_unfinished(ledger)
    create = ledgered(ledger).wrap("CreateGroupId", Service(refused("Dry")).group_function())
    assert (await create.outcome(INSTANCE, GROUP)).stop_reason == "dry_run"
    assert only(ledger).state == "started"


async def test_every_attempt_is_noted_before_it_is_sent(ledger: Ledger) -> None:
    """When the service is asked, the ledger knows already that it is, and under which name."""
    seen: list[tuple[str, int]] = []
    script = [refused("Busy"), refused("Taken"), None]

    async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # names that the catalogue knows
        entry = only(ledger)
        seen.append((entry.state, entry.number))
        if error := script.pop(0):
            raise error
        return group_id

    await ledgered(ledger).wrap("CreateGroupId", create_group)(INSTANCE, GROUP)
    assert seen == [("started", 1), ("started", 1), ("started", 2)]
    assert only(ledger).state == "done"


async def test_a_call_whose_resource_has_no_name_is_not_tracked(ledger: Ledger) -> None:
    """An operation without a resource, and a call that does not name it, go on as without a ledger."""

    async def act(**fields: str) -> str | None:  # noqa: ARG001  # whatever the service takes
        return "done"

    assert await ledgered(ledger).call("ApplyToken", act, Resources="a/#") == "done"
    assert await ledgered(ledger).call("CreateGroupId", act, InstanceId=INSTANCE) == "done"
    assert ledger.entries() == []


async def test_no_secret_is_written(ledger: Ledger) -> None:
    """Only the names of a resource are in the file, no other argument and no answer."""

    async def create_user(instance_id: str, username: str, password: str) -> str | None:  # noqa: ARG001  # as the catalogue
        return "marker-answer"

    mine = ledgered(ledger, provider="tencent")
    await mine.call("CreateUser", create_user, INSTANCE, "sensor", "marker-password")
    written = b"".join(each.read_bytes() for each in ledger.path.parent.iterdir())
    assert b"sensor" in written
    assert b"marker" not in written


# Several calls on one resource


async def test_a_call_tells_how_long_it_waited_for_its_key(ledger: Ledger) -> None:
    """Another call on the same resource takes its time; the wait is told with what the ledger knew."""
    log = Log()
    create = ledgered(ledger, observers=[log]).wrap("CreateGroupId", Service(0.3).group_function())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(create, INSTANCE, GROUP)
        tasks.start_soon(create, INSTANCE, GROUP)
    waits = [event for event in log.events if isinstance(event, Waited) and event.gate == "ledger"]
    assert any(event.duration >= 0.2 for event in waits)


async def test_calls_on_one_resource_take_turns(ledger: Ledger) -> None:
    """Of five calls at once one is made; the others wait for it and find it done."""
    service = Service(0.3)
    create = ledgered(ledger).wrap("CreateGroupId", service.group_function())
    ends: list[str] = []

    async def one() -> None:
        ends.append((await create.outcome(INSTANCE, GROUP)).ended)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one)
    assert len(service.calls) == 1
    assert sorted(ends) == ["accepted"] * 4 + ["success"]


async def test_waiting_for_another_call_ends_at_the_deadline(ledger: Ledger) -> None:
    """A resource that another executor, or process, works on for too long ends the call, and nothing is sent."""
    [key] = await _keys_of_a_done_call(ledger)
    service = Service()
    with Ledger(ledger.path) as other:
        assert other.claim(key)
        create = ledgered(ledger, policy(deadline=0.5)).wrap("CreateGroupId", service.group_function())
        began = anyio.current_time()
        outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.stop_reason, service.calls) == ("deadline", [])
    assert "waiting for another call on the same resource" in str(outcome.error)
    assert 0.4 < anyio.current_time() - began < 1.5, "a machine under load is slow"


async def _keys_of_a_done_call(ledger: Ledger) -> list[str]:
    await ledgered(ledger).wrap("CreateGroupId", Service().group_function())(INSTANCE, GROUP)
    return [entry.key for entry in ledger.entries()]


async def test_a_call_inside_of_itself_is_refused(ledger: Ledger) -> None:
    """Two wrappers around one call would wait for each other; the error says so at once."""
    mine = ledgered(ledger)
    inner = mine.wrap("CreateGroupId", Service().group_function())

    async def outer(instance_id: str, group_id: str) -> Any:
        return await inner(instance_id, group_id)

    began = anyio.current_time()
    with pytest.raises(LedgerError, match="inside of a call for the same resource"):
        await mine.call("CreateGroupId", outer, INSTANCE, GROUP)
    assert anyio.current_time() - began < 20, "the deadline is ten minutes away"


# A ledger that cannot be used


async def test_a_broken_ledger_stops_the_call_before_anything_is_sent(tmp_path: Path) -> None:
    """The outcome says ``ledger``, the call raises, and the service hears nothing."""
    (tmp_path / "ledger.db").write_bytes(b"garbage" * 1000)
    service = Service()
    with Ledger(tmp_path / "ledger.db") as broken:
        create = ledgered(broken).wrap("CreateGroupId", service.group_function())
        outcome = await create.outcome(INSTANCE, GROUP)
        assert (outcome.ended, outcome.stop_reason, outcome.attempts) == ("refused", "ledger", ())
        with pytest.raises(LedgerError, match="no ledger, or damaged"):
            await create(INSTANCE, GROUP)
    assert service.calls == []


async def test_a_ledger_that_breaks_stops_the_next_attempt(ledger: Ledger) -> None:
    """An attempt that cannot be noted is not made, whatever went before."""
    calls: list[str] = []

    async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # names that the catalogue knows
        calls.append(group_id)
        ledger.path.rename(ledger.path.with_name("elsewhere"))
        raise refused("Busy")

    outcome = await ledgered(ledger).outcome("CreateGroupId", create_group, INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason, calls) == ("refused", "ledger", [GROUP])
    ledger.path.with_name("elsewhere").rename(ledger.path)


async def test_an_answer_that_cannot_be_noted_is_returned(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    """What the service did is done; that the next run has to look again is logged."""

    async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # names that the catalogue knows
        ledger.path.rename(ledger.path.with_name("elsewhere"))
        return group_id

    assert await ledgered(ledger).call("CreateGroupId", create_group, INSTANCE, GROUP) == GROUP
    assert "the next run looks again" in caplog.text
    ledger.path.with_name("elsewhere").rename(ledger.path)
    assert only(ledger).state == "started"


async def test_a_locked_ledger_does_not_outlast_the_deadline(ledger: Ledger) -> None:
    """While another program holds the file locked, the call stops at its deadline, not some seconds later."""
    await _keys_of_a_done_call(ledger)
    service = Service()
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        create = ledgered(ledger, policy(deadline=0.5)).wrap("CreateGroupId", service.group_function())
        began = anyio.current_time()
        outcome = await create.outcome(INSTANCE, "GID_other")
        took = anyio.current_time() - began
        other.execute("ROLLBACK")
    assert (outcome.stop_reason, service.calls) == ("ledger", [])
    assert "holds it locked" in str(outcome.error)
    assert took < 2.0, "it would wait for five seconds without a deadline"


async def test_a_ledger_that_is_locked_for_a_moment_is_waited_for(ledger: Ledger) -> None:
    """A lock that goes away within some seconds stops nothing."""
    await _keys_of_a_done_call(ledger)
    with closing(sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.4, other.execute, ["ROLLBACK"])
        timer.start()
        create = ledgered(ledger).wrap("CreateGroupId", Service().group_function())
        assert await create(INSTANCE, "GID_other") == "created"
        timer.join()


# Cancellation


async def test_a_cancelled_call_gives_its_resource_back(ledger: Ledger) -> None:
    """After a cancellation the next call need not wait, and finds the resource unfinished."""
    await left_unfinished(ledger)
    with again(ledger, "retry") as retrying:
        create = ledgered(retrying).wrap("CreateGroupId", Service().group_function())
        with anyio.fail_after(20):
            assert await create(INSTANCE, GROUP) == "created"


async def test_an_answer_is_noted_although_the_call_is_cancelled(ledger: Ledger) -> None:
    """A cancellation that comes while the end is written down waits for it."""
    scope = anyio.CancelScope()

    async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # names that the catalogue knows
        scope.cancel()
        return group_id

    with scope:
        await ledgered(ledger).call("CreateGroupId", create_group, INSTANCE, GROUP)
    assert only(ledger).state == "done"


async def test_an_answer_that_cannot_be_noted_is_told_in_a_line(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The call is a success. The line has the reason, and no traceback, which operators of a fleet would get."""

    def fail(_: LedgerEntry) -> None:
        raise LedgerError(ledger.name, "the disk is full; make room")

    monkeypatch.setattr(ledger, "finish", fail)
    outcome = await ledgered(ledger).wrap("CreateGroupId", Service().group_function()).outcome(INSTANCE, GROUP)
    assert outcome.ended == "success"
    (record,) = caplog.records
    assert record.getMessage().endswith(f"the next run looks again: ledger {ledger.name}: the disk is full; make room")
    assert record.exc_info is None


@pytest.mark.parametrize("method", ["claim", "start", "finish"])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_that_asyncio_cancels_neither_loses_nor_holds_anything(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """``Task.cancel()`` passes shields: the thread's work counts all the same, and the key is free afterwards."""
    begun, go_on = threading.Event(), threading.Event()
    original = getattr(ledger, method)

    def slowly(*args: Any) -> Any:
        begun.set()
        assert go_on.wait(10)
        return original(*args)

    monkeypatch.setattr(ledger, method, slowly)
    service = Service()
    create = ledgered(ledger).wrap("CreateGroupId", service.group_function())
    task = asyncio.ensure_future(create(INSTANCE, GROUP))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    threading.Timer(0.1, go_on.set).start()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    states = [entry.state for entry in ledger.entries()]
    assert states == {"claim": [], "start": ["started"], "finish": ["done"]}[method]
    assert len(service.calls) == (method == "finish")
    with Ledger(ledger.path) as other:
        key = 'alibaba::CreateGroupId:{"GroupId":"GID_sensors","InstanceId":"mqtt-cn-x"}'
        assert other.claim(key)


async def test_a_cancelled_call_waits_for_a_ledger_that_is_locked_for_a_moment(ledger: Ledger) -> None:
    """Neither a cancellation nor somebody else's lock, nor both together, lose an answer."""
    scope = anyio.CancelScope()
    with closing(sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)) as other:
        timer = threading.Timer(0.6, other.execute, ["ROLLBACK"])

        async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # as the catalogue
            other.execute("BEGIN IMMEDIATE")
            timer.start()
            scope.cancel()
            return group_id

        with scope:
            await ledgered(ledger).call("CreateGroupId", create_group, INSTANCE, GROUP)
        timer.join()
    assert only(ledger).state == "done"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_answer_is_noted_although_asyncio_cancels_before_a_thread_is_free(ledger: Ledger) -> None:
    """``Task.cancel()`` that comes before the end is handed to a thread does not lose it."""
    answered = asyncio.Event()

    async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # as the catalogue
        limiter = event_loop.ledger_limiter(ledger.threads)
        for _ in range(int(limiter.total_tokens)):
            limiter.acquire_on_behalf_of_nowait(object())
        answered.set()
        return group_id

    task = asyncio.ensure_future(ledgered(ledger).call("CreateGroupId", create_group, INSTANCE, GROUP))
    await answered.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only(ledger).state == "done"


async def test_a_call_that_has_ended_takes_nothing_any_more(ledger: Ledger) -> None:
    """What a thread would do after its call was cancelled is not done: nobody would give the key back."""
    entry = LedgerEntry(key="key", provider=None, operation="CreateGroupId", resource={"GroupId": GROUP})
    track = ledger_entry.LedgerClaim(ledger, entry, event_loop.LOOP)
    track.close()
    with pytest.raises(LedgerError, match="the call has ended"):
        await track.claim(None)
    assert ledger.claim("key")


# Where the ledger comes from


async def test_the_policys_ledger_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``[ledger]`` is enough."""
    monkeypatch.chdir(tmp_path)
    values = evolve(policy(), ledger=LedgerSettings(path="state/ledger.db", on_unfinished="fail"))
    await executor(values).wrap("CreateGroupId", Service().group_function())(INSTANCE, GROUP)
    with Ledger(tmp_path / "state/ledger.db", create=False) as written:
        assert only(written).state == "done"


async def test_a_ledger_that_is_given_wins(tmp_path: Path, ledger: Ledger) -> None:
    """A ledger in Python replaces the policy's, whose file is not made."""
    values = evolve(policy(), ledger=LedgerSettings(path=str(tmp_path / "policys.db")))
    await ledgered(ledger, values).wrap("CreateGroupId", Service().group_function())(INSTANCE, GROUP)
    assert only(ledger).state == "done"
    assert not (tmp_path / "policys.db").exists()


async def test_a_function_that_must_return_something_needs_a_way_to_when_it_was_done_before(ledger: Ledger) -> None:
    """With a ledger a call may find its work done: then there must be a value, or the annotation admits None."""

    async def create_group(instance_id: str, group_id: str) -> str:
        return f"{instance_id}/{group_id}"

    plain = Policy.loads('schema = 1\nlimits.deadline = "10s"')
    with pytest.raises(TypeError, match="the ledger may know that an earlier run has done it"):
        await ledgered(ledger, plain).wrap("CreateGroupId", create_group)(INSTANCE, GROUP)
    made = ledgered(ledger, plain).wrap("CreateGroupId", create_group, accepted=lambda _, group_id: group_id)
    assert [await made(INSTANCE, GROUP), await made(INSTANCE, GROUP)] == [f"{INSTANCE}/{GROUP}", GROUP]
