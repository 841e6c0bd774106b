"""``resilience simulate``: plays a call against scripted faults on a virtual clock, once or many times."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from resilience.cli import plots
from resilience.cli.completion import operations
from resilience.cli.pages.files import write_page
from resilience.cli.plans import operation_of, plan_of
from resilience.cli.screen import (
    FINDINGS,
    as_json,
    console,
    format_option,
    is_plain,
    load,
    policy_option,
    seconds,
    times,
)
from resilience.cli.simulate import timeline
from resilience.cli.simulate.options import Duration, fleet_options, refuse_fleet_options
from resilience.cli.simulate.scripts import SCRIPTS, script_of
from resilience.policyfile import Policy
from resilience.simulation import (
    PERCENTILES,
    Distribution,
    EndlessError,
    Environment,
    Played,
    Setup,
    Spread,
    VerifierModel,
    distribution,
)
from resilience.simulation import simulate as simulate_one

_WIDEST_PLOT = 100
_BINS = 14


@click.command(epilog=SCRIPTS)
@policy_option
@click.option(
    "--operation",
    "-o",
    required=True,
    metavar="NAME",
    help="The operation: Name or provider:Name.",
    shell_complete=operations,
)
@click.option(
    "--faults", "-f", default="", metavar="SCRIPT", help="The results of attempts, in order; default: success."
)
@click.option("--latency", type=Duration(), default="100ms", show_default=True, help="The duration of an attempt.")
@click.option(
    "--verifier",
    type=click.Choice(["honest", "found", "missing"]),
    help="Register a verifier: an honest one, or one with always the same answer. Default: no verifier.",
)
@click.option("--no-credentials", is_flag=True, help="Play without a source of new credentials.")
@click.option("--name", metavar="NAME", help="The name before the first rename; without it every rename succeeds.")
@click.option(
    "--runs", type=click.IntRange(min=1), metavar="N", help="Play the call N times, and show the distribution."
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Give the faults at random to this share of the attempts.",
)
@click.option("--seed", type=int, metavar="N", default=0, show_default=True, help="The same seed gives the same call.")
@fleet_options
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Also write a page with plots."
)
@format_option
def simulate(*, policy: str, env: str | None, operation: str, form: str, html: Path | None, **options: Any) -> None:
    """
    Play a call against faults on a virtual clock.

    Without --runs, the command shows one call step by step, with the rule of each decision. With --runs, it shows the
    durations, the numbers of requests and the ends. The executor's own code makes the decisions. One call is alone: it
    waits for no other call at a rate limit, and no other call takes from its budget.

    With --fleet and --limit, the command makes many calls of an operation against a service with that limit, and shows
    how long they take at the rates of the policy, without them, and under another policy. Each call meets the faults.
    With --runs, it shows the median, and 5 % to 95 % of the runs.
    """
    read = load(policy, env)
    if options["fleet"] is not None:
        # Imported here, because one call needs neither an event loop nor an executor.
        from resilience.cli.simulate.fleet import simulate_fleet  # noqa: PLC0415

        simulate_fleet(read, operation, form, html, {**options, "env": env})
        return
    refuse_fleet_options(options)
    setup = _setup(read, operation, options)
    runs, seed = options["runs"], options["seed"]
    try:
        first = simulate_one(setup, seed)
        began = perf_counter()
        spread = None if runs is None else distribution(setup, runs=runs, seed=seed)
        took = perf_counter() - began
    except EndlessError as error:
        click.echo(str(error), err=True)
        sys.exit(FINDINGS)
    if html is not None:
        # Imported here, because a simulation without a page needs no jinja2.
        from resilience.cli.simulate.page import page  # noqa: PLC0415

        notes = () if spread is None else findings(spread, setup)
        write_page(html, page(setup, first, spread, script=options["faults"], seed=seed, notes=notes))
    if form == "json":
        as_json(_to_json(setup, first, spread, seed))
        return
    screen = console()
    screen.print(_title(setup, read))
    for part in _call(setup, first, screen) if spread is None else _runs(spread, setup, screen):
        screen.print(part)
    if spread is not None:
        screen.print(Text(f"{times(spread.runs, 'run')} in {seconds(took)}, seed {seed}", style="dim"))
    if html is not None:
        screen.print(Text(f"wrote {html}"))


def _setup(policy: Policy, operation: str, options: dict[str, Any]) -> Setup:
    found = operation_of(operation, policy)
    verifier: VerifierModel | None = options["verifier"]
    latency = options["latency"]
    script = script_of(options["faults"], found.provider, latency, rate=options["rate"])
    return Setup(
        plan=plan_of(policy, found, verifier=verifier is not None, credentials=not options["no_credentials"]),
        environment=Environment(
            verifier=verifier or "honest",
            verifying=latency,
            refreshing=latency,
            name=options["name"],
            law=found.law,
        ),
        script=script,
        latency=latency,
        rate=options["rate"],
    )


def _title(setup: Setup, policy: Policy) -> Text:
    plan = setup.plan
    text = Text(f"{plan.operation} ({plan.provider})", style="bold")
    where = f"{policy.name}, {policy.env}" if policy.env else policy.name
    verifier = f"{setup.environment.verifier} verifier" if plan.can_verify else "no verifier"
    return text.append(f"  {where}; repeat {plan.repeat}, {verifier}", style="not bold dim")


def _call(setup: Setup, played: Played, screen: Console) -> Iterator[RenderableType]:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for row in timeline.rows(played.steps, setup.plan):
        what = Text(row.what, style=plots.STYLES[row.did])
        what.append(f", {seconds(row.took)}" if row.took else "", style="dim").append(
            f": {row.result}", style="default"
        )
        if row.decision:
            what.append(f"\n-> {row.decision}", style="bold default")
        if row.rule is not None and row.did == "attempt":
            what.append(f"\n   {row.rule}  {row.place or ''}".rstrip(), style="dim default")
        table.add_row(seconds(row.at), what)
    yield table
    width = min(screen.width, _WIDEST_PLOT)
    yield plots.strip(played, width, plain=is_plain(screen))
    yield plots.axis(0.0, played.duration, width)
    yield Text(timeline.ending(played, setup.plan), style="bold")


def _runs(spread: Distribution, setup: Setup, screen: Console) -> Iterator[RenderableType]:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for header in ("", "least", *(f"p{percent}" for percent in PERCENTILES), "most", "mean"):
        table.add_column(header, justify="right" if header else "left")
    durations, calls = Spread.of(spread.durations), Spread.of(spread.calls)
    table.add_row(
        "duration",
        *map(seconds, (durations.least, *durations.at.values(), durations.greatest)),
        seconds(durations.mean),
    )
    table.add_row(
        "requests", *(f"{each:g}" for each in (calls.least, *calls.at.values(), calls.greatest)), f"{calls.mean:.2f}"
    )
    yield table
    width, plain = min(screen.width, _WIDEST_PLOT), is_plain(screen)
    yield Text("\nHow it ends", style="bold underline")
    yield from plots.bars(list(spread.reasons.items()), width, plain=plain)
    yield Text("\nHow long it takes", style="bold underline")
    bins = plots.histogram(spread.durations, _BINS)
    yield from plots.bars([(_upto(each), each.count) for each in bins], width, plain=plain, style="magenta")
    yield Text("\nRequests", style="bold underline")
    numbers = plots.whole_numbers(spread.calls, _BINS)
    yield from plots.bars([(each.numbers, each.count) for each in numbers], width, plain=plain, style="green")
    yield Text()
    for line in findings(spread, setup):
        yield Text(line)


def findings(spread: Distribution, setup: Setup) -> Iterator[str]:
    """Yield sentences about many runs: their load on the service, and the resources that they may leave."""
    yield f"one call sends {spread.amplification:.2f} requests on average"
    if setup.plan.repeat == "duplicate":
        if spread.repeated:
            yield f"in {times(spread.repeated, 'run')} more than one request took effect"
        else:
            yield "in no run did more than one request take effect"
    if spread.doubtful:
        yield f"{times(spread.doubtful, 'run')} failed, but the resource may exist, unverified"


def _upto(each: plots.Bin) -> str:
    return seconds(each.low) if each.low == each.high else f"to {seconds(each.high)}"


def _to_json(setup: Setup, first: Played, spread: Distribution | None, seed: int) -> dict[str, Any]:
    plan = setup.plan
    found: dict[str, Any] = {
        "operation": plan.operation,
        "provider": plan.provider,
        "policy": plan.policy.name,
        "env": plan.policy.env,
        "seed": seed,
        "call": timeline.to_json(first, plan),
    }
    if spread is not None:
        found["runs"] = {
            "count": spread.runs,
            "duration": Spread.of(spread.durations).as_dict(),
            "requests": Spread.of(spread.calls).as_dict(),
            "reasons": dict(spread.reasons),
            "repeated": spread.repeated,
            "doubtful": spread.doubtful,
        }
    return found
