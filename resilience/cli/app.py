"""The commands. Each module is imported only when its command runs, so that ``--version`` imports no SDK."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

import click

from resilience import __version__

_COMMANDS = {
    "run": "resilience.cli.run",
    "fleet": "resilience.cli.fleet.command",
    "plan": "resilience.cli.fleet.plan",
    "check": "resilience.cli.check.command",
    "test": "resilience.cli.test.command",
    "rule": "resilience.cli.rule",
    "demo": "resilience.cli.demo.command",
    "explain": "resilience.cli.explain.command",
    "simulate": "resilience.cli.simulate.command",
    "diff": "resilience.cli.diff.command",
    "codes": "resilience.cli.codes.command",
    "sandbox": "resilience.cli.sandbox",
    "schema": "resilience.cli.schema",
    "init": "resilience.cli.init",
    "ledger": "resilience.cli.ledger",
    "report": "resilience.cli.report.command",
    "replay": "resilience.cli.replay.command",
    "watch": "resilience.cli.watch.command",
    "lsp": "resilience.cli.lsp.command",
}
"""The module of each command; the module has a click command of that name."""


class Commands(click.Group):
    """A group that imports its commands one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return [*_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None for an unknown name."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(import_module(_COMMANDS[cmd_name]), cmd_name)
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; an unusable package of a third party counts as wrong use."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            # Importing the class would import the catalogues, which ``--version`` does not need.
            if type(error).__name__ != "PluginError":
                raise
            raise click.UsageError(str(error), ctx) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments; for an unknown name the error suggests the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message.removesuffix('.')}; did you mean {near[0]!r}?", ctx) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def app() -> None:
    """
    Answer the failures of cloud MQTT management APIs as a policy in TOML says.

    Begin with "resilience init", which writes a policy, then "check" and "explain" it. "run" puts a script under it.
    "resilience COMMAND --help" explains a command. Exit codes: 0 fine, 1 findings or failed work, 2 wrong use.
    """
