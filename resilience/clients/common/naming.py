"""
What in a request names what it makes, as a ledger keeps it.

A field is named as on the wire. ``user.name`` is a field inside of another, and ``TagList.job`` the value of the tag
whose key is ``job``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

# How services spell the two halves of a tag.
_TAG_KEYS: Final = ("TagKey", "Key", "key")
_TAG_VALUES: Final = ("TagValue", "Value", "value")


def at(fields: Mapping[str, Any], name: str) -> Any:
    """Return what stands in some fields under a name, which may lead into others; None if nothing does."""
    return found(name, fields.get)


def found(name: str, get: Callable[[str], Any]) -> Any:
    """Return what stands under a name, where ``get`` knows what stands under names without a dot."""
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
    """Return the key and the value of a tag; None for what is no tag."""
    if not isinstance(value, Mapping):
        return None
    key = next((value[each] for each in _TAG_KEYS if isinstance(value.get(each), str)), None)
    return None if key is None else (key, next((value[each] for each in _TAG_VALUES if each in value), None))


def text_of(value: Any) -> str | None:
    """
    Return a value as the key of a ledger has it: a text as it stands, anything else as JSON.

    Returns:
        None for nothing, and for what cannot be told from others of its class.
    """
    known = plain(value)
    if known is None or isinstance(known, str):
        return known
    return json.dumps(known, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """Return a value as JSON could have it; None where it holds anything that says nothing about itself."""
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
            # Tags and other objects with names say the same in any order.
            named = bool(items) and all(isinstance(each, dict) for each in items)
            return sorted(items, key=lambda each: json.dumps(each, sort_keys=True)) if named else items
    for method in ("to_map", "_serialize"):
        written = getattr(value, method, None)
        if callable(written):
            return plain(written())
    return None
