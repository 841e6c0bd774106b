"""``resilience sandbox``: plays all services on this machine, for scripts in any language."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from threading import Event
from typing import Any, Final, Unpack

import click

from resilience.sandbox import Sandbox
from resilience.sandbox.http.proxies import proxies, without
from resilience.sandbox.services import EXTRAS, PROVIDERS, ServiceOptions

_PORT = click.IntRange(0, 65535)

# The control character keeps click from filling the lines.
_SCRIPTS: Final = """\b
FAULTS: SystemOverFlow*3, applied lost, ok, slow 250ms, late hang 10s, 503
  ok, slow     a success                 hang            no answer, no end
  CODE, 503    that error                lost, reset     the connection breaks
  garbage      a page of HTML            truncated       an answer cut off
  applied X    X after taking effect     late X 5s       in effect after 5 s
  X 250ms      takes so long             X*3, X*         three times, always
  X("words")   the code X with that message
"""


def _ports(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for the port of each service."""
    for provider in reversed(PROVIDERS.values()):
        words = f"The port of {provider}; by default a free one."
        command = click.option(f"--{provider}-port", type=_PORT, default=0, metavar="PORT", help=words)(command)
    return command


def _extras(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for each service that is played only if it is asked for."""
    for name, extra in EXTRAS.items():
        command = click.option(f"--{name}", is_flag=True, help=f"Also play {extra.words}.")(command)
    return command


@click.command(epilog=_SCRIPTS, short_help="Play all services on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen on.")
@_ports
@click.option(
    "--script",
    "scripts",
    multiple=True,
    metavar="OPERATION=FAULTS",
    help='Faults to play, such as "CreateTopic=RequestLimitExceeded*2, applied lost"; repeat it for more.',
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="OPERATION=RATE",
    help='Refuse what comes faster, such as "CreateGroupId=10/s" or "Create*=5/s"; repeat it for more.',
)
@click.option(
    "--documented-limits", is_flag=True, help="Refuse what comes faster than the limits that the vendors document."
)
@_extras
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARGUMENT]...]")
def sandbox(  # a parameter for each option
    host: str,
    scripts: tuple[str, ...],
    limits: tuple[str, ...],
    *,
    documented_limits: bool,
    command: tuple[str, ...],
    **options: Unpack[ServiceOptions],
) -> None:
    """
    Play all services on this machine until Ctrl-C, or for one command.

    Lines that begin with "export" can be pasted into a shell: endpoints, valid keys, and other variables of the
    examples. A command after "--" gets them in its environment, without the environment's proxies, which do not lead
    here. The services end with the command, and the exit code is the command's. With another host than 127.0.0.1,
    everyone who can reach the host can also script the services.
    """
    played = _made(host, options)
    for text in scripts:
        _pair("--script", text, "FAULTS", played.script)
    for text in limits:
        _pair("--limit", text, "RATE", played.limit)
    if documented_limits:
        played.limit_as_documented()
    try:
        played.start()
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}: {error.strerror or error}") from None
    with played:
        if command:
            sys.exit(_run(command, played))
        # Inside the try, because the user may stop this command at once.
        try:
            for line in played.describe():
                click.echo(line)
            for name, value in _for_examples(played).items():
                click.echo(f"export {name}={shlex.quote(value)}")
            if away := proxies():
                click.echo(f"unset {' '.join(away)}  # a proxy does not lead here")
            click.echo("\nrunning; Ctrl-C stops it", err=True)
            Event().wait()
        except KeyboardInterrupt:
            too_fast = f", {played.refused} of them too fast" if played.refused else ""
            click.echo(f"stopped after {len(played.calls)} calls{too_fast}", err=True)


def _made(host: str, options: ServiceOptions) -> Sandbox:
    # A port asks for its service, also where the system is to choose it: 0 stands for an option that is not there.
    given: Any = {name: value for name, value in options.items() if value}
    try:
        return Sandbox(host=host, **given)
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None


def _pair(option: str, text: str, expected: str, use: Callable[[str, str], object]) -> None:
    """Use the two sides of ``OPERATION=...``."""
    operation, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"expected OPERATION={expected}, got {text!r}", param_hint=option)
    try:
        use(operation.strip(), value.strip())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _run(command: tuple[str, ...], played: Sandbox) -> int:
    """Run a command with the services in its environment; return its exit code as a shell would."""
    variables = {**without(os.environ), **played.environment(), **_for_examples(played)}
    try:
        with subprocess.Popen(command, env=variables) as child:  # noqa: S603  # what the user asked for
            while True:
                try:
                    code = child.wait()
                except KeyboardInterrupt:
                    continue  # the command got it too, and decides
                return code if code >= 0 else 128 - code
    except OSError as error:
        raise click.UsageError(f"cannot run {command[0]}: {error.strerror or error}") from None


def _for_examples(played: Sandbox) -> dict[str, str]:
    """Return the variables of the examples, beyond endpoints and keys."""
    return {name: value for each in played.services for name, value in each.for_examples().items()}
