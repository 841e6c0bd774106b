"""``resilience plan``: what ``resilience fleet`` with the same arguments would do."""

from __future__ import annotations

import sys

import click

from resilience.cli.fleet.inputs import checked_input, input_options, rows_at
from resilience.cli.fleet.showing import Screen
from resilience.cli.fleet.signals import Interruption
from resilience.cli.screen import FINDINGS, as_json, format_option, load
from resilience.fleet.function import verifying
from resilience.fleet.planning import FleetFindings, asking_of, planned
from resilience.fleet.rows.source import Form


@click.command(short_help="Say what a fleet would do; changes nothing.")
@input_options
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@format_option
def plan(  # noqa: PLR0913  # a parameter for each option
    *,
    function: str,
    rows: str,
    policy: str,
    env: str | None,
    operation: str | None,
    row_form: Form | None,
    concurrency: int | None,
    quiet: bool,
    form: str,
) -> None:
    """
    Say what "resilience fleet" with the same arguments would do: what is there already, what would be made, in how many
    calls, and how long that takes at the limits that the policy declares.

    The function's verifier asks the service about each row, within the policy's limits. Nothing is sent that changes
    anything. Without a verifier, what is there cannot be known. Exit code: 0 fine, 1 a question failed, 2 wrong use.
    """
    values = load(policy, env)
    with rows_at(rows, row_form) as source:
        called, known = checked_input(function, values, operation, source)
        asks, findings = verifying(called), FleetFindings(called, known.count)
        if asks is not None:
            asking = asking_of(asks, known, findings, concurrency=concurrency)
            screen = Screen(asks.rate, quiet=quiet)
            interruption = Interruption(asking.stop, asking.cancel, screen.say)
            with interruption.handled(), screen.following(findings):
                asking.run()
            if interruption.exit_code is not None:
                click.echo("resilience: interrupted, so there is no plan; nothing has been changed", err=True)
                sys.exit(interruption.exit_code)
    found = planned(called, findings, has_verifier=asks is not None)
    if form == "json":
        as_json(found.as_json())
    else:
        click.echo(str(found))
        if asks is None:
            name = called.target.function.__name__
            click.echo(f"{name} has no verifier, so what is there cannot be known; register one: @{name}.verify")
    sys.exit(FINDINGS if found.failures else 0)
