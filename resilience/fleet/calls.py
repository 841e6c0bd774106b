"""The calls of a fleet in one process: one for each row, through ``map``."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Protocol

import anyio

from resilience.engine.outcome import Outcome
from resilience.executors import Executor, SyncExecutor
from resilience.fleet.concurrency import concurrency_of
from resilience.fleet.function import FleetFunction
from resilience.fleet.maps.mapping import OutcomeStream
from resilience.fleet.maps.sync_mapping import SyncOutcomeStream
from resilience.fleet.rows.check import NumberedRow
from resilience.fleet.rows.parameters import Parameters


class Outcomes(Protocol):
    """Counts the outcomes of calls."""

    def add(self, number: int, line: int, outcome: Outcome[Any]) -> None:
        """Note the outcome of a row's call."""
        ...


class Fleet:
    """
    The calls of one fleet, in this process.

    Attributes:
        function: What is called.
        progress: How far it is.

    Args:
        function: What is called.
        parameters: How arguments become a call.
        rows: What it is called with.
        progress: Counts the outcomes.
        concurrency: How many calls are under way at a time; None for as many as the policy says.
    """

    def __init__(
        self,
        function: FleetFunction,
        parameters: Parameters,
        rows: Iterable[NumberedRow],
        progress: Outcomes,
        *,
        concurrency: int | None = None,
    ) -> None:
        self.function = function
        self.progress = progress
        self._parameters = parameters
        self._rows = rows
        operation = function.target.operation
        self._concurrency = concurrency_of(concurrency, function.executor.policy, operation.provider, operation.name)
        self._under_way: dict[int, tuple[int, int]] = {}
        self._stop: Callable[[], object] | None = None
        self._cancel: Callable[[], object] | None = None
        self._is_stopped = False

    def run(self, runner: asyncio.Runner | None = None) -> None:
        """
        Make the calls.

        Args:
            runner: The event loop of the calls; None for one of their own.

        Raises:
            Exception: The function has a mistake, or the rows have changed.
        """
        executor = self.function.executor
        if isinstance(executor, SyncExecutor):
            self._in_threads(executor)
        elif runner is None:
            anyio.run(self._on_loop, executor, backend="asyncio")
        else:
            runner.run(self._on_loop(executor), context=contextvars.copy_context())

    def stop(self) -> None:
        """
        Begin no further attempt at a row that has none; the other calls under way end.

        A handler of a signal may call it, in the thread of the run.
        """
        self._is_stopped = True
        if self._stop is not None:
            self._stop()

    def cancel(self) -> None:
        """
        Break off the calls under way too. A handler of a signal may call it, in the thread of the run.

        Requests in threads cannot be broken off; nothing waits for them.
        """
        self.stop()
        if self._cancel is not None:
            self._cancel()

    def _in_threads(self, executor: SyncExecutor) -> None:
        with executor.map(self._calls(), concurrency=self._concurrency) as outcomes:
            self._cancel = outcomes.abandon
            self._stop = partial(_stop, outcomes)
            for outcome in outcomes:
                self.progress.add(*self._under_way.pop(id(outcome.call)), outcome)

    async def _on_loop(self, executor: Executor) -> None:
        call_soon = asyncio.get_running_loop().call_soon_threadsafe
        with anyio.CancelScope() as scope:
            self._cancel = lambda: call_soon(scope.cancel)
            async with executor.map(self._calls(), concurrency=self._concurrency) as outcomes:
                self._stop = partial(call_soon, _stop, outcomes)
                async for outcome in outcomes:
                    self.progress.add(*self._under_way.pop(id(outcome.call)), outcome)

    def _calls(self) -> Iterator[Any]:
        bind = self.function.wrapped.bind
        for number, line, arguments in self._rows:
            if self._is_stopped:
                return
            args, kwargs = self._parameters.call(arguments)
            call = bind(*args, **kwargs)
            # An outcome has its call, so the number cannot be given to another one before it is read.
            self._under_way[id(call)] = number, line
            yield call


def _stop(outcomes: OutcomeStream[Any] | SyncOutcomeStream[Any]) -> None:
    outcomes.stop()
    outcomes.take_back()
