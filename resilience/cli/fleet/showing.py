"""How far a fleet is: a bar on a terminal, a line from time to time elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from resilience.core.admission.rate import Rate
from resilience.fleet.progress import FleetProgress
from resilience.fleet.report import length

_EVERY: Final = 5.0
"""Seconds between two lines: a job's log stays short, and nobody thinks that it hangs."""


class Screen:
    """
    Shows progress on standard error.

    Args:
        rate: The declared limit of the calls.
        quiet: Show nothing.
    """

    def __init__(self, rate: Rate | None, *, quiet: bool) -> None:
        self._rate = rate
        self._is_quiet = quiet
        self._console = Console(stderr=True, highlight=False, emoji=False, markup=False)
        self._bar: Progress | None = None

    def say(self, words: str) -> None:
        """Print a line above the bar."""
        if self._is_quiet:
            return
        if self._bar is None:
            click.echo(f"resilience: {words}", err=True)
        else:
            self._bar.console.print(f"resilience: {words}", soft_wrap=True)

    @contextmanager
    def following(self, progress: FleetProgress) -> Iterator[None]:
        """Show the progress while the block runs."""
        if self._is_quiet:
            yield
        elif sys.stderr.isatty():
            with self._drawn(progress):
                yield
        else:
            with self._told(progress):
                yield

    @contextmanager
    def _drawn(self, progress: FleetProgress) -> Iterator[None]:
        # The bar asks for the words when it draws itself, ten times a second, whatever the calls do.
        words = TextColumn("{task.description}")
        with Progress(
            BarColumn(bar_width=24), words, console=self._console, transient=True, auto_refresh=False
        ) as self._bar:
            bar, task = self._bar, self._bar.add_task("", total=max(progress.rows, 1))

            def draw() -> None:
                bar.update(task, completed=progress.done + progress.failed, description=self._words(progress))
                bar.refresh()

            with _repeated(draw, 0.2):
                yield
        self._bar = None

    @contextmanager
    def _told(self, progress: FleetProgress) -> Iterator[None]:
        with _repeated(lambda: click.echo(f"resilience: {self._words(progress)}", err=True), _EVERY):
            yield

    def _words(self, progress: FleetProgress) -> str:
        ended = progress.done + progress.failed
        seconds = progress.seconds
        rate = (ended - progress.known) / seconds if seconds > 0 else 0.0
        limit = "" if self._rate is None else f" of {self._rate}"
        parts = [f"{ended:,} of {progress.rows:,}", f"{progress.failed:,} failed", f"{rate:.1f}/s{limit}"]
        if ended and ended < progress.rows:
            parts.append(f"{length((progress.rows - ended) * seconds / ended)} to go")
        return ", ".join(parts)


@contextmanager
def _repeated(work: Callable[[], object], every: float) -> Iterator[None]:
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(every):
            work()

    thread = threading.Thread(target=repeat, name="resilience progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
