"""What outlives a call: the ledger of what was started and what was done."""

from resilience.state.ledger import Entry, Ledger, LedgerError

__all__ = ["Entry", "Ledger", "LedgerError"]
