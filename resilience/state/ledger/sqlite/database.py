"""Make, check and open the file of a ledger, and explain its errors."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any, Final

from resilience.state.ledger.errors import LedgerError, UnavailableError
from resilience.state.ledger.sqlite.filesystems import network_filesystem

_FORMAT: Final = 1
_APPLICATION: Final = 0x4D51524C  # "MQRL", so that another program's database is not taken for a ledger
_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
# How long one statement waits while another process writes. A write takes some milliseconds. A caller that can wait
# longer asks again, so that neither a cancellation nor a deadline waits for a thread.
_BUSY_SECONDS: Final = 0.25

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS entries (
    key        TEXT PRIMARY KEY,
    provider   TEXT,
    operation  TEXT NOT NULL,
    resource   TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('started', 'done')),
    renamed    TEXT NOT NULL DEFAULT '{}',
    number     INTEGER NOT NULL DEFAULT 1,
    started_at REAL NOT NULL,
    done_at    REAL
) STRICT, WITHOUT ROWID
"""


_making: Final = threading.Lock()


def refuse_network(path: Path) -> None:
    """
    Refuse a path on a network file system, where SQLite's locks do not work.

    Raises:
        LedgerError: The path is on a network file system, as far as that can be known.
    """
    filesystem = network_filesystem(path.parent)
    if filesystem is not None:
        raise LedgerError(
            str(path),
            f"it is on {filesystem}, a network file system, where SQLite's locks do not hold; use a local disk",
        )


def make_file(path: Path) -> None:
    """
    Make an empty private file, and its folder, if they do not exist.

    A file that exists is not opened: closing it would free the locks that SQLite holds on it
    for another connection of this process.

    Raises:
        OSError: The file or the folder cannot be made.
    """
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    with _making:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE))
        except FileExistsError:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None


def connect(path: Path) -> sqlite3.Connection:
    """
    Open the file of a ledger; an empty file becomes a ledger.

    Raises:
        LedgerError: The file is another program's database, or its format is too new.
        sqlite3.Error: The file cannot be opened, read or written.
    """
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, str(path))
    except BaseException:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    # Before any change, because another program's database must stay unchanged.
    connection.execute("BEGIN")
    _version(connection, path)
    connection.execute("COMMIT")
    if _value(connection, "PRAGMA journal_mode = WAL") != "wal":
        raise LedgerError(path, "SQLite cannot keep a write-ahead log there; use a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    # macOS writes through to the disk only with this pragma; elsewhere it changes nothing.
    connection.execute("PRAGMA fullfsync = ON")
    if _value(connection, "PRAGMA user_version") < _FORMAT:
        connection.execute("BEGIN IMMEDIATE")
        if _version(connection, path) < _FORMAT:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: str) -> int:
    """
    Return the format of the file; 0 for an empty file.

    The caller has begun a transaction. Without it, another process could make the file a ledger
    between two of these reads, and the file would look like another program's.

    Raises:
        LedgerError: The file is another program's database, or its format is too new.
    """
    application = _value(connection, "PRAGMA application_id")
    version: int = _value(connection, "PRAGMA user_version")
    is_empty = _value(connection, "SELECT count(*) FROM sqlite_master") == 0
    if application != _APPLICATION and not (is_empty and application == version == 0):
        raise LedgerError(path, "it is another program's database; choose another path")
    if version > _FORMAT:
        raise LedgerError(path, f"it has format {version}, newer than the {_FORMAT} known here; update mqtt-resilience")
    return version


def _value(connection: sqlite3.Connection, statement: str) -> Any:
    return connection.execute(statement).fetchone()[0]


# SQLITE_PROTOCOL: several processes began to read at once, and SQLite gave up after some seconds.
_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
DAMAGED: Final = "it is damaged; move it away, and look at what exists before you run again"
_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "another process holds it locked; wait, or end that process",
    sqlite3.SQLITE_LOCKED: "another process holds it locked; wait, or end that process",
    sqlite3.SQLITE_PROTOCOL: "other processes hold it locked; wait, or start fewer processes",
    sqlite3.SQLITE_READONLY: "it cannot be written; check its permissions and those of its folder",
    sqlite3.SQLITE_PERM: "it cannot be written; check its permissions and those of its folder",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: "it is no ledger, or damaged; move it away, and look at what exists before you run again",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written, or is full; check it",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that it is there, and the permissions of it and its folder",
}


def in_our_words(path: Path, error: sqlite3.Error | OSError) -> LedgerError:
    """Return the error with the problem of a ledger, and what to do about it."""
    if isinstance(error, OSError):
        return LedgerError(str(path), f"{error.strerror or error}; check the path and its permissions")
    # The low byte is the kind of error. An error that Python itself raises has no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    reason = _REASONS.get(code) or f"SQLite says {getattr(error, 'sqlite_errorname', 'nothing')}; check the file"
    return (UnavailableError if code in _LOCKED else LedgerError)(str(path), reason)
