"""What can be wrapped, in threads and out of them, and what a wrapped function looks like."""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Awaitable
from typing import Any

import anyio
import pytest
from attrs import evolve
from engine_calls import ACCEPT, AT_ONCE, GROUP, INSTANCE, RENAME, RETRY, VERIFY, Service, executor, policy, refused

from resilience import Executor, SyncExecutor
from resilience.testing import virtual_backend

pytestmark = pytest.mark.anyio

# Threads answer in real time, so the clock waits a moment before it jumps over a limit.
PATIENCE = 0.3


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return virtual_backend(request.param, patience=PATIENCE)


# Without a deadline no timer runs, so the clock has nothing to jump to while a thread works.
EXECUTOR = executor(policy({"Busy": AT_ONCE}, deadline=None))


class Console:
    """A class whose methods are under a policy, in each way that Python has."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    @EXECUTOR.wrap("CreateGroupId")
    async def create(self, instance_id: str, group_id: str) -> str:
        """Create it."""
        return f"{self.prefix} {instance_id}/{group_id}"

    @EXECUTOR.wrap("CreateGroupId")
    def plainly(self, instance_id: str, group_id: str) -> str:
        return f"{self.prefix} {instance_id}/{group_id} in {threading.current_thread() is not threading.main_thread()}"

    @classmethod
    @EXECUTOR.wrap("CreateGroupId")
    async def of_class(cls, instance_id: str, group_id: str) -> str:
        return f"{cls.__name__} {instance_id}/{group_id}"

    @staticmethod
    @EXECUTOR.wrap("CreateGroupId")
    async def of_none(instance_id: str, group_id: str) -> str:
        return f"{instance_id}/{group_id}"

    async def unwrapped(self, instance_id: str, group_id: str) -> str:
        return f"{self.prefix} {instance_id}/{group_id}"


class Callable:
    """An object that is called."""

    async def __call__(self, instance_id: str, group_id: str) -> str:
        return f"{instance_id}/{group_id}"


async def create_group(instance_id: str, group_id: str, *, remark: str = "none") -> str:
    """Create a group."""
    return f"{instance_id}/{group_id} {remark}"


async def test_methods_are_bound_as_ever() -> None:
    """A wrapped method takes its instance, its class or nothing, called or asked for its outcome."""
    console: Any = Console("console")
    of_class: Any = Console.of_class
    assert await console.create(INSTANCE, GROUP) == f"console {INSTANCE}/{GROUP}"
    assert (await console.create.outcome(INSTANCE, group_id=GROUP)).value == f"console {INSTANCE}/{GROUP}"
    assert await Console.create(console, INSTANCE, GROUP) == f"console {INSTANCE}/{GROUP}"
    assert await console.plainly(INSTANCE, GROUP) == f"console {INSTANCE}/{GROUP} in True"
    assert await of_class(INSTANCE, GROUP) == f"Console {INSTANCE}/{GROUP}"
    assert await console.of_none(INSTANCE, GROUP) == f"{INSTANCE}/{GROUP}"
    assert await Console.of_none(INSTANCE, GROUP) == f"{INSTANCE}/{GROUP}"


async def test_bound_methods_partials_and_objects_can_be_wrapped() -> None:
    """Whatever can be called can be wrapped, and more than once."""
    for function in (
        Console("console").unwrapped,
        functools.partial(create_group, INSTANCE),
        Callable(),
        EXECUTOR.wrap("CreateGroupId", Callable()),
        functools.partial(functools.partial(create_group, INSTANCE), remark="r"),
    ):
        arguments = (GROUP,) if isinstance(function, functools.partial) else (INSTANCE, GROUP)
        wrapped: Any = EXECUTOR.wrap("CreateGroupId", function)
        for _ in range(2):
            assert f"{INSTANCE}/{GROUP}" in await wrapped(*arguments)
        assert f"{INSTANCE}/{GROUP}" in (await wrapped.outcome(*arguments)).value
        assert f"{INSTANCE}/{GROUP}" in await EXECUTOR.call("CreateGroupId", function, *arguments)


def test_a_wrapped_function_looks_like_the_one_that_it_wraps() -> None:
    """Name, docstring, signature and annotations are kept, and it is a coroutine function."""
    wrapped: Any = EXECUTOR.wrap("CreateGroupId")(create_group)
    assert inspect.signature(wrapped) == inspect.signature(create_group)
    assert (wrapped.__name__, wrapped.__doc__) == ("create_group", "Create a group.")
    assert inspect.iscoroutinefunction(wrapped)
    bound = Console("console").create
    assert list(inspect.signature(bound).parameters) == ["instance_id", "group_id"]
    assert list(inspect.signature(Console.create).parameters) == ["self", "instance_id", "group_id"]
    assert bound.__doc__ == "Create it."


async def test_a_coroutine_function_runs_where_it_is_awaited() -> None:
    """Only plain functions go to a thread."""
    threads: list[threading.Thread] = []

    class Here:
        async def __call__(self, instance_id: str, group_id: str) -> None:  # noqa: ARG002  # names that the catalogue knows
            threads.append(threading.current_thread())

    async def here(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # names that the catalogue knows
        threads.append(threading.current_thread())

    for function in (here, functools.partial(here), Here(), Here().__call__, EXECUTOR.wrap("CreateGroupId", here)):
        await EXECUTOR.call("CreateGroupId", function, INSTANCE, GROUP)
    assert threads == [threading.current_thread()] * 5


async def test_a_plain_function_runs_in_a_thread_and_is_retried() -> None:
    """A plain function does not stop the event loop, and its exceptions are decided as others are."""
    script: list[Exception] = [refused(), refused()]
    threads: list[threading.Thread] = []

    def create(instance_id: str, group_id: str) -> str:
        threads.append(threading.current_thread())
        if script:
            raise script.pop()
        return f"{instance_id}/{group_id}"

    wrapped = EXECUTOR.wrap("CreateGroupId", create)
    assert inspect.iscoroutinefunction(wrapped)
    assert await wrapped(INSTANCE, GROUP) == f"{INSTANCE}/{GROUP}"
    assert len(threads) == 3
    assert threading.current_thread() not in threads


async def test_what_a_plain_function_returns_is_awaited_in_the_same_attempt() -> None:
    """An awaitable is never a value: it is awaited, and what it raises is the attempt's failure."""
    service = Service(refused(), value="awaited")

    def create(instance_id: str, group_id: str) -> Awaitable[Any]:
        return service(instance_id, group_id)

    assert await EXECUTOR.call("CreateGroupId", create, INSTANCE, GROUP) == "awaited"
    wrapped = EXECUTOR.wrap("CreateGroupId", functools.partial(create))
    assert [await wrapped(INSTANCE, GROUP), await wrapped(INSTANCE, GROUP)] == ["awaited"] * 2
    assert len(service.calls) == 4


