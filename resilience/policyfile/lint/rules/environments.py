"""Environments with a misspelled name of another environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, Final

from resilience.policyfile.decode.layers import Layer
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import quoted

_LETTERS: Final = 4  # shorter names, such as qa and uat, differ by a letter on purpose
_LONGEST: Final = 100  # a longer name comes from a program, which makes no slips
_MOST_ALIKE: Final = 50  # more names that differ by one letter are a series
_PARTS = re.compile(r"[-_.]")


def alike(view: View) -> Iterator[Problem]:
    """RP071: two environments whose names differ by a slip."""
    found: dict[str, list[tuple[Layer, int]]] = {}
    for layer in (each for each in view.stack.layers if not each.prefix):
        tables = layer.table.get("env", {})
        for name, table in tables.items() if isinstance(tables, dict) else ():
            found.setdefault(name, []).append((layer, _size(table)))
    sizes = {name: sum(size for _, size in layers) for name, layers in found.items()}
    for first, second in slips(found):
        # The environment with fewer values is the slip; of equals, the later one.
        less, more = (first, second) if sizes[first] < sizes[second] else (second, first)
        layer = found[less][-1][0]
        message = (
            f"{quoted(less)} and {quoted(more)} are two environments, and a run in one does not get the values of the "
            f"other; did you mean {quoted(more)}?"
        )
        yield view.problem(("env", less), ids.LIKE_ANOTHER, message, at="key", layer=layer)


def _size(table: Mapping[str, Any] | object) -> int:
    """Return the number of values in a table."""
    size, left = 0, [table]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            left.extend(value.values())
        else:
            size += 1
    return size


def slips(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that differ by a slip, in the order of the names."""
    order = {name: number for number, name in enumerate(names)}
    # Names that differ by one letter are equal without that letter, so only names with an equal rest are compared.
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in order:
        for key in _rests(name):
            alike.setdefault(key, []).append(name)
    pairs = {
        pair for each in alike.values() if len(each) <= _MOST_ALIKE for pair in combinations(each, 2) if is_slip(*pair)
    }
    return sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]]))


def _rests(name: str) -> set[tuple[object, ...]]:
    """Return each rest of a name without one letter, with the number of the part that lost it."""
    parts = _PARTS.split(name.lower())
    rests: set[tuple[object, ...]] = {(tuple(parts), -1)}
    for number, part in enumerate(parts if len(name) <= _LONGEST else ()):
        before, after = tuple(parts[:number]), tuple(parts[number + 1 :])
        rests.add((before, part, after, number))
        # Names with different digits are a series.
        rests.update(
            (before, part[:at] + part[at + 1 :], after, number) for at, letter in enumerate(part) if letter.isalpha()
        )
    return rests


def is_slip(first: str, second: str) -> bool:
    """
    Tell whether two names differ by one letter that is missing, wrong, or swapped with its neighbour.

    Names that are numbered (``prod1``, ``prod2``), lettered (``shop-a``, ``shop-b``) or that add a part
    (``dev``, ``dev-eu``) are a series and no slip.
    """
    one, two = _PARTS.split(first.lower()), _PARTS.split(second.lower())
    if len(one) != len(two):
        return False
    different = [pair for pair in zip(one, two, strict=True) if pair[0] != pair[1]]
    if not different:
        return True
    return len(different) == 1 and _is_near(*sorted(different[0], key=len))


def _is_near(short: str, long: str) -> bool:
    if len(long) < _LETTERS or len(long) - len(short) > 1:
        return False
    start = next((at for at, pair in enumerate(zip(short, long, strict=False)) if pair[0] != pair[1]), len(short))
    if len(short) < len(long):
        return long[start].isalpha() and short[start:] == long[start + 1 :]
    if not (short[start] + long[start]).isalpha():
        return False
    is_swapped = short[start : start + 2] == long[start : start + 2][::-1] and short[start + 2 :] == long[start + 2 :]
    # A different last letter marks a series.
    return is_swapped or (start < len(short) - 1 and short[start + 1 :] == long[start + 1 :])
