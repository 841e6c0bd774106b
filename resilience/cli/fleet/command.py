"""``resilience fleet``: one call of a function for each row of a file, under a policy."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from attrs import evolve

from resilience.cli.completion import files
from resilience.cli.fleet.existing import advice
from resilience.cli.fleet.inputs import checked_input, input_options, placed_on, rows_at, with_ledger
from resilience.cli.fleet.showing import Screen
from resilience.cli.fleet.signals import Interruption
from resilience.cli.screen import FINDINGS, as_json, format_option, load
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


@click.command(short_help="Call a function once for each row of a file, under a policy.")
@input_options
@click.option(
    "--journal",
    metavar="FILE",
    help="A file to record every call, for resilience report; with --dask one on each machine.",
    shell_complete=files,
)
@click.option(
    "--failed",
    metavar="FILE",
    help="A file for the rows that failed or were not begun, in the form of ROWS.",
    shell_complete=files,
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress and no summary.")
@format_option
def fleet(  # noqa: PLR0913  # a parameter for each option
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
    """
    Call a function once for each row of a file, under a policy, as fast as its limits allow.

    ROWS is a CSV file with the names of the function's parameters in its first line, a file with a JSON object in each
    line, or - for standard input. Values of CSV become what the parameters' annotations say: str, int, float, bool, or
    one of these or None. All rows are checked before anything is sent.

    The function is one that an executor has wrapped, or any other one with --operation. The working directory is on
    Python's path. The policy takes the place of the one that the function was wrapped with.

    --processes and --dask make the calls in other processes, which divide the limits and share the ledger. On a cluster
    the function's module must be there to import; the policy travels as text, and each worker has its own credentials.

    With a ledger, from --ledger or the policy, a second run sends only what the first one did not do, and asks nothing
    about the rest. After Ctrl-C or SIGTERM no further call begins, and calls that have sent something end; a second
    signal breaks them off. Exit code: 0 all rows are done, 1 some failed or are left, 2 wrong use (nothing was sent),
    130 after Ctrl-C and 143 after SIGTERM if rows are left.

    With the extra "otel" and OpenTelemetry's variables, such as OTEL_EXPORTER_OTLP_ENDPOINT, a fleet is one trace.
    With a ledger, a run that leaves rows and the next one with the same rows are one trace too.
    """
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
