"""``resilience ledger``: shows the record of operations, and removes entries from it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Final

import attrs
import click
from rich.table import Table

from resilience.cli.screen import FINDINGS, as_json, console, format_option, load
from resilience.core.policy import LedgerSettings
from resilience.state import Ledger, LedgerEntry, LedgerError

_STATES: Final = ("started", "done")


def _ledger_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a ledger, and pass the open ledger to the function."""

    @click.option("--ledger", "file", metavar="FILE", help="The ledger's file, or the url of its server.")
    @click.option("--policy", "-p", metavar="FILE", help="A policy with a table [ledger]: a file, or builtin:NAME.")
    @click.option("--env", "-e", metavar="NAME", help="The policy's environment; by default the one in RESILIENCE_ENV.")
    @wraps(function)
    def command(*args: Any, file: str | None, policy: str | None, env: str | None, **kwargs: Any) -> Any:
        with _opened(_settings(file, policy, env)) as ledger:
            return function(ledger, *args, **kwargs)

    return command


def _settings(file: str | None, policy: str | None, env: str | None) -> LedgerSettings:
    if (file is None) == (policy is None):
        raise click.UsageError("say which ledger: --ledger FILE, or --policy FILE for the one that a policy names")
    if file is not None:
        if env is not None:
            raise click.UsageError("--env is the environment of a policy; --ledger names the file itself")
        return LedgerSettings().kept_at(file)
    settings = load(policy or "", env).ledger
    if settings is None:
        raise click.UsageError(f"{policy} has no table [ledger] here; name the file with --ledger")
    return settings


@contextmanager
def _opened(settings: LedgerSettings) -> Iterator[Ledger]:
    # Opening a new file for a mistyped path would look like an empty ledger.
    if settings.url is None and not Path(settings.path).exists():
        raise click.UsageError(f"there is no ledger {settings.path}")
    try:
        with Ledger.of(settings, create=False) as ledger:
            yield ledger
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except LedgerError as error:
        click.echo(str(error), err=True)
        sys.exit(FINDINGS)


class _Commands(click.Group):
    """A group that imports the command which calls functions only when it runs: it needs many modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return [*super().list_commands(ctx), "resolve"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None for an unknown name."""
        if cmd_name != "resolve":
            return super().get_command(ctx, cmd_name)
        from resilience.cli.fleet.resolve import resolve_command  # noqa: PLC0415  # as said

        return resolve_command


@click.group(cls=_Commands)
def ledger() -> None:
    """Show what earlier runs have started and done, by resource."""


@ledger.command("list", short_help="List the resources, started or done.")
@_ledger_options
@click.option("--state", type=click.Choice(_STATES), help="Only resources in this state.")
@click.option("--operation", metavar="NAME", help="Only resources of this operation.")
@format_option
def list_(ledger: Ledger, state: str | None, operation: str | None, form: str) -> None:
    """
    List the resources. One that is "started" but not "done" is being made by a run, or the run died before the answer.

    The exit code is 0, also for an empty list, 1 if the ledger cannot be read, and 2 if there is no ledger.
    """
    wanted = [
        entry for entry in ledger.entries() if state in {None, entry.state} and operation in {None, entry.operation}
    ]
    if form == "json":
        as_json([_plain(entry) for entry in wanted])
        return
    if wanted:
        console().print(_table(wanted))
    started = sum(entry.state == "started" for entry in wanted)
    click.echo(f"{len(wanted) - started} done, {started} started and not finished", err=True)


@ledger.command()
@_ledger_options
@click.argument("key")
@format_option
def show(ledger: Ledger, key: str, form: str) -> None:
    """
    Show one resource; "list" prints its KEY.

    The exit code is 1 if the ledger does not have it.
    """
    entry = ledger.get(key)
    if entry is None:
        click.echo(f"the ledger does not know {key}", err=True)
        sys.exit(FINDINGS)
    if form == "json":
        as_json(_plain(entry))
        return
    for name, value in _plain(entry).items():
        text = ", ".join(f"{field} {_words(each)}" for field, each in value.items()) if type(value) is dict else value
        if text not in {None, ""}:
            click.echo(f"{name:<11} {text}")


@ledger.command(short_help="Forget resources, so that the next run makes them.")
@_ledger_options
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@format_option
def forget(ledger: Ledger, keys: tuple[str, ...], form: str) -> None:
    """
    Forget resources, so that the next run makes them as if for the first time.

    Check first whether the resources exist, because a started one may have been made. The command asks no question.
    It does not forget a resource that a run is working on. The exit code is 1 if any key was not forgotten.
    """
    results = {key: _forget(ledger, key) for key in dict.fromkeys(keys)}
    if form == "json":
        as_json([{"key": key, "result": result} for key, result in results.items()])
    else:
        for key, result in results.items():
            click.echo(f"{result}: {key}")
    sys.exit(FINDINGS if set(results.values()) != {"forgotten"} else 0)


def _forget(ledger: Ledger, key: str) -> str:
    if not ledger.claim(key):
        return "in use"
    try:
        return "forgotten" if ledger.forget(key) else "not known"
    finally:
        ledger.release(key)


def _plain(entry: LedgerEntry) -> dict[str, Any]:
    """Return an entry for JSON; instants are in ISO 8601."""
    return {
        **attrs.asdict(entry),
        "resource": dict(entry.resource),
        "renamed": {field: {"from": old, "to": new} for field, (old, new) in entry.renamed.items()},
        "started_at": _instant(entry.started_at),
        "done_at": _instant(entry.done_at),
    }


def _instant(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds")


def _words(value: Any) -> str:
    return f"{value['from']} -> {value['to']}" if isinstance(value, dict) else str(value)


def _table(entries: list[LedgerEntry]) -> Table:
    drawn = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("state", "renamed to", "since", "key"):
        drawn.add_column(name, no_wrap=name != "key", overflow="fold")
    for entry in entries:
        new = ", ".join(new for _, new in entry.renamed.values())
        drawn.add_row(entry.state, new, _instant(entry.done_at or entry.started_at), entry.key)
    return drawn
