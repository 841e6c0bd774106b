"""``resilience report``: reports recorded calls, briefly on the terminal and in detail on a page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from resilience.cli import completion
from resilience.cli.pages.files import write_page
from resilience.cli.report.calls import reported
from resilience.cli.report.labels import shown
from resilience.cli.report.limits.changes import LimitChanges
from resilience.cli.report.numbers import summarised
from resilience.cli.report.text import report as lines
from resilience.cli.screen import as_json, console, format_option
from resilience.journal.model import Recording, RecordsError
from resilience.journal.reader import read

_PROBLEMS: Final = 3


@click.command(short_help="Report recorded calls: which failed, and why.")
@click.argument("files", nargs=-1, required=True, metavar="JOURNAL...", shell_complete=completion.files)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Also write a page with a timeline."
)
@format_option
def report(*, files: tuple[str, ...], html: Path | None, form: str) -> None:
    """
    Report recorded calls: which ones failed and why, which rules decided, and where the time went.

    JOURNAL is a journal, or spans as OTLP JSON; several count as one. The exit code is 0, also for failed calls.
    """
    recordings: list[Recording] = []
    problems: list[tuple[str, str]] = []
    for file in files:
        try:
            recording = read(file)
        except RecordsError as error:
            raise click.UsageError(str(error)) from None
        recordings.append(recording)
        problems += [(file, str(problem)) for problem in recording.problems]
    summary = summarised(reported(recordings), LimitChanges.of(recordings))
    warnings = [f"{file}: {problem}" for file, problem in problems]
    if html is not None:
        # Imported here, because a report without a page needs no jinja2.
        from resilience.cli.report.page import page  # noqa: PLC0415

        # Names without folders, because the page may be passed on.
        names = [Path(file).name for file in files]
        notes = [f"{Path(file).name}: {problem}" for file, problem in problems]
        write_page(html, page(summary, sources=names, notes=notes))
    if form == "json":
        from resilience.cli.report.jsonform import to_json  # noqa: PLC0415

        as_json(to_json(summary, sources=files, problems=warnings))
        return
    for problem in warnings[:_PROBLEMS]:
        click.echo(shown(problem), err=True)
    if len(warnings) > _PROBLEMS:
        click.echo(f"and {len(warnings) - _PROBLEMS:,} more lines that could not be read", err=True)
    screen = console()
    for line in lines(summary, plain=not screen.encoding.lower().startswith("utf")):
        screen.print(line)
    if html is not None:
        screen.print(f"wrote {html}")
