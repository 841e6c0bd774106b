"""``resilience diff``: shows how two policies, or two environments of one, differ in effect."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
from rich.padding import Padding
from rich.text import Text

from resilience.cli.completion import policies
from resilience.cli.diff.differences import PolicyDifference, compare
from resilience.cli.diff.rule_changes import RuleChange
from resilience.cli.diff.setting_changes import SettingChange
from resilience.cli.screen import FINDINGS, as_json, console, format_option, load, times
from resilience.core.fault import Origin
from resilience.policyfile import Policy

_MANY_CODES = 12
_MANY_OPERATIONS = 4
_TWO = 2

# The control character keeps click from filling the lines.
_EXAMPLES: Final = """\b
resilience diff A.toml B.toml --env prod
resilience diff A.toml --env staging --env prod
"""


@click.command(epilog=_EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="A [B]", shell_complete=policies)
@click.option(
    "--env",
    "-e",
    "envs",
    multiple=True,
    metavar="NAME",
    help="Once: the environment of both policies. Twice: of the first, then of the second.",
)
@click.option("--all", "everything", is_flag=True, help="Name all codes and operations.")
@format_option
def diff(*, files: tuple[str, ...], envs: tuple[str, ...], everything: bool, form: str) -> None:
    """
    Compare two policies or environments by their effect.

    The command shows the settings that differ, and the codes and operations that lead to another action. Names of
    actions and the form of the files make no difference. The exit code is 1 if the policies differ.
    """
    before, after = _policies(files, envs)
    found = compare(before, after)
    if form == "json":
        as_json(_to_json(found))
    else:
        screen = console()
        names = [_name(file, policy) for file, policy in zip(_two(files), (before, after), strict=True)]
        for line in _lines(found, names, everything=everything):
            screen.print(line)
    sys.exit(FINDINGS if found else 0)


def _policies(files: Sequence[str], envs: Sequence[str]) -> tuple[Policy, Policy]:
    if len(files) > _TWO or len(envs) > _TWO:
        raise click.UsageError("expected two policies at most, and --env twice at most")
    if len(files) < _TWO and len(envs) < _TWO:
        raise click.UsageError("expected two policies, or one with --env given twice")
    first, second = _two(files)
    one, two = _two(envs) if envs else (None, None)
    return load(first, one), load(second, two)


def _two(given: Sequence[str]) -> tuple[str, str]:
    return given[0], given[-1]


def _name(file: str, policy: Policy) -> str:
    return f"{file} ({policy.env})" if policy.env else file


def _lines(found: PolicyDifference, names: Sequence[str], *, everything: bool) -> Iterator[Text | Padding]:
    yield Text(" -> ".join(names), style="bold")
    if not found:
        yield Text("no difference in effect")
        return
    if found.settings:
        yield Text("\nSettings", style="bold underline")
        for setting in found.settings:
            yield from _setting(setting, everything=everything)
    if found.changes:
        yield Text("\nCodes", style="bold underline")
        for change in sorted(found.changes, key=lambda each: len(each.codes), reverse=True):
            yield from _change(change, everything=everything)


def _setting(setting: SettingChange, *, everything: bool) -> Iterator[Text | Padding]:
    line = Text(f"{setting.name}  ")
    _both(line, setting.before, setting.after)
    yield line
    yield from _places(setting.before_at, setting.after_at)
    if setting.operations:
        yield _indented(_listed(setting.operations, None if everything else _MANY_OPERATIONS))


def _both(line: Text, before: str | None, after: str | None) -> None:
    line.append(before or "none", style="red").append(" -> ").append(after or "none", style="green")


def _places(before: Origin | None, after: Origin | None) -> Iterator[Text]:
    if before != after:
        yield Text(f"  {before or 'default'} -> {after or 'default'}", style="dim")


def _change(change: RuleChange, *, everything: bool) -> Iterator[Text | Padding]:
    line = Text("", style="bold")
    if change.before[0] == change.after[0]:
        line.append(change.before[0])
    else:
        _both(line, change.before[0], change.after[0])
    yield line
    keys = change.keys
    for key, one, two in keys:
        # Another verb has other keys, so only keys in both policies are of interest.
        if keys[0][0] != "do" or key in {"do", "effect"} or (one is not None and two is not None):
            line = Text(f"  {key}  ")
            _both(line, one, two)
            yield line
    yield from _places(change.before_at, change.after_at)
    yield _indented(_listed(change.codes, None if everything else _MANY_CODES))
    where = _listed(change.operations, None if everything else _MANY_OPERATIONS) or "every operation"
    yield _indented(f"on {where}", style="dim")


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 2))


def _listed(names: Sequence[str], most: int | None) -> str:
    if most is None or len(names) <= most:
        return ", ".join(names)
    return ", ".join(names[:most]) + f" and {times(len(names) - most, 'other')}"


def _to_json(found: PolicyDifference) -> dict[str, Any]:
    return {
        "settings": [
            {
                "name": each.name,
                "before": each.before,
                "after": each.after,
                "before_at": _at(each.before_at),
                "after_at": _at(each.after_at),
                "operations": list(each.operations),
            }
            for each in found.settings
        ],
        "changes": [
            {
                "codes": list(each.codes),
                "operations": list(each.operations),
                "before": {"action": each.before[0], "at": _at(each.before_at), **dict(each.before[1])},
                "after": {"action": each.after[0], "at": _at(each.after_at), **dict(each.after[1])},
            }
            for each in found.changes
        ],
    }


def _at(at: Origin | None) -> str | None:
    return None if at is None else str(at)
