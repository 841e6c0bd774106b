"""``resilience simulate --fleet``: many calls against a service with a limit."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from rich.text import Text

from resilience.cli.pages.files import write_page
from resilience.cli.plans import operation_of, plan_of
from resilience.cli.screen import FINDINGS, as_json, console, is_plain, load, seconds
from resilience.cli.simulate.forecasts import FleetForecasts, named
from resilience.cli.simulate.options import check_fleet_options
from resilience.cli.simulate.scripts import script_of
from resilience.core.plan import Plan
from resilience.fleet.forecast import FleetSetup, LimitedService
from resilience.policyfile import Policy
from resilience.simulation import EndlessError


def simulate_fleet(policy: Policy, operation: str, form: str, html: Path | None, options: dict[str, Any]) -> None:
    """
    Make the forecasts, and show them.

    Raises:
        click.UsageError: The options do not fit, or the page cannot be written.
    """
    check_fleet_options(options)
    plan = _plan(policy, operation, options)
    other = None
    if options["compare"] is not None:
        env = options["compare_env"] or options["env"]
        other = _plan(load(options["compare"], env), operation, options)
    service = LimitedService(
        limit=options["limit"],
        counting=options["counting"] or "window",
        latency=options["latency"],
        others=options["others"] or 0.0,
        script=script_of(options["faults"], plan.provider, options["latency"], rate=options["rate"]),
        rate=options["rate"],
        verifier=options["verifier"] or "honest",
    )
    fleet = FleetSetup(calls=options["fleet"], concurrency=options["concurrency"], seed=options["seed"])
    began = perf_counter()
    try:
        forecasts = FleetForecasts.of(plan, service, fleet, runs=options["runs"] or 1, other=other)
    except EndlessError as error:
        click.echo(str(error), err=True)
        sys.exit(FINDINGS)
    took = perf_counter() - began
    if html is not None:
        # Imported here, because a forecast without a page needs no jinja2.
        from resilience.cli.simulate.fleet_page import fleet_page  # noqa: PLC0415

        write_page(html, fleet_page(forecasts, script=options["faults"]))
    if form == "json":
        as_json(forecasts.to_json())
        return
    screen = console()
    title = Text(f"{plan.operation} ({plan.provider})", style="bold")
    screen.print(title.append(f"  {named(plan)}", style="not bold dim"))
    for part in forecasts.parts(screen, plain=is_plain(screen)):
        screen.print(part)
    screen.print(Text(f"played in {seconds(took)}, seed {options['seed']}", style="dim"))
    if html is not None:
        screen.print(Text(f"wrote {html}"))


def _plan(policy: Policy, operation: str, options: dict[str, Any]) -> Plan:
    found = operation_of(operation, policy)
    return plan_of(
        policy,
        found,
        verifier=options["verifier"] is not None,
        credentials=not options["no_credentials"],
    )
