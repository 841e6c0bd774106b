"""
The JSON Schema of a policy file, for editors, made from the tables of the format.

TOML editors read draft-07 without references to other files. A key that depends on another key gets one ``if`` and
``then`` for each word, and no ``oneOf``, because editors explain a failed ``oneOf`` badly. Python, JavaScript and Rust
read the patterns alike: none has look-around.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from resilience.core.fault import TRANSPORTS
from resilience.core.operations.apis import METHODS
from resilience.policyfile.format import tables
from resilience.policyfile.format.schema_values import TEXT, Schema, by_name, if_word, narrowed, rows_of, value
from resilience.policyfile.format.shared_limits import BREAKER, BUDGET, OPERATION_RATE, RATE
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
    STATE,
    STOPPING,
    TABLES,
    TELEMETRY,
    TOP,
)
from resilience.policyfile.messages import ids

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
    "RP044 .*(is set neither here nor|needs (do|delays|role|command|file)|variable .* is not set)": (
        "values from another file, the plain table or the environment"
    ),
    "RP049 .*(means nothing for|would not use the delays|have roles to assume)": (
        "whether a key fits a verb, kind or source that is set elsewhere"
    ),
    "RP043 .*of the attempts of": "whether rates of faults together are more than 1",
    "RP043 .*expected a finite number": "whether a float can hold a number",
    "RP042 .*a whole number( of calls such as 100)?, got -?[0-9.e+]+$": "1.0 from 1, which are one number in JSON",
    "RP042 .*expected a regular expression": "whether an expression for names can be read",
    "RP042 .*expected a field of key": "whether a rename changes a field of the key",
    "RP042 .*(is the operation itself|changes nothing, and|the path of)": "whether a read-back can be asked",
    "RP043 .*when its variables have": "whether the values of variables are a url",
    "RP043 .*expected at least 1s": "whether a lease is shorter than a second",
    "RP043 .*sounds like a secret": "whether a field that a ledger keeps is a secret",
    "RP049 .*(a rename changes; say which|tells one|can look for)": "which keys of an operation need each other",
    "RP046": "whether a file can be read",
    "RP047 .*(circle|extend one another)": "whether files extend each other in a circle",
    "RP043 .*expected at most 365 days": "whether a duration is longer than a year",
    "RP050 .*is a status and no code": "whether a status stands where the catalogue of the service knows the codes",
    "RP050 .*a fault without a code is": "whether a code of [chaos] is a misspelled word for a fault without one",
    "RP050 .*names another provider than its table": "whether a prefix is the provider of its table",
    "RP011": "whether a window of calls is as long as the breaker waits",
    "RP029": "whether a budget ever allows a retry",
    "RP043 .*cannot be divided": "whether attempts can be divided by processes",
    "RP059": "whether two files define one thing differently",
}
"""
What the loader checks and a JSON Schema cannot express.

