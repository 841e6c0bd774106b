"""Many calls of one kind: made a few at a time, from an input of any length."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resilience.fleet.distribution.chunking import Chunk, ChunkResult, chunks, run_chunk
    from resilience.fleet.planning import FleetPlan, plan
    from resilience.fleet.provisioning import provision
    from resilience.fleet.report import FleetReport
    from resilience.fleet.rows.problems import RowsError

__all__ = ["Chunk", "ChunkResult", "FleetPlan", "FleetReport", "RowsError", "chunks", "plan", "provision", "run_chunk"]

# The module of each public name. Executors import a part of this package, and need none of these.
_HOMES = {
    "Chunk": "distribution.chunking",
    "ChunkResult": "distribution.chunking",
    "FleetPlan": "planning",
    "FleetReport": "report",
    "RowsError": "rows.problems",
    "chunks": "distribution.chunking",
    "plan": "planning",
    "provision": "provisioning",
    "run_chunk": "distribution.chunking",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'resilience.fleet' has no attribute {name!r}")
    value = getattr(import_module(f"resilience.fleet.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
