"""``resilience rule``: explains the id of a finding, with an example and its correction."""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Iterator

import attrs
import click

from resilience.policyfile.lint.explain import PARENT, RuleExplanation, explanations

_WIDTH = 80
_INDENT = "    "


@click.command()
@click.argument("rules", nargs=-1, metavar="[ID]...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rule(rules: tuple[str, ...], form: str) -> None:
    """
    Explain the ids of findings; without an ID, list them all.

    Each explanation has the harm, a policy with the mistake, one without it, and the source of the advice.
    """
    known = explanations()
    chosen = [_find(each) for each in rules] or list(known.values())
    if form == "json":
        click.echo(json.dumps([attrs.asdict(each) for each in chosen], indent=2))
    elif rules:
        click.echo("\n\n".join("\n".join(_lines(each)) for each in chosen))
    else:
        for each in chosen:
            click.echo(f"{each.rule}  {each.severity:<7}  {each.title}")


def _find(name: str) -> RuleExplanation:
    known = explanations()
    found = known.get(name.upper())
    if found is None:
        near = difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"did you mean {near[0]}?" if near else "without an ID all of them are listed."
        raise click.UsageError(f'there is no finding "{name}"; {hint}')
    return found


def _lines(explained: RuleExplanation) -> Iterator[str]:
    yield f"{explained.rule} ({explained.severity}): {explained.title}"
    yield ""
    yield textwrap.fill(explained.why, _WIDTH)
    yield ""
    if explained.parent is not None:
        yield f"With this {PARENT}:"
        yield ""
        yield textwrap.indent(explained.parent.strip(), _INDENT)
        yield ""
    yield "Wrong:" if explained.env is None else f"Wrong, with --env {explained.env}:"
    yield ""
    yield textwrap.indent(explained.bad.strip(), _INDENT)
    yield ""
    yield "Right:"
    yield ""
    yield textwrap.indent(explained.good.strip(), _INDENT)
    yield ""
    yield textwrap.fill(f"Source: {explained.source}", _WIDTH)
