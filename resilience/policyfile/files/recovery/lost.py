"""What of a text that is not TOML could not be read, so that what only follows from it is not told as well."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import tomli
from attrs import define, field

from resilience.policyfile.files.positions import Path

_WORD = re.compile(r"[^\W_]+")
_KEY = re.compile(
    r"[ \t]*((?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*')(?:[ \t]*\.[ \t]*(?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*'))*)[ \t]*[=:]"
)
_IN_A_NAME: Final = 5
"""Of so many words a name may consist, as ``CreateGroupId/OverFlow`` or ``my-own-slow-retry`` does."""


@define
class Lost:
    """
    Statements that could not be read.

    Attributes:
        tables: The tables in which something is lost; ``()`` is the top of a file, and ``None`` any table.
    """

    tables: set[Path | None] = field(factory=set)
    _words: set[str] = field(factory=set)
    _without_key: set[Path | None] = field(factory=set)

    def __bool__(self) -> bool:
        """Tell whether anything is lost."""
        return bool(self._words or self.tables)

    def add(self, text: str, header: str | None) -> None:
        """
        Add a statement.

        Args:
            text: It as it stands.
            header: The header that it stands under; empty at the top, and None where that is lost itself.
        """
        path: Path | None = None if header is None else _path(header)
        key = _KEY.match(text)
        if path is not None and key is not None:
            path = (*path, *_path(f"[{key[1]}]")[:-1])
        else:
            self._without_key.add(path)
        self.tables.add(path)
        self.add_names(text)

    def add_names(self, text: str) -> None:
        """Add the names in a statement that was read, though perhaps not as it was meant."""
        words = [word.lower() for word in _WORD.findall(text)]
        for length in range(1, _IN_A_NAME + 1):
            self._words.update("".join(words[at : at + length]) for at in range(len(words) - length + 1))

    def add_all(self, other: Lost) -> None:
        """Add what is lost of another file."""
        self.tables |= other.tables
        self._words |= other._words
        self._without_key |= other._without_key

    def may_say(self, names: Iterable[str]) -> bool:
        """Tell whether one of some names may stand in what is lost."""
        return any("".join(_WORD.findall(name)).lower() in self._words for name in names)

    def may_hold(self, path: Path) -> bool:
        """Tell whether the value of a path may be in what is lost."""
        return path[:-1] in self._without_key or self.may_say([str(path[-1])])

    def is_in(self, path: Path) -> bool:
        """Tell whether something of the table is lost that a path leads to or through."""
        return any(path[:length] in self.tables for length in range(1, len(path) + 1))


def _path(header: str) -> Path:
    """Return the path of a header; empty where it is none."""
    path: tuple[str, ...] = ()
    try:
        found: object = tomli.loads(header)
    except tomli.TOMLDecodeError:
        return ()
    while isinstance(found, dict) and len(found) == 1:
        ((name, found),) = found.items()
        path = (*path, name)
    return path