async def test_a_thread_that_is_too_late_is_abandoned_and_its_effect_is_unknown() -> None:
    """The call goes on without a thread that hangs; what it does later counts as unknown."""
    release, done = threading.Event(), threading.Event()

    def create(instance_id: str, group_id: str) -> str:
        release.wait(20)
        done.set()
        return f"{instance_id}/{group_id}"

    values = policy({"lost": VERIFY}, attempt_timeout=5.0, repeats={"CreateGroupId": "duplicate"})
    wrapped = executor(values).wrap("CreateGroupId", create)
    wrapped.verify(Service(value="found"))
    real = time.monotonic()
    outcome = await wrapped.outcome(INSTANCE, GROUP)
    assert time.monotonic() - real < 10
    assert (outcome.value, outcome.verified, outcome.attempts[0].effect) == ("found", True, "unknown")
    assert not done.is_set()
    release.set()
    assert done.wait(20)


async def test_a_cancelled_call_leaves_its_thread_behind() -> None:
    """A cancellation does not wait for the thread."""
    release = threading.Event()
    try:
        with anyio.move_on_after(5) as scope:
            await EXECUTOR.call("CreateGroupId", lambda *_: release.wait(20), INSTANCE, GROUP)
        assert scope.cancelled_caught
    finally:
        release.set()


async def test_sixty_threads_run_at_a_time() -> None:
    """Calls in threads wait for the network, not for each other."""
    barrier = threading.Barrier(60, timeout=20)
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(EXECUTOR.call, "CreateGroupId", lambda *_: barrier.wait(), INSTANCE, GROUP)


def test_one_executor_serves_one_event_loop_after_another() -> None:
    """A script may run several event loops, of both kinds, with the same executor and the same plain function."""
    wrapped = executor().wrap("CreateGroupId", lambda *_: "created")

    async def main() -> Any:
        return [await wrapped(INSTANCE, GROUP), await wrapped(INSTANCE, GROUP)]

    for name in ("asyncio", "trio", "asyncio"):
        backend, options = virtual_backend("trio" if name == "trio" else "asyncio", patience=PATIENCE)
        assert anyio.run(main, backend=backend, backend_options=options) == ["created"] * 2


def test_an_unknown_operation_is_an_error_at_once() -> None:
    """A misspelled operation is found when the function is wrapped, and the message shows the right one."""
    with pytest.raises(ValueError, match=r'unknown operation "CreateGroupID"; did you mean "CreateGroupId"\?'):
        EXECUTOR.wrap("CreateGroupID", create_group)
    with pytest.raises(ValueError, match=r'unknown operation "Zzz"\. An operation'):
        EXECUTOR.wrap("Zzz", create_group)
    with pytest.raises(ValueError, match="unknown operation"):
        EXECUTOR.verify("CreateGroupID")


