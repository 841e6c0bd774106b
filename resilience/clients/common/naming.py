"""
Read from a request the names of the resource that it makes, as a ledger stores them.

A field has its wire name. ``user.name`` is a field inside another, and ``TagList.job`` is the value of the tag with
the key ``job``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

# The spellings of the key and the value of a tag.
_TAG_KEYS: Final = ("TagKey", "Key", "key")
_TAG_VALUES: Final = ("TagValue", "Value", "value")


def at(fields: Mapping[str, Any], name: str) -> Any:
    """Return the value of a name in some fields; None if it is missing. The name may have dots."""
    return found(name, fields.get)


def found(name: str, get: Callable[[str], Any]) -> Any:
    """Return the value of a name that may have dots; ``get`` returns the value of a name without dots."""
    value = get(name)
    outer, dot, inner = name.partition(".")
    if value is not None or not dot:
        return value
    return _within(plain(get(outer)), inner)


def _within(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return at(value, name)
    if isinstance(value, list):
        return next((pair[1] for each in value if (pair := tag(each)) is not None and pair[0] == name), None)
    return None


def tag(value: Any) -> tuple[str, Any] | None:
    """Return the key and the value of a tag; None if the value is no tag."""
    if not isinstance(value, Mapping):
        return None
    key = next((value[each] for each in _TAG_KEYS if isinstance(value.get(each), str)), None)
    return None if key is None else (key, next((value[each] for each in _TAG_VALUES if each in value), None))


def text_of(value: Any) -> str | None:
    """
    Return a value as text for a ledger's key: a text unchanged, any other value as JSON.

    Returns:
        None for None, and for an object whose content is unknown.
    """
    known = plain(value)
    if known is None or isinstance(known, str):
        return known
    return json.dumps(known, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """Return a value as plain data for JSON; None for an object whose content is unknown."""
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case UUID() | Decimal() | date():
            return str(value)
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            items = [plain(each) for each in value]
            # The order of tags, and of other objects with names, has no meaning.
            named = bool(items) and all(isinstance(each, dict) for each in items)
            return sorted(items, key=lambda each: json.dumps(each, sort_keys=True)) if named else items
    for method in ("to_map", "_serialize"):
        written = getattr(value, method, None)
        if callable(written):
            return plain(written())
    return None
