"""What outlives a call: the ledger of what was started and what was done."""

from resilience.state.database import LedgerError, LockedError
from resilience.state.entry import LedgerEntry
from resilience.state.ledger import Ledger

__all__ = ["Ledger", "LedgerEntry", "LedgerError", "LockedError"]
