"""What outlives a call: the ledger of what was started and what was done."""

from resilience.state.database import LedgerError, LockedError
from resilience.state.entry import Entry
from resilience.state.ledger import Ledger

__all__ = ["Entry", "Ledger", "LedgerError", "LockedError"]
