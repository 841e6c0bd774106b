"""``resilience fleet``: one call of a function for each row of a file, under a policy."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from attrs import evolve

from resilience.cli.fleet.inputs import function_under, input_options, rows_at
from resilience.cli.fleet.showing import Screen
from resilience.cli.fleet.signals import Interruption
from resilience.cli.screen import FINDINGS, WRONG_USE, as_json, format_option, load
from resilience.core.policy import PolicyValues, TelemetrySettings
from resilience.fleet.left import write_left
from resilience.fleet.provisioning import Fleet
from resilience.fleet.report import FleetReport
from resilience.fleet.rows.problems import RowsError
from resilience.fleet.rows.source import Form
from resilience.journal.writer import JournalError


@click.command(short_help="Call a function once for each row of a file, under a policy.")
@input_options
@click.option("--journal", metavar="FILE", help="A file to record every call, for resilience report.")
@click.option(
    "--failed", metavar="FILE", help="A file for the rows that failed or were not begun, in the form of ROWS."
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
    journal: str | None,
    failed: str | None,
    quiet: bool,
) -> None:
    """
    Call MODULE:FUNCTION once for each row of ROWS, under a policy, as fast as its limits allow.

    ROWS is a CSV file with the names of the function's parameters in its first line, a file with a JSON object in each
    line, or - for standard input. Values of CSV become what the parameters' annotations say: str, int, float, bool, or
    one of these or None. All rows are checked before anything is sent.

    The function is one that an executor has wrapped, or any other one with --operation. The working directory is on
    Python's path. The policy takes the place of the one that the function was wrapped with.

    With a ledger in the policy, a second run sends only what the first one did not do. Ctrl-C and SIGTERM begin no
    further call, and those under way end; a second one breaks them off. Exit code: 0 all rows are done, 1 some failed,
    2 wrong use (nothing was sent), 130 after Ctrl-C and 143 after SIGTERM if rows are left.
    """
    values = with_journal(load(policy, env), journal)
    with rows_at(rows, row_form) as source:
        try:
            called = function_under(function, values, operation)
            screen = Screen(called.rate, quiet=quiet)
            made = Fleet(called, source, concurrency=concurrency)
        except (RowsError, JournalError) as error:
            click.echo(str(error), err=True)
            sys.exit(WRONG_USE)
        except TypeError as error:
            raise click.UsageError(str(error)) from None
        if not called.is_remembered:
            screen.say(
                f"the policy has no [ledger], so a second run would send all of {called.target.operation.name} again"
            )
        interruption = Interruption(made.stop, made.cancel, screen.say)
        try:
            with interruption.handled(), screen.following(made.progress):
                _run(made)
        finally:
            report = made.progress.report()
            if failed is not None:
                write_left(Path(failed), source, made.progress.states)
            if not quiet:
                _tell(report, source.name, failed, is_json=form == "json")
    if report.left and interruption.exit_code is not None:
        sys.exit(interruption.exit_code)
    sys.exit(FINDINGS if report.failed or report.left else 0)


def with_journal(policy: PolicyValues, journal: str | None) -> PolicyValues:
    """Return the policy with another file for the journal, if one is named."""
    if journal is None:
        return policy
    settings = policy.telemetry or TelemetrySettings()
    return evolve(policy, telemetry=evolve(settings, journal=str(Path(journal).absolute())))


def _run(made: Fleet) -> None:
    try:
        made.run()
    except KeyboardInterrupt:
        return  # the second signal; the rows without an outcome tell it


def _tell(report: FleetReport, source: str, failed: str | None, *, is_json: bool) -> None:
    if is_json:
        as_json(report.as_json())
        return
    click.echo(f"resilience: {report}", err=True)
    for number, label in report.failed_lines:
        click.echo(f"  {source}:{number}: {label}", err=True)
    more = report.failed - len(report.failed_lines)
    if report.failed_lines and more:
        click.echo(f"  and {more:,} more", err=True)
    for line in _next(report, failed):
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
    if report.is_remembered:
        return [f"{told}run the same command again: the ledger knows what is done"]
    return [f"{told}use --failed FILE to get the rows to run again: without a ledger, the same command sends all again"]
