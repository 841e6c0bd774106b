"""``map`` is cancelled at every step of its event loop, and everything that its calls held comes back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import define, evolve, field
from cancel_at import Backend, Steps, counted_loop, run_with
from fleet_calls import INSTANCE, Source, policy
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from resilience import Credentials, Executor, Ledger, Outcome, ServiceError, SyncExecutor
from resilience.core.admission.breaker import BreakerPass
from resilience.core.admission.limits import BreakerLimits, RateLimits
from resilience.core.admission.rate import Rate
from resilience.core.policy import PolicyValues
from resilience.engine.wrapped_function import target_of
from resilience.fleet.calls import Fleet
from resilience.fleet.function import FleetFunction
from resilience.fleet.maps import sync_mapping
from resilience.fleet.rows.parameters import Parameters
from resilience.telemetry import Spans

NAMES = ["busy-1", "busy-2"]
MANY_STEPS = 3_000


class OpenSpans(SpanProcessor):
    """Knows the spans that have not ended."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.begun = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # its signature
        self.begun += 1
        self.names.append(span.name)

    def on_end(self, span: ReadableSpan) -> None:
        self.names.remove(span.name)


def values() -> PolicyValues:
    """Return a policy with everything that a call can hold: rates, places, a breaker with probes."""
    return evolve(
        policy(wait=0.1),
        rates={"alibaba": RateLimits(default=Rate(2, 1.0), per_host=Rate(50, 1.0), concurrency=1, adaptive=True)},
        breakers={"alibaba": BreakerLimits(open_for=1.0, probes=3 * len(NAMES))},
    )


@define(eq=False)
class Scene:
    """
    A fleet whose calls hold what can be held.

    Attributes:
        ledger: The file of its ledger.
        in_threads: Whether the function is a plain one.
        is_async: Whether the input is an asynchronous generator.
        made: The names that were asked for, in order.
    """

    ledger: Path
    in_threads: bool = False
    is_async: bool = False
    made: list[str] = field(factory=list)
    inputs_open: int = 0
    spans: OpenSpans = field(factory=OpenSpans)
    _lock: threading.Lock = field(factory=threading.Lock)
    sts: Credentials[int] = field(init=False)
    executor: Executor = field(init=False)
    function: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        provider = TracerProvider()
        provider.add_span_processor(self.spans)
        self.sts = Credentials(self._load, expires=lambda _: time.time() + 3600)
        self.executor = Executor(
            values(),
            provider="alibaba",
            account="123",
            credentials={"alibaba": self.sts},
            ledger=Ledger(self.ledger, on_unfinished="retry"),
            observers=[Spans(provider)],
        )
        function = self._plain if self.in_threads else self._create
        self.function = self.executor.wrap("CreateGroupId", accepted=_name)(function)

    async def _load(self) -> int:
        await anyio.sleep(0.2)
        return 1

    def _plain(self, instance_id: str, group_id: str) -> str:  # noqa: ARG002  # names that the catalogue knows
        with self._lock:
            return self._asked(group_id)

    async def _create(self, instance_id: str, group_id: str) -> str:  # noqa: ARG002  # likewise
        await anyio.sleep(0.05)
        return self._asked(group_id)

    def _asked(self, name: str) -> str:
        self.sts.current()
        self.made.append(name)
        if name.startswith("busy") and self.made.count(name) == 1:
            raise ServiceError("Busy", "a message", status=429, effect="none")
        return name

    def calls(self) -> Iterator[Any] | AsyncIterator[Any]:
        return self._later_calls() if self.is_async else self._calls()

    def _calls(self) -> Iterator[Any]:
        self.inputs_open += 1
        try:
            for name in NAMES:
                yield self.function.bind(INSTANCE, name)
        finally:
            self.inputs_open -= 1

    async def _later_calls(self) -> AsyncIterator[Any]:
        self.inputs_open += 1
        try:
            with anyio.CancelScope():
                for name in NAMES:
                    await anyio.sleep(0.01)
                    yield self.function.bind(INSTANCE, name)
        finally:
            self.inputs_open -= 1

    async def map(self) -> None:
        """Make all calls, and read their outcomes."""
        async with self.executor.map(self.calls(), concurrency=2, ordered=self.is_async) as outcomes:
            async for outcome in outcomes:
                assert outcome.error is None, outcome

    async def open_the_breaker(self) -> None:
        """Let the next calls be probes."""
        breaker = self.executor.target_factory.setting.outage.breaker("alibaba", "CreateGroupId")
        assert breaker is not None
        for _ in range(breaker.limits.min_calls):
            held = breaker.enter(anyio.current_time())
            assert isinstance(held, BreakerPass)
            breaker.leave(held, "failed", anyio.current_time())
        await anyio.sleep(1.5)
        assert breaker.refusal(anyio.current_time()) is None

    async def check(self) -> None:
        """See to it that nothing is held any more, and that the same calls can be made at once."""
        if self.in_threads:
            # A thread that was abandoned ends what it does; the clock stands still meanwhile.
            with self._lock:
                pass
        assert self.spans.names == []
        assert self.inputs_open == 0
        setting = self.executor.target_factory.setting
        admission = setting.admissions.of("alibaba")
        assert admission is not None
        assert admission.under_way == 0
        assert not any(admission.levels().waiting.values())
        breaker = setting.outage.breaker("alibaba", "CreateGroupId")
        assert breaker is not None
        assert not breaker._leases  # no method says how many probes are out
        assert setting.threads.slots().borrowed_tokens == 0
        # Without a time limit, to which the clock would jump while threads read the ledger.
        await self.map()
        assert set(self.made) == set(NAMES)
        assert admission.under_way == 0


