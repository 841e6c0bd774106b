"""Finds the names that a glob meets without trying every glob on every name: a file may have thousands of both."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from attrs import define, field

from resilience.core.match import meets

_FEW = 64  # trying all of so few names is quick
_GROUP = 3
_LAST = "\U0010ffff"


@define(eq=False, slots=False)
class GlobIndex:
    """Names of operations, indexed by their beginnings, their ends and their pieces of three letters."""

    names: frozenset[str]
    _groups: dict[str, list[str]] = field(factory=dict, init=False)

    def meeting(self, pattern: str) -> list[str]:
        """Return the names that an operation's name or glob meets."""
        if "*" not in pattern:
            return [pattern] if pattern in self.names else []
        return [name for name in self._candidates(pattern) if meets(pattern, name)]

    def _candidates(self, pattern: str) -> Iterable[str]:
        if len(self.names) <= _FEW:
            return self._sorted
        first, *pieces, last = pattern.split("*")
        if first:
            return _with_beginning(self._sorted, first)
        if last:
            return [name[::-1] for name in _with_beginning(self._reversed, last[::-1])]
        piece = max(pieces, key=len, default="")
        if len(piece) < _GROUP:
            return self._sorted
        groups = (piece[at : at + _GROUP] for at in range(len(piece) - _GROUP + 1))
        return min((self._grouped.get(group, []) for group in groups), key=len)

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.names)

    @cached_property
    def _reversed(self) -> list[str]:
        return sorted(name[::-1] for name in self.names)

    @cached_property
    def _grouped(self) -> dict[str, list[str]]:
        for name in self._sorted:
            for group in {name[at : at + _GROUP] for at in range(len(name) - _GROUP + 1)}:
                self._groups.setdefault(group, []).append(name)
        return self._groups


def _with_beginning(names: list[str], beginning: str) -> list[str]:
    return names[bisect_left(names, beginning) : bisect_right(names, beginning + _LAST)]


@lru_cache(maxsize=64)
def names_of(names: frozenset[str]) -> GlobIndex:
    """Return the index of a set of names, which is cached."""
    return GlobIndex(names)


def narrowed(patterns: Sequence[str | None], names: frozenset[str]) -> dict[str, list[int]]:
    """Return the indexes of the patterns that meet each name, in order; None meets any name."""
    anywhere = [number for number, pattern in enumerate(patterns) if pattern is None]
    found: dict[str, list[int]] = {}
    for number, pattern in enumerate(patterns):
        if pattern is not None:
            for name in names_of(names).meeting(pattern):
                found.setdefault(name, []).append(number)
    return {name: sorted((*anywhere, *numbers)) for name, numbers in found.items()} if anywhere else found
