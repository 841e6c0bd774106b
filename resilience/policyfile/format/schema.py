"""
The JSON Schema of a policy file, for editors, made from the tables of the format.

TOML editors read draft-07 without references to other files. A key that depends on another key gets one ``if`` and
``then`` for each word, and no ``oneOf``, because editors explain a failed ``oneOf`` badly. Python, JavaScript and Rust
read the patterns alike: none has look-around.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from resilience.core.fault import TRANSPORTS
from resilience.core.operations.apis import METHODS
from resilience.policyfile.format import tables
from resilience.policyfile.format.http_places import HOST, PLACE, TEMPLATE
from resilience.policyfile.format.tables import (
    ACTION,
    BACKOFF,
    CHAOS,
    CREDENTIALS,
    INJECTION,
    LEDGER,
    LIMITS,
    NAME,
    OF_RULE,
    OPERATION,
    RULE,
    SCHEMA,
    SOURCE,
    STOPPING,
    TABLES,
    TELEMETRY,
    TOP,
    Key,
)
from resilience.policyfile.format.values import MOST
from resilience.policyfile.messages import ids

_Schema = dict[str, Any]

BEYOND: Final[Mapping[str, str]] = {
    "RP040 .*unknown action": "whether an action of that name exists",
    "RP041": "whether a backoff of that name exists",
    "RP051": "whether an operation exists",
    'RP025 .*got "(?!(retry|refresh|rename|accept)")': "whether the named action of `unknown` ends a call",
    "RP052": "whether a chain of `then` returns to itself, or is too long",
    "RP022": "whether two rules, or two templates of requests, are equally narrow",
    "RP005": "whether a cap is below a wait",
    "RP032": "whether chaos meets a production environment",
    "RP039 .*looks like": "whether a text looks like a secret",
    "RP044 .*(limits.deadline is set neither|needs (do|delays|role|command|file)|variable .* is not set)": (
        "values from another file, the plain table or the environment"
    ),
    "RP049 .*(means nothing for|would not use the delays|have roles to assume)": (
        "whether a key fits a verb, kind or source that is set elsewhere"
    ),
    "RP043 .*of the attempts of": "whether rates of faults together are more than 1",
    "RP043 .*expected a finite number": "whether a float can hold a number",
    "RP042 .*expected a whole number, got -?[0-9.e+]+$": "1.0 from 1, which are one number in JSON",
    "RP042 .*expected a regular expression": "whether an expression for names can be read",
    "RP042 .*expected a field of key": "whether a rename changes a field of the key",
    "RP042 .*(is the operation itself|changes nothing, and|the path of)": "whether a read-back can be asked",
    "RP043 .*sounds like a secret": "whether a field that a ledger keeps is a secret",
    "RP049 .*(a rename changes; say which|tells one|can look for)": "which keys of an operation need each other",
    "RP046": "whether a file can be read",
    "RP047 .*(circle|extend one another)": "whether files extend each other in a circle",
    "RP043 .*expected at most 365 days": "whether a duration is longer than a year",
    "RP050 .*is a status and no code": "whether a status stands where the catalogue of the service knows the codes",
    "RP050 .*a fault without a code is": "whether a code of [chaos] is a misspelled word for a fault without one",
    "RP050 .*names another provider than its table": "whether a prefix is the provider of its table",
    "RP059": "whether two files define one thing differently",
}
"""
What the loader checks and a JSON Schema cannot express.

Each pattern matches the id and the message of such a problem, and of no problem that a schema could find.
"""

_NUMBER: Final = "[0-9]+(?:\\.[0-9]+)?"
_DURATION: Final = f"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?"
_NOTHING: Final = "^[0.hms]+$"
_PROVIDER: Final = "[a-z][a-z0-9_-]*"
_NAME: Final = "^[_-]*[A-Za-z0-9][A-Za-z0-9_-]*$"
_PATTERN: Final = "^(?:[^{}]|\\{name\\})*\\{(?:n|hash)\\}(?:[^{}]|\\{(?:name|n|hash)\\})*$"
_ABSOLUTE: Final = "^(?:[/\\\\~]|.:[/\\\\])"

_FIELD: Final = "[^\\s\\[\\]{}\"']+"

_TEXT: Final[_Schema] = {"type": "string", "pattern": "\\S"}

_BAD: Final = "\\s/%{}\\[\\]:?\"'\\\\"  # in a code or an operation, inside of [^...]
_OPERATION: Final = f"(?:[^{_BAD}]*[^*{_BAD}][^{_BAD}]*|\\*\\*+)"
_CODE: Final = f"[^.*{_BAD}]+(?:\\.[^.*{_BAD}]+)*"
_STATUS: Final = "http-[3-5][0-9][0-9]"
_ANY_STATUS: Final = "http-[3-5]xx"
_NO_FAILURE: Final = "http-[12](?:[0-9][0-9]|xx)"
_TRANSPORT: Final = f"(?:{'|'.join(TRANSPORTS)}|{_STATUS}|{_ANY_STATUS})"


def schema() -> _Schema:
    """Return the JSON Schema of a policy file."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "policy of mqtt-resilience",
        "$comment": f"`resilience check` also checks: {'; '.join(BEYOND.values())}.",
        "type": "object",
        "required": ["schema"],
        "additionalProperties": False,
        "properties": {
            "schema": {"description": TOP["schema"].meaning, "type": "integer", "const": SCHEMA},
            "name": _value(TOP["name"]),
            "extends": {
                "description": "the files below this one: relative paths, or builtin:NAME",
                "type": "array",
                "items": {"type": "string", "minLength": 1, "not": {"pattern": _ABSOLUTE}},
            },
            "unknown": _unknown(),
            **_tables(),
            "lint": _lint(),
            "env": {
                "description": "environments by name: the same tables, merged on top of the plain ones",
                "type": "object",
                "additionalProperties": {"$ref": "#/definitions/environment"},
            },
        },
        "definitions": {
            "environment": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"unknown": _unknown(), "production": _value(TOP["production"]), **_tables()},
            },
            **{name: make() for name, make in _TABLES.items()},
            "answer": _answer(),
            "answers": _answers(),
            "operation": _operation(),
        },
    }


