"""Common input and output of commands: policies, options, text and JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

import click
from rich.console import Console

from resilience.cli.completion import environments, policies
from resilience.policyfile import Policy, PolicyError

_F = TypeVar("_F", bound=Callable[..., Any])

# A pipe has no width. This is enough for a line with two places in files.
_PIPE_WIDTH: Final = 140

FINDINGS: Final = 1
WRONG_USE: Final = 2


def console() -> Console:
    """Return the console for output: colours only on a terminal and without NO_COLOR, and long lines in a pipe."""
    is_wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, width=_PIPE_WIDTH if is_wide else None, soft_wrap=False, emoji=False, markup=False)


def is_plain(screen: Console) -> bool:
    """Tell whether a terminal has no Unicode."""
    return not screen.encoding.lower().startswith("utf")


def as_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def policy_option(function: _F) -> _F:
    """Add ``--policy`` and ``--env``."""
    function = click.option(
        "--env",
        "-e",
        metavar="NAME",
        help="The environment; by default the one in RESILIENCE_ENV, or none.",
        shell_complete=environments,
    )(function)
    return click.option(
        "--policy",
        "-p",
        required=True,
        metavar="FILE",
        help="A policy: a file, or builtin:NAME.",
        shell_complete=policies,
    )(function)


def format_option(function: _F) -> _F:
    """Add ``--format``."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Text for people, JSON for programs.",
    )(function)


def load(source: str, env: str | None) -> Policy:
    """Return a policy; for an invalid one, print its problems and exit with 2."""
    try:
        return Policy.load(source, env=env)
    except PolicyError as error:
        _end(error)


def _end(error: PolicyError) -> NoReturn:
    click.echo(str(error), err=True)
    # Not 1, which means for some commands that policies differ, or that calls would fail.
    sys.exit(WRONG_USE)


def seconds(number: float | None) -> str:
    """Return a length of time for people: ``0 s``, ``250 ms``, ``12.3 s``, ``4 min 30 s``; ``no limit`` for None."""
    if number is None:
        return "no limit"
    if number == 0:
        return "0 s"
    if number < 0.9995:  # noqa: PLR2004  # what would be shown as 1000 ms
        return f"{number * 1000:.3g} ms"
    if number < 60:  # noqa: PLR2004  # a minute
        return f"{number:.1f}".removesuffix(".0") + " s"
    whole = round(number)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004  # an hour
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")


def times(count: int, word: str) -> str:
    """Return a number with its word: ``1 attempt``, ``12,000 runs``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")
