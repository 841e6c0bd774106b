"""``[lint] ignore``: findings that a file accepts, each with a reason."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Final

from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.lint import ids
from resilience.policyfile.messages.problems import Problem

_ID: Final = re.compile("RP[0-9]{3}")

# The ids that are given away, whether or not this version reports them; other versions do.
_FIRST: Final = "RP001"
_LAST: Final = "RP039"

_ONE_SLIP: Final = 0.8  # one wrong digit, or two that changed places


def accepted(source: PolicyFile) -> frozenset[str]:
    """Return the ids of the findings that a file accepts."""
    table = source.data.get("lint", {})
    ignore = table.get("ignore", {}) if isinstance(table, dict) else {}
    return frozenset(ignore) if isinstance(ignore, dict) else frozenset()


def strange(sources: tuple[PolicyFile, ...], known: Iterable[str]) -> Iterator[Problem]:
    """
    Say where a file accepts findings of an id that is no rule's; what keeps a file from loading is said elsewhere.

    Args:
        sources: The files.
        known: The ids that this version can report.
    """
    names = sorted(known)
    for source in sources:
        for rule in sorted(accepted(source) - set(names)):
            if _ID.fullmatch(rule) and not _FIRST <= rule <= _LAST:
                near = difflib.get_close_matches(rule, names, n=1, cutoff=_ONE_SLIP)
                hint = f'; did you mean "{near[0]}"?' if near else ", so this accepts nothing; delete this entry"
                message = f"no finding has the id {rule}{hint}"
                path = ("lint", "ignore", rule)
                yield source.problem(path, ids.NOTHING_IGNORED, message, at="key", severity="warning")


def apply(
    problems: Iterable[Problem], sources: tuple[PolicyFile, ...], known: frozenset[str], *, is_all: bool
) -> Iterator[Problem]:
    """
    Leave out what the files accept; the file that was asked for accepts for those that it extends too.

    Args:
        problems: Everything that was found in all environments.
        sources: The files, in the order in which they are merged.
        known: The ids of the findings that can be accepted.
        is_all: Whether everything was looked for, so that an exception for nothing can be told.
    """
    root = sources[-1]
    wanted = {source.name: accepted(source) & known for source in sources}
    met: set[tuple[str, str]] = set()
    for problem in problems:
        files = [name for name in (problem.file, root.name) if problem.rule in wanted.get(name, ())]
        met.update((name, problem.rule) for name in files)
        if not files:
            yield problem
    # Exceptions of the files above may be needed by others that extend them.
    for rule in sorted(wanted[root.name]) if is_all else ():
        if (root.name, rule) not in met:
            message = f"nothing here is a finding of {rule}; delete this entry"
            path = ("lint", "ignore", rule)
            yield root.problem(path, ids.NOTHING_IGNORED, message, at="key", severity="warning")
