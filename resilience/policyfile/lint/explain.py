"""Explanations of ids: why it is a mistake, a policy with the mistake, and one without it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import tomli
from attrs import frozen

from resilience.policyfile.lint.registry import LINT_TITLES
from resilience.policyfile.messages.ids import TITLES
from resilience.policyfile.messages.problems import Severity

_FILE: Final = Path(__file__).with_name("explanations.toml")

# The first lines of an example that shows something else.
_TOP: Final = 'schema = 1\nlimits.deadline = "2m"\n'

PARENT: Final = "base.toml"
"""The name of the extended file in examples of two files."""


@frozen(kw_only=True)
class RuleExplanation:
    """
    One id, explained.

    Attributes:
        rule: The id.
        title: The mistake, in one line.
        severity: The severity of the finding.
        why: The harm of the mistake.
        bad: A whole policy with this finding, and no other.
        good: The same policy without the mistake.
        parent: The file ``base.toml`` that both extend; None for examples in one file.
        env: The environment of the examples; None for all.
        source: The source of the advice.
    """

    rule: str
    title: str
    severity: Severity
    why: str
    bad: str
    good: str
    parent: str | None = None
    env: str | None = None
    source: str


@cache
def explanations() -> Mapping[str, RuleExplanation]:
    """Return the explanations of all ids, in the order of the ids."""
    titles = {**TITLES, **LINT_TITLES}
    document = tomli.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            rule: RuleExplanation(
                rule=rule,
                title=titles[rule],
                severity=entry["severity"],
                why=" ".join(entry["why"].split()),
                bad=_whole(entry["bad"]),
                good=_whole(entry["good"]),
                parent=entry.get("parent"),
                env=entry.get("env"),
                source=entry["source"],
            )
            for rule, entry in sorted(document.items())
        }
    )


def _whole(example: str) -> str:
    return example if example.startswith("schema") else _TOP + example
