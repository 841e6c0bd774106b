"""Generated policy documents, made from the tables that the loader checks by, and the same with a mistake in them."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hypothesis import strategies as st

from resilience.policyfile.format.rows import Key
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
    OPERATION,
    RULE,
    SOURCE,
    TABLES,
    TELEMETRY,
    TEMPLATE,
)

Document = dict[str, Any]
Values = st.SearchStrategy[Any]

_PROVIDERS = st.sampled_from(["alibaba", "tencent", "acme", "a_1-"])
_NAMES = st.sampled_from(["patient", "new-name", "default", "x_1"])
_OPERATIONS = st.sampled_from(["", "", "CreateGroupId/", "CreateTopic/", "Create*/", "**/"])
_CODES = st.sampled_from(["InternalError", "A.B", "404", "some-code", "tencent"])
_TRANSPORTS = st.sampled_from(["lost", "unsent", "garbled", "http-503", "http-429"])

# No control characters, no surrogates: what TOML could not hold is no test of a policy.
_TEXT = st.text("aAz09._-/*:%{}[]?\"'\\ \u00e9\u4e2d\n", max_size=8)
WRONG_VALUES: Final[tuple[Any, ...]] = (
    *(True, 0, 1, -1, 1.0, 0.5, -0.5, 2, 10**9, 10**9 + 1, float("inf"), float("nan"), dt.date(2026, 11, 21)),
    *([], ["1s"], ["1s", 5], ["none"], {}, {"do": "retry"}, {"do": "patient", "max": 1}, {"rate": 0.5}),
    *("", " ", "x", "none", "fail", "verify", "retry", "accept", "list", "decorrelated", "ours", "dry_run"),
    *("0s", "0.0ms", "0h0m", "30", "1 s", "-5s", "5s3m", "1s1s", "1s\n", ".5s", "1.5h", "h"),
    *("{name}-{n}", "{hash}", "{name}", "{nope}{n}", "{n", "n}", "{{n}}", "{n}{", "\n{n}"),
    *("json:", "json:a..b", "json:a b", "json:a\n", "header:a.b", "body:a", "json:errors.0.title", "header:X-Id"),
    *("post /a", "POST a", "POST /a/{b}", "POST /{b}c", "POST /a//b", "POST /a?b", "POST /:a", "GET /", "POST  /a"),
    *(["a:b"], ["[::1]:80"], ["a/b"], ["a:80"], ["a\n"]),
    *(["Name"], ["Name", "Name"], ["a b"], [1, "a"], ["a["], "[a-z", "(?=a)b", "(?i)a", {"pattern": "a"}),
    *("10/s", "0/s", "-1/s", "1.5/s", "010/s", "10 / s", "10/S", "10/d", "10/s\n", "1000000/h", "1000001/h", 10),
    *(["/a.toml"], ["~/a"], ["C:\\a"], ["C:/a"], [""], ["nope.toml"], ["builtin:nope"], [1]),
)
WRONG_KEYS: Final = (
    *("Alibaba", "a b", "", "-", "_", "\u00e9", "a.b", "1", "seed", "transport", "retry", "fail", "nope", "name"),
    *("max", "if", "as", "backoff", "delays", "factor", "base", "pattern", "effect", "applied", "production", "env"),
    *("POST", "code", "header"),
    *("RP014", "RP040", "RP057", "RP14", "Lost", "Create*/lost", "CreateGroupId/unsent"),
    *("lost", "unsent", "http-503", "http-5xx", "http-600", "http-5XX"),
    *("A..B", ".A", "A.", "%s.X", "X.*", "X.%s", "a\n", "{x}", "*/X", "**/X", "/X", "a/b/X", "a b/X", "Nope/X"),
    *(":x/X", "A:x/X", "alibaba:CreateGroupId/X", "tencent:CreateTopic/lost", "alibaba:*/X"),
)


def documents() -> st.SearchStrategy[Document]:
    """Return documents in which each part is right by itself."""
    unknown = st.sampled_from(["fail", "verify"])
    tables = _tables()
    environment = st.fixed_dictionaries({}, optional={**tables, "unknown": unknown, "production": st.booleans()})
    return st.fixed_dictionaries(
        {"schema": st.just(1)},
        optional={
            **tables,
            "name": st.sampled_from(["", "mqtt", "a b"]),
            "extends": st.lists(st.sampled_from(["builtin:alibaba-mqtt", "builtin:tencent-mqtt"]), max_size=2),
            "unknown": unknown,
            "env": st.dictionaries(st.sampled_from(["prod", "staging"]), environment, max_size=1),
        },
    ).map(_with_deadline)


@st.composite
def damaged(draw: st.DrawFn) -> Document:
    """Return a document with one mistake: a value, a key or a whole entry is another, too much or missing."""
    document = copy.deepcopy(draw(documents()))
    table, key = draw(st.sampled_from(list(_places(document))))
    match draw(st.sampled_from(["value", "value", "key", "missing", "more"])):
        case "value":
            table[key] = copy.deepcopy(draw(st.sampled_from(WRONG_VALUES) | _TEXT))
        case "key":
            table[draw(st.sampled_from(WRONG_KEYS) | _TEXT)] = table.pop(key)
        case "missing":
            del table[key]
        case _:
            table[draw(st.sampled_from(WRONG_KEYS) | _TEXT)] = copy.deepcopy(table[key])
    return document


def _places(table: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key, value in table.items():
        yield table, key
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from _places(each)


def _with_deadline(document: Document) -> Document:
    """Set a deadline where none is: what every policy lacks is no news."""
    document.setdefault("limits", {}).setdefault("deadline", "2m")
    return document


def _tables() -> dict[str, Values]:
    answer = st.sampled_from(["retry", "fail", "accept"]) | _narrowed(RULE, "do")
    answers = answer | st.lists(answer, min_size=1, max_size=3)
    codes, transports = _joined(_CODES), _joined(_TRANSPORTS | st.just("http-5xx"))
    rules = st.dictionaries(codes, answers, min_size=1, max_size=2)
    faults = st.dictionaries(transports, answers, min_size=1, max_size=2)
    transport = st.builds(lambda common, own: common | own, faults, st.dictionaries(_PROVIDERS, faults, max_size=1))
    injections = st.dictionaries(codes | _joined(_TRANSPORTS), _rows(INJECTION, "rate"), min_size=1, max_size=2)
    return {
        "limits": _rows(LIMITS),
        "ledger": _ledger(),
        "telemetry": _rows(TELEMETRY),
        "sources": st.dictionaries(_PROVIDERS, _source(), max_size=1),
        "backoff": st.dictionaries(_NAMES, _narrowed(BACKOFF, "kind"), min_size=1, max_size=2),
        "actions": st.dictionaries(_NAMES, _narrowed(ACTION, "do"), min_size=1, max_size=2),
        "rules": st.dictionaries(_PROVIDERS, rules, max_size=2)
        | st.builds(lambda common: {"transport": common}, transport),
        "operations": st.dictionaries(_PROVIDERS, st.dictionaries(_CODES, _operation(), max_size=2), max_size=1),
        "credentials": st.dictionaries(_PROVIDERS, _renewal(), min_size=1, max_size=1),
        "rate": st.dictionaries(_PROVIDERS, _rate(), max_size=1),
        "budget": st.dictionaries(_PROVIDERS, _narrowed(BUDGET, "kind"), max_size=1),
        "breaker": st.dictionaries(_PROVIDERS, _rows(BREAKER), max_size=1),
        "chaos": st.builds(
            lambda own, entries: own | entries, _rows(CHAOS), st.dictionaries(_PROVIDERS, injections, max_size=1)
        ),
    }


def _ledger() -> Values:
    on_server = _rows({name: row for name, row in LEDGER.items() if name != "path"}, "url")
    return _rows({name: row for name, row in LEDGER.items() if name not in {"url", "lease"}}) | on_server


def _renewal() -> Values:
    plain = _rows({name: row for name, row in CREDENTIALS.items() if name != "source" and not row.only})
    return plain | _narrowed(CREDENTIALS, "source")


def _operation() -> Values:
    table = st.builds(lambda own, name: own | {"name": name}, _rows(OPERATION), _rows(NAME)) | _rows(OPERATION)
    return _value(OPERATION["repeat"]) | table


def _source() -> Values:
    operations = st.dictionaries(_CODES, _value(TEMPLATE), max_size=2)
    return st.builds(lambda own, named: own | {"operations": named}, _rows(SOURCE), operations) | _rows(SOURCE)


def _rate() -> Values:
    names = st.sampled_from(["CreateGroupId", "CreateTopic", "Create*", "*"])
    operations = st.dictionaries(names, _value(OPERATION_RATE), max_size=2)
    return st.builds(lambda own, named: own | {"operations": named}, _rows(RATE), operations) | _rows(RATE)


def _joined(codes: Values) -> Values:
    return st.builds("{}{}".format, _OPERATIONS, codes)


def _narrowed(rows: Mapping[str, Key], by: str) -> Values:
    """Return tables whose keys fit the verb or kind."""
    return st.sampled_from(rows[by].choices).flatmap(
        lambda word: _rows(
            {name: row for name, row in rows.items() if not row.only or word in row.only}, by, fixed={by: word}
        )
    )


def _rows(rows: Mapping[str, Key], *needed: str, fixed: Mapping[str, str] | None = None) -> Values:
    known = {name: _value(row) for name, row in rows.items()}
    known |= {name: st.just(word) for name, word in (fixed or {}).items()}
    return st.fixed_dictionaries(
        {name: known[name] for name in needed},
        optional={name: value for name, value in known.items() if name not in needed},
    )


_SAMPLES: Final[Mapping[str, tuple[Any, ...]]] = {
    "rate": ("10/s", "60/m", "1000/h", "1000000/s"),
    "window": ("30s", 10, 1000),
    "file": ("ledger.db", "a b/c"),
    "store": ("state.db", "a b/c", "redis://localhost:6379/0", "rediss://:${PASSWORD}@host"),
    "server": ("postgresql://db.example/place", "redis://cache.example:6379/0"),
    "place": ("json:code", "json:errors.0.title", "header:X-Request-Id"),
    "template": ("POST /users", "DELETE /users/{user}", "GET /", "LIST /a/{b-1}/c:d/"),
    "fields": (["Name"], ["Name", "a.b"]),
    "expression": ("[a-z]+", "(a+)+"),
    "words": (["vault", "read", "keys"], ["./keys.sh"]),
    "variables": (["CI_KEY_ID", "CI_SECRET"],),
    "hosts": (["example.com"], ["A:18083", "[::1]:80"]),
    "pattern": ("{name}-{n}", "{hash}", "x{n}y"),
    "backoff": ("default",),
    "text": ("fail", "retry"),
    "literal": ("later", "Bitte sp\u00e4ter"),
    "action": ("fail", "retry"),
}


def _value(key: Key) -> Values:
    match key.kind:
        case "duration":
            short = ["250ms", *([] if key.above is not None else ["0s"])] if not key.least else []
            return st.sampled_from(["30s", "1m30s", "1.5h", *short, *(["none"] if key.none else [])])
        case "durations":
            return st.lists(st.sampled_from(["1s", "0s", "30s"]), min_size=1, max_size=3)
        case "share":
            return st.sampled_from([*([0] if key.above is None else []), 0.05, 0.5, 1.0])
        case "count" | "number" | "amount":
            return st.integers(1, 9)
        case "flag":
            return st.booleans()
        case "choice" | "verb":
            return st.sampled_from(key.choices)
        case kind:
            return st.sampled_from(_SAMPLES[kind])


def places() -> Iterator[tuple[str, Document, str]]:
    """Yield a name, a document and a key of its inmost table, for each value that the format knows."""
    for table, rows in {"limits": LIMITS, "ledger": LEDGER, "telemetry": TELEMETRY, "chaos": CHAOS}.items():
        yield from ((f"{table}.{key}", {table: {}}, key) for key in rows)
    yield "lint.ignore.RP014", {"lint": {"ignore": {}}}, "RP014"
    yield from (("operations", {"operations": {"alibaba": {}}}, "X"), ("rules", {"rules": {"alibaba": {}}}, "X"))
    yield from (("transport", {"rules": {"transport": {}}}, "lost"), ("top", {}, "name"), ("top", {}, "unknown"))
    yield from ((f"top.{name}", {}, name) for name in ("extends", "env", "lint", *TABLES))
    for key, row in CREDENTIALS.items():
        beside = {"source": row.only[0]} if row.only else {}
        yield f"credentials.{key}", {"credentials": {"alibaba": beside}}, key
    yield from ((f"rate.{key}", {"rate": {"alibaba": {}}}, key) for key in (*RATE, "operations"))
    yield "rate.operations.X", {"rate": {"alibaba": {"operations": {}}}}, "CreateGroupId"
    for key, row in BUDGET.items():
        kind = row.only[0] if row.only else "tokens"
        yield f"budget.{key}", {"budget": {"alibaba": {"kind": kind}}}, key
    yield from ((f"breaker.{key}", {"breaker": {"alibaba": {}}}, key) for key in BREAKER)
    yield from ((f"chaos.X.{key}", {"chaos": {"alibaba": {"X": {"rate": 0.5}}}}, key) for key in INJECTION)
    yield from ((f"sources.{key}", {"sources": {"acme": {}}}, key) for key in (*SOURCE, "operations"))
    yield "sources.operations.X", {"sources": {"acme": {"operations": {}}}}, "X"
    yield from ((f"operations.X.{key}", {"operations": {"acme": {"X": {}}}}, key) for key in (*OPERATION, "name"))
    yield from ((f"operations.X.name.{key}", {"operations": {"acme": {"X": {"name": {}}}}}, key) for key in NAME)
    for key, row in BACKOFF.items():
        kind = row.only[0] if row.only else "constant"
        yield f"backoff.{key}", {"backoff": {"a": {"kind": kind}}}, key
    for key, row in RULE.items():
        verb = row.only[0] if row.only else "retry"
        yield f"rules.X.{key}", {"rules": {"alibaba": {"X": {"do": verb}}}}, key
        if key in ACTION:
            yield f"actions.{key}", {"actions": {"a": {"do": verb}}}, key


def inmost(document: Document) -> dict[str, Any]:
    """Return the inmost table of a document of :func:`places`."""
    table: dict[str, Any] = document
    while (inner := next((each for each in table.values() if isinstance(each, dict)), None)) is not None:
        table = inner
    return table


def written(value: Any) -> str:
    """Return a value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value)
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {written(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case dt.date():
            return value.isoformat()
        case _:
            return repr(value)


def document_text(document: Document) -> str:
    """Return a document as TOML."""
    return "".join(f"{json.dumps(key)} = {written(value)}\n" for key, value in document.items())
