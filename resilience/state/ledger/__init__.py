"""
The ledger: it remembers for the next run which resources were started and which were done.

A ledger has one row per resource. The engine writes ``started`` before an attempt, and ``done`` after the answer. If
the run dies between the two, the row stays ``started``. A row has the names of its resource and nothing else of
a request: no password, token or key.

It is kept in one SQLite file (write-ahead log, full sync), where locks of the operating system are the claims of calls
on keys.

All methods block for the time of a disk write; the engine calls them in a thread.
"""

from resilience.state.ledger.entry import LedgerEntry, entry_key, renamed_key
from resilience.state.ledger.errors import LedgerError, UnavailableError
from resilience.state.ledger.ledger import Ledger

__all__ = ["Ledger", "LedgerEntry", "LedgerError", "UnavailableError", "entry_key", "renamed_key"]
