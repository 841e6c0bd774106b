"""The state that outlives a call: the ledger of resources that were started and done."""

from resilience.state.ledger import Ledger, LedgerEntry, LedgerError, UnavailableError

__all__ = ["Ledger", "LedgerEntry", "LedgerError", "UnavailableError"]
