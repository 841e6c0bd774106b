"""The options that ``fleet`` and ``plan`` share. Their help needs no more than this, so it imports no executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from resilience.cli.completion import files, functions, operations
from resilience.cli.screen import policy_option

_F = TypeVar("_F", bound=Callable[..., Any])


def input_options(function: _F) -> _F:
    """Add the arguments FUNCTION and ROWS, and the options that say what they are and how they are called."""
    for add in (
        click.option(
            "--concurrency",
            type=click.IntRange(min=1),
            metavar="N",
            help="Calls under way at a time; by default what the rates of the policy need.",
        ),
        click.option(
            "--rows",
            "row_form",
            type=click.Choice(["csv", "jsonl"]),
            help="The form of ROWS; by default its first character tells it.",
        ),
        click.option(
            "--ledger",
            metavar="FILE",
            help="A file, or a server's url, to record started and done operations, in place of the policy's ledger.",
            shell_complete=files,
        ),
        click.option(
            "--processes",
            type=click.IntRange(min=1),
            metavar="N",
            help="Make the calls in N processes (fewer for small limits); they divide the limits and share the ledger.",
        ),
        click.option(
            "--dask",
            metavar="ADDRESS",
            help="Make the calls in the workers of the Dask cluster whose scheduler is there.",
        ),
        click.option(
            "--operation",
            metavar="NAME",
            help="The operation of a function that no executor has wrapped.",
            shell_complete=operations,
        ),
        policy_option,
        click.argument("rows", type=click.Path(exists=True, dir_okay=False, allow_dash=True), metavar="ROWS"),
        click.argument("function", metavar="MODULE:FUNCTION", shell_complete=functions),
    ):
        function = add(function)
    return function