def text() -> str:
    """Return the JSON Schema as the text of ``policies/policy.schema.json``."""
    return json.dumps(schema(), indent=2) + "\n"


def _tables() -> _Schema:
    return {name: {"$ref": f"#/definitions/{name}"} for name in TABLES}


def _value(key: Key) -> _Schema:
    """Return the schema of one value, with its row's meaning and default."""
    about: _Schema = {"description": key.meaning}
    if key.default is not None:
        about["default"] = key.default
    return about | _KINDS[key.kind](key)


def _duration(key: Key) -> _Schema:
    pattern = f"^(?:none|{_DURATION})$" if key.none else f"^{_DURATION}$"
    above = {} if key.above is None else {"not": {"pattern": _NOTHING}}
    return {"type": "string", "minLength": 1, "pattern": pattern, **above}


def _number(key: Key) -> _Schema:
    return {"type": "number"} if key.least is None else {"type": "number", "minimum": key.least}


_KINDS: Final[Mapping[str, Callable[[Key], _Schema]]] = {
    "duration": _duration,
    "durations": lambda key: {"type": "array", "minItems": 1, "items": _duration(key)},
    "number": _number,
    "share": lambda _: {"type": "number", "minimum": 0, "maximum": 1},
    "count": lambda key: {"type": "integer", "minimum": key.least, "maximum": MOST},
    "flag": lambda _: {"type": "boolean"},
    "choice": lambda key: {"enum": list(key.choices)},
    "text": lambda _: {"type": "string"},
    "literal": lambda _: _TEXT,
    "file": lambda _: {"type": "string", "minLength": 1, "not": {"pattern": "^\\s*$"}},
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
}


def _unknown() -> _Schema:
    others = [verb for verb in ACTION["do"].choices if verb not in STOPPING]
    return _value(TOP["unknown"]) | {"not": {"enum": others}}


def _rows(rows: Mapping[str, Key]) -> _Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _value(row) for name, row in rows.items()},
    }


def _narrowed(rows: Mapping[str, Key], by: str) -> list[_Schema]:
    """Return one condition for each word of the key ``by``: the keys that may stand beside that word."""
    return [
        _if_word(by, {"const": word}, [name for name, row in rows.items() if not row.only or word in row.only])
        for word in rows[by].choices
    ]


def _if_word(key: str, word: _Schema, known: Iterable[str], more: _Schema | None = None) -> _Schema:
    return {
        "if": {"type": "object", "required": [key], "properties": {key: word}},
        "then": {"propertyNames": {"enum": list(known)}, **(more or {})},
    }


def _by_name(description: str, names: _Schema, each: _Schema) -> _Schema:
    return {"description": description, "type": "object", "propertyNames": names, "additionalProperties": each}


def _limits() -> _Schema:
    return {"description": "the limits of one call", **_rows(LIMITS)}


def _backoff() -> _Schema:
    each = _rows(BACKOFF)
    each["allOf"] = _narrowed(BACKOFF, "kind")
    known = [name for name, row in BACKOFF.items() if not row.only or "list" in row.only]
    fit = [jitter for jitter in BACKOFF["jitter"].choices if jitter != "decorrelated"]
    each["allOf"].append(_if_word("kind", {"const": "list"}, known, {"properties": {"jitter": {"enum": fit}}}))
    return _by_name("ways to wait, by name; `default` exists", {"pattern": _NAME}, each)


def _actions() -> _Schema:
    names = {"pattern": _NAME, "not": {"enum": list(ACTION["do"].choices)}}
    return _by_name("actions by name, for rules and `then`", names, _rows(ACTION) | {"allOf": _narrowed(ACTION, "do")})


def _answer() -> _Schema:
    """Return the schema of one answer: the name of an action, or an inline action."""
    inline = _rows(RULE)
    inline["properties"]["do"] = {"description": "what the action does, or the name of an action", "type": "string"}
    others = _if_word("do", {"not": {"enum": list(ACTION["do"].choices)}}, ("do", *OF_RULE))
    return inline | {
        "description": "the name of an action, or an inline action",
        "type": ["string", "object"],
        "required": ["do"],
        "allOf": [*_narrowed(RULE, "do"), others],
    }


