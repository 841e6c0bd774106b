"""Rate limits around real calls: who waits for what, who is refused, and that no place is lost."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from engine_calls import FAIL, GROUP, INSTANCE, RETRY, Log, Service, executor, policy, refused

from resilience import Credentials, Executor, Ledger, Policy, RateExceeded, SyncExecutor
from resilience.core.admission.limits import RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.decision import Wait
from resilience.core.events import AttemptFailed, CallEnded, Waited
from resilience.core.policy import Action, PolicyValues
from resilience.engine.target.admissions import Admissions
from resilience.testing import virtual_time

pytestmark = pytest.mark.anyio

PATIENT = Action(key="patient", do="retry", backoff=RETRY.backoff, counts=False)


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


def limited(count: float | None = 5, *, deadline: float | None = 600.0, **more: Any) -> PolicyValues:
    """Return a policy that allows so many CreateGroupId in a second."""
    operations = {} if count is None else {"CreateGroupId": Rate(count, 1.0)}
    values = policy({"Busy": RETRY, "SystemOverFlow": PATIENT, "Slow": PATIENT, "Bad": FAIL}, deadline=deadline)
    return evolve(values, rates={"alibaba": RateLimits(**{"operations": operations} | more)})


def peak(instants: Sequence[float]) -> int:
    """Return the most calls that began in any second."""
    times = sorted(instants)
    return max(bisect_left(times, each + 1.0) - number for number, each in enumerate(times))


async def all_at_once(function: Any, calls: int) -> list[Any]:
    """Make that many calls at once; return their outcomes, in the order in which they ended."""
    outcomes: list[Any] = []

    async def one(number: int) -> None:
        outcomes.append(await function.outcome(INSTANCE, f"{GROUP}{number}"))

    async with anyio.create_task_group() as tasks:
        for number in range(calls):
            tasks.start_soon(one, number)
    return outcomes


async def test_calls_keep_the_limit_and_use_it() -> None:
    """Of 40 calls at 5/s never more than five begin in a second, and they take about eight seconds."""
    service = Service()
    create = executor(limited(5)).wrap("CreateGroupId")(service.group_function())
    started = anyio.current_time()
    outcomes = await all_at_once(create, 40)
    assert {each.stop_reason for each in outcomes} == {"success"}
    assert peak(service.instants) == 5
    assert 7.0 < anyio.current_time() - started < 8.0


async def test_functions_of_one_executor_share_its_limits() -> None:
    """Two functions of one operation share its limit; an operation without a limit waits for nothing."""
    service, free = Service(), Service()
    calls = executor(limited(5))
    first = calls.wrap("CreateGroupId")(service.group_function())
    second = calls.wrap("CreateGroupId")(service.group_function())
    other = calls.wrap("ListGroupId")(free.group_function())
    async with anyio.create_task_group() as tasks:
        for function in (first, second, other):
            tasks.start_soon(all_at_once, function, 10)
    assert peak(service.instants) == 5
    assert peak(free.instants) == 10


async def test_what_a_call_waited_for_is_told() -> None:
    """The gate is ``rate`` or ``concurrency``; a call that need not wait tells nothing."""
    for values, gate in ((limited(1), "rate"), (limited(None, concurrency=1), "concurrency")):
        log = Log()
        create = executor(values, observers=[log]).wrap("CreateGroupId")(Service(2.0, 2.0).group_function())
        await all_at_once(create, 2)
        waited = [event for event in log.events if isinstance(event, Waited)]
        assert [each.gate for each in waited] == [gate]
        assert waited[0].duration > 0.9


async def test_no_more_attempts_are_under_way_than_the_policy_allows() -> None:
    """Three at once, each of a second: ten calls take four."""
    service = Service(*([1.0] * 10))
    create = executor(limited(None, concurrency=3)).wrap("CreateGroupId")(service.group_function())
    started = anyio.current_time()
    await all_at_once(create, 10)
    assert anyio.current_time() - started == pytest.approx(4.0)


async def test_a_call_that_cannot_be_in_time_is_refused_at_once() -> None:
    """Of twenty calls at 1/s with a deadline of ten seconds, those that cannot come before it send and wait nothing."""
    service, log = Service(), Log()
    create = executor(limited(1, deadline=10.0), observers=[log]).wrap("CreateGroupId")(service.group_function())
    started = anyio.current_time()
    outcomes = await all_at_once(create, 20)
    failed = [each for each in outcomes if each.stop_reason == "rate"]
    assert len(service.calls) == 20 - len(failed)
    assert 9 <= len(service.calls) <= 10
    assert {each.ended for each in failed} == {"refused"}
    assert all(each.attempts == () for each in failed)
    at_once = [event for event in log.events if isinstance(event, CallEnded) and event.duration == 0.0]
    assert len([event for event in at_once if event.stop_reason == "rate"]) >= 9
    error = failed[0].error
    assert isinstance(error, RateExceeded)
    assert error.operation == "CreateGroupId"
    assert error.retry_after is not None
    assert error.retry_after >= 10.0
    assert anyio.current_time() - started <= 10.0


async def test_a_refusal_after_an_attempt_is_caused_by_its_error() -> None:
    """A retry that has no place before the deadline leaves with the service's own exception as the cause."""
    error = refused("Busy")
    values = limited(None, deadline=10.0, default=Rate(1, 60.0))
    create = executor(values).wrap("CreateGroupId")(Service(error).group_function())
    with pytest.raises(RateExceeded) as caught:
        await create(INSTANCE, GROUP)
    assert caught.value.__cause__ is error


