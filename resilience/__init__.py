"""
Resilience policies for MQTT management automation.

A TOML policy maps each error code of a cloud's management API to an action; an
:class:`Executor` applies it around any coroutine and shows every decision as an
OpenTelemetry span.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resilience.core.decision import Discarded
    from resilience.core.fault import Fault
    from resilience.engine.bound_call import BoundCall, SyncBoundCall
    from resilience.engine.client.wrapped_client import wrap_client
    from resilience.engine.credentials.source import Credentials
    from resilience.engine.errors import (
        BreakerOpen,
        BudgetExhausted,
        DeadlineExceeded,
        RateExceeded,
        Refused,
        RemedyFailed,
        ServiceError,
    )
    from resilience.engine.limits import limited
    from resilience.engine.outcome import Attempt, Outcome
    from resilience.engine.target.done import DONE
    from resilience.executors import Executor, SyncExecutor
    from resilience.fleet.maps.mapped_outcome import MappedOutcome, SyncMappedOutcome
    from resilience.journal.writer import JournalError
    from resilience.observers import Journal
    from resilience.policyfile import Policy, PolicyError
    from resilience.state import Ledger, LedgerError
    from resilience.state.store import StateError
    from resilience.telemetry import Logs, Metrics, Spans

__version__ = "0.1.0"

__all__ = [
    "DONE",
    "Attempt",
    "BoundCall",
    "BreakerOpen",
    "BudgetExhausted",
    "Credentials",
    "DeadlineExceeded",
    "Discarded",
    "Executor",
    "Fault",
    "Journal",
    "JournalError",
    "Ledger",
    "LedgerError",
    "Logs",
    "MappedOutcome",
    "Metrics",
    "Outcome",
    "Policy",
    "PolicyError",
    "RateExceeded",
    "Refused",
    "RemedyFailed",
    "ServiceError",
    "Spans",
    "StateError",
    "SyncBoundCall",
    "SyncExecutor",
    "SyncMappedOutcome",
    "__version__",
    "limited",
    "wrap_client",
]

# The module of each public name. A name is imported when it is first used: checking a policy file needs neither an
# event loop nor OpenTelemetry.
_HOMES = {
    "Attempt": "engine.outcome",
    "BoundCall": "engine.bound_call",
    "BreakerOpen": "engine.errors",
    "BudgetExhausted": "engine.errors",
    "Credentials": "engine.credentials.source",
    "DONE": "engine.target.done",
    "DeadlineExceeded": "engine.errors",
    "Discarded": "core.decision",
    "Executor": "executors",
    "Fault": "core.fault",
    "Journal": "observers",
    "JournalError": "journal.writer",
    "Ledger": "state",
    "LedgerError": "state",
    "Logs": "telemetry",
    "MappedOutcome": "fleet.maps.mapped_outcome",
    "Metrics": "telemetry",
    "Outcome": "engine.outcome",
    "Policy": "policyfile",
    "PolicyError": "policyfile",
    "RateExceeded": "engine.errors",
    "Refused": "engine.errors",
    "RemedyFailed": "engine.errors",
    "ServiceError": "engine.errors",
    "Spans": "telemetry",
    "StateError": "state.store",
    "SyncBoundCall": "engine.bound_call",
    "SyncExecutor": "executors",
    "SyncMappedOutcome": "fleet.maps.mapped_outcome",
    "limited": "engine.limits",
    "wrap_client": "engine.client.wrapped_client",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'resilience' has no attribute {name!r}")
    value = getattr(import_module(f"resilience.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
