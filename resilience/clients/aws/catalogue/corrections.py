"""
Reads ``corrections.toml``: what is known of AWS IoT Core, and what botocore's models do not say.

- ``[catalogue]``: the scalars of the catalogue, and ``services``, the models that it is made of.
- ``[sources]``: id = "title, read date"; ``{version}`` stands for the version of botocore.
- ``[names.ID]``: ``shape`` of the model, and the other keys of a rule for names.
- ``[codes.CODE]``: meaning, class, effect and source of a code; ``common`` for one that most operations have. A code
  outside of the models has its ``status`` here.
- ``[[repeats]]``: what the second time does, for some ``operations``. An operation that is in no such list and only
  reads is safe; any other is taken for a duplicate.
- ``[[settles]]``: how long the service may not yet show a change, for some ``operations``.
- ``[operations.NAME]``: what else is known of an operation.

The entries of the last three have a ``reason``, which the catalogue repeats as a comment.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import define, field

FILE: Final = Path(__file__).with_name("corrections.toml")

_TABLES: Final = ("catalogue", "sources", "names", "codes", "repeats", "settles", "operations")
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "names": frozenset({"shape", "suffix", "meaning", "source"}),
    "codes": frozenset({"meaning", "class", "effect", "source", "status", "common", "reason"}),
    "repeats": frozenset({"repeat", "operations", "reason", "source"}),
    "settles": frozenset({"settle", "operations", "reason", "source"}),
    "operations": frozenset({"key", "rename", "name", "read_back", "answer", "shown_once", "reason"}),
}
_OPTIONAL: Final[Mapping[str, frozenset[str]]] = {
    "codes": frozenset({"status", "common", "reason"}),
    "operations": _KEYS["operations"],
}


@define
class Corrections:
    """The parts of the file; each is as it stands there."""

    catalogue: dict[str, Any]
    sources: dict[str, str]
    names: dict[str, dict[str, Any]]
    codes: dict[str, dict[str, Any]]
    repeats: list[dict[str, Any]]
    settles: list[dict[str, Any]]
    operations: dict[str, dict[str, Any]]
    _repeats: dict[str, dict[str, Any]] = field(init=False)
    _settles: dict[str, dict[str, Any]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._repeats = _by_operation("repeats", self.repeats)
        self._settles = _by_operation("settles", self.settles)

    def repeat(self, operation: str) -> dict[str, Any] | None:
        """Return the entry of ``[[repeats]]`` for an operation, or None."""
        return self._repeats.get(operation)

    def settle(self, operation: str) -> dict[str, Any] | None:
        """Return the entry of ``[[settles]]`` for an operation, or None."""
        return self._settles.get(operation)

    def check(self, operations: Iterable[str]) -> None:
        """
        Refuse corrections of operations that no model has.

        Raises:
            ValueError: There is such an operation.
        """
        strangers = {*self.operations, *self._repeats, *self._settles}.difference(operations)
        if strangers:
            raise ValueError(f"{FILE.name}: no model has the operations {', '.join(sorted(strangers))}")


def corrections() -> Corrections:
    """
    Read the file.

    Raises:
        ValueError: A table or a key is unknown or missing, or an operation is in two lists.
    """
    return parse_corrections(FILE.read_text(encoding="utf-8"))


def parse_corrections(text: str) -> Corrections:
    """
    Read the text of corrections.

    Raises:
        ValueError: A table or a key is unknown or missing, or an operation is in two lists.
    """
    document = tomllib.loads(text)
    _checked(FILE.name, document, frozenset(_TABLES), frozenset())
    for table, known in _KEYS.items():
        entries = document[table]
        named = entries.items() if isinstance(entries, dict) else enumerate(entries)
        for name, entry in named:
            _checked(f"{FILE.name}: {table}.{name}", entry, known, _OPTIONAL.get(table, frozenset()))
    return Corrections(**{table: document[table] for table in _TABLES})


def _checked(where: str, entry: Mapping[str, Any], known: frozenset[str], optional: frozenset[str]) -> None:
    for key in entry:
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}, expected one of {', '.join(sorted(known))}")
    for key in sorted(known - optional):
        if key not in entry:
            raise ValueError(f"{where}: missing key {key!r}")


def _by_operation(table: str, entries: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for name in entry["operations"]:
            if name in found:
                raise ValueError(f"{FILE.name}: {table}: {name} stands there twice")
            found[name] = entry
    return found
