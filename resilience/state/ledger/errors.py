"""The errors of a ledger."""

from __future__ import annotations


class LedgerError(Exception):
    """
    The ledger cannot be read or written; the executor stopped the call before it sent anything.

    Attributes:
        path: The ledger's file; of a ledger on a server its address, without a password.
        reason: The problem, and what to do about it.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Return the file or address, and the reason."""
        return f"ledger {self.path}: {self.reason}"


class UnavailableError(LedgerError):
    """The ledger cannot be used at the moment; a later try may succeed."""
