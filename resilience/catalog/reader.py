"""
Reads and checks a catalogue.

A file has the keys ``schema``, ``provider``, ``service``, ``product`` and ``version``, perhaps ``vendor``, ``cloud``
and ``early_code``, and the tables below, of which ``[limits]`` and ``[reads]`` may be absent. The keys of an entry are
the attributes of its class in :mod:`resilience.catalog.facts`:

- ``[sources]``: id = "title, read date".
- ``[names.ID]``: a :class:`~resilience.catalog.facts.NameRule`.
- ``[codes."CODE"]``: a :class:`~resilience.catalog.facts.CodeFacts`; its ``class_`` is spelled ``class``.
- ``[limits.SCOPE]``: a :class:`~resilience.catalog.facts.ServiceLimit` of a host or an account.
- ``[operations.NAME]``: an :class:`~resilience.catalog.facts.OperationFacts`. Its ``codes`` may be left out where the
  codes name their ``operations``.
- ``[reads]``: id of a source = names of operations that only read, so that they are ``safe``, and have no other facts.

A catalogue is part of the program. So a mistake in it is a programming error: the first use raises a ``ValueError``
with file and entry of the first mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_args

import tomli
from attrs import NOTHING, fields

from resilience.catalog import plugins
from resilience.catalog.facts import (
    CLASSES,
    Catalogue,
    CodeFacts,
    LimitScope,
    NameRule,
    OperationFacts,
    ServiceLimit,
)
from resilience.core.admission.rate import parsed
from resilience.core.fault import Effect, Repeat
from resilience.core.grammar.durations import seconds

SCHEMA: Final = 1

# A path, because importing importlib.resources takes longer than reading both catalogues.
_FOLDER: Final = Path(__file__).parent

_SCALARS: Final = ("provider", "service", "product", "version")
_OPTIONAL: Final = ("vendor", "cloud", "early_code")
_TABLES: Final = ("sources", "names", "codes", "operations")
# The keys whose text has a form of its own: what reads it, and the form in words.
_RATE: Final = (parsed, 'a rate such as "10/s"')
_READ: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "rate": _RATE,
    "limit": _RATE,
    "settle": (seconds, 'a duration such as "30s"'),
}
# The words of each key with a closed vocabulary.
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "class": CLASSES,
    "effect": get_args(Effect),
    "repeat": get_args(Repeat),
}
_NUMBERS: Final = frozenset({"status", "number", "min_length", "max_length", "keep_prefix"})
_LISTS: Final = frozenset({"operations", "codes", "key", "answer", "distinct", "shown_once"})
_FLAGS: Final = frozenset({"family"})

# The keys that name an entry of another table, or several.
_REFERENCES: Final = (
    *((table, "source", "sources") for table in ("names", "codes", "operations", "limits")),
    ("codes", "operations", "operations"),
    ("operations", "codes", "codes"),
    ("operations", "read_back", "operations"),
    ("operations", "name", "names"),
    ("operations", "limit_source", "sources"),
    ("operations", "settle_source", "sources"),
)

_Entry = TypeVar("_Entry", CodeFacts, OperationFacts, NameRule, ServiceLimit)


@cache
def providers() -> tuple[str, ...]:
    """Return the providers with a catalogue, in alphabetical order."""
    return tuple(sorted(_files()))


@cache
def catalogue(provider: str) -> Catalogue:
    """
    Return the catalogue of a provider, from a cache.

    Raises:
        ValueError: There is no such catalogue, or its file has a mistake.
    """
    if provider not in providers():
        raise ValueError(f"catalogue: expected one of {_quoted(providers())}, got {provider!r}")
    file = _files()[provider]
    return parse(file.read_text(encoding="utf-8"), file.name)


@cache
def _files() -> Mapping[str, Path]:
    """Return the catalogues by provider; one of this package beats that of another package."""
    return {**plugins.files("catalog"), **{file.stem: file for file in _FOLDER.glob("*.toml")}}


def code_facts(provider: str | None, code: str | None) -> CodeFacts | None:
    """Return the facts about a provider's code, or about the nearest code above it; None if there are none."""
    return catalogue(provider).code(code) if provider in providers() and code is not None else None


def operation_facts(provider: str | None, name: str) -> OperationFacts | None:
    """Return the facts about a provider's operation; None if there are none."""
    return catalogue(provider).operation(name) if provider in providers() else None


def providers_of(operation: str) -> tuple[str, ...]:
    """Return the providers with an operation in their catalogue, in alphabetical order."""
    return tuple(name for name in providers() if catalogue(name).operation(operation) is not None)


def parse(text: str, file: str) -> Catalogue:
    """
    Read the text of a catalogue.

    Args:
        text: The TOML.
        file: The name of the file, for messages.

    Raises:
        ValueError: The file has an unknown key, lacks a key, or has a word outside of its vocabulary, a value of the
            wrong type, or a name without an entry.
    """
    document: dict[str, Any] = tomli.loads(text)
    required = ("schema", *_SCALARS, *_TABLES)
    _keys(file, document, known=(*required, *_OPTIONAL, "limits", "reads"), required=required)
    if document["schema"] != SCHEMA:
        raise ValueError(f"{file}: schema: expected {SCHEMA}, got {document['schema']!r}")
    sources = document["sources"]
    document["operations"] = _operations(file, document)
    read = Catalogue(
        **{key: _text(f"{file}: {key}", document[key]) for key in (*_SCALARS, *_OPTIONAL) if key in document},
        sources=MappingProxyType({key: _text(f"{file}: sources.{key}", title) for key, title in sources.items()}),
        names=_entries(file, document, "names", NameRule),
        codes=_entries(file, document, "codes", CodeFacts, own="code"),
        operations=_entries(file, document, "operations", OperationFacts, own="operation"),
        limits=_entries(file, {"limits": {}, **document}, "limits", ServiceLimit),
    )
    _references(file, document)
    _pairs(file, document)
    return read


