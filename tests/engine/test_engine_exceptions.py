"""What leaves a failed call: the service's own exception, told apart from mistakes and from what is decided already."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import traceback
import weakref
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from engine_calls import (
    ACCEPT_ALWAYS,
    AT_ONCE,
    FAIL,
    GROUP,
    INSTANCE,
    RENAME,
    RETRY,
    Log,
    Service,
    executor,
    policy,
    refused,
)

from resilience import ServiceError
from resilience.core.events import CallEnded, CallStarted
from resilience.core.observer import Sink

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


async def fail_with(error: Exception, **more: Any) -> Exception:
    """Return what leaves a call whose attempts all fail with this exception."""
    create = executor(policy({"Busy": AT_ONCE}), **more).wrap("CreateGroupId", Service(*[error] * 9).group_function())
    with pytest.raises(type(error)) as caught:
        await create(INSTANCE, GROUP)
    return caught.value


async def test_the_services_own_exception_leaves_with_its_traceback() -> None:
    """The same object leaves, its traceback still leads to the line that raised it, and nothing is chained to it."""
    busy = refused()
    left = await fail_with(busy)
    assert left is busy
    assert traceback.extract_tb(left.__traceback__)[-1].name == "__call__"
    assert (left.__cause__, left.__context__) == (None, None)


async def test_the_note_says_what_was_tried_and_nothing_secret() -> None:
    """Attempts, codes, request ids, waits, the rule with file and line and the stop reason; no message, no argument."""
    service = Service(refused(request_id="5F3A-77"), refused(), refused(), refused())
    with pytest.raises(ServiceError) as caught:
        await executor().call("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    (note,) = caught.value.__notes__
    for told in ("4 attempts", "stop reason: attempts", "Busy", "5F3A-77", "waited 3.00 s", "policies/mqtt.toml:1:1"):
        assert told in note
    for secret in (INSTANCE, GROUP, "a message that nobody may see"):
        assert secret not in note


async def test_one_exception_object_may_be_raised_by_many_calls() -> None:
    """An object that is raised again and again is decided anew each time, and its notes do not pile up."""
    busy = refused()
    service = Service()
    create = executor(policy({"Busy": AT_ONCE})).wrap("CreateGroupId", service.group_function())
    for _ in range(50):
        service.script = [busy] * 4
        with pytest.raises(ServiceError):
            await create(INSTANCE, GROUP)
    assert len(service.calls) == 200
    assert len(busy.__notes__) <= 4


async def test_an_exception_that_refuses_notes_leaves_all_the_same() -> None:
    """A frozen exception leaves as itself, without a note."""

    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):  # noqa: N818  # what it is
        code: str = "Busy"

    error = Frozen()
    assert await fail_with(error) is error


async def test_a_programming_error_leaves_at_once() -> None:
    """A mistake in the program is no fault: no rule, not even a rule for everything, answers it; observers see why."""
    log = Log()
    for mistake in (TypeError("x"), AttributeError("x"), RuntimeError("no running event loop")):
        service = Service(mistake)
        create = executor(policy({"lost": RETRY}), observers=[log]).wrap("CreateGroupId", service.group_function())
        with pytest.raises(type(mistake)) as caught:
            await create(INSTANCE, GROUP)
        assert caught.value is mistake
        assert not hasattr(mistake, "__notes__")
        assert len(service.calls) == 1
        ended = log.last(CallEnded)
        assert (ended.ended, ended.stop_reason, ended.error) == (None, None, type(mistake).__name__)
        with pytest.raises(type(mistake)):
            await executor().outcome("CreateGroupId", Service(mistake).group_function(), INSTANCE, GROUP)


@pytest.mark.parametrize("hook", ["on_rename", "accepted", "classify"])
async def test_what_a_users_hook_raises_leaves_and_is_no_cancellation(hook: str) -> None:
    """An exception of the user's own hook leaves as it is, and observers do not take it for a cancellation."""

    def broken(*_: object) -> None:
        raise LookupError("the hook's own")

    log = Log()
    values = policy({"Taken": RENAME, "Exists": ACCEPT_ALWAYS})
    more = {} if hook == "accepted" else {hook: broken}
    service = Service({"on_rename": refused("Taken"), "accepted": refused("Exists"), "classify": OSError()}[hook])
    one = executor(values, observers=[log], **more)
    create = one.wrap("CreateGroupId", service.group_function(), accepted=broken if hook == "accepted" else None)
    with pytest.raises(LookupError, match="the hook's own"):
        await create(INSTANCE, GROUP)
    ended = log.last(CallEnded)
    assert (ended.ended, ended.error) == (None, "LookupError")


