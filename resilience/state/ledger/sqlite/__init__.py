"""A ledger in one file, for one machine: SQLite, with locks of the operating system as claims."""
