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

# The ids of all versions: another version may report an id that this one does not.
_FIRST: Final = "RP001"
_LAST: Final = "RP039"

_ONE_SLIP: Final = 0.8  # one wrong digit, or two digits swapped


def accepted(source: PolicyFile) -> frozenset[str]:
    """Return the ids of the findings that a file accepts."""
    table = source.data.get("lint", {})
    ignore = table.get("ignore", {}) if isinstance(table, dict) else {}
    return frozenset(ignore) if isinstance(ignore, dict) else frozenset()


def strange(sources: tuple[PolicyFile, ...], known: Iterable[str]) -> Iterator[Problem]:
    """
    Yield a problem for each exception whose id no lint rule has; the loader reports ids of errors.

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
    Yield the problems that no file accepts; the exceptions of the root file hold for the files that it extends too.

    Args:
        problems: The problems of all environments.
        sources: The files, in the order of merging.
        known: The ids that a file can accept.
        is_all: Whether every lint rule ran everywhere, so that an exception without a finding is a problem.
    """
    root = sources[-1]
    wanted = {source.name: accepted(source) & known for source in sources}
    met: set[tuple[str, str]] = set()
    for problem in problems:
        files = [name for name in (problem.file, root.name) if problem.rule in wanted.get(name, ())]
        met.update((name, problem.rule) for name in files)
        if not files:
            yield problem
    # Other files may need the exceptions of a file that they extend.
    for rule in sorted(wanted[root.name]) if is_all else ():
        if (root.name, rule) not in met:
            message = f"nothing here is a finding of {rule}; delete this entry"
            path = ("lint", "ignore", rule)
            yield root.problem(path, ids.NOTHING_IGNORED, message, at="key", severity="warning")
