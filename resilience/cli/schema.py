"""``resilience schema``: what editors need to help with policies."""

from __future__ import annotations

import click

from resilience.policyfile.format.schema import text


@click.command()
def schema() -> None:
    """
    Print the JSON Schema of policies, for editors.

    Put it beside a policy ("resilience schema > policy.schema.json") whose first line is
    "#:schema ./policy.schema.json", and editors that know TOML complete keys and underline mistakes.
    """
    click.echo(text(), nl=False)
