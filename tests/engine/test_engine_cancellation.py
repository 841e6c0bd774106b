"""Cancellation belongs to the caller: it passes through every wait at once, and is no fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from engine_calls import GROUP, INSTANCE, REFRESH, RETRY, VERIFY, Log, Service, executor, policy, refused

from resilience import Credentials, Executor
from resilience.core.events import CallEnded
from resilience.testing import virtual_backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


VALUES = policy(
    {"Busy": RETRY, "Expired": REFRESH, "lost": VERIFY}, deadline=900.0, repeats={"CreateGroupId": "duplicate"}
)


def in_an_attempt(log: Log) -> Callable[[], Awaitable[Any]]:
    create = executor(VALUES, observers=[log]).wrap("CreateGroupId", Service("hang").group_function())
    return lambda: create(INSTANCE, GROUP)


def in_a_later_attempt(log: Log) -> Callable[[], Awaitable[Any]]:
    create = executor(VALUES, observers=[log]).wrap("CreateGroupId", Service(refused(), "hang").group_function())
    return lambda: create.outcome(INSTANCE, GROUP)


def in_a_wait(log: Log) -> Callable[[], Awaitable[Any]]:
    service = Service(refused(retry_after=20.0), refused())
    create = executor(VALUES, observers=[log]).wrap("CreateGroupId", service.group_function())
    return lambda: create(INSTANCE, GROUP)


def in_the_first_load(log: Log) -> Callable[[], Awaitable[Any]]:
    source = Credentials(Service("hang"))
    create = executor(VALUES, observers=[log], credentials={"alibaba": source}).wrap(
        "CreateGroupId", Service().group_function()
    )
    return lambda: create(INSTANCE, GROUP)


def in_a_refresh(log: Log) -> Callable[[], Awaitable[Any]]:
    source = Credentials(Service(0.0, "hang"))

    async def create_group(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # names that the catalogue knows
        source.current()
        raise refused("Expired")

    one = executor(VALUES, observers=[log], credentials={"alibaba": source})
    return lambda: one.call("CreateGroupId", create_group, INSTANCE, GROUP)


def in_a_verification(log: Log) -> Callable[[], Awaitable[Any]]:
    service = Service(ConnectionResetError())
    create = executor(VALUES, observers=[log]).wrap("CreateGroupId", service.group_function())
    create.verify(Service("hang"))
    return lambda: create(INSTANCE, GROUP)


PLACES = pytest.mark.parametrize(
    "place",
    [in_an_attempt, in_a_later_attempt, in_a_wait, in_the_first_load, in_a_refresh, in_a_verification],
    ids=lambda place: place.__name__,
)


@PLACES
async def test_a_cancelled_call_ends_at_once(place: Callable[[Log], Callable[[], Awaitable[Any]]]) -> None:
    """A cancellation ends the call where it stands; nothing is tried again, and observers see it."""
    log = Log()
    call = place(log)
    began = anyio.current_time()
    with anyio.move_on_after(5) as scope:
        await call()
    assert scope.cancelled_caught
    assert anyio.current_time() - began == pytest.approx(5)
    ended = log.events[-1]
    assert isinstance(ended, CallEnded)
    assert (ended.ended, ended.stop_reason, ended.error) == ("cancelled", "cancelled", None)
    assert log.names.count("CallEnded") == 1
    started = [name for name in log.names if name.endswith("Started")]
    concluded = [name for name in log.names if name.startswith(("Attempt", "Refresh", "Verify"))]
    assert len(concluded) == 2 * len(started)


@PLACES
@pytest.mark.parametrize("anyio_backend", [virtual_backend("asyncio")], ids=["asyncio"])
async def test_asyncios_own_cancellation_passes_as_well(
    place: Callable[[Log], Callable[[], Awaitable[Any]]],
) -> None:
    """A task that is cancelled by asyncio's own means ends as cancelled, and asyncio.timeout raises its own error."""
    call = place(Log())
    task = asyncio.ensure_future(call())
    await asyncio.sleep(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    timed = place(Log())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await timed()


async def test_an_attempt_that_ignores_the_outside_is_not_retried() -> None:
    """A function that turns its cancellation into an error of its own is not called again by a cancelled call."""
    calls = 0

    async def create_group(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # names that the catalogue knows
        nonlocal calls
        calls += 1
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            raise refused("Busy") from error

    with anyio.move_on_after(5) as scope:
        await executor(VALUES).call("CreateGroupId", create_group, INSTANCE, GROUP)
    assert scope.cancel_called
    assert calls == 1


async def test_what_is_no_exception_passes_through() -> None:
    """KeyboardInterrupt and SystemExit are no faults, and no policy sees them."""
    calls = 0

    async def create_group(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # names that the catalogue knows
        nonlocal calls
        calls += 1
        raise SystemExit(3)

    one: Executor = executor(policy({"lost": RETRY}))
    try:
        await one.call("CreateGroupId", create_group, INSTANCE, GROUP)
    except SystemExit as error:
        code = error.code
    assert (code, calls) == (3, 1)
