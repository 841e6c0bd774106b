"""What processes share under a virtual clock: a store in memory stands for that of the policy."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from attrs import evolve
from engine_calls import FAIL, executor, policy

from resilience import RateExceeded, SyncExecutor
from resilience.core.admission.limits import BreakerLimits, RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.policy import PolicyValues
from resilience.core.settings.state import StateSettings
from resilience.testing import virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


def shared(**more: Any) -> PolicyValues:
    """Return a policy whose store is nowhere."""
    limits = RateLimits(operations={"CreateGroupId": Rate(2, 1.0)}, concurrency=1)
    state = StateSettings(store="redis://store.invalid:1/0", on_unavailable="fail")
    return evolve(policy({"Bad": FAIL}, **more), rates={"alibaba": limits}, state=state)


async def test_executors_of_one_event_loop_share_limits_without_waiting() -> None:
    """Two executors keep one rate and one number under way, by the virtual clock, and no server is asked."""
    times: list[float] = []
    under_way = most = 0

    async def create() -> None:
        nonlocal under_way, most
        times.append(anyio.current_time())
        under_way += 1
        most = max(most, under_way)
        await anyio.sleep(0.1)
        under_way -= 1

    values = shared()
    async with anyio.create_task_group() as tasks:
        for one in (executor(values), executor(values)):
            for _ in range(10):
                tasks.start_soon(one.call, "CreateGroupId", create)
    assert most == 1
    assert len(times) == 20
    assert 9.0 <= times[-1] - times[0] <= 14.0


async def test_a_call_that_cannot_have_its_turn_is_refused_at_once() -> None:
    """The deadline decides as under a real clock."""

    async def create() -> None:
        await anyio.sleep(100.0)

    values = shared(deadline=20.0, attempt_timeout=None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(executor(values).outcome, "CreateGroupId", create)
        await anyio.sleep(1.0)
        with pytest.raises(RateExceeded):
            await executor(evolve(values, limits=evolve(values.limits, deadline=5.0))).call("CreateGroupId", create)


async def test_another_event_loop_has_another_store() -> None:
    """Nothing of this test is left of the one before: its first call waits for nothing."""
    began = anyio.current_time()

    async def create() -> None: ...

    await executor(shared()).call("CreateGroupId", create)
    assert anyio.current_time() == began


def test_threads_share_limits_under_a_virtual_time() -> None:
    """Programs without an event loop have such a store for each virtual time."""
    for _ in range(2):
        with virtual_time() as clock:
            ones = [SyncExecutor(shared(), provider="alibaba", observers=()) for _ in range(2)]
            for number in range(10):
                ones[number % 2].call("CreateGroupId", lambda: None)
            assert 4.0 <= clock.monotonic() <= 6.0


async def test_what_is_done_by_hand_is_seen_by_the_others() -> None:
    """A breaker is that of all executors of the loop."""
    values = evolve(shared(), breakers={"alibaba": BreakerLimits()})
    one, other = executor(values), executor(values)

    async def create() -> None: ...

    one.breaker().open()
    assert (await other.outcome("CreateGroupId", create)).stop_reason == "breaker"
