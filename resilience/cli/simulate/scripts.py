"""Fault scripts from the command line."""

from __future__ import annotations

from typing import Final

import click

from resilience.simulation import Scripted, read_script

# The control character keeps click from filling the lines.
SCRIPTS: Final = """\b
A script: SystemOverFlow*3, applied lost, ok, slow 250ms, late hang 10s, 503
  ok, slow     a success                 unsent       no connection
  CODE, 503    that error                lost, reset  no answer
  hang         until a limit cuts it     garbled      an unreadable answer
  applied X    X after taking effect     late X 5s    takes effect 5 s later
  X 250ms      takes so long             X*3, X*      three times, every time
  X("words")   with that message, for rules with message
"""


def script_of(text: str, provider: str | None, latency: float, *, rate: float | None) -> tuple[Scripted, ...]:
    """
    Read ``--faults``.

    Raises:
        click.UsageError: The script is not understood, or ``--rate`` has none.
    """
    try:
        script = read_script(text, provider=provider, latency=latency)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--faults") from None
    if rate is not None and not script:
        raise click.UsageError("--rate needs --faults, the faults that come at random")
    return script