async def test_retries_go_before_new_calls() -> None:
    """A call whose attempt failed is made again before calls that have not been made yet."""
    service = Service(refused("Slow", status=503))
    values = limited(1)
    create = executor(values).wrap("CreateGroupId")(service.group_function())
    await all_at_once(create, 6)
    names = [args[1] for args, _ in service.calls]
    assert names.index(names[0], 1) <= 3
    assert len(names) == 7


async def test_a_call_that_is_cancelled_gives_its_place_to_the_next() -> None:
    """Whether it waits or is under way: nothing is held by who has left."""
    service = Service("hang")
    create = executor(limited(None, concurrency=1)).wrap("CreateGroupId")(service.group_function())
    done = anyio.Event()

    async def last() -> None:
        await anyio.sleep(1.0)
        await create(INSTANCE, GROUP)
        done.set()

    async def cancelled_after(seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await create(INSTANCE, GROUP)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancelled_after, 5.0)
        await anyio.sleep(0.1)
        tasks.start_soon(cancelled_after, 2.0)
        tasks.start_soon(last)
        with anyio.fail_after(6.0):
            await done.wait()
    assert len(service.calls) == 2


async def test_a_programming_error_gives_its_place_back() -> None:
    """An attempt that ended in no fault is under way no more."""

    async def broken(instance_id: str, group_id: str) -> str:
        raise TypeError(f"{instance_id} {group_id}")

    calls = executor(limited(None, concurrency=1))
    create, wrong = (calls.wrap("CreateGroupId")(each) for each in (Service().group_function(), broken))
    with pytest.raises(TypeError):
        await wrong(INSTANCE, GROUP)
    with anyio.fail_after(1.0):
        assert await create(INSTANCE, GROUP) == "created"


@pytest.mark.parametrize(
    ("error", "adaptive", "waits"),
    [
        pytest.param(refused("SystemOverFlow"), True, 0.0, id="the-catalogue-knows-it"),
        pytest.param(refused("Slow", status=429), True, 0.0, id="the-status-says-it"),
        pytest.param(refused("Slow", effect=None), True, 0.0, id="the-rule-says-it"),
        pytest.param(refused("SystemOverFlow", retry_after=3.0), True, 3.0, id="the-server-says-when"),
        pytest.param(refused("Busy"), True, 1.0, id="no-throttling"),
        pytest.param(refused("Busy", status=429), True, 0.0, id="the-rule-counts-it"),
        pytest.param(refused("SystemOverFlow"), False, 1.0, id="not-adaptive"),
    ],
)
async def test_a_throttled_call_waits_for_its_turn_and_for_no_backoff(
    *, error: Exception, adaptive: bool, waits: float
) -> None:
    """Where limits adapt, they say when to repeat what counts for nothing; the server's own hint is obeyed as well."""
    log = Log()
    create = executor(limited(5, adaptive=adaptive), observers=[log]).wrap("CreateGroupId")(
        Service(error).group_function()
    )
    await create(INSTANCE, GROUP)
    decision = log.last(AttemptFailed).decision
    assert isinstance(decision, Wait)
    assert decision.delay == waits


async def test_a_service_that_throttles_for_long_uses_up_no_attempts() -> None:
    """
    The shipped policy makes five attempts, and SystemOverFlow counts: thirteen in a row are waited out all the same.

    The pauses between them grow, so that a service in trouble is hardly asked.
    """
    shipped = Policy.load("builtin:alibaba-mqtt")
    service = Service(*([refused("SystemOverFlow", status=500, effect=None)] * 13))
    create = Executor(shipped, provider="alibaba", account="123", observers=()).wrap("CreateGroupId")(
        service.group_function()
    )
    started = anyio.current_time()
    outcome = await create.outcome(INSTANCE, GROUP)
    assert (outcome.stop_reason, len(outcome.attempts)) == ("success", 14)
    assert 60.0 < anyio.current_time() - started < 180.0


