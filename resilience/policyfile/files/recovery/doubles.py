"""Finds keys and tables that a text defines twice, and the edits that make the text TOML."""

from __future__ import annotations

import re
from bisect import bisect_right
from contextlib import suppress
from typing import Any, Final

from attrs import define, field

from resilience.policyfile.files.positions import MAX_DEPTH, KeyPath, Scanner
from resilience.policyfile.files.recovery.edits import Edit, SyntaxMistake
from resilience.policyfile.messages.wording import dotted

_MARK: Final = "\x00"
MARKED: Final = '"\\u0000{}"'
"""The name of a second definition, with a number."""

_LOST_MARK: Final = "\x00\x00"
LOST: Final = '"\\u0000\\u0000{}"'
"""The name of a table with an unreadable header, with a number."""


def doubles(text: str) -> tuple[list[Edit], list[SyntaxMistake]]:
    """Find second definitions of keys and tables, in a text whose single statements are TOML."""
    scanner = _Doubles(text=text, depth=MAX_DEPTH)
    # The rest of the text may be no TOML at all.
    with suppress(ValueError, IndexError):
        scanner.document()
    return scanner.edits, scanner.mistakes


@define
class _Doubles(Scanner):
    """
    Walks over a text, and notes how each path was defined.

    Attributes:
        edits: The edits that make the text TOML: each second definition gets a marked name.
        mistakes: The mistakes.
    """

    edits: list[Edit] = field(factory=list)
    mistakes: list[SyntaxMistake] = field(factory=list)
    _kinds: dict[KeyPath, str] = field(factory=dict)
    _parts: list[tuple[str, int, int]] = field(factory=list)
    _line_ends: list[int] = field(factory=list)

    def parts(self) -> list[tuple[str, int, int]]:
        self._parts = Scanner.parts(self)
        return self._parts

    def header(self) -> KeyPath:
        start = self.position
        path = Scanner.header(self)
        names = tuple(name for name in path if isinstance(name, str))
        is_array = self.text.startswith("[[", start)
        for length in range(1, len(names)):
            if self._kinds.setdefault(names[:length], "implicit") == "value":
                self._second_table(names[:length], start)
                return path
        kind = self._kinds.get(names)
        if is_array and kind in {None, "array"}:
            self._kinds[names] = "array"
        elif not is_array and (kind in {None, "implicit"} or len(names) != len(path)):
            self._kinds[names] = "header"
        else:
            self._second_table(names, start)
        return path

    def key(self, table: KeyPath) -> tuple[KeyPath, tuple[int, int]]:
        path, key = Scanner.key(self, table)
        for length in range(len(table) + 1, len(path)):
            if self._kinds.setdefault(path[:length], "dotted") in {"value", "header"}:
                self._second_key(path[:length], key, cure="put both together")
                return path, key
        if path in self._kinds:
            self._second_key(path, key)
        else:
            self._kinds[path] = "value"
        return path, key

    def _second_key(self, path: KeyPath, key: tuple[int, int], *, cure: str = "keep one of them") -> None:
        message = f"{dotted(path)} is defined twice; {cure}{self._first(path)}"
        start = self._parts[0][1]
        self.edits.append(Edit(start, key[1], MARKED.format(len(self.edits))))
        self.mistakes.append(SyntaxMistake(*key, message))

    def _second_table(self, path: KeyPath, start: int) -> None:
        name, marked = dotted(path), MARKED.format(len(self.edits))
        _, last, end = self._parts[-1]
        is_array, is_value = self.text.startswith("[[", start), self._kinds[path] == "value"
        if is_value:
            message = f"{name} has a value already, so it cannot be a table as well"
        elif is_array:
            message = f"{name} is a table already; write [{name}], with one pair of brackets"
        else:
            message = f"{name} is defined twice; put both together"
        at = start + (2 if is_array else 1)
        edit = (at, end, marked) if is_array or is_value else (at, at, marked + ".")
        self.edits.append(Edit(*edit))
        self.mistakes.append(SyntaxMistake(last, end, message + self._first(path)))

    def _first(self, path: KeyPath) -> str:
        span = self.spans.get(path)
        if span is None:
            return ""
        if not self._line_ends:
            self._line_ends += [match.start() for match in re.finditer("\n", self.text)]
        return f"; the first one is in line {bisect_right(self._line_ends, span.key) + 1}"


def tidy(data: dict[str, Any]) -> None:
    """Merge tables that were defined twice, and drop second values and lost tables."""
    for key in [key for key in data if key.startswith(_LOST_MARK)]:
        del data[key]
    for key in [key for key in data if key.startswith(_MARK)]:
        again = data.pop(key)
        if isinstance(again, dict):
            _merge(data, again)
    left: list[Any] = [data]
    while left:
        holder = left.pop()
        if isinstance(holder, dict):
            for key in [key for key in holder if key.startswith(_MARK)]:
                del holder[key]
            left += holder.values()
        elif isinstance(holder, list):
            left += holder


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        known = into.setdefault(key, value)
        if known is not value and isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
