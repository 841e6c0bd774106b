"""Finds names that two bases define differently: the later base would change the rules of the other one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from resilience.policyfile.files.chain import Chain
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import dotted, quoted

_KINDS: Final = {"actions": "do", "backoff": "kind"}
"""Tables with names, with the key that chooses which other keys fit."""

_Defined = dict[str, tuple[dict[str, Any], str]]


def clashes(chain: Chain) -> Iterator[Problem]:
    """Yield a problem for each action and backoff that two independent bases of a file define differently."""
    order = {id(source): number for number, source in enumerate(chain.sources)}
    for source in chain.sources:
        entries = chain.bases.get(id(source), [])
        below = {id(base): _below(chain, base) for _, base in entries}
        # A base that another base extends is part of that one.
        apart = [
            (index, base)
            for index, base in entries
            if not any(id(base) in others for key, others in below.items() if key != id(base))
        ]
        if len(apart) < 2:  # noqa: PLR2004  # it takes two
            continue
        files = {
            id(base): sorted((*below[id(base)].values(), base), key=lambda each: order[id(each)]) for _, base in apart
        }
        environments = {name for each in files.values() for file in each for name in _table(file.data, "env")}
        for table in _KINDS:
            reported: set[str] = set()
            for env in (None, *sorted(environments)):
                yield from _differing(source, table, env, [(i, base, files[id(base)]) for i, base in apart], reported)


def _differing(
    source: PolicyFile,
    table: str,
    env: str | None,
    bases: list[tuple[int, PolicyFile, list[PolicyFile]]],
    reported: set[str],
) -> Iterator[Problem]:
    first: dict[str, tuple[dict[str, Any], str, PolicyFile]] = {}
    for index, base, files in bases:
        for name, (entries, place) in _defined(files, table, env).items():
            known = first.setdefault(name, (entries, place, base))
            if known[0] != entries and name not in reported:
                reported.add(name)
                message = (
                    f"{quoted(known[2].name)} and {quoted(base.name)} define {dotted((table, name))} differently, at "
                    f"{known[1]} and {place}, and neither extends the other: the rules of one would change their "
                    f"meaning; give one of them another name, or let both extend a file that defines it"
                )
                yield source.problem(("extends", index), ids.CLASHING_BASES, message)


def _defined(files: list[PolicyFile], table: str, env: str | None) -> _Defined:
    """Return the merged entries of each name in some files, and the place of its last definition."""
    found: _Defined = {}
    prefixes = [()] if env is None else [(), ("env", env)]
    for prefix in prefixes:
        for file in files:
            data: Any = file.data
            for part in prefix:
                data = _table(data, part)
            for name, entries in _table(data, table).items():
                if isinstance(entries, dict):
                    before = found.get(name, ({}, ""))[0]
                    kind = _KINDS[table]
                    kept = {} if entries.get(kind, before.get(kind)) != before.get(kind) else before
                    place = str(file.origin((*prefix, table, name)))
                    found[name] = ({**kept, **entries}, place)
    return found


def _below(chain: Chain, source: PolicyFile) -> dict[int, PolicyFile]:
    """Return all files below a file, by identity."""
    found: dict[int, PolicyFile] = {}
    left = [base for _, base in chain.bases.get(id(source), [])]
    while left:
        base = left.pop()
        if id(base) not in found:
            found[id(base)] = base
            left += [each for _, each in chain.bases.get(id(base), [])]
    return found


def _table(data: Any, key: str) -> Mapping[str, Any]:
    table = data.get(key, {}) if isinstance(data, Mapping) else {}
    return table if isinstance(table, Mapping) else {}
