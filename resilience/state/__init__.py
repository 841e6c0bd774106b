"""The state that outlives a call: the ledger of resources that were started and done."""

from resilience.state.database import LedgerError, LockedError
from resilience.state.entry import LedgerEntry
from resilience.state.ledger import Ledger

__all__ = ["Ledger", "LedgerEntry", "LedgerError", "LockedError"]
