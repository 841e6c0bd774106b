"""The fast path ends attempts as the long one does, and takes nobody else's cancellation for its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from engine_calls import ACCEPT, AT_ONCE, FAIL, GROUP, INSTANCE, REFRESH, Log, executor, policy, refused

from resilience import DeadlineExceeded
from resilience.core.observer import ALWAYS_IDLE
from resilience.engine.target.target import Target
from resilience.testing import virtual_backend

pytestmark = pytest.mark.anyio

ON_ASYNCIO = pytest.mark.parametrize("anyio_backend", [virtual_backend("asyncio")], ids=["asyncio"])

Body = Callable[[], Awaitable[Any]]
Warm = Callable[..., Awaitable[Callable[[], Awaitable[Any]]]]


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


class Idle(Log):
    """An observer that leaves the fast path open."""

    idle_slot = ALWAYS_IDLE  # type: ignore[assignment]  # Log watches every call


@pytest.fixture(params=[True, False], ids=["may-shield", "shields-nothing"])
def warm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Warm:
    """Return what warms up a function, once as a user's and once as an SDK's, for which there is a cheaper limit."""
    monkeypatch.setattr(Target, "may_shield", request.param)
    return warmed


async def warmed(body: Body, *, limit: float = 5.0, log: Log | None = None) -> Callable[[], Awaitable[Any]]:
    """Return a wrapped function that has made its first call, so that the next one takes the fast path."""
    bodies: list[Body] = [_nothing]
    values = policy({"lost": AT_ONCE, "Busy": FAIL}, deadline=None, attempt_timeout=limit, max_attempts=1)
    values_executor = executor(values, observers=(log or Idle(),))

    @values_executor.wrap("ListGroupId")
    async def list_groups(instance_id: str, group_id: str) -> Any:  # noqa: ARG001  # as the catalogue
        return await bodies[0]()

    await list_groups(INSTANCE, GROUP)
    bodies[0] = body
    return lambda: list_groups(INSTANCE, GROUP)


async def _nothing() -> None:
    pass


async def test_an_attempt_is_cut_at_its_limit(warm: Warm) -> None:
    """An attempt that hangs is cut when its time is up, to the instant, and the error says by what."""
    call = await warm(anyio.sleep_forever)
    began = anyio.current_time()
    with pytest.raises(DeadlineExceeded, match="attempt 1 was cut short by attempt_timeout"):
        await call()
    assert anyio.current_time() - began == pytest.approx(5.0)


async def test_a_call_that_succeeds_at_once_is_told_to_nobody(warm: Warm) -> None:
    """An observer that need not see such calls hears of the first one, which takes the long way, and no other."""
    log = Idle()
    call = await warm(_nothing, log=log)
    heard = len(log.events)
    await call()
    assert len(log.events) == heard


async def test_a_call_that_fails_at_first_is_told_from_its_beginning(warm: Warm) -> None:
    """What was done on the fast path is told when the attempt has failed."""
    log = Idle()
    call = await warm(anyio.sleep_forever, log=log)
    del log.events[:]
    with pytest.raises(DeadlineExceeded):
        await call()
    assert log.names == ["AttemptStarted", "AttemptFailed", "CallEnded"]


async def test_nothing_is_cut_after_the_call(warm: Warm) -> None:
    """The limit of an attempt ends with it: what its task does later has all the time that it wants."""
    call = await warm(_nothing)
    await call()
    await anyio.sleep(20)


async def test_a_cancellation_from_outside_passes_through(warm: Warm) -> None:
    """A cancelled scope around the call ends it, and is not taken for the limit."""
    call = await warm(anyio.sleep_forever)
    with anyio.move_on_after(1) as scope:
        await call()
    assert scope.cancelled_caught


async def test_a_cancellation_at_the_very_limit_passes_through(warm: Warm) -> None:
    """Where the limit and a scope around the call end at the same instant, the scope gets what is its own."""
    call = await warm(anyio.sleep_forever)
    with anyio.move_on_after(5) as scope:
        try:
            await call()
        except DeadlineExceeded:
            # The limit came first; the scope has not lost its cancellation by that.
            await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_a_limit_inside_of_the_function_ends_only_its_own_block(warm: Warm) -> None:
    """The function's own time limits work as without us."""

    async def body() -> str:
        with anyio.move_on_after(1):
            await anyio.sleep_forever()
        return "done"

    assert await (await warm(body))() == "done"


async def test_the_limit_reaches_through_scopes_and_groups_of_the_function(warm: Warm) -> None:
    """Tasks that the function has started are cancelled with it."""
    ended = []

    async def child() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("child")

    async def body() -> None:
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(child)
                group.start_soon(child)

    with pytest.raises(DeadlineExceeded):
        await (await warm(body))()
    assert ended == ["child", "child"]