class Read:
    """Counts outcomes of rows."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:  # noqa: ARG002  # as a fleet counts
        self.rows.append(number)


def _name(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # as the functions
    return group_id


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    "kind", [{}, {"is_async": True}, {"in_threads": True}], ids=["coroutines", "asynchronous-input", "threads"]
)
def test_map_can_be_cancelled_at_every_step(
    backend: Backend, kind: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Places, probes, claims, threads, spans, tasks and generators come back, wherever the cancellation arrives.

    Afterwards the same executor makes the same calls.
    """
    caplog.set_level(logging.WARNING)
    for number in itertools.count(1):
        steps = Steps(number)
        scene = Scene(tmp_path / f"{number}.db", **kind)

        async def main(scene: Scene = scene, steps: Steps = steps) -> None:
            await scene.open_the_breaker()
            await steps.cover(scene.map)
            if backend == "asyncio":
                left = asyncio.all_tasks() - {asyncio.current_task()}
                assert not left
            await scene.check()

        run_with(steps, backend, main)
        if not steps.was_reached:
            break
        assert number < MANY_STEPS
    gc.collect()
    assert not caplog.records
    assert number > 30


def test_the_calls_of_a_command_can_be_cancelled_at_every_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The second Ctrl-C of a fleet breaks off the calls under way, and leaves nothing of them."""
    caplog.set_level(logging.WARNING)
    for number in itertools.count(1):
        steps = Steps(number)
        scene = Scene(tmp_path / f"{number}.db")
        read = Read()
        target = target_of(scene.function)
        assert target is not None
        called = FleetFunction(scene.executor, scene.function, target, scene.function)
        rows = [(row, row + 2, {"instance_id": INSTANCE, "group_id": name}) for row, name in enumerate(NAMES)]
        fleet = Fleet(called, Parameters(called.target.function), rows, read, concurrency=2)
        with asyncio.Runner(loop_factory=partial(counted_loop, steps)) as runner:
            runner.run(scene.open_the_breaker())
            with steps.counted(fleet.cancel):
                fleet.run(runner)
            runner.run(scene.check())
        if not steps.was_reached:
            break
        assert number < MANY_STEPS
    gc.collect()
    assert not caplog.records
    assert number > 30
    assert sorted(read.rows) == [0, 1]


@pytest.mark.parametrize("is_early", [False, True], ids=["to-the-end", "left-early"])
def test_map_in_threads_can_be_interrupted_at_every_line(*, is_early: bool) -> None:
    """Ctrl-C in the thread that reads the outcomes ends all other threads, closes the input, and gives places back."""
    for number in itertools.count(1):
        steps, spans, inputs = Steps(number), OpenSpans(), Source(NAMES)
        provider = TracerProvider()
        provider.add_span_processor(spans)
        executor = SyncExecutor(values(), provider="alibaba", account="123", observers=[Spans(provider)])
        create: Any = executor.wrap("CreateGroupId")(_name)
        with contextlib.suppress(KeyboardInterrupt), steps.lines_of(sync_mapping.__file__):
            _read(executor, (create.bind(INSTANCE, name) for name in inputs), is_early=is_early)
        gc.collect()
        for each in [each for each in threading.enumerate() if each.name.startswith("resilience-map")]:
            # Interrupted while it was waited for: it ends by itself.
            each.join(30)
            assert not each.is_alive(), number
        assert spans.names == []
        assert inputs.is_closed or not inputs.pulled
        admission = executor.target_factory.setting.admissions.of("alibaba")
        assert admission is None or admission.under_way == 0
        if not steps.was_reached:
            break
        assert number < MANY_STEPS
    assert number > 30


def _read(executor: SyncExecutor, calls: Iterator[Any], *, is_early: bool) -> None:
    with executor.map(calls, concurrency=2) as outcomes:
        for _ in outcomes:
            if is_early:
                break
