"""What can be written at a position of a policy: keys, codes, operations, actions, environments, values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import frozen

from resilience.catalog import catalogue, providers
from resilience.cli.lsp.documents import Document, Documents
from resilience.cli.lsp.hover import row_of
from resilience.core.policy import VERBS
from resilience.policyfile.files.policy_file import BUILTIN, builtin_names
from resilience.policyfile.format.rows import Key
from resilience.policyfile.format.tables import (
    FILE_ONLY,
    LEDGER,
    LIMITS,
    NAMED,
    OF_PROVIDERS,
    OPERATION,
    RULE,
    SOURCE,
    STATE,
    TABLES,
    TELEMETRY,
    TOP,
)

_TRANSPORT_CODES: Final = ("unsent", "lost", "garbled", "http-429", "http-4xx", "http-503", "http-5xx")
_HEADER: Final = re.compile(r"\s*\[\[?\s*([^\]]*)$")
_WHOLE_HEADER: Final = re.compile(r"\s*\[\s*([^\[\]]*?)\s*\]")
_KEY_BEFORE: Final = re.compile(r"([A-Za-z0-9_\"'./*-]+)\s*=\s*(.*)$")
_INSIDE: Final = re.compile(r"[{,]\s*([A-Za-z_]*)$")
_INNER_VALUE: Final = re.compile(r"[{,]\s*([A-Za-z_]+)\s*=\s*[\"']?([^\"',{}]*)$")


@frozen(kw_only=True)
class Completion:
    """
    Something that can be written.

    Attributes:
        text: The text, with its quotes where it needs some.
        kind: ``key``, ``code``, ``operation``, ``action``, ``environment``, ``table``, ``value`` or ``file``.
        detail: What it is, in one line.
    """

    text: str
    kind: str
    detail: str = ""


def completions(documents: Documents, document: Document, line: int, column: int) -> list[Completion]:
    """Return what can be written at a position."""
    start = document.starts[line] if line < len(document.starts) else len(document.file.text)
    before = document.file.text[start : document.offset(line, column)]
    header = _HEADER.match(before)
    if header is not None:
        return list(_tables(documents, document, header[1]))
    table = _table_at(document, line)
    return list(_in_table(documents, document, table, before))


def _table_at(document: Document, line: int) -> tuple[str, ...]:
    """Return the keys of the table header above a line, without ``env`` and its name."""
    for number in range(line, -1, -1):
        found = _WHOLE_HEADER.match(document.line(number))
        if found is not None:
            keys = tuple(each.strip(" \"'") for each in found[1].split("."))
            return keys[2:] if keys[:1] == ("env",) else keys
    return ()


def _tables(documents: Documents, document: Document, written: str) -> Iterator[Completion]:
    """Yield the names of tables that begin as written."""
    keys = written.split(".")
    if keys[0] == "env" and len(keys) == 2:  # noqa: PLR2004  # after "env."
        for name in _environments(documents, document):
            yield Completion(text=name, kind="environment", detail="an environment of this policy")
        return
    if keys[0] == "env":
        keys = keys[2:]
    if len(keys) <= 1:
        yield from (Completion(text=name, kind="table") for name in (*TABLES, "env", "lint"))
    elif keys[0] in OF_PROVIDERS or keys[0] in {"rules", "operations", "sources", "chaos"}:
        yield from (Completion(text=name, kind="table", detail=_service(name)) for name in providers())
        if keys[0] == "rules":
            yield Completion(text="transport", kind="table", detail="faults without a code from the service")


def _in_table(documents: Documents, document: Document, table: tuple[str, ...], before: str) -> Iterator[Completion]:
    assigned = _KEY_BEFORE.match(before.strip())
    if assigned is None:
        yield from _keys(table)
        return
    key, value = assigned[1].strip("\"'"), assigned[2]
    inner = _INNER_VALUE.search(value)
    if inner is not None:
        yield from _values(documents, document, _row(table, inner[1]), table)
    elif "{" in value and _INSIDE.search(value) is not None:
        rows = RULE if table[:1] == ("rules",) else _rows((*table, key)) or {}
        yield from _rows_as(rows)
    elif table[:1] == ("rules",):
        yield from _actions(documents, document)
    elif (*table, key) == ("extends",):
        yield from (Completion(text=f'"{BUILTIN}{name}"', kind="file") for name in builtin_names())
    else:
        yield from _values(documents, document, _row(table, key), table)


def _row(table: tuple[str, ...], key: str) -> Key | None:
    return RULE.get(key) if table[:1] == ("rules",) else row_of((*table, key))


def _keys(table: tuple[str, ...]) -> Iterator[Completion]:
    """Yield the keys that a table can have: for rules the codes of its provider, and its operations."""
    if table[:1] == ("rules",) and len(table) > 1:
        if table[1] == "transport":
            yield from (Completion(text=f'"{code}"', kind="code") for code in _TRANSPORT_CODES)
        elif table[1] in providers():
            known = catalogue(table[1])
            for code, facts in known.codes.items():
                yield Completion(text=f'"{code}"', kind="code", detail=facts.meaning)
            for name in known.operations:
                yield Completion(text=f'"{name}/', kind="operation", detail="a rule for this operation only")
        return
    if table[:1] == ("operations",) and len(table) == 2 and table[1] in providers():  # noqa: PLR2004  # its provider
        for name, operation in catalogue(table[1]).operations.items():
            yield Completion(text=name, kind="operation", detail=f"repeat {operation.repeat}")
        return
    rows = _rows(table)
    if rows is not None:
        yield from _rows_as(rows)
    elif not table:
        yield from _rows_as(TOP)
        yield from (Completion(text=name, kind="key") for name in FILE_ONLY if name not in TOP)


def _rows(table: tuple[str, ...]) -> Mapping[str, Key] | None:
    match table:
        case ("limits",):
            return LIMITS
        case ("state",):
            return STATE
        case ("ledger",):
            return LEDGER
        case ("telemetry",):
            return TELEMETRY
        case ("sources", _):
            return SOURCE
        case ("operations", _, _):
            return OPERATION
        case (name, _) if name in NAMED:
            return NAMED[name]
        case _:
            return None


def _rows_as(rows: Mapping[str, Key]) -> Iterator[Completion]:
    for name, row in rows.items():
        yield Completion(text=name, kind="key", detail=row.meaning)


def _values(documents: Documents, document: Document, row: Key | None, table: tuple[str, ...]) -> Iterator[Completion]:
    if row is None:
        return
    if row.kind == "action" or (row.kind == "verb" and table[:1] == ("rules",)):
        yield from _actions(documents, document)
    elif row.kind == "backoff":
        yield from _named(documents, document, "backoff")
    elif row.kind == "flag":
        yield from (Completion(text=each, kind="value") for each in ("true", "false"))
    else:
        yield from (Completion(text=f'"{each}"', kind="value") for each in row.choices or ())


def _actions(documents: Documents, document: Document) -> Iterator[Completion]:
    yield from (Completion(text=f'"{verb}"', kind="action", detail="a ready-made action") for verb in VERBS)
    yield from _named(documents, document, "actions")


def _named(documents: Documents, document: Document, kind: str) -> Iterator[Completion]:
    """Yield the names of actions or backoffs of a document and of what it extends, each once."""
    seen: set[str] = set()
    for each in documents.chain(document):
        for name in _names(each, kind):
            if name not in seen:
                seen.add(name)
                where = each.name if each is not document else "this file"
                yield Completion(text=f'"{name}"', kind="action" if kind == "actions" else "value", detail=where)


def _names(document: Document, kind: str) -> Iterable[str]:
    for path in document.spans():
        plain = path[2:] if path[:1] == ("env",) else path
        if len(plain) == 2 and plain[0] == kind:  # noqa: PLR2004  # the table and the name
            yield str(plain[1])


def _environments(documents: Documents, document: Document) -> Iterator[str]:
    seen: set[str] = set()
    for each in documents.chain(document):
        found = each.file.data.get("env")
        for name in found if isinstance(found, dict) else ():
            if name not in seen:
                seen.add(name)
                yield name


def _service(provider: str) -> str:
    return catalogue(provider).service