async def test_a_value_in_spite_of_the_limit_is_taken() -> None:
    """A function that keeps its end from being cut, and returns late, has returned."""

    async def body() -> str:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(7)
        return "late"

    assert await (await warmed(body))() == "late"
    await anyio.sleep(1)


@ON_ASYNCIO
@pytest.mark.parametrize("at", [1.0, 5.0])
async def test_a_tasks_own_cancellation_passes_through(warm: Warm, at: float) -> None:
    """``Task.cancel()``, before the limit or at it, cancels the task."""
    call = await warm(anyio.sleep_forever)
    task = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(at, task.cancel)
    with pytest.raises((asyncio.CancelledError, DeadlineExceeded)) as raised:
        await task
    # At the very limit both are right; what must not be is a task that goes on with a cancellation pending.
    assert at == 5.0 or raised.type is asyncio.CancelledError
    assert task.cancelling() == (raised.type is asyncio.CancelledError)


@ON_ASYNCIO
async def test_a_function_that_swallows_the_cancellation_leaves_no_trace(warm: Warm) -> None:
    """The limit's cancellation is taken back, also where the function did not let it through."""

    async def body() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "swallowed"
        return "slept"

    call = await warm(body)
    assert await call() == "swallowed"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    async with asyncio.timeout(1):
        await asyncio.sleep(0)


async def test_attempts_that_overlap_are_cut_each_at_its_own_time(warm: Warm) -> None:
    """However many attempts are under way, each has the whole limit, and one that ends early frees nobody else."""
    began = anyio.current_time()
    ended: list[tuple[str, float]] = []
    bodies = {"first": anyio.sleep_forever, "quick": _nothing, "second": anyio.sleep_forever}
    calls = {name: await warm(body) for name, body in bodies.items()}
    again = calls["first"]

    async def one(name: str, call: Callable[[], Awaitable[Any]], after: float) -> None:
        await anyio.sleep(after)
        try:
            await call()
        except DeadlineExceeded:
            name += " cut"
        ended.append((name, round(anyio.current_time() - began, 3)))

    async with anyio.create_task_group() as group:
        group.start_soon(one, "first", again, 0)
        group.start_soon(one, "quick", calls["quick"], 1)
        group.start_soon(one, "later", again, 2)
        group.start_soon(one, "second", calls["second"], 3)
    assert ended == [("quick", 1), ("first cut", 5), ("later cut", 7), ("second cut", 8)]


@pytest.mark.parametrize("operation", ["ListGroupId", "CreateGroupId", "RegisterDeviceCredential"])
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(lambda: refused("Denied", request_id="id-1"), id="a-rule-says-fail"),
        pytest.param(lambda: refused("Unheard"), id="no-rule"),
        pytest.param(lambda: refused("Denied", effect=None, status=500), id="effect-unknown"),
        pytest.param(lambda: ConnectionResetError("gone"), id="lost"),
        pytest.param(lambda: refused("Taken"), id="cannot-be-accepted"),
        pytest.param(lambda: refused("Expired"), id="cannot-be-refreshed"),
        pytest.param(lambda: ExceptionGroup("two", [refused("Denied"), refused("Unheard")]), id="group"),
        pytest.param(lambda: TypeError("a mistake"), id="programming-error"),
    ],
)
@pytest.mark.parametrize("enabled", [True, False], ids=["on", "off"])
async def test_a_call_that_fails_at_once_ends_as_in_a_whole_run(
    operation: str,
    error: Callable[[], Exception],
    enabled: bool,  # noqa: FBT001  # a test's parameter
) -> None:
    """Unwatched, limited and plain: the same exception leaves, with the same note, and calls around it let it pass."""
    rules = {"Denied": FAIL, "lost": FAIL, "Taken": ACCEPT, "Expired": REFRESH}
    ends: list[tuple[type[Exception], list[str]]] = []
    for limit, calls_before in itertools.product([None, 5.0], range(2)):
        raised: list[Exception | None] = [None] * calls_before + [error()]

        async def body(instance_id: str, group_id: str, script: Any = raised) -> None:  # noqa: ARG001  # as the catalogue
            if (each := script.pop(0)) is not None:
                raise each

        values = policy(rules, deadline=None, attempt_timeout=limit)
        call = executor(values, enabled=enabled).wrap(operation, body)
        for _ in range(calls_before):
            await call(INSTANCE, GROUP)
        around = executor(policy({"Denied": AT_ONCE, "Unheard": AT_ONCE, "lost": AT_ONCE, "Taken": AT_ONCE}))
        mine = raised[0]
        with pytest.raises(Exception) as caught:  # noqa: PT011  # each is a class of its own
            await around.call("ListGroupId", call, INSTANCE, GROUP)
        assert caught.value is mine
        assert raised == []
        notes = getattr(mine, "__notes__", [])
        ends.append((type(mine), notes))
        assert sum("attempt 1: " in each for each in notes) == (0 if isinstance(mine, TypeError) else len(notes))
    assert all(each == ends[0] for each in ends)
