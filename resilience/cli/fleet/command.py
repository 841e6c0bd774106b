"""``resilience fleet``: one call of a function for each row of a file, under a policy."""

from __future__ import annotations

from typing import Any

import click

from resilience.cli.completion import files
from resilience.cli.fleet.options import input_options
from resilience.cli.screen import format_option


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
def fleet(**options: Any) -> None:
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
    from resilience.cli.fleet.running import run_fleet  # noqa: PLC0415  # the help needs no executor

    run_fleet(**options)
