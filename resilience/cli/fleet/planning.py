"""Run ``resilience plan``: ask the service, and tell what a fleet would do."""

from __future__ import annotations

import sys

import click

from resilience.cli.fleet.existing import sent_again
from resilience.cli.fleet.inputs import checked_input, placed_on, rows_at, with_ledger
from resilience.cli.fleet.showing import Screen
from resilience.cli.fleet.signals import Interruption
from resilience.cli.screen import FINDINGS, as_json, load
from resilience.fleet.calls import Fleet
from resilience.fleet.function import verifying
from resilience.fleet.planning import FleetFindings, asking_of, planned, workers_of
from resilience.fleet.rows.problems import RowsError
from resilience.fleet.rows.source import Form
from resilience.state import LedgerError


def run_plan(  # noqa: PLR0913  # a parameter for each option
    *,
    function: str,
    rows: str,
    policy: str,
    env: str | None,
    operation: str | None,
    row_form: Form | None,
    concurrency: int | None,
    ledger: str | None,
    processes: int | None,
    dask: str | None,
    quiet: bool,
    form: str,
) -> None:
    """Tell a plan with the options of the command; exit with its code."""
    values = with_ledger(load(policy, env), ledger, dask)
    with placed_on(processes, dask) as on:
        workers = workers_of(on)
    with rows_at(rows, row_form) as source:
        called, known = checked_input(function, values, operation, source)
        asks, findings = verifying(called), FleetFindings(called, known.count)
        try:
            if asks is None:
                findings.look_up(known)
            else:
                _ask(
                    asking_of(asks, known, findings, concurrency=concurrency), findings, Screen(asks.rate, quiet=quiet)
                )
        except (LedgerError, RowsError) as error:
            click.echo(f"resilience: {error}", err=True)
            sys.exit(FINDINGS)
        found = planned(called, findings, has_verifier=asks is not None, workers=workers, concurrency=concurrency)
    if form == "json":
        as_json(found.as_json())
    else:
        click.echo(str(found))
        if found.again:
            for line in sent_again(found.again, called.target.plan):
                click.echo(line)
        if asks is None:
            name, operation = called.target.function.__name__, called.target.operation.name
            how = f"register one: @{name}.verify"
            if not hasattr(called.given, "verify"):
                how = f'wrap it with @executor.wrap("{operation}"), and {how}'
            click.echo(f"{name} has no verifier, so what is there cannot be known; {how}")
    sys.exit(FINDINGS if found.failures else 0)


def _ask(asking: Fleet, findings: FleetFindings, screen: Screen) -> None:
    interruption = Interruption(asking.stop, asking.cancel, screen.say)
    with interruption.handled(), screen.following(findings):
        asking.run()
    if interruption.exit_code is not None:
        click.echo("resilience: interrupted, so there is no plan; nothing has been changed", err=True)
        sys.exit(interruption.exit_code)
