"""
The ledger: it remembers for the next run which resources were started and which were done.

A ledger has one row per resource. The engine writes ``started`` before an attempt, and ``done`` after the answer. If
the run dies between the two, the row stays ``started``. A row has the names of its resource and nothing else of
a request: no password, token or key.

For one machine it is one SQLite file (write-ahead log, full sync), where locks of the operating system are the claims
of calls on keys. A process that is stopped keeps its claims, and one that dies has none. For many machines it is in
PostgreSQL, or in a Redis that writes to its disk, where a claim is a lease. A thread of the ledger renews the leases of
its process. If the process dies, is stopped or cannot reach the server, the server gives the key to the next call that
asks when the lease is over:

- Every claim has a token, greater than those of earlier claims. The server refuses notes with an older token: a call
  that has lost its key sends nothing more, and cannot say that the resource is done.
- An attempt begins with at least half of the lease left, and is cut short before its end, by the clock of the process.
- The next call does not know what the first one did. It waits for ``settle`` after the end of the lease, and verifies.

Where a server copies what it is told to another one later, as Redis does, the last notes may be lost when the other one
takes over. PostgreSQL with synchronous replication does not lose them.

The services check no token, so a process that is stopped in the midst of an attempt, and goes on after its lease, may
send that one request late. Nothing on the side of the caller can be stronger.

All methods block for the time of a disk write or of a round trip; the engine calls them in a thread. So many resources
are claimed, read, started and done in a second, by one thread and by eight, with every write on the disk
(``python tests/benchmarks/ledger.py``; 2026-11-28, two processors with 20 other processes at work, the servers on the
same machine): SQLite 67 and 551, PostgreSQL 15 40 and 346, Redis 7.0 32 and 304. The shipped policies let 10 to 20
calls of an operation that makes something begin in a second.
"""

from resilience.state.ledger.entry import LedgerEntry, entry_key, renamed_key
from resilience.state.ledger.errors import LedgerError, UnavailableError
from resilience.state.ledger.ledger import Ledger

__all__ = ["Ledger", "LedgerEntry", "LedgerError", "UnavailableError", "entry_key", "renamed_key"]
