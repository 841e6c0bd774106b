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

from resilience.cli.fleet.pace import WINDOW, Pace
from resilience.core.admission.rate import Rate
from resilience.fleet.progress import FleetProgress
from resilience.fleet.report import length

_EVERY: Final = 5.0
"""Seconds between two lines: a job's log stays short, and nobody thinks that it hangs."""

_BAR: Final = 24
_SHORTEST_BAR: Final = 6

# A limit is told as the policy declares it, unless it is lower by more than this part.
_SAME: Final = 0.005


class Screen:
    """
    Shows progress on standard error.

    Args:
        rate: The declared limit of the calls.
        quiet: Show nothing.
    """

    def __init__(self, rate: Rate | None, *, quiet: bool) -> None:
        self._rate = rate
        # A limit such as 60/m lets all calls of a minute pass at its beginning.
        self._pace = Pace(WINDOW if rate is None else max(WINDOW, 2 * rate.per))
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
        # The bar asks for the words when it draws itself, five times a second, whatever the calls do.
        bar_column, words = BarColumn(bar_width=_BAR), TextColumn("{task.description}")
        with Progress(bar_column, words, console=self._console, transient=True, auto_refresh=False) as self._bar:
            bar, task = self._bar, self._bar.add_task("", total=max(progress.rows, 1))

            def draw() -> None:
                width = self._console.width
                told = self.words(progress, width - _SHORTEST_BAR - 1)
                # One column is left free: some terminals break a line that is full.
                bar_column.bar_width = max(min(_BAR, width - len(told) - 2), _SHORTEST_BAR)
                bar.update(task, completed=progress.done + progress.failed, description=told)
                bar.refresh()

            with _repeated(draw, 0.2):
                yield
        self._bar = None

    @contextmanager
    def _told(self, progress: FleetProgress) -> Iterator[None]:
        with _repeated(lambda: click.echo(f"resilience: {self.words(progress)}", err=True), _EVERY):
            yield

    def words(self, progress: FleetProgress, width: int | None = None) -> str:
        """
        Return how far a fleet is: rows, failures, the rate against the limit in force, and the time to go.

        Args:
            progress: How far it is.
            width: How many characters there is room for; None for any number. What matters less is left out first.
        """
        ended = progress.done + progress.failed
        self._pace.add(progress.seconds, ended, ended - progress.known)
        limit = progress.in_force
        seconds = self._pace.seconds_for(progress.rows - ended, limit) if ended < progress.rows else None
        rate = f"{self._pace.per_second:.1f}/s"
        count, failed = f"{ended:,} of {progress.rows:,}", f"{progress.failed:,} failed"
        to_go = [] if seconds is None else [f"{length(seconds)} to go"]
        forms = (
            [count, failed, f"{rate}{self._limit(limit)}", *to_go],
            [count, failed, f"{rate}{self._limit(limit, is_short=True)}", *to_go],
            [count, failed, *to_go],
            [f"{ended:,}/{progress.rows:,}", *([failed] if progress.failed else [])],
        )
        told = [", ".join(form) for form in forms]
        return next((each for each in told if width is None or len(each) <= width), told[-1])

    def _limit(self, limit: float | None, *, is_short: bool = False) -> str:
        """Return the limit in force, and the declared one where that is another."""
        declared = self._rate
        if limit is None:
            return ""
        if declared is not None and limit >= declared.per_second * (1 - _SAME):
            return f" of {declared}"
        return f" of {limit:.3g}/s" + (f" ({declared} declared)" if declared is not None and not is_short else "")


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
