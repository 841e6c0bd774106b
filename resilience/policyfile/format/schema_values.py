"""The JSON Schema of single values, and of tables of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from resilience.core.admission.rate import MOST_CALLS, UNITS
from resilience.core.settings.state import STORE_SCHEMES
from resilience.policyfile.format.http_places import HOST, PLACE, TEMPLATE
from resilience.policyfile.format.numbers import MOST
from resilience.policyfile.format.rows import Key

Schema = dict[str, Any]

_NUMBER: Final = "[0-9]+(?:\\.[0-9]+)?"
_DURATION: Final = f"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?"
_NOTHING: Final = "^[0.hms]+$"
_PATTERN: Final = "^(?:[^{}]|\\{name\\})*\\{(?:n|hash)\\}(?:[^{}]|\\{(?:name|n|hash)\\})*$"
_FIELD: Final = "[^\\s\\[\\]{}\"']+"
TEXT: Final[Schema] = {"type": "string", "pattern": "\\S"}
_RATE: Final = f"^(?:[1-9][0-9]{{0,{len(str(MOST_CALLS)) - 2}}}|{MOST_CALLS})/[{''.join(UNITS)}]$"


def value(key: Key) -> Schema:
    """Return the schema of one value, with its row's meaning and default."""
    about: Schema = {"description": key.meaning}
    if key.default is not None:
        about["default"] = key.default
    return about | _KINDS[key.kind](key)


def _duration(key: Key) -> Schema:
    pattern = f"^(?:none|{_DURATION})$" if key.none else f"^{_DURATION}$"
    above = {} if key.above is None else {"not": {"pattern": _NOTHING}}
    return {"type": "string", "minLength": 1, "pattern": pattern, **above}


def _number(key: Key) -> Schema:
    return {"type": "number"} if key.least is None else {"type": "number", "minimum": key.least}


def _above(key: Key) -> Schema:
    return {"minimum": key.least or 0} if key.above is None else {"exclusiveMinimum": key.above}


def _store(_: Key) -> Schema:
    # What stands before the host, and is no variable.
    secret = {"pattern": "^[a-z]+://[^/@:]*:[^$/@][^/@]*@"}
    server = {"pattern": f"^(?:{'|'.join(STORE_SCHEMES)})://[/ ]*[^/ ]", "not": secret}
    return {"type": "string", "anyOf": [{"not": {"pattern": "^\\s*$|://"}}, server]}


_KINDS: Final[Mapping[str, Callable[[Key], Schema]]] = {
    "duration": _duration,
    "durations": lambda key: {"type": "array", "minItems": 1, "items": _duration(key)},
    "number": _number,
    "share": lambda key: _above(key) | {"type": "number", "maximum": 1},
    "count": lambda key: {"type": "integer", "minimum": key.least, "maximum": MOST},
    "flag": lambda _: {"type": "boolean"},
    "choice": lambda key: {"enum": list(key.choices)},
    "text": lambda _: {"type": "string"},
    "literal": lambda _: TEXT,
    "file": lambda _: {"type": "string", "minLength": 1, "not": {"pattern": "^\\s*$"}},
    "store": _store,
    "server": lambda key: {"type": "string", "pattern": f"^(?:{'|'.join(key.choices)})://|^[$]"},
    "pattern": lambda _: {"type": "string", "pattern": _PATTERN},
    "action": lambda _: {"type": "string"},
    "backoff": lambda _: {"type": "string"},
    "verb": lambda key: {"enum": list(key.choices)},
    "place": lambda _: {"type": "string", "pattern": f"^{PLACE}$"},
    "template": lambda _: {"type": "string", "pattern": f"^{TEMPLATE}$"},
    "hosts": lambda _: {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{HOST}$"}},
    "fields": lambda key: {
        "type": "array",
        "minItems": key.least,
        "uniqueItems": True,
        "items": {"type": "string", "pattern": f"^{_FIELD}$"},
    },
    "expression": lambda _: {"type": "string"},
    "words": lambda _: {
        "type": "array",
        "minItems": 1,
        "items": [{"type": "string", "pattern": "\\S"}],
        "additionalItems": {"type": "string"},
    },
    "variables": lambda _: {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    },
    "rate": lambda _: {"type": "string", "pattern": _RATE},
    "amount": lambda key: _above(key) | {"type": "number", "maximum": MOST},
    "window": lambda _: {
        "type": ["string", "integer"],
        "minimum": 1,
        "maximum": MOST,
        "pattern": f"^{_DURATION}$",
        # A number of calls fits any pattern.
        "not": {"type": "string", "pattern": f"{_NOTHING}|^$"},
    },
}


def rows_of(rows: Mapping[str, Key]) -> Schema:
    """Return the schema of a table with these keys and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: value(row) for name, row in rows.items()},
    }


def narrowed(rows: Mapping[str, Key], by: str) -> list[Schema]:
    """Return one condition for each word of the key ``by``: the keys that may stand beside that word."""
    return [
        if_word(by, {"const": word}, [name for name, row in rows.items() if not row.only or word in row.only])
        for word in rows[by].choices
    ]


def if_word(key: str, word: Schema, known: Iterable[str], more: Schema | None = None) -> Schema:
    """Return what holds where a key has a word: which keys are known, and more."""
    return {
        "if": {"type": "object", "required": [key], "properties": {key: word}},
        "then": {"propertyNames": {"enum": list(known)}, **(more or {})},
    }


def by_name(description: str, names: Schema, each: Schema) -> Schema:
    """Return the schema of a table of tables with names."""
    return {"description": description, "type": "object", "propertyNames": names, "additionalProperties": each}
