"""Reads the events of stories that are told event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from resilience.core.decision import (
    Failed,
    MachineEvent,
    Refreshed,
    RefreshFailed,
    Renamed,
    RenameImpossible,
    Verified,
    VerifyFailed,
)
from resilience.core.fault import Effect, Fault, Transport
from resilience.policyfile.messages import ids
from resilience.scenarios.tables import FileTable, UnusableError

EVENTS: Final = ("failed", "verified", "verifier_failed", "remedy")
"""The keys of events."""

_REMEDIES: Final[Mapping[str, MachineEvent]] = {
    "refreshed": Refreshed(),
    "refresh_failed": RefreshFailed(),
    "renamed": Renamed(),
    "rename_impossible": RenameImpossible(),
}
_FAULT: Final = ("provider", "code", "transport", "status", "retry_after", "effect", "message")


def event_of(step: FileTable) -> MachineEvent:
    """
    Return the event of a step.

    Raises:
        UnusableError: The step has none, several, or one that is not understood.
    """
    kinds = [key for key in EVENTS if key in step]
    if len(kinds) != 1:
        one_of = ", ".join(EVENTS)
        step.problems.append(
            step.file.problem(
                step.path, ids.MISSING, f"a step has one event: one of {one_of}; this one has {len(kinds)}"
            )
        )
        raise UnusableError
    match kinds[0]:
        case "failed":
            value = step.data["failed"]
            several = step.tables("failed") if isinstance(value, list) else [step.table("failed")]
            if not several:
                raise step.refuse("failed", ids.MISSING, "expected a fault, or an array of faults")
            return Failed(tuple(map(fault_of, several)), inner=step.flag("inner"))
        case "verified":
            return Verified(there=step.flag("verified"))
        case "verifier_failed":
            return VerifyFailed(fault_of(step.table("verifier_failed")))
        case _:
            return _REMEDIES[step.choice("remedy", _REMEDIES) or ""]


def fault_of(table: FileTable) -> Fault:
    """
    Return the fault of a table.

    Raises:
        UnusableError: It is not understood.
    """
    table.known(_FAULT, "a fault")
    effect: Any = table.choice("effect", get_args(Effect))
    transport: Any = table.choice("transport", get_args(Transport))
    return Fault(
        provider=table.text("provider"),
        code=table.text("code"),
        transport=transport,
        status=table.count("status"),
        retry_after=table.seconds("retry_after"),
        effect=effect,
        message=table.text("message"),
    )
