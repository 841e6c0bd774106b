"""
Reads what is right of a policy that cannot be loaded.

A file with one misspelled key still deserves to hear what else is wrong with it. So
what the loader has complained about is taken out of a copy, and the copy is read again.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import define

from resilience.policyfile.assemble import Assembly
from resilience.policyfile.files.chain import Chain
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import Path
from resilience.policyfile.format.tables import SCHEMA
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.problems import Problem

# A rule whose action was taken out is wrong in the next round only; chains of `then` may take a few more.
_ROUNDS: Final = 12


EVERYTHING: Final = frozenset({"limits", "backoff", "actions", "rules", "operations", "sources", "credentials"})
"""The tables that findings are made from."""


@define(eq=False)
class Repaired:
    """
    A copy of a policy, without what is wrong in it.

    Attributes:
        assembly: The copy; the policy itself where nothing is wrong.
        damaged: The tables that something was taken out of, by environment; None for the plain tables.
    """

    assembly: Assembly
    damaged: dict[str | None, set[str]]

    def damaged_for(self, env: str | None) -> set[str]:
        """Return the tables of which an environment does not have all that was meant."""
        return self.damaged.get(None, set()) | self.damaged.get(env, set())


def repaired(assembly: Assembly, problems: Sequence[Problem], look: Callable[[Assembly], list[Problem]]) -> Repaired:
    """
    Return a policy without what is wrong in it.

    Args:
        assembly: The policy; left unchanged.
        problems: What is wrong with it.
        look: Returns what is wrong with a copy, in all environments that are looked at.
    """
    chain = assembly.chain
    if not problems and chain.is_complete and chain.lost is None:
        return Repaired(assembly, {})
    sources = [source.copied() for source in chain.sources]
    copy = Chain(sources=sources, is_complete=chain.is_complete, lost=chain.lost)
    damaged: dict[str | None, set[str]] = {} if chain.is_complete else {None: set(EVERYTHING)}
    for path in () if chain.lost is None else chain.lost.tables:
        for env, table in _tables(path or ()):
            damaged.setdefault(env, set()).add(table)
    places = {source.name: _places(source) for source in copy.sources}
    again = Assembly(copy)
    wrong = problems
    for _ in range(_ROUNDS):
        taken = {
            each
            for problem in wrong
            if problem.rule != ids.UNKNOWN_ENVIRONMENT
            for each in _repair(copy, problem, places)
        }
        for env, table in taken:
            damaged.setdefault(env, set()).add(table)
        again = Assembly(copy)
        wrong = look(again) if taken else ()
        if not wrong:
            break
    return Repaired(again, damaged)


def _places(source: PolicyFile) -> Mapping[tuple[int, int], list[Path]]:
    """Return the paths by the line and the column of their key and of their value."""
    starts = [0, *(match.end() for match in re.finditer("\n", source.text))]
    found: dict[tuple[int, int], list[Path]] = {}
    for path, span in source.positions.spans.items() if source.is_toml else ():
        for offset in {span.key, span.value}:
            line = bisect_right(starts, offset)
            found.setdefault((line, offset - starts[line - 1] + 1), []).append(path)
    return found


def _repair(
    chain: Chain, problem: Problem, places: Mapping[str, Mapping[tuple[int, int], list[Path]]]
) -> set[tuple[str | None, str]]:
    """Take out of its file what a problem points at; return the tables that it was in, with their environment."""
    source = next((source for source in chain.sources if source.name == problem.file), None)
    if source is None:
        return set()
    place = (problem.line, problem.column)
    if problem.rule == ids.MISSING and place == (1, 1):
        return {(None, table) for table in _complete(source.data)}
    paths = places[source.name].get(place, [])
    # Without one of its elements an array is not what it says, so it goes as a whole.
    whole = [path[:-1] if isinstance(path[-1], int) else path for path in paths]
    return {table for path in whole if _take_out(source.data, path) for table in _tables(path)}


def _tables(path: Path) -> set[tuple[str | None, str]]:
    env, own = (str(path[1]), path[2:]) if path[:1] == ("env",) and len(path) > 1 else (None, path)
    return {(env, table) for table in ({str(own[0])} if own and own[0] != "env" else EVERYTHING)}


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