async def test_a_service_error_as_a_value_of_plain_code_is_decided_by_its_fault() -> None:
    """Code without an SDK raises ServiceError, and the policy answers its code."""
    service = Service(ServiceError("Busy", status=429, request_id="r-1", retry_after=3.0))
    outcome = await executor().outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    fault = outcome.attempts[0].fault
    assert fault is not None
    assert (fault.code, fault.status, fault.request_id, outcome.waited) == ("Busy", 429, "r-1", 3.0)


async def test_the_users_classify_comes_before_the_built_in_translators() -> None:
    """A function of the user's reads the exceptions that it knows and leaves the others."""
    service = Service(KeyError("whatever"), refused())
    known = executor(classify=lambda error: refused().fault if isinstance(error, KeyError) else None)
    assert await known.call("CreateGroupId", service.group_function(), INSTANCE, GROUP) == "created"
    assert len(service.calls) == 3


@pytest.mark.parametrize(
    ("codes", "attempts", "reason"),
    [
        pytest.param(["Busy", "Busy"], 2, "success", id="all-may-be-retried"),
        pytest.param(["Busy", "Wrong"], 1, "rule", id="the-most-final-decides"),
        pytest.param(["Busy", "Exists"], 2, "success", id="accept-needs-all"),
        pytest.param(["Exists", "Exists"], 1, "accepted", id="all-are-accepted"),
    ],
)
async def test_a_group_is_decided_by_its_most_final_leaf(codes: list[str], attempts: int, reason: str) -> None:
    """Of the leaves of an exception group the most final decides; an accept needs all of them."""
    group = ExceptionGroup("m", [refused(codes[0]), ExceptionGroup("n", [refused(codes[1])])])
    values = policy({"Busy": RETRY, "Wrong": FAIL, "Exists": ACCEPT_ALWAYS})
    outcome = await executor(values).outcome("CreateGroupId", Service(group).group_function(), INSTANCE, GROUP)
    assert (len(outcome.attempts), outcome.stop_reason) == (attempts, reason)
    assert outcome.error in {None, group}


async def test_a_group_with_a_programming_error_leaves_at_once() -> None:
    """One mistake in a group makes all of it a mistake."""
    group = ExceptionGroup("m", [refused(), TypeError("x")])
    service = Service(group)
    with pytest.raises(ExceptionGroup) as caught:
        await executor().call("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    assert caught.value is group
    assert len(service.calls) == 1


async def directly(inner: Any) -> Any:
    return await inner(INSTANCE, GROUP)


async def in_a_task_group(inner: Any) -> Any:
    async with anyio.create_task_group() as group:
        group.start_soon(inner, INSTANCE, GROUP)


async def in_a_thread(inner: Any) -> Any:
    return await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(inner, INSTANCE, GROUP))


async def reraised(inner: Any) -> Any:
    try:
        return await inner(INSTANCE, GROUP)
    except ServiceError as error:
        again = error
    raise again


@pytest.mark.parametrize("way", [directly, in_a_task_group, in_a_thread, reraised], ids=lambda way: way.__name__)
@pytest.mark.parametrize("warm", [False, True], ids=["first-call", "later-call"])
async def test_nested_calls_do_not_multiply(way: Any, warm: bool) -> None:  # noqa: FBT001  # a test's parameter
    """Four attempts inside four are four: what the inner policy has decided is final for the outer one."""
    one = executor(policy({"Busy": AT_ONCE}, deadline=None))
    service = Service()
    inner = one.wrap("CreateGroupId", service.group_function())

    async def create_topic(instance_id: str, group_id: str) -> Any:  # noqa: ARG001  # names that the catalogue knows
        return await way(inner)

    outer = one.wrap("CreateGroupId", create_topic)
    if warm:
        await outer(INSTANCE, GROUP)
        service.calls.clear()
    service.script = [refused() for _ in range(40)]
    outcome = await outer.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.stop_reason) == ("failed", "inner")
    assert len(service.calls) == 4
    service.calls.clear()
    with pytest.raises((ServiceError, ExceptionGroup)):
        await outer(INSTANCE, GROUP)
    assert len(service.calls) == 4


