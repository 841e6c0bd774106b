"""The unreadable statements of a text, so that problems which may follow from them are not reported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import tomli
from attrs import define, field

from resilience.policyfile.files.positions import KeyPath

_WORD = re.compile(r"[^\W_]+")
_KEY = re.compile(
    r"[ \t]*((?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*')(?:[ \t]*\.[ \t]*(?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*'))*)[ \t]*[=:]"
)
_IN_A_NAME: Final = 5
"""The most words in a name, such as ``CreateGroupId/OverFlow`` or ``my-own-slow-retry``."""


@define
class Lost:
    """
    Unreadable statements.

    Attributes:
        tables: The tables with a lost statement; ``()`` is the top of a file, and ``None`` any table.
    """

    tables: set[KeyPath | None] = field(factory=set)
    _words: set[str] = field(factory=set)
    _without_key: set[KeyPath | None] = field(factory=set)

    def __bool__(self) -> bool:
        """Tell whether anything is lost."""
        return bool(self._words or self.tables)

    def add(self, text: str, header: str | None) -> None:
        """
        Add a statement.

        Args:
            text: The statement.
            header: The header above it; empty at the top of the file, and None for a lost header.
        """
        path: KeyPath | None = None if header is None else _path(header)
        key = _KEY.match(text)
        if path is not None and key is not None:
            path = (*path, *_path(f"[{key[1]}]")[:-1])
        else:
            self._without_key.add(path)
        self.tables.add(path)
        self.add_names(text)

    def add_names(self, text: str) -> None:
        """Add the names of a statement whose repair may be a wrong guess."""
        words = [word.lower() for word in _WORD.findall(text)]
        for length in range(1, _IN_A_NAME + 1):
            self._words.update("".join(words[at : at + length]) for at in range(len(words) - length + 1))

    def add_all(self, other: Lost) -> None:
        """Add the lost statements of another file."""
        self.tables |= other.tables
        self._words |= other._words
        self._without_key |= other._without_key

    def may_say(self, names: Iterable[str]) -> bool:
        """Tell whether a lost statement may contain one of some names."""
        return any("".join(_WORD.findall(name)).lower() in self._words for name in names)

    def may_hold(self, path: KeyPath) -> bool:
        """Tell whether a lost statement may have set a path."""
        return path[:-1] in self._without_key or self.may_say([str(path[-1])])

    def is_in(self, path: KeyPath) -> bool:
        """Tell whether a table on a path has a lost statement."""
        return any(path[:length] in self.tables for length in range(1, len(path) + 1))


def _path(header: str) -> KeyPath:
    """Return the path of a header; an empty one for any other text."""
    path: tuple[str, ...] = ()
    try:
        found: object = tomli.loads(header)
    except tomli.TOMLDecodeError:
        return ()
    while isinstance(found, dict) and len(found) == 1:
        ((name, found),) = found.items()
        path = (*path, name)
    return path