def _answers() -> _Schema:
    """Return the schema of a rule's value: an answer, or an array of answers."""
    answer = {"$ref": "#/definitions/answer"}
    return {
        "description": "one answer, or an array of them: the first whose message fits",
        "if": {"type": "array"},
        "then": {"minItems": 1, "items": answer},
        "else": answer,
    }


def _code_names(codes: str) -> str:
    """Return the pattern for the left sides of rules in a provider's table."""
    return f"^(?:(?:{_PROVIDER}:)?{_OPERATION}/)?{codes}$"


def _rules() -> _Schema:
    answer = {"$ref": "#/definitions/answers"}
    service = {"pattern": _code_names(_CODE), "not": {"pattern": f"(?:^|/)(?:{_TRANSPORT}|{_NO_FAILURE})$"}}
    own = _by_name("faults without a code, of this provider", {"pattern": _code_names(_TRANSPORT)}, answer)
    word = f"(?:{_OPERATION}/)?{_TRANSPORT}"
    transport = {
        "description": "faults without a code from the service",
        "type": "object",
        "propertyNames": {"pattern": f"^(?:{word}|{_PROVIDER})$", "not": {"pattern": f"^{_NO_FAILURE}$"}},
        "patternProperties": {f"^{word}$": answer},
        "additionalProperties": own,
    }
    each = _by_name("codes of this provider", service, answer)
    by_provider = _by_name("the action for each fault, by provider", {"pattern": f"^{_PROVIDER}$"}, each)
    return by_provider | {"properties": {"transport": transport}}


def _operations() -> _Schema:
    names = {"pattern": f"^[^*{_BAD}]+$"}
    each = _by_name("operations of this provider", names, {"$ref": "#/definitions/operation"})
    return _by_name("facts about operations, by provider and name", {"pattern": f"^{_PROVIDER}$"}, each)


def _operation() -> _Schema:
    """Return the schema of an operation: the word for a repeat, or a table."""
    words = list(OPERATION["repeat"].choices)
    table = _rows(OPERATION)
    table["properties"]["name"] = {"description": "the rule for the name that a rename changes", **_rows(NAME)}
    return table | {
        "description": "what the operation does the second time, or a table with this and more",
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": {"enum": words},
    }


def _sources() -> _Schema:
    names = {"pattern": f"^[^*{_BAD}]+$", "not": {"enum": list(METHODS)}}
    each = _rows(SOURCE)
    each["properties"]["operations"] = _by_name(
        "the requests of each operation; a request without one is named by its method", names, _value(tables.TEMPLATE)
    )
    providers = {"pattern": f"^{_PROVIDER}$", "not": {"const": "transport"}}
    return _by_name("REST APIs without an SDK, by provider", providers, each)


def _credentials() -> _Schema:
    each = _rows(CREDENTIALS) | {"allOf": _narrowed(CREDENTIALS, "source")}
    return _by_name("the renewal of credentials, by provider", {"pattern": f"^{_PROVIDER}$"}, each)


def _ledger() -> _Schema:
    return {"description": "the record of operations, for the next run after a crash", **_rows(LEDGER)}


def _telemetry() -> _Schema:
    return {"description": "the journal of calls", **_rows(TELEMETRY)}


def _chaos() -> _Schema:
    injection = _rows(INJECTION) | {"required": ["rate"]}
    unsent = injection | {"properties": {**injection["properties"], "applied": {"const": False}}}
    names = {"pattern": _code_names(_CODE), "not": {"pattern": f"(?:^|/)(?:{_ANY_STATUS}|{_NO_FAILURE})$"}}
    each = _by_name("faults by operation and code", names, injection) | {
        "patternProperties": {"(?:^|/)unsent$": unsent},
    }
    providers = {"pattern": f"^{_PROVIDER}$", "not": {"const": "transport"}}
    chaos = _by_name("seeded faults for rehearsals, by provider; refused in production", providers, each)
    return chaos | {"properties": {name: _value(row) for name, row in CHAOS.items()}}


def _lint() -> _Schema:
    errors = [rule for rule in ids.TITLES if rule != ids.NEW_SYNTAX]
    names = {"pattern": "^RP[0-9]{3}$", "not": {"enum": errors}}
    ignore = _by_name("ids of findings, each with the reason to accept it", names, _TEXT)
    return {
        "description": "findings of `resilience check` that this file accepts",
        "type": "object",
        "additionalProperties": False,
        "properties": {"ignore": ignore},
    }


_TABLES: Final[Mapping[str, Callable[[], _Schema]]] = {
    "limits": _limits,
    "backoff": _backoff,
    "actions": _actions,
    "rules": _rules,
    "operations": _operations,
    "sources": _sources,
    "credentials": _credentials,
    "ledger": _ledger,
    "telemetry": _telemetry,
    "chaos": _chaos,
}