async def test_a_decided_group_inside_a_group_is_final() -> None:
    """A group that the inner policy decided stays decided when a task group wraps it in another."""
    one = executor(policy({"Busy": AT_ONCE}))
    service = Service(*[ExceptionGroup("m", [refused()]) for _ in range(40)])
    inner = one.wrap("CreateGroupId", service.group_function())

    async def outer(instance_id: str, group_id: str) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(inner, instance_id, group_id)

    outcome = await one.outcome("CreateGroupId", outer, INSTANCE, GROUP)
    assert (outcome.stop_reason, len(service.calls)) == ("inner", 4)


async def test_what_is_raised_anew_is_decided_anew() -> None:
    """An inner failure that the function turns into another exception is a fault of the outer call."""
    one = executor(policy({"Busy": AT_ONCE, "Outer": AT_ONCE}))
    service = Service(*[refused() for _ in range(4)])
    inner = one.wrap("CreateGroupId", service.group_function())

    async def outer(instance_id: str, group_id: str) -> Any:
        try:
            return await inner(instance_id, group_id)
        except ServiceError as error:
            raise refused("Outer") from error

    assert await one.call("CreateGroupId", outer, INSTANCE, GROUP) == "created"
    assert len(service.calls) == 5


async def test_an_inner_failure_that_is_caught_is_no_failure_of_the_outer_call() -> None:
    """What an inner call decided earlier says nothing about a fresh failure of the outer function."""
    one = executor(policy({"Busy": AT_ONCE}))
    shared = refused()
    inner = one.wrap("CreateGroupId", Service(*[shared] * 4).group_function())
    outer_script: list[Exception] = [shared]

    async def before_the_attempt() -> None:
        with pytest.raises(ServiceError):
            await inner(INSTANCE, GROUP)

    async def outer(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        if outer_script:
            raise outer_script.pop()
        return "created"

    await before_the_attempt()
    assert await one.call("CreateGroupId", outer, INSTANCE, GROUP) == "created"


class Forgetful:
    """An observer that takes every event and keeps none."""

    idle_slot = None

    def watch(self, started: CallStarted) -> Sink:  # noqa: ARG002  # the protocol's signature
        return lambda _: None


@pytest.mark.parametrize("deadline", [None, 600.0], ids=["no-limit", "deadline"])
@pytest.mark.parametrize("observers", [[], [Forgetful()]], ids=["unwatched", "watched"])
async def test_an_exception_that_nobody_holds_is_gone(deadline: float | None, observers: list[Forgetful]) -> None:
    """Neither a retried nor a failed call leaves exceptions, and the frames in them, to the garbage collector."""
    made: list[weakref.ref[Exception]] = []

    class Busy(Exception):  # noqa: N818  # named for its code
        code = "Busy"

        def __init__(self) -> None:
            super().__init__()
            made.append(weakref.ref(self))

    failures = 0

    async def create_group(instance_id: str, group_id: str) -> str:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Busy
        return f"{instance_id}/{group_id}"

    one = executor(policy({"Busy": AT_ONCE}, deadline=deadline), observers=observers)
    create = one.wrap("CreateGroupId", create_group)
    await create(INSTANCE, GROUP)
    gc.collect()
    gc.disable()
    try:
        for failures in (2, 9):  # noqa: B007  # read by the function
            with contextlib.suppress(Busy):
                await create(INSTANCE, GROUP)
            with contextlib.suppress(Busy):
                await one.call("CreateGroupId", create_group, INSTANCE, GROUP)
        assert len(made) == 2 + 8
        assert [reference() for reference in made if reference() is not None] == []
    finally:
        gc.enable()


async def test_the_outcomes_repr_shows_nothing_secret() -> None:
    """No value, no argument, no name and no message is in the repr of an outcome, an attempt or an executor."""
    one = executor(policy({"Taken": RENAME}))
    service = Service(refused("Taken"), value="a secret value")
    outcome = await one.outcome("CreateGroupId", service.group_function(), INSTANCE, GROUP)
    failed = await one.outcome("CreateGroupId", Service(refused("Other")).group_function(), INSTANCE, GROUP)
    shown = repr((outcome, failed, outcome.attempts, failed.attempts, one))
    for secret in ("a secret value", INSTANCE, GROUP, "GID_", "a message that nobody may see"):
        assert secret not in shown