Each pattern matches the id and the message of such a problem, and of no problem that a schema could find.
"""

_PROVIDER: Final = "[a-z][a-z0-9_-]*"
_NAME: Final = "^[_-]*[A-Za-z0-9][A-Za-z0-9_-]*$"
_ABSOLUTE: Final = "^(?:[/\\\\~]|.:[/\\\\])"


_BAD: Final = "\\s/%{}\\[\\]:?\"'\\\\"  # in a code or an operation, inside of [^...]
_OPERATION: Final = f"(?:[^{_BAD}]*[^*{_BAD}][^{_BAD}]*|\\*\\*+)"
_CODE: Final = f"[^.*{_BAD}]+(?:\\.[^.*{_BAD}]+)*"
_STATUS: Final = "http-[3-5][0-9][0-9]"
_ANY_STATUS: Final = "http-[3-5]xx"
_NO_FAILURE: Final = "http-[12](?:[0-9][0-9]|xx)"
_TRANSPORT: Final = f"(?:{'|'.join(TRANSPORTS)}|{_STATUS}|{_ANY_STATUS})"


def schema() -> Schema:
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
            "name": value(TOP["name"]),
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
                "properties": {"unknown": _unknown(), "production": value(TOP["production"]), **_tables()},
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


def _tables() -> Schema:
    return {name: {"$ref": f"#/definitions/{name}"} for name in TABLES}


def _unknown() -> Schema:
    others = [verb for verb in ACTION["do"].choices if verb not in STOPPING]
    return value(TOP["unknown"]) | {"not": {"enum": others}}


def _limits() -> Schema:
    return {"description": "the limits of one call", **rows_of(LIMITS)}


def _backoff() -> Schema:
    each = rows_of(BACKOFF)
    each["allOf"] = narrowed(BACKOFF, "kind")
    known = [name for name, row in BACKOFF.items() if not row.only or "list" in row.only]
    fit = [jitter for jitter in BACKOFF["jitter"].choices if jitter != "decorrelated"]
    each["allOf"].append(if_word("kind", {"const": "list"}, known, {"properties": {"jitter": {"enum": fit}}}))
    return by_name("ways to wait, by name; `default` exists", {"pattern": _NAME}, each)


def _actions() -> Schema:
    names = {"pattern": _NAME, "not": {"enum": list(ACTION["do"].choices)}}
    return by_name("actions by name, for rules and `then`", names, rows_of(ACTION) | {"allOf": narrowed(ACTION, "do")})


def _answer() -> Schema:
    """Return the schema of one answer: the name of an action, or an inline action."""
    inline = rows_of(RULE)
    inline["properties"]["do"] = {"description": "what the action does, or the name of an action", "type": "string"}
    others = if_word("do", {"not": {"enum": list(ACTION["do"].choices)}}, ("do", *OF_RULE))
    return inline | {
        "description": "the name of an action, or an inline action",
        "type": ["string", "object"],
        "required": ["do"],
        "allOf": [*narrowed(RULE, "do"), others],
    }


def _answers() -> Schema:
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


def _rules() -> Schema:
    answer = {"$ref": "#/definitions/answers"}
    service = {"pattern": _code_names(_CODE), "not": {"pattern": f"(?:^|/)(?:{_TRANSPORT}|{_NO_FAILURE})$"}}
    own = by_name("faults without a code, of this provider", {"pattern": _code_names(_TRANSPORT)}, answer)
    word = f"(?:{_OPERATION}/)?{_TRANSPORT}"
    transport = {
        "description": "faults without a code from the service",
        "type": "object",
        "propertyNames": {"pattern": f"^(?:{word}|{_PROVIDER})$", "not": {"pattern": f"^{_NO_FAILURE}$"}},
        "patternProperties": {f"^{word}$": answer},
        "additionalProperties": own,
    }
    each = by_name("codes of this provider", service, answer)
    by_provider = by_name("the action for each fault, by provider", {"pattern": f"^{_PROVIDER}$"}, each)
    return by_provider | {"properties": {"transport": transport}}


def _operations() -> Schema:
    names = {"pattern": f"^[^*{_BAD}]+$"}
    each = by_name("operations of this provider", names, {"$ref": "#/definitions/operation"})
    return by_name("facts about operations, by provider and name", {"pattern": f"^{_PROVIDER}$"}, each)


def _operation() -> Schema:
    """Return the schema of an operation: the word for a repeat, or a table."""
    words = list(OPERATION["repeat"].choices)
    table = rows_of(OPERATION)
    table["properties"]["name"] = {"description": "the rule for the name that a rename changes", **rows_of(NAME)}
    return table | {
        "description": "what the operation does the second time, or a table with this and more",
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": {"enum": words},
    }


def _sources() -> Schema:
    names = {"pattern": f"^[^*{_BAD}]+$", "not": {"enum": list(METHODS)}}
    each = rows_of(SOURCE)
    each["properties"]["operations"] = by_name(
        "the requests of each operation; a request without one is named by its method", names, value(tables.TEMPLATE)
    )
    providers = {"pattern": f"^{_PROVIDER}$", "not": {"const": "transport"}}
    return by_name("REST APIs without an SDK, by provider", providers, each)


def _credentials() -> Schema:
    each = rows_of(CREDENTIALS) | {"allOf": narrowed(CREDENTIALS, "source")}
    return by_name("the renewal of credentials, by provider", {"pattern": f"^{_PROVIDER}$"}, each)


def _rate() -> Schema:
    each = rows_of(RATE)
    names = {"pattern": f"^(?:[^*{_BAD}]+|\\*|{_OPERATION})$"}
    each["properties"]["operations"] = by_name(
        "the rate of each operation; a name with * stands for each operation that fits", names, value(OPERATION_RATE)
    )
    return by_name("the rate of calls, by provider", {"pattern": f"^{_PROVIDER}$"}, each)


def _budget() -> Schema:
    each = rows_of(BUDGET) | {"allOf": narrowed(BUDGET, "kind")}
    return by_name("the budget of retries, by provider", {"pattern": f"^{_PROVIDER}$"}, each)


def _breaker() -> Schema:
    each = rows_of(BREAKER)
    return by_name("the circuit breaker, by provider", {"pattern": f"^{_PROVIDER}$"}, each)


def _state() -> Schema:
    return {"description": "what executors of several processes share", **rows_of(STATE)}


def _ledger() -> Schema:
    return {
        "description": "the record of operations, for the next run after a crash",
        **rows_of(LEDGER),
        "not": {"required": ["path", "url"]},
    }


def _telemetry() -> Schema:
    return {"description": "the journal of calls", **rows_of(TELEMETRY)}


def _chaos() -> Schema:
    injection = rows_of(INJECTION) | {"required": ["rate"]}
    unsent = injection | {"properties": {**injection["properties"], "applied": {"const": False}}}
    names = {"pattern": _code_names(_CODE), "not": {"pattern": f"(?:^|/)(?:{_ANY_STATUS}|{_NO_FAILURE})$"}}
    each = by_name("faults by operation and code", names, injection) | {
        "patternProperties": {"(?:^|/)unsent$": unsent},
    }
    providers = {"pattern": f"^{_PROVIDER}$", "not": {"const": "transport"}}
    chaos = by_name("seeded faults for rehearsals, by provider; refused in production", providers, each)
    return chaos | {"properties": {name: value(row) for name, row in CHAOS.items()}}


def _lint() -> Schema:
    errors = [rule for rule in ids.TITLES if rule != ids.NEW_SYNTAX]
    names = {"pattern": "^RP[0-9]{3}$", "not": {"enum": errors}}
    ignore = by_name("ids of findings, each with the reason to accept it", names, TEXT)
    return {
        "description": "findings of `resilience check` that this file accepts",
        "type": "object",
        "additionalProperties": False,
        "properties": {"ignore": ignore},
    }


_TABLES: Final[Mapping[str, Callable[[], Schema]]] = {
    "limits": _limits,
    "backoff": _backoff,
    "actions": _actions,
    "rules": _rules,
    "operations": _operations,
    "sources": _sources,
    "credentials": _credentials,
    "rate": _rate,
    "budget": _budget,
    "breaker": _breaker,
    "state": _state,
    "ledger": _ledger,
    "telemetry": _telemetry,
    "chaos": _chaos,
}