def cloud_of(provider: str | None) -> str | None:
    """Return OpenTelemetry's name of a provider's cloud, or None."""
    return (catalogue(provider).cloud or None) if provider in providers() else None


def provider_of_cloud(cloud: str | None) -> str | None:
    """Return the provider for OpenTelemetry's name of a cloud, or None."""
    return next((each for each in providers() if cloud and catalogue(each).cloud == cloud), None)


def _entries(
    file: str, document: Mapping[str, Any], table: str, kind: type[_Entry], own: str | None = None
) -> Mapping[str, _Entry]:
    """Build the entries of a table; ``own`` is the attribute for the entry's name."""
    attributes = [attribute for attribute in fields(kind) if attribute.name != own]
    # ``class`` is a keyword of Python, so the attribute is ``class_``.
    known = {attribute.name.rstrip("_"): attribute.name for attribute in attributes}
    required = [attribute.name.rstrip("_") for attribute in attributes if attribute.default is NOTHING]
    built: dict[str, _Entry] = {}
    for name, entry in document[table].items():
        where = f"{file}: {table}.{name}"
        _keys(where, entry, known=known, required=required)
        values: dict[str, Any] = {known[key]: _value(where, key, value) for key, value in entry.items()}
        if own is not None:
            values[own] = name
        built[name] = kind(**values)
    return MappingProxyType(built)


def _operations(file: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the entries of all operations; one without a list of codes has those that name it."""
    entries: dict[str, Any] = dict(document["operations"])
    for source, value in document.get("reads", {}).items():
        for name in _texts(f"{file}: reads.{source}", value):
            if name in entries:
                raise ValueError(f"{file}: reads.{source}: {name!r} has an entry already")
            entries[name] = {"repeat": "safe", "source": source}
    naming: dict[str, list[str]] = {}
    for code, facts in document["codes"].items():
        for operation in facts.get("operations", ()) if isinstance(facts, dict) else ():
            naming.setdefault(operation, []).append(code)
    for name, codes in naming.items():
        if isinstance(entries.get(name), dict) and "codes" not in entries[name]:
            entries[name] = {**entries[name], "codes": codes}
    return entries


def _value(where: str, key: str, value: object) -> object:
    """Return the value for an attribute."""
    if key in _WORDS:
        if value not in _WORDS[key]:
            raise ValueError(f"{where}.{key}: expected one of {_quoted(_WORDS[key])}, got {value!r}")
        return value
    if key in _LISTS:
        return _texts(f"{where}.{key}", value)
    if key in _NUMBERS:
        if type(value) is not int:
            raise ValueError(f"{where}.{key}: expected a whole number, got {value!r}")
        return value
    if key in _READ:
        read, form = _READ[key]
        found = read(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"{where}.{key}: expected {form}, got {value!r}")
        return found
    if key in _FLAGS:
        if type(value) is not bool:
            raise ValueError(f"{where}.{key}: expected true or false, got {value!r}")
        return value
    return _text(f"{where}.{key}", value)


def _texts(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not set(map(type, value)) <= {str}:
        raise ValueError(f"{where}: expected a list of strings, got {value!r}")
    return tuple(value)


def _text(where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: expected a string that is not empty, got {value!r}")
    return value


def _keys(where: str, table: object, *, known: Iterable[str], required: Iterable[str]) -> None:
    """Refuse a table with an unknown key, or without a required one."""
    if not isinstance(table, dict):
        raise ValueError(f"{where}: expected a table, got {table!r}")  # noqa: TRY004  # one kind of error for a wrong file
    for key in table:
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}, expected one of {_quoted(known)}")
    for key in required:
        if key not in table:
            raise ValueError(f"{where}: missing key {key!r}")


def _references(file: str, document: Mapping[str, Any]) -> None:
    """Refuse a name without an entry."""
    for table, key, target in _REFERENCES:
        known = frozenset(document[target])
        for name, entry in document.get(table, {}).items():
            value = entry.get(key)
            if value is None:
                continue
            named = (value,) if isinstance(value, str) else value
            if not known.issuperset(named):
                stranger = next(each for each in named if each not in known)
                raise ValueError(f"{file}: {table}.{name}.{key}: {stranger!r} is not in this file")


def _pairs(file: str, document: Mapping[str, Any]) -> None:
    """Refuse a limit of an unknown scope, and a key of an operation that means nothing without another one."""
    for scope in document.get("limits", ()):
        if scope not in get_args(LimitScope):
            raise ValueError(f"{file}: limits.{scope}: expected one of {_quoted(get_args(LimitScope))}")
    for name, entry in document["operations"].items():
        where = f"{file}: operations.{name}"
        if ("rename" in entry) is not ("name" in entry):
            raise ValueError(f"{where}: rename and name: expected both or neither")
        if "rename" in entry and entry["rename"] not in entry.get("key", ()):
            raise ValueError(f"{where}.rename: expected a field of key, got {entry['rename']!r}")
        for key in ("limit", "settle"):
            if f"{key}_source" in entry and key not in entry:
                raise ValueError(f"{where}.{key}_source: expected {key} beside it")


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
