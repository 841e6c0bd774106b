"""
A store in a file, for the processes of one machine.

Its clock is the machine's. It writes no faster than it must be read: what a crash of the machine loses may be lost.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import define, field

from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest
from resilience.state.ledger.sqlite.filesystems import network_filesystem
from resilience.state.store.answering import answer, exchange
from resilience.state.store.protocol import StateError
from resilience.state.store.slots import Log

_FORMAT: Final = 1
_APPLICATION: Final = 0x4D515253  # "MQRS"; a ledger's file has another one
_PRIVATE_FOLDER: Final = 0o700
# Limits that no process has asked for are forgotten after so many seconds beyond their window, once in a while.
_KEPT: Final = 600.0

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS limits (
    key   TEXT PRIMARY KEY,
    pace  REAL NOT NULL,
    last  REAL NOT NULL,
    until REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (
    key  TEXT NOT NULL,
    at   REAL NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (key, at, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (
    key     TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    value   TEXT NOT NULL,
    until   REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS names ON places (key, name);
"""


@define(eq=False)
class _FileLog:
    _connection: sqlite3.Connection
    _key: str
    pace: float
    last: float

    def forget(self, until: float) -> None:
        self._connection.execute("DELETE FROM places WHERE key = ? AND at <= ?", (self._key, until))

    def pull_back(self, to: float) -> None:
        self._connection.execute("UPDATE places SET at = ? WHERE key = ? AND at > ?", (to, self._key, to))
        self.pace, self.last = min(self.pace, to), min(self.last, to)

    def move(self, name: str, at: float) -> None:
        self._connection.execute("UPDATE places SET at = ? WHERE key = ? AND name = ?", (at, self._key, name))

    def remove(self, name: str) -> None:
        self._connection.execute("DELETE FROM places WHERE key = ? AND name = ?", (self._key, name))

    def from_last(self, count: int) -> float | None:
        found = self._connection.execute(
            "SELECT at FROM places WHERE key = ? ORDER BY at DESC LIMIT 1 OFFSET ?", (self._key, count - 1)
        ).fetchone()
        return None if found is None else float(found[0])

    def add(self, name: str, at: float) -> None:
        self._connection.execute("INSERT INTO places (key, at, name) VALUES (?, ?, ?)", (self._key, at, name))


@define(eq=False)
class _FileTables:
    _connection: sqlite3.Connection
    now: float

    def log(self, limit: SharedLimit) -> _FileLog:
        found = self._connection.execute("SELECT pace, last FROM limits WHERE key = ?", (limit.key,)).fetchone()
        return _FileLog(self._connection, limit.key, *(found or (float("-inf"), float("-inf"))))

    def keep_log(self, limit: SharedLimit, log: Log, until: float) -> None:
        row = limit.key, log.pace, log.last, until
        self._connection.execute("INSERT OR REPLACE INTO limits (key, pace, last, until) VALUES (?, ?, ?, ?)", row)

    def value(self, key: str) -> tuple[str, str]:
        known = "SELECT version, value FROM kept WHERE key = ? AND until > ?"
        version, value = self._connection.execute(known, (key, self.now)).fetchone() or ("", "")
        return version, value

    def keep_value(self, key: str, version: str, value: str, until: float) -> None:
        row = key, version, value, until
        self._connection.execute("INSERT OR REPLACE INTO kept (key, version, value, until) VALUES (?, ?, ?, ?)", row)


@define(eq=False)
class SqliteStore:
    """
    A store for the processes of one machine.

    Attributes:
        path: The file.
    """

    path: Path
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _opened: tuple[int, sqlite3.Connection] | None = field(default=None, init=False)
    _swept_at: float = field(default=0.0, init=False)

    def reserve(self, request: SlotRequest, timeout: float) -> GivenSlots:
        """Give out slots and permits."""
        with self._changing(timeout) as connection:
            now = time.time()
            given = answer(request, _FileTables(connection, now))
            self._sweep(connection, now)
            return given

    def exchange(self, proposal: Proposal, timeout: float) -> KeptValue:
        """Put a value in the place of another, if that has not changed meanwhile."""
        with self._changing(timeout) as connection:
            return exchange(proposal, _FileTables(connection, time.time()))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._opened is not None and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None

    def _sweep(self, connection: sqlite3.Connection, now: float) -> None:
        if not self._swept_at <= now < self._swept_at + _KEPT:
            self._swept_at = now
            connection.execute(
                "DELETE FROM places WHERE key IN (SELECT key FROM limits WHERE until < ?)", (now - _KEPT,)
            )
            connection.execute("DELETE FROM limits WHERE until < ?", (now - _KEPT,))
            connection.execute("DELETE FROM kept WHERE until < ?", (now,))

    @contextmanager
    def _changing(self, timeout: float) -> Iterator[sqlite3.Connection]:
        """Change the file, alone."""
        with self._lock:
            try:
                connection = self._connection(timeout)
                connection.execute(f"PRAGMA busy_timeout = {max(int(timeout * 1000), 1)}")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise self._in_our_words(error) from None

    def _connection(self, timeout: float) -> sqlite3.Connection:
        opened = self._opened
        if opened is None or opened[0] != os.getpid():
            # A connection must not be carried over a fork.
            opened = self._opened = os.getpid(), self._connect(timeout)
        return opened[1]

    def _connect(self, timeout: float) -> sqlite3.Connection:
        filesystem = network_filesystem(self.path.parent)
        if filesystem is not None:
            raise StateError(
                str(self.path),
                f"it is on {filesystem}, a network file system, where SQLite's locks do not hold; use a local disk, or "
                'store = "redis://..." for several machines',
            )
        self.path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=timeout, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # One transaction, so that a file which another process is about to make is seen whole or not at all.
        connection.execute("BEGIN IMMEDIATE")
        application, version, tables = (
            connection.execute(each).fetchone()[0]
            for each in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        if application != _APPLICATION and (tables or application or version):
            raise StateError(str(self.path), "it is another program's database, or a ledger; choose another path")
        if version > _FORMAT:
            raise StateError(
                str(self.path), f"it has format {version}, newer than the {_FORMAT} known here; update mqtt-resilience"
            )
        if version < _FORMAT:
            for statement in _TABLES.split(";")[:-1]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous = OFF")
        # While others use the file it cannot change to this; it works without, and a little slower.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")

    def _in_our_words(self, error: sqlite3.Error | OSError) -> StateError:
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(error, OSError):
            reason = f"{error.strerror or error}; check the path and its permissions"
        elif code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            reason = "another process holds it locked; wait, or end that process"
        else:
            name = getattr(error, "sqlite_errorname", "an error")
            reason = f"SQLite says {name}; check the path and its permissions, or remove the file, which may be lost"
        return StateError(str(self.path), reason)
