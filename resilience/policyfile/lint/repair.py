"""
Reads what is right of a policy that cannot be loaded.

A file with one misspelled key still deserves to hear what else is wrong with it. So
what the loader has complained about is taken out of a copy, and the copy is read again.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from attrs import frozen

from resilience.policyfile import ids
from resilience.policyfile.assemble import Parts, assemble
from resilience.policyfile.chain import Chain
from resilience.policyfile.positions import Path
from resilience.policyfile.problems import PolicyError, Problem
from resilience.policyfile.sources import Source
from resilience.policyfile.tables import SCHEMA

# A rule whose action was taken out is wrong in the next round only; chains of `then` may take a few more.
_ROUNDS: Final = 12


EVERYTHING: Final = frozenset({"limits", "backoff", "actions", "rules", "operations", "sources", "credentials"})
"""The tables that findings are made from."""


@frozen
class Reading:
    """
    What could be read of a policy for one environment.

    Attributes:
        parts: What is right of it; None where that is nothing.
        problems: The errors.
        damaged: The tables that something was taken out of; what is left of them may not be what was meant.
    """

    parts: Parts | None
    problems: tuple[Problem, ...] = ()
    damaged: frozenset[str] = frozenset()


def read(chain: Chain, env: str | None) -> Reading:
    """Read a policy for one environment as far as it can be read."""
    try:
        return Reading(assemble(chain, env, None))
    except PolicyError as error:
        problems = error.problems
    if any(problem.rule == ids.UNKNOWN_ENVIRONMENT for problem in problems):
        return Reading(None, problems)
    copy = Chain(
        sources=[
            Source(source.name, source.text, deepcopy(source.data), source.base, is_toml=source.is_toml)
            for source in chain.sources
        ],
        is_complete=chain.is_complete,
    )
    damaged = set() if chain.is_complete else set(EVERYTHING)
    # What kept a file out of the chain is not in what was read, so there is nothing to take out.
    wrong = tuple(problem for problem in problems if problem not in chain.problems)
    places = {source.name: _places(source) for source in copy.sources}
    for _ in range(_ROUNDS):
        taken = {table for problem in wrong for table in _repair(copy, problem, places)}
        if wrong and not taken:
            break
        damaged |= taken
        try:
            return Reading(assemble(copy, env, None), problems, frozenset(damaged))
        except PolicyError as error:
            wrong = error.problems
    return Reading(None, problems)


def _places(source: Source) -> Mapping[tuple[int, int], list[Path]]:
    """Return the paths by the line and the column of their key and of their value."""
    starts = [0, *(match.end() for match in re.finditer("\n", source.text))]
    found: dict[tuple[int, int], list[Path]] = {}
    for path, span in source.positions.spans.items() if source.is_toml else ():
        for offset in {span.key, span.value}:
            line = bisect_right(starts, offset)
            found.setdefault((line, offset - starts[line - 1] + 1), []).append(path)
    return found


def _repair(chain: Chain, problem: Problem, places: Mapping[str, Mapping[tuple[int, int], list[Path]]]) -> set[str]:
    """Take out of its file what a problem points at, and return the tables that it was in."""
    source = next((source for source in chain.sources if source.name == problem.file), None)
    if source is None:
        return set()
    place = (problem.line, problem.column)
    if problem.rule == ids.MISSING and place == (1, 1):
        return _complete(source.data)
    paths = places[source.name].get(place, [])
    return {table for path in map(_whole, paths) if _take_out(source.data, path) for table in _tables(path)}


def _whole(path: Path) -> Path:
    """Return the path of what says something else without the part at this path, and so goes as a whole."""
    if path[-1] == "message" and "rules" in path[:3]:
        # Without it the answer would be to every fault.
        path = path[:-1]
    return path[:-1] if isinstance(path[-1], int) else path


def _tables(path: Path) -> frozenset[str]:
    own = path[2:] if path[0] == "env" else path
    return frozenset({str(own[0])}) if own else EVERYTHING


def _complete(data: dict[str, Any]) -> set[str]:
    """Add what every file, or every policy, has to say."""
    added = set()
    if data.get("schema") != SCHEMA:
        data["schema"] = SCHEMA
        added.add("schema")
    limits = data.setdefault("limits", {})
    if not added and isinstance(limits, dict) and "deadline" not in limits:
        limits["deadline"] = "none"
        added.add("limits")
    return added


def _take_out(data: Any, path: Path) -> bool:
    for part in path[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    if isinstance(data, dict) and path[-1] in data:
        del data[path[-1]]
        return True
    return False
