"""The merged settings of a policy, apart from its rules: what the files say, without defaults."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from attrs import define, evolve, field

from resilience.policyfile.format.tables import (
    TABLES,
)

Entries = dict[str, Any]
"""The keys of one table, with the meanings of their values."""


@define
class Settings:
    """The merged settings of all layers, apart from rules, without defaults."""

    top: Entries = field(factory=dict)
    limits: Entries = field(factory=dict)
    backoff: dict[str, Entries] = field(factory=dict)
    actions: dict[str, Entries] = field(factory=dict)
    credentials: dict[str, Entries] = field(factory=dict)
    rate: dict[str, Entries] = field(factory=dict)
    budget: dict[str, Entries] = field(factory=dict)
    breaker: dict[str, Entries] = field(factory=dict)
    operations: dict[str, dict[str, Entries]] = field(factory=dict)
    state: Entries | None = None
    ledger: Entries | None = None
    telemetry: Entries | None = None

    def copied(self, tables: Collection[str]) -> Settings:
        """Return a copy with new dictionaries for these tables and for the top."""
        copy = evolve(self)
        for name in ("top", *(each for each in TABLES if each in tables)):
            if getattr(self, name, None) is not None:
                setattr(copy, name, dict(getattr(self, name)))
        return copy
