"""Rate limits with the vendors' SDKs, in real time, as the sandbox counts the requests that reach it."""

from __future__ import annotations

import inspect
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import anyio
import pytest
from alibabacloud_onsmqtt20200420 import models as alibaba_models
from attrs import evolve
from wrapped_clients import (
    ALIBABA_INSTANCE,
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
from resilience.core.events import AttemptStarted, CallStarted, Event
from resilience.core.observer import Sink
from resilience.sandbox import Sandbox

LIMIT = 20
RATE = Rate(LIMIT, 1.0)
CALLS = 60
PAID_LATENESS = 0.04


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect the clients of a test, whose sockets the collector closes, before another test."""
    yield
    let_go()


def limited(limits: RateLimits) -> Policy:
    """Return the shipped rules with limits for both providers."""
    return evolve(quick(), rates={"alibaba": limits, "tencent": limits})


class Sent:
    """An observer that notes when attempts begin, on the clock with which the sandbox notes their arrival."""

    idle_slot = None

    def __init__(self) -> None:
        self.at: dict[str, list[float]] = {}

    def watch(self, started: CallStarted) -> Sink:
        times = self.at.setdefault(started.operation, [])

        def note(event: Event) -> None:
            if isinstance(event, AttemptStarted):
                times.append(time.time())

        return note


def peak(times: Sequence[float]) -> int:
    """Return the most in any second, but for what the clock of the limits and this one differ by."""
    return max(bisect_left(times, each + 0.999) - number for number, each in enumerate(times))


def check(sandbox: Sandbox, operation: str, sent: Sent) -> None:
    """
    See to it that the service got every request once, not too many in a second, and near the limit in the mean.

    The limits promise: no second has more than they allow when requests are sent; and none when they arrive, as long
    as the ways of requests differ by less than a 25th of a second. What is later than that on a busy machine, which the
    sandbox and the program share here, may be one more each; on an idle one there is none.
    """
    arrivals = sorted(call.at for call in sandbox.calls if call.operation == operation)
    assert {call.answer for call in sandbox.calls} == {"ok"}
    assert len(arrivals) == CALLS
    begun = sorted(sent.at[operation])
    assert len(begun) == CALLS
    assert peak(begun) <= LIMIT
    ways = [arrived - left for arrived, left in zip(arrivals, begun, strict=True)]
    late = sum(way - min(ways) > PAID_LATENESS for way in ways)
    assert peak(arrivals) <= LIMIT + late
    assert CALLS / (begun[-1] - begun[0]) >= 0.8 * LIMIT


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
    sent: Any = Sent()
    with Sandbox() as sandbox:
        calls = Executor(limited(RateLimits(default=RATE, adaptive=True)), observers=[sent])
        client = wrap_client(make(sandbox), calls)

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
        check(sandbox, "CreateTopic" if method == "CreateTopic" else "CreateGroupId", sent)


def test_threads_without_an_event_loop_keep_the_limit_as_well() -> None:
    """Twelve threads with five calls each."""
    sent: Any = Sent()
    with Sandbox() as sandbox:
        client = wrap_client(
            alibaba_client(sandbox), SyncExecutor(limited(RateLimits(default=RATE, adaptive=True)), observers=[sent])
        )

        def work(first: int) -> None:
            for number in range(first, first + 5):
                client.create_group_id(group(f"GID_group{number}"))

        threads = [threading.Thread(target=work, args=(first,)) for first in range(0, CALLS, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30.0)
        check(sandbox, "CreateGroupId", sent)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_clients_of_two_hosts_have_a_limit_each() -> None:
    """The adapter knows where a client sends to: at two endpoints, each takes its own rate."""
    sent: Any = Sent()
    executor = Executor(limited(RateLimits(per_host=RATE)), observers=[sent])
    with Sandbox() as one, Sandbox() as other:
        creates, lists = (wrap_client(alibaba_client(each), executor) for each in (one, other))
        listed = alibaba_models.ListGroupIdRequest(instance_id=ALIBABA_INSTANCE)
        async with anyio.create_task_group() as tasks:
            for number in range(CALLS):
                tasks.start_soon(creates.create_group_id_async, group(f"GID_group{number}"))
                tasks.start_soon(lists.list_group_id_async, listed)
        check(one, "CreateGroupId", sent)
        check(other, "ListGroupId", sent)
