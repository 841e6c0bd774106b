"""``resilience plan``: what ``resilience fleet`` with the same arguments would do."""

from __future__ import annotations

from typing import Any

import click

from resilience.cli.fleet.options import input_options
from resilience.cli.screen import format_option


@click.command(short_help="Say what a fleet would do; changes nothing.")
@input_options
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@format_option
def plan(**options: Any) -> None:
    """
    Say what "resilience fleet" would do with the same arguments.

    The command says what is there already, what would be made, in how many calls, and how long that takes at the limits
    that the policy declares.

    What the ledger knows to be done needs no call and no question. About each other row the function's verifier asks
    the service, within the policy's limits. Nothing is sent that changes anything. Without a verifier, what is there
    cannot be known. The answer is for the processes or the workers that would make the calls; this process asks alone.

    A plan makes no calls that a journal could have, and writes no rows, so leave out --journal and --failed. Exit
    code: 0 fine, 1 a question failed or the ledger cannot be read, 2 wrong use.
    """
    from resilience.cli.fleet.planning import run_plan  # noqa: PLC0415  # the help needs no executor

    run_plan(**options)
