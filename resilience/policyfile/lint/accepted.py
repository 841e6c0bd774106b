"""``[lint] ignore``: findings that a file accepts, each with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from resilience.policyfile.lint import ids
from resilience.policyfile.problems import Problem
from resilience.policyfile.sources import Source


def accepted(source: Source) -> frozenset[str]:
    """Return the ids of the findings that a file accepts."""
    table = source.data.get("lint", {})
    ignore = table.get("ignore", {}) if isinstance(table, dict) else {}
    return frozenset(ignore) if isinstance(ignore, dict) else frozenset()


def apply(
    problems: Iterable[Problem], sources: tuple[Source, ...], known: frozenset[str], *, is_all: bool
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
