"""The file of a ledger, as all workers of a cluster have to see it: two files would be two ledgers."""

from __future__ import annotations

import platform
import uuid
from pathlib import Path
from typing import Final

from resilience.fleet.function import FleetFunction, FunctionError

LedgerFile = tuple[str, int, int]
"""The machine and its file: equal for one file, however it is named."""

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


def file_of(called: FleetFunction) -> LedgerFile | None:
    """
    Return the file of a function's ledger, which is made if it is not there; None without a file.

    Raises:
        LedgerError: The file cannot be used.
    """
    ledger = called.target.setting.ledger
    if ledger is None:
        return None
    ledger.get("")
    status = ledger.path.stat()
    return _machine(), status.st_dev, status.st_ino


def refuse_other(called: FleetFunction, expected: LedgerFile | None) -> None:
    """
    Check that a function's ledger is the expected file.

    Raises:
        FunctionError: It is another one.
        LedgerError: The file cannot be used.
    """
    if expected is not None and file_of(called) != expected:
        raise FunctionError(
            "a worker runs on another machine than the one where the fleet was started, or in another container, and "
            "does not see its ledger; a file is a ledger for one machine"
        )


def _machine() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return f"{platform.node()} {uuid.getnode()}"
