"""An outage over loopback, with the vendors' own SDKs: the requests are those that the service has counted."""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.models import Config
from attrs import evolve
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mqtt.v20240516 import models as tencent_models
from tencentcloud.mqtt.v20240516.mqtt_client import MqttClient

from resilience import BreakerOpen, BudgetExhausted, Executor, Ledger, Outcome, Policy, ServiceError, SyncExecutor
from resilience.core.admission.limits import BreakerLimits, BudgetLimits
from resilience.sandbox import Sandbox

CALLS = 40
ATTEMPTS = 4
POLICY = f"""
schema = 1
name = "outage"
extends = ["builtin:alibaba-mqtt", "builtin:tencent-mqtt"]
[limits]
deadline = "60s"
attempt_timeout = "5s"
max_attempts = {ATTEMPTS}
[backoff]
default = {{ base = "1ms", cap = "2ms" }}
slow = {{ base = "1ms", cap = "2ms" }}
throttled = {{ base = "1ms", cap = "2ms" }}
[rules.transport.alibaba]
http-5xx = "retry"
garbled = "retry"
[rules.transport.tencent]
http-5xx = "retry"
garbled = "retry"
"""

BUDGET = BudgetLimits(capacity=50, cost=5, deposit=1)
OPEN_FOR = 0.6
BREAKER = BreakerLimits(failure_rate=0.5, min_calls=10, open_for=OPEN_FOR, probes=1)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started
    # The clients' sockets are closed by the collector, which must not warn of them in a later test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def limited(budget: BudgetLimits | None = None, breaker: BreakerLimits | None = None) -> Policy:
    budgets = {} if budget is None else {"alibaba": budget, "tencent": budget}
    breakers = {} if breaker is None else {"alibaba": breaker, "tencent": breaker}
    # The shipped policies' rates would have these calls wait for their turn.
    return evolve(Policy.loads(POLICY, env=None), budgets=budgets, breakers=breakers, rates={})


def alibaba(sandbox: Sandbox) -> tuple[str, Callable[[], Any]]:
    """Return a call that changes nothing."""
    service = sandbox.alibaba
    keys = {"access_key_id": service.access_key_id, "access_key_secret": service.access_key_secret}
    client = Client(Config(endpoint=service.endpoint, protocol="HTTP", **keys))
    request = models.ListGroupIdRequest(instance_id="mqtt-cn-sandbox")
    return "alibaba:ListGroupId", lambda: client.list_group_id(request)


def tencent(sandbox: Sandbox) -> tuple[str, Callable[[], Any]]:
    service = sandbox.tencent
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=service.endpoint, protocol="http", reqTimeout=5))
    client = MqttClient(Credential(service.secret_id, service.secret_key), "ap-guangzhou", profile)
    request = tencent_models.DescribeTopicListRequest()
    request.InstanceId = "mqtt-sandbox"
    return "tencent:DescribeTopicList", lambda: client.DescribeTopicList(request)


SERVICES = pytest.mark.parametrize("service", [alibaba, tencent])
RUNTIMES = pytest.mark.parametrize("runtime", ["asyncio", "trio", "thread"])


Scenario = Generator[float, list[Outcome[Any]], None]
"""Yields how many calls are to be made (a whole number), and gets their outcomes; or how long to wait (a fraction)."""


class Run:
    """One executor, on an event loop or without one."""

    def __init__(self, policy: Policy, runtime: str, operation: str, function: Callable[[], Any]) -> None:
        self.runtime = runtime
        self.executor: Any = (SyncExecutor if runtime == "thread" else Executor)(policy, observers=())
        self.operation = operation
        self.function = function

    def play(self, scenario: Scenario) -> None:
        """Make the calls of a scenario, one after the other."""
        if self.runtime == "thread":
            self._play_in_thread(scenario)
        else:
            anyio.run(self._play_on_loop, scenario, backend=self.runtime)

    def _play_in_thread(self, scenario: Scenario) -> None:
        made: list[Outcome[Any]] = []
        with contextlib.suppress(StopIteration):
            asked = next(scenario)
            while True:
                if isinstance(asked, int):
                    made = [self.executor.outcome(self.operation, self.function) for _ in range(asked)]
                else:
                    time.sleep(asked)
                asked = scenario.send(made)

    async def _play_on_loop(self, scenario: Scenario) -> None:
        made: list[Outcome[Any]] = []
        with contextlib.suppress(StopIteration):
            asked = next(scenario)
            while True:
                if isinstance(asked, int):
                    made = [await self.executor.outcome(self.operation, self.function) for _ in range(asked)]
                else:
                    await anyio.sleep(asked)
                asked = scenario.send(made)


def down(sandbox: Sandbox, operation: str) -> None:
    sandbox.script(operation, "503*")


@SERVICES
@RUNTIMES
def test_an_outage_without_limits_is_amplified(service: Any, runtime: str, sandbox: Sandbox) -> None:
    """Each call is tried as often as the policy says: what the limits are for."""
    operation, function = service(sandbox)
    down(sandbox, operation)

    def scenario() -> Scenario:
        outcomes = yield CALLS
        assert Counter(each.stop_reason for each in outcomes) == {"attempts": CALLS}
        assert sandbox.asked(operation) == CALLS * ATTEMPTS

    Run(limited(), runtime, operation, function).play(scenario())


