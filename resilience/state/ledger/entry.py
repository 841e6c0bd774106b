"""One resource in a ledger, and its key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

State = Literal["started", "done"]


@frozen(kw_only=True)
class LedgerEntry:
    """
    One resource.

    Attributes:
        key: The key of the resource: provider, account, operation and the fields that name it.
        provider: The provider, or None.
        operation: The operation that makes the resource.
        resource: The request fields that name the resource, with the script's values.
        state: ``started`` or ``done``.
        renamed: By renamed field, the old and the new name.
        number: The number of the name in use; 1 is the script's own name.
        started_at: When the last attempt started, in epoch seconds.
        done_at: When the call succeeded, in epoch seconds; None before.
    """

    key: str
    provider: str | None
    operation: str
    resource: Mapping[str, str]
    state: State = "started"
    renamed: Mapping[str, tuple[str, str]] = field(factory=dict)
    number: int = 1
    started_at: float = 0.0
    done_at: float | None = None


def entry_key(provider: str | None, account: str, operation: str, resource: Mapping[str, str]) -> str:
    """Return the key of a resource; it is readable, and the same in every run of the same script."""
    return f"{provider or ''}:{account}:{operation}:{_named(resource)}"


def renamed_key(entry: LedgerEntry, field_name: str, name: str) -> str:
    """Return the key of the resource of the same kind as ``entry`` that has ``name`` as its own name."""
    return kind_of(entry) + _named({**entry.resource, field_name: name})


def _named(resource: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(resource.items())), ensure_ascii=False, separators=(",", ":"))


def has_name(found: LedgerEntry, entry: LedgerEntry, field_name: str, name: str) -> bool:
    """Tell whether another resource than ``entry``, with the same other fields, has a name, its own or a new one."""
    others = {key: value for key, value in entry.resource.items() if key != field_name}
    return (
        name in {found.resource.get(field_name), found.renamed.get(field_name, ("", ""))[1]}
        and found.key != entry.key
        and others.items() <= found.resource.items()
    )


def kind_of(entry: LedgerEntry) -> str:
    """Return the common prefix of the keys of all resources of one provider, account and operation."""
    return entry.key.removesuffix(_named(entry.resource))


def as_row(entry: LedgerEntry) -> dict[str, Any]:
    """Return the columns of an entry, without state and times."""
    return {
        "key": entry.key,
        "provider": entry.provider,
        "operation": entry.operation,
        "resource": json.dumps(dict(entry.resource), ensure_ascii=False),
        "renamed": json.dumps(dict(entry.renamed), ensure_ascii=False),
        "number": entry.number,
    }


def from_row(row: Mapping[str, Any]) -> LedgerEntry:
    """
    Return the entry of a row.

    Raises:
        ValueError: Another program has written the row.
        TypeError: Another program has written the row.
    """
    values = dict(row)
    values["resource"] = json.loads(values["resource"])
    values["renamed"] = {name: (old, new) for name, (old, new) in json.loads(values["renamed"]).items()}
    return LedgerEntry(**values)
