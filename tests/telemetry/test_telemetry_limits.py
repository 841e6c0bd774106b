"""Metrics of shared limits: what they are at the moment at which an exporter reads them."""

# ruff: noqa: ARG001  # wrapped functions have the parameters of their operation

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from measured_calls import Measured
from scripted_calls import FAIL, POLICY, rule

from resilience import Executor, ServiceError, SyncExecutor
from resilience.core.admission.limits import BreakerLimits, BudgetLimits, RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.backoff import Backoff
from resilience.core.events import RateAdapted
from resilience.core.policy import Action, Limits, PolicyValues
from resilience.core.settings.state import StateSettings

pytestmark = pytest.mark.anyio

_PATIENT = Action(key="patient", do="retry", backoff=Backoff(kind="constant", base=0.1, jitter="none"))
_LIMITS = RateLimits(
    per_host=Rate(300.0, 1.0),
    default=Rate(600.0, 60.0),
    operations={"CreateGroupId": Rate(20.0, 1.0)},
    concurrency=8,
    adaptive=True,
    share=2,
)
_VALUES = evolve(
    POLICY,
    limits=Limits(deadline=600.0, max_attempts=3),
    rules=(rule("SystemOverFlow", _PATIENT), rule("InternalError", FAIL)),
    rates={"alibaba": _LIMITS},
)


