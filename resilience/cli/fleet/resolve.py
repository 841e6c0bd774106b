"""``resilience ledger resolve``: asks the service about what earlier runs have started and not finished."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import attrs
import click

from resilience.cli.fleet.inputs import with_ledger
from resilience.cli.screen import FINDINGS, as_json, format_option, load, policy_option
from resilience.fleet.function import FleetFunction, FunctionError, imported, under_policy, verifying
from resilience.fleet.unfinished.resolving import Resolution, resolve, unfinished_of
from resilience.state import Ledger, LedgerEntry, LedgerError


@click.command("resolve", short_help="Ask the service about what is unfinished, and note the answers.")
@policy_option
@click.option("--ledger", metavar="FILE", help="A ledger's file, or its server's url, in place of that of the policy.")
@click.option(
    "--function",
    "functions",
    metavar="MODULE:FUNCTION",
    multiple=True,
    required=True,
    help="What makes the resources, with its verifier; once for each operation.",
)
@format_option
def resolve_command(*, policy: str, env: str | None, ledger: str | None, functions: tuple[str, ...], form: str) -> None:
    """
    Ask the service about every resource that a run has started and not finished, and say what is believed and why.

    The verifier of the function that makes a resource is asked, within the policy's limits. A resource that is there is
    noted as done. One that is not there when "settle" has passed is forgotten, so that the next run makes it. One that
    a run is working on is left alone. Nothing is sent that changes anything at the service.

    The exit code is 1 if anything is still unfinished, and 2 for wrong use.
    """
    values = with_ledger(load(policy, env), ledger)
    settings = values.ledger
    if settings is None:
        raise click.UsageError(f"{policy} has no table [ledger] here; name the file with --ledger")
    if settings.url is None and not Path(settings.path).exists():
        raise click.UsageError(f"there is no ledger {settings.path}")
    try:
        with Ledger.of(settings, create=False) as opened:
            called = [_with_verifier(name, under_policy(imported(name), values)) for name in functions]
            started = {entry.key: entry for entry in opened.entries() if entry.state == "started"}
            found = [each for function in called for each in _resolved(function, opened, started)]
    except LedgerError as error:
        click.echo(str(error), err=True)
        sys.exit(FINDINGS)
    except (FunctionError, ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from None
    found += [_left(entry) for entry in started.values()]
    if form == "json":
        as_json([attrs.asdict(each) for each in found])
    else:
        for each in found:
            click.echo(f"{each.result}: {each.key} ({each.reason})")
        counts = Counter(each.result for each in found)
        click.echo(
            ", ".join(f"{count} {result}" for result, count in counts.items()) or "nothing is unfinished", err=True
        )
    sys.exit(FINDINGS if any(each.result in {"unknown", "in use"} for each in found) else 0)


def _with_verifier(name: str, function: FleetFunction) -> FleetFunction:
    if verifying(function) is None:
        wrapped = function.target.function.__name__
        raise click.UsageError(f"{name} has no verifier, so nothing can be asked; register one: @{wrapped}.verify")
    return function


def _resolved(function: FleetFunction, ledger: Ledger, started: dict[str, LedgerEntry]) -> list[Resolution]:
    """Resolve the entries of a function, and take them out of those that are left."""
    mine = unfinished_of(function, started.values())
    for entry in mine:
        del started[entry.key]
    return list(resolve(function, ledger, mine, waiting=_say_waiting))


def _say_waiting(count: int, seconds: float) -> None:
    click.echo(
        f"{count} not found so far; they are asked about again in {seconds:.0f} s, when they have settled", err=True
    )


def _left(entry: LedgerEntry) -> Resolution:
    reason = f"no --function makes it: another operation than {entry.operation}, or another account"
    return Resolution(key=entry.key, result="unknown", reason=reason)
