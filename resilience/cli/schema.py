"""``resilience schema``: prints the JSON Schema of policies for editors."""

from __future__ import annotations

import click

from resilience.policyfile.format.schema import text


@click.command()
def schema() -> None:
    """
    Print the JSON Schema of policies, for editors.

    Put it beside a policy ("resilience schema > policy.schema.json"), and write "#:schema ./policy.schema.json" into
    the policy's first line. Then editors for TOML complete keys and underline mistakes.
    """
    click.echo(text(), nl=False)
