"""
One call for each row: ``resilience fleet`` in Python.

The command is a shell around :class:`Fleet`: it adds signals, the progress bar and the words at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio

from resilience.core.policy import PolicyValues
from resilience.executors import Executor, SyncExecutor
from resilience.fleet.function import FleetFunction, imported, under_policy
from resilience.fleet.left import write_left
from resilience.fleet.progress import FleetProgress
from resilience.fleet.report import FleetReport
from resilience.fleet.rows.check import CheckedRows, checked
from resilience.fleet.rows.parameters import Parameters
from resilience.fleet.rows.source import RowSource, rows_of
from resilience.policyfile import Policy


def provision(  # noqa: PLR0913  # a keyword for each thing that a user may say
    function: str | Callable[..., Any],
    rows: str | Path | Iterable[Mapping[str, Any]],
    *,
    policy: str | Path | PolicyValues,
    env: str | None = None,
    operation: str | None = None,
    concurrency: int | None = None,
    failed: str | Path | None = None,
) -> FleetReport:
    """
    Make one call of a function for each row, under a policy; the same as ``resilience fleet``.

    ::

        report = provision(devices.create_group, "fleet.csv", policy="fleet.toml", env="prod")

    All rows are checked before anything is sent. Memory does not grow with their number, but for a byte each. With a
    ledger in the policy, a second run sends only what the first one did not do. The calls of a coroutine function run
    on asyncio, those of a plain one in threads; call it from a thread without an event loop.

    Args:
        function: A function that an executor has wrapped, or any other one with its ``operation``; or its import name,
            such as ``"devices:create_group"``.
        rows: A CSV file (names of parameters in the first line), a file with a JSON object in each line, or mappings of
            parameters to values.
        policy: The policy, or its file. It takes the place of the one that the function was wrapped with.
        env: The environment of a policy's file.
        operation: The operation of a function that is not wrapped.
        concurrency: How many calls are under way at a time; by default as for :meth:`resilience.Executor.map`.
        failed: A file for the rows that failed or were not begun, in the form of the input.

    Raises:
        RowsError: Rows do not fit the function; all problems at once.
        PolicyError: The policy's file has a problem.
        ValueError: The function or its operation cannot be used, or ``concurrency`` is less than 1.
        TypeError: Likewise; or what the function itself raises by mistake.
        OSError: A file cannot be read or written.
    """
    values = policy if isinstance(policy, PolicyValues) else Policy.load(policy, env=env)
    found = imported(function) if isinstance(function, str) else function
    fleet = Fleet(under_policy(found, values, operation), rows_of(rows), concurrency=concurrency)
    try:
        return fleet.run()
    finally:
        if failed is not None:
            write_left(Path(failed), fleet.rows.source, fleet.progress.states)


class Fleet:
    """
    The calls of one fleet, in this process.

    Attributes:
        function: What is called.
        rows: Once for each of these.
        progress: How far it is.

    Raises:
        RowsError: Rows do not fit the function.
    """

    def __init__(
        self,
        function: FleetFunction,
        rows: RowSource,
        *,
        concurrency: int | None = None,
        on_change: Callable[[FleetProgress], object] | None = None,
    ) -> None:
        self.function = function
        self.rows = rows_for(function, rows)
        self.progress = FleetProgress(function, self.rows.count, on_change)
        self._concurrency = concurrency
        self._under_way: dict[int, tuple[int, int]] = {}
        self._stop: Callable[[], object] | None = None
        self._cancel: Callable[[], object] | None = None
        self._is_stopped = False

    def run(self) -> FleetReport:
        """Make the calls; return how they ended."""
        executor = self.function.executor
        if isinstance(executor, SyncExecutor):
            self._in_threads(executor)
        else:
            anyio.run(self._on_loop, executor, backend="asyncio")
        return self.progress.report()

    def stop(self) -> None:
        """Begin no further call; those under way end. A handler of a signal may call it, in the thread of the run."""
        self._is_stopped = True
        if self._stop is not None:
            self._stop()

    def cancel(self) -> None:
        """
        Break off the calls under way too. A handler of a signal may call it, in the thread of the run.

        Raises:
            KeyboardInterrupt: The calls run in threads; they end their attempts.
        """
        self.stop()
        if self._cancel is not None:
            self._cancel()
        elif isinstance(self.function.executor, SyncExecutor):
            raise KeyboardInterrupt

    def _in_threads(self, executor: SyncExecutor) -> None:
        with executor.map(self._calls(), concurrency=self._concurrency) as outcomes:
            self._stop = outcomes.stop
            for outcome in outcomes:
                self.progress.add(*self._under_way.pop(id(outcome.call)), outcome)

    async def _on_loop(self, executor: Executor) -> None:
        call_soon = asyncio.get_running_loop().call_soon_threadsafe
        with anyio.CancelScope() as scope:
            self._cancel = lambda: call_soon(scope.cancel)
            async with executor.map(self._calls(), concurrency=self._concurrency) as outcomes:
                self._stop = lambda: call_soon(outcomes.stop)
                async for outcome in outcomes:
                    self.progress.add(*self._under_way.pop(id(outcome.call)), outcome)

    def _calls(self) -> Iterator[Any]:
        bind = self.function.wrapped.bind
        for number, line, arguments in self.rows:
            if self._is_stopped:
                return
            call = bind(**arguments)
            # An outcome has its call, so the number cannot be given to another one before it is read.
            self._under_way[id(call)] = number, line
            yield call


def rows_for(function: FleetFunction, rows: RowSource) -> CheckedRows:
    """
    Check rows for a function.

    Raises:
        RowsError: At least one row does not fit.
        TypeError: Rows cannot give the function its parameters.
    """
    names = function.target.operation
    key_of = function.key_of if names.is_for_ledger and names.ledger_keys else None
    return checked(rows, Parameters(function.target.function), key_of)