async def test_limits_find_what_others_leave() -> None:
    """At a service that takes 20 of the declared 50 in a second, a hundred and more calls are not refused for long."""
    taken: dict[int, int] = {}
    sent: list[float] = []

    async def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the usual parameters
        await anyio.sleep(0.02)
        now = anyio.current_time()
        sent.append(now)
        taken[int(now)] = taken.get(int(now), 0) + 1
        if taken[int(now)] > 20:
            raise refused("SystemOverFlow")
        await anyio.sleep(0.02)
        return group_id

    create = executor(limited(50, adaptive=True)).wrap("CreateGroupId")(create_group)
    started = anyio.current_time()
    outcomes = await all_at_once(create, 300)
    assert {each.ended for each in outcomes} <= {"success", "success_after_retry"}
    assert len(sent) < 300 * 1.3
    assert anyio.current_time() - started < 300 / 20 * 1.15


async def test_an_executor_that_is_switched_off_limits_nothing() -> None:
    """Without the policy there is one attempt, and it does not wait."""
    service = Service()
    create = executor(limited(1), enabled=False).wrap("CreateGroupId")(service.group_function())
    await all_at_once(create, 20)
    assert peak(service.instants) == 20


async def test_a_call_that_is_refused_leaves_nothing_in_the_ledger(tmp_path: Path) -> None:
    """The note comes after the turn, so that no later run takes it for an attempt."""
    ledger = Ledger(tmp_path / "ledger.db")
    calls = Executor(limited(1, deadline=5.0), provider="alibaba", account="123", ledger=ledger, observers=())
    create = calls.wrap("CreateGroupId")(Service().group_function())
    outcomes = await all_at_once(create, 12)
    assert sum(each.stop_reason == "rate" for each in outcomes) >= 6
    assert len(list(ledger.entries())) == sum(each.stop_reason == "success" for each in outcomes)


async def test_credentials_that_expire_while_a_call_waits_are_renewed_before_its_attempt() -> None:
    """They are looked at when a call joins the queue and again when it is its turn."""
    seen: list[float] = []
    source: Credentials[float]

    async def assume() -> float:
        return time.time()

    source = Credentials(assume, expires=lambda made: made + 0.3)
    calls = executor(limited(1), credentials={"alibaba": source})

    @calls.wrap("CreateGroupId")
    async def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the usual parameters
        seen.append(time.time() - source.current())
        return group_id

    async def slowly() -> None:
        # The clock of the loop jumps, and that of credentials does not.
        await anyio.sleep(0.5)
        time.sleep(0.4)  # noqa: ASYNC251  # as said

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(all_at_once, create_group, 2)
        tasks.start_soon(slowly)
    assert max(seen) < 0.3


async def test_a_process_that_was_forked_has_limits_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that wait in the parent will never go on in the child."""
    admissions = Admissions({"alibaba": RateLimits(concurrency=1)})
    before = admissions.of("alibaba")
    assert admissions.of("alibaba") is before
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert admissions.of("alibaba") is not before
    assert admissions.of("tencent") is None


def test_calls_of_several_threads_keep_the_limit() -> None:
    """Eight threads, 40 calls at 50/s, in real time: none is lost, and no window holds more."""
    sent: list[float] = []
    calls = SyncExecutor(limited(20), provider="alibaba", observers=())

    @calls.wrap("CreateGroupId")
    def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the usual parameters
        sent.append(time.monotonic())
        return group_id

    def work() -> None:
        for number in range(5):
            assert create_group(INSTANCE, f"{GROUP}{number}") == f"{GROUP}{number}"

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert len(sent) == 40
    assert peak(sent) <= 20


def test_waits_of_a_thread_take_no_time_on_a_virtual_clock() -> None:
    """Tests of scripts without an event loop wait for their turn on the clock of the tests."""
    calls = SyncExecutor(limited(None, default=Rate(2, 60.0)), provider="alibaba", observers=())

    @calls.wrap("CreateGroupId")
    def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the usual parameters
        return group_id

    began = time.monotonic()
    with virtual_time() as clock:
        for number in range(7):
            create_group(INSTANCE, f"{GROUP}{number}")
        assert 180.0 <= clock.monotonic() < 200.0
    assert time.monotonic() - began < 5.0


def test_event_loops_of_two_threads_share_the_limits_of_one_executor() -> None:
    """A call on one loop wakes one that waits on the other."""
    running, most = [0], [0]
    calls = executor(limited(None, concurrency=1))

    @calls.wrap("CreateGroupId")
    async def create_group(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # the usual parameters
        running[0] += 1
        most[0] = max(most[0], running[0])
        await anyio.sleep(0.01)
        running[0] -= 1
        return group_id

    threads = [threading.Thread(target=anyio.run, args=(all_at_once, create_group, 10)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert not any(thread.is_alive() for thread in threads)
    assert most == [1]
