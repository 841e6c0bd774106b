"""
Repairs a policy that cannot be loaded, so that lint rules can check the rest of it.

The check removes everything that the loader reports from a copy, and reads the copy again. So a file with one
misspelled key gets its other findings too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from resilience.policyfile.assemble import Assembly
from resilience.policyfile.files.chain import Chain
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.format.shared_limits import SHARED
from resilience.policyfile.format.tables import SCHEMA
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.problems import Problem

# A rule without its removed action is wrong only in the next round; chains of `then` may take a few more.
_ROUNDS: Final = 12


EVERYTHING: Final = SHARED | {"limits", "backoff", "actions", "rules", "operations", "sources", "credentials"}
"""The tables that lint rules read."""


Damage = dict[str | None, set[str]]
"""The tables with removed entries, by environment; None for the plain tables."""


def repair(assembly: Assembly, problems: Sequence[Problem], look: Callable[[Assembly], list[Problem]]) -> Damage:
    """
    Repair a copy of a policy until ``look`` finds no more errors; return what is missing from the copy.

    Args:
        assembly: The policy; left unchanged.
        problems: Its errors.
        look: Returns the errors of a copy in all checked environments.
    """
    chain = assembly.chain
    if not problems and chain.is_complete and chain.lost is None:
        return {}
    sources = [source.copied() for source in chain.sources]
    copy = Chain(sources=sources, is_complete=chain.is_complete, lost=chain.lost)
    damaged: Damage = {} if chain.is_complete else {None: set(EVERYTHING)}
    for path in () if chain.lost is None else chain.lost.tables:
        for env, table in _tables(path or ()):
            damaged.setdefault(env, set()).add(table)
    places = {source.name: _places(source) for source in copy.sources}
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
        wrong = look(Assembly(copy)) if taken else ()
        if not wrong:
            break
    return damaged


def _places(source: PolicyFile) -> Mapping[tuple[int, int], list[KeyPath]]:
    """Return paths by line and column of their keys and of their values."""
    found: dict[tuple[int, int], list[KeyPath]] = {}
    for path, span in source.positions.spans.items() if source.is_toml else ():
        for offset in {span.key, span.value}:
            found.setdefault(source.lines.place(offset), []).append(path)
    return found


def _repair(
    chain: Chain, problem: Problem, places: Mapping[str, Mapping[tuple[int, int], list[KeyPath]]]
) -> set[tuple[str | None, str]]:
    """Remove the entry of a problem from its file; return the entry's tables with their environments."""
    source = next((source for source in chain.sources if source.name == problem.file), None)
    if source is None:
        return set()
    place = (problem.line, problem.column)
    if problem.rule == ids.MISSING and place == (1, 1):
        return {(None, table) for table in _complete(source.data)}
    paths = places[source.name].get(place, [])
    # An array without one of its elements would mean something else, so the whole array goes.
    whole = [path[:-1] if isinstance(path[-1], int) else path for path in paths]
    return {table for path in whole if _take_out(source.data, path) for table in _tables(path)}


def _tables(path: KeyPath) -> set[tuple[str | None, str]]:
    env, own = (str(path[1]), path[2:]) if path[:1] == ("env",) and len(path) > 1 else (None, path)
    return {(env, table) for table in ({str(own[0])} if own and own[0] != "env" else EVERYTHING)}


def _complete(data: dict[str, Any]) -> set[str]:
    """Add the keys that every file, or every policy, needs."""
    added = set()
    if data.get("schema") != SCHEMA:
        data["schema"] = SCHEMA
        added.add("schema")
    limits = data.setdefault("limits", {})
    if not added and isinstance(limits, dict) and "deadline" not in limits:
        limits["deadline"] = "none"
        added.add("limits")
    return added


def _take_out(data: Any, path: KeyPath) -> bool:
    for part in path[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    if isinstance(data, dict) and path[-1] in data:
        del data[path[-1]]
        return True
    return False