def test_an_operation_of_two_providers_must_say_which() -> None:
    """Without a provider, a name that both services know is an error that lists both."""
    # The policy names no provider either; one that names a single provider is for that provider.
    nobody = Executor(evolve(policy(), operations={}), observers=())
    with pytest.raises(ValueError, match='say "alibaba:RegisterCaCertificate" or "tencent:RegisterCaCertificate"'):
        nobody.wrap("RegisterCaCertificate", create_group)
    nobody.wrap("alibaba:RegisterCaCertificate", create_group)
    nobody.wrap("CreateGroupId", create_group)
    Executor(policy(), observers=()).wrap("RegisterCaCertificate", create_group)


def test_an_operation_that_the_policy_declares_is_known() -> None:
    """An operation under [operations.alibaba] needs no catalogue."""
    executor(policy(repeats={"CreateBridge": "safe"})).wrap("CreateBridge", create_group)


@pytest.mark.parametrize("kind", [classmethod, staticmethod])
def test_a_method_that_is_wrapped_in_the_wrong_order_is_an_error_at_once(kind: Any) -> None:
    """What classmethod and staticmethod return is no function: wrapping it fails and says where they belong."""
    with pytest.raises(TypeError, match=f"put @{kind.__name__} above"):
        EXECUTOR.wrap("CreateGroupId", kind(create_group))


async def test_a_verifier_that_comes_too_late_is_refused() -> None:
    """After the first call a verifier of the function's own is an error: that call went without it."""
    wrapped = EXECUTOR.wrap("CreateGroupId", Service().group_function())
    await wrapped(INSTANCE, GROUP)
    with pytest.raises(RuntimeError, match="has been called already"):
        wrapped.verify(Service())


async def test_a_success_without_a_value_is_found_out_at_the_first_call() -> None:
    """Where the policy can accept, the annotation excludes None and nothing gives a value, the first call fails."""
    values = policy({"Exists": ACCEPT})

    async def create(instance_id: str, group_id: str) -> str:
        return f"{instance_id}/{group_id}"

    with pytest.raises(TypeError, match="CreateGroupId can be a success without an answer"):
        await executor(values).wrap("CreateGroupId", create)(INSTANCE, GROUP)
    assert await executor(values).wrap("CreateGroupId", create, accepted=lambda *_: "it")(INSTANCE, GROUP)
    verified = executor(values).wrap("CreateGroupId", create)
    verified.verify(Service(value="it"))
    assert await verified(INSTANCE, GROUP)
    one = executor(values)
    one.verify("CreateGroupId")(Service(value="it"))
    assert await one.wrap("CreateGroupId", create)(INSTANCE, GROUP)


@pytest.mark.parametrize("annotation", ["None", "str | None", "Any", "object", "Unheard", "Awaitable[None]"])
async def test_a_function_that_may_return_none_needs_no_value(annotation: str) -> None:
    """An annotation that allows None, or that cannot be read, asks for nothing."""

    async def create(instance_id: str, group_id: str) -> None:
        pass

    create.__annotations__["return"] = annotation
    await executor(policy({"Exists": ACCEPT})).wrap("CreateGroupId", create)(INSTANCE, GROUP)


async def test_the_value_of_an_accepted_call_comes_from_the_arguments_as_last_sent() -> None:
    """``accepted`` gets the call's arguments, the renamed one included."""
    values = policy({"Taken": RENAME, "Lost": RETRY, "Exists": ACCEPT}, repeats={"CreateGroupId": "conflict"})
    service = Service(refused("Taken"), refused("Lost", effect="unknown"), refused("Exists"))
    create = executor(values).wrap(
        "CreateGroupId", service.group_function(), accepted=lambda instance_id, group_id: f"{instance_id}:{group_id}"
    )
    assert await create(INSTANCE, GROUP) == f"{INSTANCE}:{GROUP}-2"


@pytest.mark.parametrize("kind", [Executor, SyncExecutor])
def test_a_path_is_no_policy(kind: Any) -> None:
    """Who hands in a file's name is told how to read it."""
    with pytest.raises(TypeError, match=r"expected a policy, got str; read one with Policy\.load"):
        kind("policy.toml")


@pytest.mark.parametrize("kind", [Executor, SyncExecutor])
def test_a_misspelt_provider_is_found_at_once(kind: Any) -> None:
    """A provider that nobody knows is one of the user's own, unless it looks like one that is known."""
    with pytest.raises(ValueError, match='unknown provider "alibba"; did you mean "alibaba"'):
        kind(policy(), provider="alibba")
    assert kind(policy(), provider="acme").provider == "acme"
