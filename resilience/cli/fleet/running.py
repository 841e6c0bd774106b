"""Run ``resilience fleet``: make the calls, follow signals, and tell what became of the rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from attrs import evolve

from resilience.cli.fleet.existing import advice
from resilience.cli.fleet.inputs import checked_input, placed_on, rows_at, with_ledger
from resilience.cli.fleet.showing import Screen
from resilience.cli.fleet.signals import Interruption
from resilience.cli.screen import FINDINGS, as_json, load
from resilience.core.policy import PolicyValues, TelemetrySettings
from resilience.fleet.function import FunctionError
from resilience.fleet.progress import FleetProgress
from resilience.fleet.provisioning import FleetRun, fleet_of
from resilience.fleet.report import FleetReport
from resilience.fleet.rows.left import write_left
from resilience.fleet.rows.problems import RowsError
from resilience.fleet.rows.source import Form, RowSource
from resilience.fleet.tracing import SERVICE, traced
from resilience.state import LedgerError
from resilience.telemetry.providers.environment import (
    LAST_PATIENCE,
    asked_for,
    flush_providers,
    set_providers,
)


def run_fleet(  # noqa: PLR0913  # a parameter for each option
    *,
    function: str,
    rows: str,
    policy: str,
    env: str | None,
    operation: str | None,
    row_form: Form | None,
    form: str,
    concurrency: int | None,
    ledger: str | None,
    processes: int | None,
    dask: str | None,
    journal: str | None,
    failed: str | None,
    quiet: bool,
) -> None:
    """Run a fleet with the options of the command; exit with its code."""
    if failed is not None and not os.access(Path(failed).absolute().parent, os.W_OK):
        raise click.UsageError(f"--failed {failed}: its folder is not there, or cannot be written")
    values = with_ledger(with_journal(load(policy, env), journal), ledger, dask)
    with rows_at(rows, row_form) as source, placed_on(processes, dask) as on:
        called, known = checked_input(function, values, operation, source)
        progress = FleetProgress(called, known.count)
        try:
            made = fleet_of(called, known, progress, concurrency=concurrency, on=on)
        except FunctionError as error:
            raise click.UsageError(str(error)) from None
        screen = Screen(called.rate, quiet=quiet)
        remark = set_providers(SERVICE)
        if remark is not None:
            screen.say(remark)
        if not called.is_remembered:
            screen.say(
                f"the policy has no [ledger], so a second run would send all of {called.target.operation.name} again; "
                "--ledger FILE remembers what is done"
            )
        interruption = Interruption(made.stop, made.cancel, screen.say)
        try:
            with interruption.handled(), screen.following(progress), traced(called, progress, known):
                _run(made)
        finally:
            report = progress.report()
            is_kept = failed is None or _keep(Path(failed), source, progress.states)
            if not quiet:
                hints = advice(called.target.plan, report.failures)
                _tell(report, source.name, failed, hints, is_json=form == "json")
            if not flush_providers(LAST_PATIENCE):
                screen.say(f"not all telemetry could be sent where {asked_for()} says")
    if report.left and interruption.exit_code is not None:
        sys.exit(interruption.exit_code)
    sys.exit(FINDINGS if report.failed or report.left or not is_kept else 0)


def with_journal(policy: PolicyValues, journal: str | None) -> PolicyValues:
    """Return the policy with another file for the journal, if one is named."""
    if journal is None:
        return policy
    settings = policy.telemetry or TelemetrySettings()
    return evolve(policy, telemetry=evolve(settings, journal=str(Path(journal).absolute())))


def _run(made: FleetRun) -> None:
    try:
        made.run()
    except (ChildProcessError, ConnectionError, LedgerError, RowsError) as error:
        click.echo(f"resilience: {error}", err=True)


def _keep(path: Path, source: RowSource, states: bytearray) -> bool:
    """Write the rows that are left; tell whether that worked."""
    try:
        write_left(path, source, states)
    except (OSError, RowsError) as error:
        click.echo(f"resilience: --failed {path} has not been written: {error}", err=True)
        return False
    return True


def _tell(report: FleetReport, source: str, failed: str | None, hints: Iterable[str], *, is_json: bool) -> None:
    if is_json:
        as_json(report.as_json())
        return
    click.echo(f"resilience: {report}", err=True)
    for number, label in report.failed_lines:
        click.echo(f"  {source}:{number}: {label}", err=True)
    more = report.failed - len(report.failed_lines)
    if report.failed_lines and more:
        click.echo(f"  and {more:,} more", err=True)
    for line in (*hints, *_next(report, failed)):
        click.echo(f"resilience: {line}", err=True)


def _next(report: FleetReport, failed: str | None) -> list[str]:
    """Return what to do next; nothing if all rows are done."""
    if report.done == report.rows:
        return []
    told = f"{report.done + report.failed:,} of {report.rows:,} rows have an outcome; " if report.left else ""
    if failed is not None:
        left = (
            "the row that is"
            if report.failed + report.left == 1
            else f"the {report.failed + report.left:,} rows that are"
        )
        return [f"{told}{left} not done can be run again from {failed}"]
    if report.is_remembered and report.left:
        return [f"{told}run the same command again: the ledger knows what is done"]
    if report.is_remembered:
        return ["the same command sends only the rows that failed: the ledger knows what is done"]
    again = "without a ledger, the same command sends all again; --failed FILE keeps the rows that are not done"
    return [f"{told}{again}, and --ledger FILE remembers those that are"]
