"""One row of the ledger."""

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
        key: Stands for it: provider, account, operation and the fields that name it.
        provider: Its provider, or None.
        operation: The operation that makes it.
        resource: The request fields that name it, as the script said them.
        state: ``started`` or ``done``.
        renamed: What was renamed: the field, the old and the new name.
        number: The number of the name in use; 1 is the script's own.
        started_at: When its last attempt started, in epoch seconds.
        done_at: When it was done, in epoch seconds, or None.
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


def as_row(entry: LedgerEntry) -> dict[str, Any]:
    """Return an entry's columns."""
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
    Return the entry that a row holds.

    Raises:
        ValueError: Another program has written it.
        TypeError: Likewise.
    """
    values = dict(row)
    values["resource"] = json.loads(values["resource"])
    values["renamed"] = {name: (old, new) for name, (old, new) in json.loads(values["renamed"]).items()}
    return LedgerEntry(**values)
