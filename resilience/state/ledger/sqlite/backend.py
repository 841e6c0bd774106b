"""A ledger in one SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from resilience.state.ledger.entry import LedgerEntry, State, as_row, from_row, has_name, kind_of, renamed_key
from resilience.state.ledger.errors import LedgerError
from resilience.state.ledger.own import OwnOfProcess
from resilience.state.ledger.sqlite.claims import Claims
from resilience.state.ledger.sqlite.database import DAMAGED, connect, in_our_words, make_file, refuse_network
from resilience.state.ledger.unended import UnendedRun

_INSERT: Final = (
    "INSERT INTO entries (key, provider, operation, resource, state, renamed, number, started_at, done_at) "
    "VALUES (:key, :provider, :operation, :resource, :state, :renamed, :number, :started_at, :done_at) "
    "ON CONFLICT (key) DO UPDATE SET "
    "state = excluded.state, renamed = excluded.renamed, number = excluded.number, done_at = excluded.done_at"
)

# Few entries are renamed, and each attempt at a name searches them. The first search makes the index, so that listing
# a ledger of an earlier version does not write to it.
_INDEX: Final = "CREATE INDEX IF NOT EXISTS renamed_entries ON entries (key) WHERE renamed <> '{}'"
_RENAMED_TO: Final = (
    "SELECT * FROM entries WHERE renamed <> '{}' AND key >= ? AND key < ? AND instr(renamed, ?) > 0 ORDER BY started_at"
)

# The first run of a fleet makes this table, so that an earlier version can read the file.
_RUNS: Final = (
    "CREATE TABLE IF NOT EXISTS runs (fleet TEXT PRIMARY KEY, traceparent TEXT NOT NULL, began_at REAL NOT NULL) "
    "STRICT, WITHOUT ROWID"
)
_HAS_RUNS: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'runs'"

# SQLite took at most 999 values in a statement for a long time.
_MANY_KEYS: Final = 500


@define(eq=False)
class _Open:
    """The connection and the claims of one process for a ledger."""

    process: int = field(factory=os.getpid)
    lock: threading.Lock = field(factory=threading.Lock)
    connection: sqlite3.Connection | None = None
    identity: tuple[int, int] | None = None
    claims: Claims | None = None
    is_indexed: bool = False

    def close(self, *, also_claims: bool) -> None:
        """Close what is open."""
        # In a forked process the connection belongs to the parent, and closing it here could harm it.
        if self.process != os.getpid():
            return
        with self.lock:
            if self.connection is not None:
                self.connection.close()
                self.connection, self.is_indexed = None, False
            if self.claims is not None and (also_claims or self.claims.is_idle):
                self.claims.close()
                self.claims = None


class SqliteBackend:
    """
    The ledger in one file. Claims are locks of the operating system, which frees them when the process dies.

    Attributes:
        path: The file.
        threads: More threads would only wait for each other: one entry at a time is written.
        lease: None: a claim lasts as long as its process, also while that is stopped.
    """

    threads: Final = 2
    lease: Final = None

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self._create = create
        self._own = OwnOfProcess(_Open, partial(_Open.close, also_claims=True))

    @property
    def name(self) -> str:
        """Return the file, or the address without a password."""
        return str(self.path)

    def close(self) -> None:
        """Close what is open."""
        self._own.get().close(also_claims=False)

    def claim(self, key: str, owner: Hashable) -> bool:
        """Take a key if it is free."""
        with self._use() as (here, _):
            if here.claims is None:
                here.claims = Claims(self.path.resolve())
            return here.claims.take(key, owner)

    def holder(self, key: str) -> Hashable:
        """Return the owner of a key in this process."""
        claims = self._own.get().claims
        return None if claims is None else claims.holder(key)

    def release(self, key: str) -> None:
        """Give a key back."""
        claims = self._own.get().claims
        if claims is not None:
            claims.give_back(key)

    def time_left(self, key: str) -> None:
        """Return None: a claim lasts as long as the process."""

    def get(self, key: str) -> LedgerEntry | None:
        """Return the entry of a key."""
        with self._use() as (_, connection):
            row = connection.execute("SELECT * FROM entries WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._read(row)

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """Return the states of those of some keys that have an entry; makes no file."""
        if self._own.get().connection is None and not self.path.exists():
            return {}
        found: dict[str, State] = {}
        with self._use() as (_, connection):
            for begin in range(0, len(keys), _MANY_KEYS):
                some = keys[begin : begin + _MANY_KEYS]
                marks = ", ".join("?" * len(some))
                rows = connection.execute(f"SELECT key, state FROM entries WHERE key IN ({marks})", some)  # noqa: S608  # marks
                found.update((row["key"], row["state"]) for row in rows)
        return found

    def other_with(self, entry: LedgerEntry, field_name: str, name: str) -> LedgerEntry | None:
        """Return the entry of another resource with a name."""
        kind = kind_of(entry)
        # After the prefix every key has a brace, and "|" is the character after the brace.
        span = (f"{kind}{{", f"{kind}|")
        with self._use() as (here, connection):
            if not here.is_indexed:
                connection.execute(_INDEX)
                here.is_indexed = True
            own_name = (renamed_key(entry, field_name, name),)
            rows = connection.execute("SELECT * FROM entries WHERE key = ?", own_name).fetchall()
            wanted = (*span, json.dumps(name, ensure_ascii=False))
            rows += connection.execute(_RENAMED_TO, wanted).fetchall()
        found = map(self._read, rows)
        return next((each for each in found if has_name(each, entry, field_name, name)), None)

    def start(self, entry: LedgerEntry) -> None:
        """Note that an attempt is about to start."""
        row = {**as_row(entry), "state": "started", "started_at": time.time(), "done_at": None}
        with self._use() as (_, connection):
            connection.execute(f"{_INSERT}, started_at = excluded.started_at", row)

    def finish(self, entry: LedgerEntry) -> None:
        """Note that a resource is done."""
        now = time.time()
        row = {**as_row(entry), "state": "done", "started_at": now, "done_at": now}
        with self._use() as (_, connection):
            connection.execute(_INSERT, row)

    def forget(self, key: str) -> bool:
        """Remove an entry."""
        with self._use() as (_, connection):
            return connection.execute("DELETE FROM entries WHERE key = ?", (key,)).rowcount > 0

    def entries(self) -> list[LedgerEntry]:
        """Return all entries, by key."""
        with self._use() as (_, connection):
            rows = connection.execute("SELECT * FROM entries ORDER BY key").fetchall()
        return [self._read(row) for row in rows]

    def unended_run(self, fleet: str) -> UnendedRun | None:
        """Return the run of a fleet that has not ended; makes no file."""
        if self._own.get().connection is None and not self.path.exists():
            return None
        with self._use() as (_, connection):
            if connection.execute(_HAS_RUNS).fetchone() is None:
                return None
            row = connection.execute("SELECT traceparent, began_at FROM runs WHERE fleet = ?", (fleet,)).fetchone()
        return None if row is None else UnendedRun(*row)

    def begin_run(self, fleet: str, traceparent: str) -> None:
        """Note that a run of a fleet begins."""
        with self._use() as (_, connection):
            connection.execute(_RUNS)
            connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (fleet, traceparent, time.time()))

    def end_run(self, fleet: str) -> None:
        """Forget the runs of a fleet."""
        if self.unended_run(fleet) is not None:
            with self._use() as (_, connection):
                connection.execute("DELETE FROM runs WHERE fleet = ?", (fleet,))

    def _read(self, row: Mapping[str, Any]) -> LedgerEntry:
        try:
            return from_row(row)
        except (ValueError, TypeError, AttributeError) as error:
            raise LedgerError(str(self.path), DAMAGED) from error

    @contextmanager
    def _use(self) -> Iterator[tuple[_Open, sqlite3.Connection]]:
        """Give the connection to one thread at a time, and translate SQLite's errors."""
        here = self._own.get()
        with here.lock:
            try:
                if here.connection is None:
                    here.connection = self._connect()
                    here.identity = self._identity()
                elif self._identity() != here.identity:
                    raise LedgerError(
                        str(self.path), "it was moved, removed or replaced while in use; put it back, and run again"
                    )
                yield here, here.connection
            except (sqlite3.Error, OSError) as error:
                raise in_our_words(self.path, error) from error

    def _connect(self) -> sqlite3.Connection:
        # The locks are beside the file itself, and not beside a link to it.
        path = self.path.resolve()
        refuse_network(path)
        if self._create:
            make_file(path)
        return connect(path)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino
