"""The files that all workers of a cluster have to see: two files would be two ledgers, and two sets of limits."""

from __future__ import annotations

import platform
import uuid
from pathlib import Path
from typing import Final

from resilience.fleet.function import FleetFunction, FunctionError

SharedFiles = tuple[tuple[str, int, int], ...]
"""The machine and each file: equal where the same files are seen, however they are named."""

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


def files_of(called: FleetFunction) -> SharedFiles:
    """
    Return the file of a function's ledger, which is made if it is not there, and the folder of its store.

    Servers are none of them: every machine can reach these.

    Raises:
        LedgerError: The ledger cannot be used.
    """
    found: list[Path] = []
    ledger, state = called.target.setting.ledger, called.executor.policy.state
    path: Path | None = getattr(ledger, "path", None)
    if ledger is not None and path is not None:
        ledger.get("")
        found.append(path)
    if state is not None and "://" not in state.store:
        store = Path(state.store).absolute()
        found.append(next(each for each in store.parents if each.exists()))
    machine = _machine()
    return tuple((machine, status.st_dev, status.st_ino) for status in map(Path.stat, found))


def refuse_others(called: FleetFunction, expected: SharedFiles) -> None:
    """
    Check that a function's ledger and store are the expected files.

    Raises:
        FunctionError: They are others.
        LedgerError: The ledger cannot be used.
    """
    if files_of(called) != expected:
        raise FunctionError(
            "a worker runs on another machine than the one where the fleet was started, or in another container, and "
            "does not see the file of [ledger] or [state]; name a server there: such a file is for one machine"
        )


def _machine() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return f"{platform.node()} {uuid.getnode()}"
