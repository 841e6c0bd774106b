"""
``resilience watch``: follows journals as they are written.

The JSON form is stable; later versions may add fields. Instants are in seconds since the epoch::

    {"at", "processes", "calls": {"begun", "good", "failed", "under_way"}, "requests", "rate",
     "operations": [{"operation", "begun", "good", "failed", "under_way", "requests", "retries",
                     "rate", "declared", "adapted"}],
     "doing": [{"what", "calls", "longest"}],          what calls under way are at: turn, backoff, attempt, ...
     "waited": [{"gate", "times", "seconds"}],         what calls have waited for before attempts
     "breakers": [{"breaker", "state", "since"}], "store_away_since",
     "decisions": [...], "failures": [...],            the last ones, the newest last
     "broken"}                                         lines and records that could not be understood
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import click
from attrs import asdict
from rich.live import Live

from resilience.cli.completion import files
from resilience.cli.screen import FINDINGS, as_json, console
from resilience.cli.simulate.options import Duration
from resilience.cli.watch.screen import one_line, screen
from resilience.journal.live.tail import JournalTail
from resilience.journal.live.view import LiveView

_SHOWN: Final = 8


@click.command(name="watch")
@click.argument("journals", nargs=-1, required=True, metavar="JOURNAL...", shell_complete=files)
@click.option("--once", is_flag=True, help="Show what is there, and end.")
@click.option(
    "--every", type=Duration(), default="500ms", show_default=True, metavar="DURATION", help="How often to look."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def watch(journals: tuple[str, ...], every: float, form: str, *, once: bool) -> None:
    """
    Follow runs and fleets by their journals, as they go.

    JOURNAL is the file of "resilience run --journal FILE", of "fleet --journal FILE" or of a Journal; several are shown
    together. The command shows calls and requests, their rates beside the limits, what calls under way are at and for
    how long, the last decisions with their rules, and failures. It changes nothing, and a file need not be there yet.
    Without a terminal it prints a line from time to time. Ctrl-C ends the watching, and not the run.
    """
    tails = [JournalTail(path) for path in dict.fromkeys(journals)]
    view = LiveView()
    try:
        _look(tails, view)
        if once:
            _show_once(tails, view, form)
            return
        if form == "json" or not sys.stdout.isatty():
            _print(tails, view, max(every, 1.0 if form == "text" else every), form)
        else:
            _draw(tails, view, every)
    except OSError as error:
        raise click.UsageError(f"{error.filename or journals[0]} cannot be read: {error.strerror or error}") from None
    except KeyboardInterrupt:
        click.echo("stopped watching", err=True)


def _look(tails: Sequence[JournalTail], view: LiveView) -> int:
    """Read what is new; return the number of records."""
    count = 0
    for tail in tails:
        for record in tail.records():
            view.add(record)
            count += 1
    return count


def _show_once(tails: Sequence[JournalTail], view: LiveView, form: str) -> None:
    if form == "json":
        as_json(_to_json(tails, view))
    else:
        target = console()
        target.print(screen(tails, view, view.last, height=None))
    missing = [tail.path for tail in tails if not tail.is_there]
    if missing:
        click.echo(f"there is no {', '.join(missing)}", err=True)
        sys.exit(FINDINGS)


def _print(tails: Sequence[JournalTail], view: LiveView, every: float, form: str) -> None:
    """Print a line, or an object, as often as asked, as long as there is something new."""
    is_new = True
    while True:
        if is_new:
            click.echo(json.dumps(_to_json(tails, view)) if form == "json" else one_line(tails, view, time.time()))
        time.sleep(every)
        is_new = _look(tails, view) > 0


def _draw(tails: Sequence[JournalTail], view: LiveView, every: float) -> None:
    target = console()
    try:
        with Live(console=target, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            while True:
                live.update(screen(tails, view, time.time(), height=target.height), refresh=True)
                time.sleep(every)
                _look(tails, view)
    finally:
        # The screen is gone; what it showed last stays.
        target.print(screen(tails, view, time.time(), height=target.height))


def _to_json(tails: Sequence[JournalTail], view: LiveView) -> dict[str, Any]:
    now = view.last
    operations = [
        {
            "operation": name,
            "begun": each.begun,
            "good": each.good,
            "failed": each.failed,
            "under_way": sum(call.operation == name for call in view.calls.values()),
            "requests": each.requests,
            "retries": each.retries,
            "rate": each.rate(now),
            "declared": each.declared,
            "adapted": each.adapted,
        }
        for name, each in view.operations.items()
    ]
    return {
        "at": now,
        "processes": len(view.processes),
        "calls": {
            "begun": sum(each.begun for each in view.operations.values()),
            "good": sum(each.good for each in view.operations.values()),
            "failed": sum(each.failed for each in view.operations.values()),
            "under_way": len(view.calls),
        },
        "requests": sum(each.requests for each in view.operations.values()),
        "rate": sum(each.rate(now) for each in view.operations.values()),
        "operations": operations,
        "doing": [{"what": what, "calls": calls, "longest": longest} for what, calls, longest in view.waiting(now)],
        "waited": [{"gate": gate, "times": times, "seconds": took} for gate, (times, took) in view.waited.items()],
        "breakers": [{"breaker": name, "state": state, "since": at} for name, (state, at) in view.breakers.items()],
        "store_away_since": view.away,
        "decisions": [asdict(each) for each in list(view.decisions)[-_SHOWN:]],
        "failures": [asdict(each) for each in list(view.failures)[-_SHOWN:]],
        "broken": view.unread + sum(tail.broken for tail in tails),
    }
