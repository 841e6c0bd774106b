"""Finds the known name with the most similar spelling, in a time that barely grows with the number of names."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection
from functools import lru_cache

from attrs import field, frozen

_FEW = 24  # so few names are all compared; of more names, only those that share most letter groups
_MOST_SHARED = 8
_LONGEST = 120  # a longer text is no misspelled name
_COMMON = 400  # a group of letters in more names than this does not distinguish them
_REMEMBERED = 8  # collections; one check looks names up in a few of them many times


def nearest(found: str, known: Collection[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name with the most similar spelling; None if none is similar."""
    near = difflib.get_close_matches(found, _candidates(found, known), n=1, cutoff=cutoff)
    return near[0] if near else None


def nearest_in_any_case(found: str, known: Collection[str]) -> str | None:
    """Return the known name with the most similar spelling; if there is none, the case of letters is ignored."""
    return _in_any_case(found, tuple(_candidates(found, known)))


@lru_cache(maxsize=256)
def _in_any_case(found: str, candidates: tuple[str, ...]) -> str | None:
    """Return the same among few names, from a cache: a file often repeats a mistake."""
    near = difflib.get_close_matches(found, candidates, n=1, cutoff=0.6)
    if near:
        return near[0]
    lower = {name.lower(): name for name in candidates}
    near = difflib.get_close_matches(found.lower(), lower, n=1, cutoff=0.6)
    return lower[near[0]] if near else None


def _candidates(found: str, known: Collection[str]) -> Collection[str]:
    if len(found) > _LONGEST:
        return ()
    return known if len(known) <= _FEW else _index_of(known).alike(found)


@frozen(eq=False)
class _Index:
    """An index of names by their groups of three letters."""

    known: Collection[str]
    size: int
    names: frozenset[str]
    groups: dict[str, list[str]] = field(factory=dict)

    def alike(self, found: str) -> list[str]:
        """Return the names with the most groups of letters in common with a text."""
        shared: Counter[str] = Counter()
        for group in set(_groups(found)):
            names = self.groups.get(group, ())
            if len(names) <= _COMMON:
                shared.update(names)
        return [name for name, _ in shared.most_common(_MOST_SHARED)]


def _groups(name: str) -> list[str]:
    padded = f"^{name.lower()}$"
    return [padded[at : at + 3] for at in range(max(len(padded) - 2, 1))]


_indexes: list[_Index] = []


def _index_of(known: Collection[str]) -> _Index:
    """Return the index of a collection, from a cache by the collection's identity and by its names."""
    for index in _indexes:
        if index.known is known and index.size == len(known):
            return index
    names = frozenset(known)
    for index in _indexes:
        if index.names == names:
            return index
    index = _Index(known, len(known), names)
    for name in known:
        for group in set(_groups(name)):
            index.groups.setdefault(group, []).append(name)
    _indexes[:] = [index, *_indexes[: _REMEMBERED - 1]]
    return index
