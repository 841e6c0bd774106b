"""A handful of calls in real time: uvloop, and the event loops without a virtual clock."""

from __future__ import annotations

import threading
import time
from typing import Any

import anyio
import pytest
from attrs import evolve
from engine_calls import AT_ONCE, GROUP, INSTANCE, REFRESH, VERIFY, Service, executor, policy, refused

from resilience import DONE, Credentials, DeadlineExceeded, Policy
from resilience.core.backoff import Backoff
from resilience.engine.target.done import Done

pytestmark = pytest.mark.anyio

SHORT = evolve(AT_ONCE, key="short", backoff=Backoff(kind="constant", base=0.01, jitter="none"))


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(("trio", {}), id="trio"),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    if request.param[1].get("use_uvloop"):
        pytest.importorskip("uvloop")
    return request.param


async def test_a_retried_call_really_waits() -> None:
    """The wait takes the time that the policy says, on each event loop."""
    service = Service(refused(), refused())
    create = executor(policy({"Busy": SHORT})).wrap("CreateGroupId", service.group_function())
    began = anyio.current_time()
    assert await create(INSTANCE, GROUP) == "created"
    assert anyio.current_time() - began >= 0.019  # uvloop counts in milliseconds


async def test_the_deadline_cuts_in_real_time() -> None:
    """A call that hangs ends at its deadline, on the fast path as well."""
    service = Service()
    create = executor(policy(deadline=0.3)).wrap("CreateGroupId", service.group_function())
    await create(INSTANCE, GROUP)
    service.script = ["hang"]
    with pytest.raises(DeadlineExceeded):
        await create(INSTANCE, GROUP)


async def test_a_cancelled_call_ends_in_real_time() -> None:
    """A cancellation during an attempt ends it, and nothing is called again."""
    service = Service("hang")
    create = executor(policy({"lost": SHORT})).wrap("CreateGroupId", service.group_function())
    with anyio.move_on_after(0.02) as scope:
        await create(INSTANCE, GROUP)
    assert scope.cancelled_caught
    assert len(service.calls) == 1


async def test_threads_and_credentials_work_in_real_time() -> None:
    """A plain function, a plain refresher and a plain verifier each run in a thread."""
    main = threading.current_thread()
    threads: list[threading.Thread] = []

    def assume_role() -> str:
        threads.append(threading.current_thread())
        return f"key-{len(threads)}"

    source = Credentials(assume_role)
    script = [refused("Expired"), ConnectionResetError()]

    def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
        source.current()
        raise script.pop(0)

    values = policy({"Expired": REFRESH, "lost": VERIFY}, repeats={"CreateGroupId": "duplicate"})
    create = executor(evolve_backoff(values), credentials={"alibaba": source}).wrap("CreateGroupId", create_group)

    @create.verify
    def find_group(instance_id: str, group_id: str) -> str:
        threads.append(threading.current_thread())
        return f"{instance_id}/{group_id}"

    assert await create(INSTANCE, GROUP) == f"{INSTANCE}/{GROUP}"
    assert len(threads) == 3
    assert main not in threads


def evolve_backoff(values: Any) -> Any:
    """Return a policy whose every wait is a hundredth of a second."""
    rules = tuple(
        evolve(rule, action=evolve(rule.action, backoff=rule.action.backoff and SHORT.backoff)) for rule in values.rules
    )
    return evolve(values, rules=rules)


async def test_an_abandoned_thread_is_waited_for_before_not_there_is_believed() -> None:
    """A plain function that was cut goes on in its thread: while it does, "it is not there" proves nothing."""
    made: list[str] = []

    def create(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # as the catalogue names them
        time.sleep(0.4)
        made.append(group_id)

    values = policy({"lost": SHORT}, repeats={"CreateGroupId": "duplicate"}, attempt_timeout=0.1, settle=0.05)
    wrapped = executor(values).wrap("CreateGroupId", create)

    @wrapped.verify
    async def find(instance_id: str, group_id: str) -> Done | None:  # noqa: ARG001  # as the catalogue names them
        return DONE if made else None

    outcome = await wrapped.outcome(INSTANCE, GROUP)
    assert (outcome.ended, outcome.verified, made) == ("accepted", True, [GROUP])


async def test_waiting_for_a_thread_is_no_part_of_an_attempt() -> None:
    """More calls than threads take turns; none is cut for the time that it has waited."""
    # The last of four turns waits for 1.5 s; a busy machine may make an attempt nearly three times as long.
    values = policy({}, attempt_timeout=1.4)
    one = executor(values)

    def read(instance_id: str) -> None:  # noqa: ARG001  # as the catalogue names it
        time.sleep(0.5)

    wrapped = one.wrap("ListGroupId", read)
    ended: list[str] = []

    async def call() -> None:
        ended.append((await wrapped.outcome(INSTANCE)).ended)

    async with anyio.create_task_group() as tasks:
        for _ in range(64 * 4):
            tasks.start_soon(call)
    assert set(ended) == {"success"}


async def test_a_group_may_hide_a_task_that_was_cancelled() -> None:
    """What a repeat would do twice is not repeated after a group: a sibling of the failed task may have done it."""

    async def create(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # as the catalogue names them
        async def throttled() -> None:
            raise refused("Busy", effect="none")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(throttled)
            tasks.start_soon(anyio.sleep, 10)

    values = policy({"Busy": SHORT}, repeats={"CreateGroupId": "duplicate"})
    outcome = await executor(values).wrap("CreateGroupId", create).outcome(INSTANCE, GROUP)
    assert (outcome.stop_reason, outcome.may_exist) == ("unverified", True)


async def test_a_fault_that_was_injected_before_the_call_leaves_no_thread_to_wait_for() -> None:
    """A rehearsal that never calls a plain function: "not there" is believed when the doubt has settled."""
    rehearsal = Policy.loads("""
        schema = 1
        [limits]
        deadline = "3s"
        settle = "50ms"
        [operations.alibaba]
        CreateGroupId = "duplicate"
        [backoff.default]
        base = "1ms"
        [rules.transport]
        lost = "verify"
        [chaos.alibaba]
        "CreateGroupId/lost" = { rate = 1.0 }
    """)
    made: list[str] = []

    def create(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # as the catalogue names them
        made.append(group_id)

    wrapped = executor(rehearsal).wrap("CreateGroupId", create)

    @wrapped.verify
    async def find(instance_id: str, group_id: str) -> None:  # noqa: ARG001  # as the catalogue names them
        return None

    outcome = await wrapped.outcome(INSTANCE, GROUP)
    assert (outcome.stop_reason, made) == ("attempts", [])
    assert len(outcome.attempts) == rehearsal.limits.max_attempts
