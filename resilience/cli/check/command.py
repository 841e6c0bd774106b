"""``resilience check``: finds errors and probable mistakes in policy files."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from resilience.cli.check.findings import FORMATS
from resilience.cli.completion import policies
from resilience.policyfile import Problem
from resilience.policyfile.files.policy_file import BUILTIN, UnreadableError, builtin_names, read_stream
from resilience.policyfile.lint import inspect, inspect_text

_STDIN: Final = "<stdin>"

TEST_SUFFIX: Final = ".test.toml"
"""The end of the names of test files, which are no policies."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=policies)
@click.option(
    "-e", "--env", "environments", multiple=True, metavar="NAME", help="Only this environment; repeat it for more."
)
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
def check(files: tuple[str, ...], environments: tuple[str, ...], form: str, *, strict: bool) -> None:
    """
    Check policy files, in all of their environments.

    FILE is a path, builtin:NAME, or - for standard input; of a test file, such as mqtt.test.toml, only its form is
    checked. Each finding has a place and an id; "resilience rule ID" explains the id. The exit code is 0 without
    errors, 1 with errors, and 2 for a missing file. With --strict, warnings count like errors.
    """
    findings: dict[Problem, None] = {}
    for file in dict.fromkeys(files):
        # Files may extend the same file; its findings are printed once.
        findings.update(dict.fromkeys(_look(file, environments)))
    _print(list(findings), form)
    click.echo(_summary(list(findings), len(dict.fromkeys(files))), err=True)
    sys.exit(_code(list(findings), files, strict=strict))


def _look(file: str, environments: Sequence[str]) -> tuple[Problem, ...]:
    if file.endswith(TEST_SUFFIX):
        # Imported here, because a policy alone needs no simulation.
        from resilience.scenarios import read  # noqa: PLC0415

        return read(file).problems
    if file != "-":
        return inspect(file, environments=environments)
    try:
        text = read_stream(sys.stdin.buffer)
    except UnreadableError as error:
        return (Problem(file=_STDIN, line=1, column=1, rule="RP046", message=str(error)),)
    return inspect_text(text, name=_STDIN, environments=environments)


def _print(findings: list[Problem], form: str) -> None:
    stream: Any = sys.stdout
    if hasattr(stream, "reconfigure"):
        # A file's name or text may have characters that a terminal cannot show.
        stream.reconfigure(errors="backslashreplace")
    text = FORMATS[form](findings)
    if text:
        click.echo(text, color=False if os.environ.get("NO_COLOR") else None)


def _summary(findings: list[Problem], files: int) -> str:
    counted = Counter[str](finding.severity for finding in findings)
    parts = [
        f"{counted[severity]} {word if counted[severity] == 1 else words}"
        for severity, word, words in (
            ("error", "error", "errors"),
            ("warning", "warning", "warnings"),
            ("info", "info", "infos"),
        )
        if counted[severity]
    ]
    return f"{', '.join(parts) or 'no findings'} in {files} {'file' if files == 1 else 'files'}"


def _code(findings: list[Problem], files: Sequence[str], *, strict: bool) -> int:
    if any(not _is_there(file) for file in files):
        return 2
    failing = {"error", "warning"} if strict else {"error"}
    return int(any(finding.severity in failing for finding in findings))


def _is_there(file: str) -> bool:
    if file == "-":
        return True
    if file.startswith(BUILTIN):
        return file.removeprefix(BUILTIN) in builtin_names()
    try:
        return Path(file).exists() and not Path(file).is_dir()
    except (OSError, ValueError):
        return False