@pytest.fixture
def anyio_backend(virtual_loop: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Nothing waits for real."""
    return virtual_loop


def _executor(measured: Measured, policy: PolicyValues, *more: Any) -> Executor:
    return Executor(policy, provider="alibaba", observers=[measured.observer, *more])


def _read(measured: Measured, name: str) -> dict[tuple[str, ...], float]:
    """Return the series of an instrument by the values of their attributes, in the order of the attributes' names."""
    return {
        tuple(str(value) for _, value in sorted(attributes)): value
        for attributes, value in measured.values(name).items()
    }


class Log:
    """Keeps the changes of rate limits."""

    idle_slot = None

    def __init__(self) -> None:
        self.adapted: list[RateAdapted] = []

    def watch(self, _: object) -> Any:
        """Watch every call."""
        return lambda event: self.adapted.append(event) if isinstance(event, RateAdapted) else None


async def test_limits_and_who_waits_are_read_while_calls_are_under_way() -> None:
    """Of 25 calls, 4 are under way and 21 wait; the limits are those of one of two processes."""
    measured, gate = Measured(), anyio.Event()

    async def create(instance_id: str, group_id: str) -> None:
        await gate.wait()

    wrapped = _executor(measured, _VALUES).wrap("CreateGroupId")(create)
    async with anyio.create_task_group() as tasks:
        for number in range(25):
            tasks.start_soon(wrapped, "mqtt-cn-x", f"GID_{number}")
        await anyio.sleep(5)
        limits = {
            ("CreateGroupId", "alibaba", "operation", "False"): 10.0,
            ("alibaba", "account", "False"): 5.0,
            ("alibaba", "host", "False"): 150.0,
        }
        assert _read(measured, "rate.limit") == limits
        assert _read(measured, "rate.declared") == limits
        assert _read(measured, "concurrency.limit") == {("alibaba",): 4}
        assert _read(measured, "attempt.active") == {("alibaba",): 4}
        assert _read(measured, "admission.waiting") == {("CreateGroupId",): 21}
        gate.set()
    assert _read(measured, "attempt.active") == {("alibaba",): 0}
    assert _read(measured, "admission.waiting") == {("CreateGroupId",): 0}


async def test_a_limit_that_adapts_is_told_and_read() -> None:
    """Where a service takes 6 of the 10 calls in a second, the limit goes down, and both numbers are to be seen."""
    measured, log = Measured(), Log()
    taken: dict[int, int] = {}

    async def create(instance_id: str, group_id: str) -> None:
        await anyio.sleep(0.01)
        second = int(anyio.current_time())
        taken[second] = taken.get(second, 0) + 1
        if taken[second] > 6:
            raise ServiceError("SystemOverFlow", "a message", status=400, provider="alibaba")

    only = RateLimits(operations={"CreateGroupId": Rate(10.0, 1.0)}, adaptive=True)
    values = evolve(_VALUES, rates={"alibaba": only})
    wrapped = _executor(measured, values, log).wrap("CreateGroupId")(create)
    async with anyio.create_task_group() as tasks:
        for number in range(60):
            tasks.start_soon(wrapped, "mqtt-cn-x", f"GID_{number}")
    first = log.adapted[0].change
    assert (first.operation, first.old, first.declared) == ("CreateGroupId", 10.0, 10.0)
    assert first.new < 10.0
    assert first.refused > 0
    assert first.answered >= first.refused
    # One after the other, without a gap.
    assert [each.change.old for each in log.adapted[1:]] == [each.change.new for each in log.adapted[:-1]]
    (limit,) = _read(measured, "rate.limit").values()
    assert limit == log.adapted[-1].change.new
    assert set(_read(measured, "rate.declared").values()) == {10.0}
    told = _read(measured, "rate.adaptations")
    assert told["down", "CreateGroupId", "alibaba"] >= 1
    assert sum(told.values()) == len(log.adapted)


async def test_a_breaker_and_a_budget_are_read_before_and_after_they_refuse() -> None:
    """A breaker is closed from the first call on, and its series say which state it is in; a budget tells its rest."""
    measured = Measured()
    values = evolve(
        _VALUES,
        rates={},
        budgets={"alibaba": BudgetLimits(capacity=20.0)},
        breakers={"alibaba": BreakerLimits(failure_rate=0.5, min_calls=4, per="operation")},
    )
    answers: list[Any] = [None, "busy", None, "down", "down", "down", "down"]

    async def create(instance_id: str, group_id: str) -> None:
        code = {"busy": "SystemOverFlow", "down": "InternalError"}.get(answers.pop(0) or "")
        if code is not None:
            raise ServiceError(code, "a message", status=500, provider="alibaba")

    wrapped = _executor(measured, values).wrap("CreateGroupId")(create)
    name = "alibaba:CreateGroupId"
    await wrapped("mqtt-cn-x", "GID_a")
    assert _read(measured, "breaker.state") == {(name, "closed"): 1, (name, "open"): 0, (name, "half_open"): 0}
    assert _read(measured, "budget.retries") == {("alibaba",): 4}
    await wrapped("mqtt-cn-x", "GID_b")
    assert _read(measured, "budget.retries") == {("alibaba",): 3}
    for number in range(4):
        await wrapped.outcome("mqtt-cn-x", f"GID_{number}")
    assert _read(measured, "breaker.state")[name, "open"] == 1
    assert _read(measured, "breaker.state")[name, "closed"] == 0


async def test_limits_go_with_their_executors_and_add_up() -> None:
    """Two executors may send twice as much together; one that the program lets go of is gone from the metrics."""
    measured = Measured()

    async def create(instance_id: str, group_id: str) -> None:
        pass

    executors = [_executor(measured, _VALUES) for _ in range(2)]
    for each in executors:
        await each.wrap("CreateGroupId")(create)("mqtt-cn-x", "GID_a")
    operation = ("CreateGroupId", "alibaba", "operation", "False")
    assert _read(measured, "rate.limit")[operation] == 20.0
    del each
    executors.pop()
    gc.collect()
    assert _read(measured, "rate.limit")[operation] == 10.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_has_limits_of_its_own() -> None:
    """Those that were copied are used no more, and are not counted there."""
    measured = Measured()

    def create(instance_id: str, group_id: str) -> None:
        pass

    wrapped = SyncExecutor(_VALUES, provider="alibaba", observers=[measured.observer]).wrap("CreateGroupId")(create)
    wrapped("mqtt-cn-x", "GID_a")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            wrapped("mqtt-cn-x", "GID_b")
            found = _read(measured, "rate.limit")["CreateGroupId", "alibaba", "operation", "False"]
            os.write(writer, f"{found}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as told:
        assert told.read() == "10.0"


async def test_calls_without_shared_limits_have_no_such_series() -> None:
    """A policy without these tables makes no series of them."""
    measured = Measured()

    async def create(instance_id: str, group_id: str) -> None:
        pass

    await _executor(measured, evolve(_VALUES, rates={})).wrap("CreateGroupId")(create)("mqtt-cn-x", "GID_a")
    found = {name for name in measured.read() if name.partition(".")[0] in {"rate", "breaker", "budget", "concurrency"}}
    assert found == set()


def test_a_limit_that_processes_have_together_says_so(tmp_path: Path) -> None:
    """With a store, each process has the whole limit, and a reader must not add them up."""
    measured = Measured()
    state = StateSettings(store=str(tmp_path / "state.db"))
    values = evolve(_VALUES, rates={"alibaba": evolve(_LIMITS, share=1)}, state=state)

    def create(instance_id: str, group_id: str) -> None:
        pass

    executor = SyncExecutor(values, provider="alibaba", observers=[measured.observer])
    executor.wrap("CreateGroupId")(create)("mqtt-cn-x", "GID_a")
    assert _read(measured, "rate.limit")["CreateGroupId", "alibaba", "operation", "True"] == 20.0
