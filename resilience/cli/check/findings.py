"""The forms of findings: text, JSON, GitHub annotations, SARIF."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from resilience import __version__
from resilience.policyfile import TITLES, Problem
from resilience.policyfile.lint import LINT_TITLES

_COLOURS: Final = {"error": "red", "warning": "yellow", "info": "cyan"}
_GITHUB: Final = {"error": "error", "warning": "warning", "info": "notice"}
_SARIF: Final = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(findings: Sequence[Problem]) -> str:
    """Return each finding with its line of the file; click removes the colours unless the output is a terminal."""
    return "\n".join(map(_coloured, findings))


def _coloured(finding: Problem) -> str:
    head, *rest = str(finding).split("\n")
    tag = f"{finding.severity}[{finding.rule}]"
    where, _, message = head.partition(f" {tag} ")
    colour = _COLOURS[finding.severity]
    lines = [f"{click.style(where, bold=True)} {click.style(tag, fg=colour, bold=True)} {message}", *rest]
    if len(rest) > 1:
        lines[-1] = click.style(rest[-1], fg=colour)
    return "\n".join(lines)


def as_json(findings: Sequence[Problem]) -> str:
    """Return an array with an object for each finding."""
    return json.dumps(
        [
            {
                "file": finding.file,
                "line": finding.line,
                "column": finding.column,
                "rule": finding.rule,
                "severity": finding.severity,
                "message": finding.message,
            }
            for finding in findings
        ],
        indent=2,
    )


def as_github(findings: Sequence[Problem]) -> str:
    """
    Return a workflow command for each finding, which GitHub Actions shows beside the line.

    Source: GitHub Docs, "Workflow commands for GitHub Actions", read 2026-11-21.
    """
    return "\n".join(
        f"::{_GITHUB[finding.severity]} file={_property(finding.file)},line={finding.line},col={finding.column},"
        f"endColumn={finding.column + finding.length},title={finding.rule}::{_data(finding.message)}"
        for finding in findings
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(findings: Sequence[Problem], *, titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """
    Return a SARIF 2.1.0 log with one run, for code scanning services.

    Args:
        findings: The findings.
        titles: The titles of ids that are not of policies.
    """
    used = sorted({finding.rule for finding in findings})
    titles = {**TITLES, **LINT_TITLES, **titles}
    run = {
        "tool": {
            "driver": {
                "name": "resilience",
                "semanticVersion": __version__,
                "rules": [
                    {
                        "id": rule,
                        "shortDescription": {"text": titles[rule]},
                        "help": {"text": f"resilience rule {rule}"},
                    }
                    for rule in used
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, used.index(finding.rule)) for finding in findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(finding: Problem, index: int) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endColumn": finding.column + finding.length,
    }
    location = {"artifactLocation": {"uri": _uri(finding.file)}, "region": region}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _SARIF[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
    }


def _uri(file: str) -> str:
    """Return a file's name as a URI; a relative name stays relative, so that a service finds it in the repository."""
    # Imported here, because only this format needs it.
    from urllib.parse import quote  # noqa: PLC0415

    if file.startswith("builtin:"):
        return f"builtin:{quote(file.removeprefix('builtin:'))}"
    if Path(file).is_absolute():
        return f"file://{quote(os.fsencode(file))}"
    return quote(os.fsencode(Path(file).as_posix()))


FORMATS: Final[dict[str, Callable[[Sequence[Problem]], str]]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}
"""The choices of ``--format``."""
