"""Rate limits with the vendors' SDKs, in real time, as the sandbox counts the requests that reach it."""

from __future__ import annotations

import inspect
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
from attrs import evolve
from wrapped_clients import (
    alibaba_client,
    async_tencent_client,
    group,
    let_go,
    quick,
    tencent_request,
)

from resilience import Executor, Policy, SyncExecutor, wrap_client
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.sandbox import Sandbox

LIMIT = 20
RATE = Rate(LIMIT, 1.0)
CALLS = 60


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect the clients of a test, whose sockets the collector closes, before another test."""
    yield
    let_go()


def limited(limits: RateLimits) -> Policy:
    """Return the shipped rules with limits for both providers."""
    return evolve(quick(), rates={"alibaba": limits, "tencent": limits})


def check(sandbox: Sandbox, operation: str, limit: int = LIMIT) -> None:
    """
    See to it that the service got every request once, hardly ever too many in a second, and near the limit in the mean.

    The sandbox shares this process and its processors: what it notes late is its own lateness. The exact figures are
    those of the simulation and of ``tests/benchmarks/limits_on_the_wire.py``.
    """
    arrivals = sorted(call.at for call in sandbox.calls if call.operation == operation)
    assert {call.answer for call in sandbox.calls} == {"ok"}
    assert len(arrivals) == CALLS
    assert max(bisect_left(arrivals, each + 1.0) - number for number, each in enumerate(arrivals)) <= limit + 2
    assert CALLS / (arrivals[-1] - arrivals[0]) >= 0.8 * limit


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("make", "method", "request_of", "anyio_backend"),
    [
        pytest.param(
            alibaba_client,
            "create_group_id_async",
            lambda number: group(f"GID_group{number}"),
            "asyncio",
            id="alibaba-asyncio",
        ),
        pytest.param(
            alibaba_client,
            "create_group_id",
            lambda number: group(f"GID_group{number}"),
            "asyncio",
            id="alibaba-in-threads",
        ),
        pytest.param(
            async_tencent_client,
            "CreateTopic",
            lambda number: tencent_request("CreateTopic", Topic=f"topic{number}"),
            "trio",
            id="tencent-trio",
        ),
    ],
)
async def test_the_service_counts_no_more_than_the_limit(
    make: Callable[..., Any], method: str, request_of: Callable[[int], Any]
) -> None:
    """Sixty calls at 20/s, all at once, on asyncio and trio."""
    with Sandbox() as sandbox:
        client = wrap_client(make(sandbox), Executor(limited(RateLimits(default=RATE, adaptive=True)), observers=()))

        async def call(number: int) -> None:
            answer = getattr(client, method)(request_of(number))
            if inspect.isawaitable(answer):
                await answer

        async with anyio.create_task_group() as tasks:
            for number in range(CALLS):
                if method == "create_group_id":
                    tasks.start_soon(anyio.to_thread.run_sync, getattr(client, method), request_of(number))
                else:
                    tasks.start_soon(call, number)
        check(sandbox, "CreateTopic" if method == "CreateTopic" else "CreateGroupId")


def test_threads_without_an_event_loop_keep_the_limit_as_well() -> None:
    """Twelve threads with five calls each."""
    with Sandbox() as sandbox:
        client = wrap_client(
            alibaba_client(sandbox), SyncExecutor(limited(RateLimits(default=RATE, adaptive=True)), observers=())
        )

        def work(first: int) -> None:
            for number in range(first, first + 5):
                client.create_group_id(group(f"GID_group{number}"))

        threads = [threading.Thread(target=work, args=(first,)) for first in range(0, CALLS, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30.0)
        check(sandbox, "CreateGroupId")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_clients_of_two_hosts_have_a_limit_each() -> None:
    """The adapter knows where a client sends to: at two endpoints, each takes its own rate."""
    executor = Executor(limited(RateLimits(per_host=RATE)), observers=())
    with Sandbox() as one, Sandbox() as other:
        clients = [wrap_client(alibaba_client(each), executor) for each in (one, other)]
        async with anyio.create_task_group() as tasks:
            for number in range(CALLS):
                for client in clients:
                    tasks.start_soon(client.create_group_id_async, group(f"GID_group{number}"))
        check(one, "CreateGroupId")
        check(other, "CreateGroupId")
