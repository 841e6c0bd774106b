"""
One call for each row: ``resilience fleet`` in Python.

The command is a shell around the same parts: it adds signals, the progress bar and the words at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from resilience.core.policy import PolicyValues
from resilience.fleet.calls import Fleet
from resilience.fleet.function import FleetFunction, imported, under_policy
from resilience.fleet.progress import FleetProgress
from resilience.fleet.report import FleetReport
from resilience.fleet.rows.check import CheckedRows, rows_for
from resilience.fleet.rows.left import write_left
from resilience.fleet.rows.remembered import not_done
from resilience.fleet.rows.source import rows_of
from resilience.fleet.tracing import traced
from resilience.policyfile import Policy

if TYPE_CHECKING:
    from distributed import Client


def provision(  # noqa: PLR0913  # a keyword for each thing that a user may say
    function: str | Callable[..., Any],
    rows: str | Path | Iterable[Mapping[str, Any]],
    *,
    policy: str | Path | PolicyValues,
    env: str | None = None,
    on: int | Client | None = None,
    operation: str | None = None,
    concurrency: int | None = None,
    failed: str | Path | None = None,
) -> FleetReport:
    """
    Make one call of a function for each row, under a policy; the same as ``resilience fleet``.

    ::

        report = provision(devices.create_group, "fleet.csv", policy="fleet.toml", env="prod")

    All rows are checked before anything is sent. Memory does not grow with their number, but for a byte each. With a
    ledger in the policy, a second run sends only what the first one did not do, and asks no verifier about the rest.
    The calls of a coroutine function run on asyncio, those of a plain one in threads; call it from a thread without an
    event loop. From trio or asyncio: ``await anyio.to_thread.run_sync(partial(provision, ...))``.

    Args:
        function: A function that an executor has wrapped, or any other one with its ``operation``; or its import name,
            such as ``"devices:create_group"``.
        rows: A CSV file (names of parameters in the first line), a file with a JSON object in each line, or mappings of
            parameters to values.
        policy: The policy, or its file. It takes the place of the one that the function was wrapped with.
        env: The environment of a policy's file.
        on: How many processes of this machine make the calls, or the ``Client`` of a Dask cluster (extra ``dask``)
            whose workers do; None for this process alone. They divide the limits of the policy and share its ledger.
            On a cluster the policy's texts and the function's import name travel, and no secret does.
        operation: The operation of a function that is not wrapped.
        concurrency: How many calls are under way at a time; by default as for :meth:`resilience.Executor.map`.
        failed: A file for the rows that failed or were not begun, in the form of the input.

    Raises:
        RowsError: Rows do not fit the function; all problems at once.
        PolicyError: The policy's file has a problem.
        ValueError: The function or its operation cannot be used, or ``concurrency`` is less than 1.
        ChildProcessError: Processes of the fleet have died, and rows are left.
        ConnectionError: The scheduler of the cluster is gone, or workers died one after another, and rows are left.
        LedgerError: The ledger cannot be read.
        TypeError: As ValueError; or what the function itself raises by mistake.
        OSError: A file cannot be read or written.
    """
    values = policy if isinstance(policy, PolicyValues) else Policy.load(policy, env=env)
    found = imported(function) if isinstance(function, str) else function
    called = under_policy(found, values, operation)
    known = rows_for(called.target, called.key_of, rows_of(rows))
    progress = FleetProgress(called, known.count)
    try:
        made = fleet_of(called, known, progress, concurrency=concurrency, on=on)
        with traced(called, progress, known):
            made.run()
    finally:
        if failed is not None:
            write_left(Path(failed), known.source, progress.states)
    return progress.report()


class FleetRun(Protocol):
    """What makes the calls of a fleet: this process, or several others."""

    def run(self) -> None:
        """Make the calls."""
        ...

    def stop(self) -> None:
        """Begin no further call; those under way end."""
        ...

    def cancel(self) -> None:
        """Break off the calls under way too."""
        ...


def fleet_of(
    function: FleetFunction,
    rows: CheckedRows,
    progress: FleetProgress,
    *,
    concurrency: int | None = None,
    on: int | Client | None = None,
) -> FleetRun:
    """Return what makes the calls: this process, others, or a cluster."""
    if on is None:
        left = not_done(function, rows, progress.know)
        return Fleet(function, rows.parameters, left, progress, concurrency=concurrency)
    from resilience.fleet.distribution.engines import engine_on  # noqa: PLC0415  # most fleets need one process
    from resilience.fleet.distribution.placed import PlacedFleet  # noqa: PLC0415  # likewise

    return PlacedFleet(function, rows, progress, engine_on(on), concurrency=concurrency)
