"""Many calls of one kind: made a few at a time, from an input of any length."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resilience.fleet.provisioning import provision
    from resilience.fleet.report import FleetReport
    from resilience.fleet.rows.problems import RowsError

__all__ = ["FleetReport", "RowsError", "provision"]

# The module of each public name. Executors import a part of this package, and need none of these.
_HOMES = {"FleetReport": "report", "RowsError": "rows.problems", "provision": "provisioning"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'resilience.fleet' has no attribute {name!r}")
    value = getattr(import_module(f"resilience.fleet.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