@SERVICES
@RUNTIMES
def test_a_budget_bounds_the_retries(service: Any, runtime: str, sandbox: Sandbox) -> None:
    """Ten retries are paid for, and each call makes its one attempt; after the outage successes pay for more."""
    operation, function = service(sandbox)
    down(sandbox, operation)

    def scenario() -> Scenario:
        outcomes = yield CALLS
        assert sandbox.asked(operation) == CALLS + 10
        refused = [each.error for each in outcomes[ATTEMPTS:]]
        assert all(isinstance(each, BudgetExhausted) for each in refused)
        assert all(type(each and each.__cause__).__module__.split(".")[0] != "resilience" for each in refused)
        sandbox.clear_faults()
        assert {each.stop_reason for each in (yield 5)} == {"success"}
        sandbox.script(operation, "503")
        assert [each.ended for each in (yield 1)] == ["success_after_retry"]

    Run(limited(BUDGET), runtime, operation, function).play(scenario())


@SERVICES
@RUNTIMES
def test_a_breaker_keeps_requests_from_a_service_that_is_down(service: Any, runtime: str, sandbox: Sandbox) -> None:
    """Ten requests fail, and no more are sent; when the service is back, one is tried, and calls go on."""
    operation, function = service(sandbox)
    down(sandbox, operation)
    run = Run(limited(breaker=BREAKER), runtime, operation, function)

    def scenario() -> Scenario:
        outcomes = yield CALLS
        assert sandbox.asked(operation) == 10
        # The third call had made two of its attempts.
        assert Counter(each.stop_reason for each in outcomes) == {"attempts": 2, "breaker": CALLS - 2}
        assert [len(each.attempts) for each in outcomes[:4]] == [4, 4, 2, 0]
        last = outcomes[-1].error
        assert isinstance(last, BreakerOpen)
        assert last.retry_after is not None
        assert 0 < last.retry_after <= OPEN_FOR
        yield OPEN_FOR
        # Still down: one request, and it is open again.
        assert {each.stop_reason for each in (yield 5)} == {"breaker"}
        assert sandbox.asked(operation) == 11
        sandbox.clear_faults()
        yield OPEN_FOR
        assert {each.stop_reason for each in (yield 10)} == {"success"}
        assert run.executor.breaker(operation.partition(":")[0]).state == "closed"
        assert sandbox.asked(operation) == 21

    run.play(scenario())


@RUNTIMES
def test_refused_requests_keep_a_breaker_closed(runtime: str, sandbox: Sandbox) -> None:
    """A script that asks for what is not there, or is throttled, is answered: no breaker opens."""
    operation, function = alibaba(sandbox)
    sandbox.script(operation, "InvalidParameter*20, SystemOverFlow*15")
    run = Run(limited(breaker=evolve(BREAKER, failure_rate=0.01, min_calls=1)), runtime, operation, function)

    def scenario() -> Scenario:
        yield 30
        assert sandbox.pending_faults == ()
        assert run.executor.breaker("alibaba").state == "closed"

    run.play(scenario())


@RUNTIMES
def test_an_unreachable_service_opens_a_breaker(runtime: str) -> None:
    """A refused connection is a failure, although nothing was sent."""
    with Sandbox() as gone:
        operation, function = alibaba(gone)
    run = Run(limited(breaker=BREAKER), runtime, operation, function)

    def scenario() -> Scenario:
        outcomes = yield 20
        assert outcomes[-1].stop_reason == "breaker"
        assert run.executor.breaker("alibaba").state == "open"

    run.play(scenario())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_what_a_breaker_refused_leaves_nothing_in_the_ledger(backend: str, tmp_path: Path) -> None:
    """Of calls that ask for probes at the same time those that are refused have sent nothing, and the ledger knows."""

    async def run(ledger: Ledger) -> None:
        limits = BreakerLimits(min_calls=1, open_for=0.01, probes=1)
        running = Executor(limited(breaker=limits), provider="alibaba", observers=(), ledger=ledger)
        reasons, are_refused = list[str](), anyio.Event()

        @running.wrap("CreateGroupId")
        async def create(instance_id: str, group_id: str) -> str | None:
            assert instance_id
            if group_id == "GID_broken":
                raise ServiceError("InvalidGroup.Broken", status=500, effect="none")
            await are_refused.wait()
            return group_id

        async def call(number: int) -> None:
            reasons.append((await create.outcome("mqtt-cn-x", f"GID_{number}")).stop_reason)
            if len(reasons) == 4:
                are_refused.set()

        await create.outcome("mqtt-cn-x", "GID_broken")
        await anyio.sleep(0.02)
        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(call, number)
        assert sorted(reasons) == ["breaker"] * 4 + ["success"]
        assert [entry.state for entry in ledger.entries() if "GID_broken" not in entry.key] == ["done"]
        again = [(await create.outcome("mqtt-cn-x", f"GID_{number}")).ended for number in range(5)]
        # What was refused is made as if for the first time.
        assert sorted(again) == ["accepted"] + ["success"] * 4

    with Ledger(tmp_path / "ledger.db") as ledger:
        anyio.run(run, ledger, backend=backend)
