"""
The ledger: what was started and what was done, so that a run after a crash knows it.

One SQLite file (write-ahead log, full sync), one row per resource: ``started``
is written before an attempt, ``done`` after the answer. A row whose run has died
between the two stays ``started``. Rows hold the names of resources and nothing
else of a request: no password, token or key is in them.

All methods block for as long as a disk write takes; the engine calls them in a thread.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

from attrs import field, frozen

from resilience.state.claims import Claims
from resilience.state.filesystems import network_filesystem

State = Literal["started", "done"]
OnUnfinished = Literal["verify", "retry", "fail"]
ON_UNFINISHED: Final[tuple[OnUnfinished, ...]] = get_args(OnUnfinished)

_FORMAT: Final = 1
_APPLICATION: Final = 0x4D51524C  # "MQRL", so that another program's database is not taken for a ledger
_PRIVATE: Final = 0o600
# How long to wait while another process writes; a write takes under a millisecond.
_BUSY_SECONDS: Final = 5.0

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


class LedgerError(Exception):
    """
    The ledger cannot be read or written; the call was stopped before anything was sent.

    Attributes:
        path: The ledger's file.
        reason: What is wrong, and what to do.
    """

    __module__ = "resilience"  # where users import it from

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Say which ledger, and what is wrong with it."""
        return f"ledger {self.path}: {self.reason}"


@frozen(kw_only=True)
class Entry:
    """
    One resource.

    Attributes:
        key: Stands for it: provider, account, operation and the fields that name it.
        provider: Its provider, or None.
        operation: The operation that makes it.
        resource: The request fields that name it, as the script said them.
        state: ``started`` or ``done``.
        renamed: What was renamed: the field, the old and the new name.
        number: The number of the name in use; 1 is the script's own.
        started_at: When its last attempt started, in epoch seconds.
        done_at: When it was done, in epoch seconds, or None.
    """

    key: str
    provider: str | None
    operation: str
    resource: Mapping[str, str]
    state: State = "started"
    renamed: Mapping[str, tuple[str, str]] = field(factory=dict)
    number: int = 1
    started_at: float = 0.0
    done_at: float | None = None


def entry_key(provider: str | None, account: str, operation: str, resource: Mapping[str, str]) -> str:
    """Return the key of a resource: readable, and the same in every run of the same script."""
    named = json.dumps(dict(sorted(resource.items())), ensure_ascii=False, separators=(",", ":"))
    return f"{provider or ''}:{account}:{operation}:{named}"


class Ledger:
    """
    One file; several threads, tasks and processes may share it.

    Args:
        path: The file. It and its folder are made when they are first needed.
        on_unfinished: What to do with a resource that an earlier run started and never finished: ``verify``
            asks the verifier before another attempt, ``retry`` makes the attempt, ``fail`` stops the call.

    Raises:
        ValueError: ``on_unfinished`` is none of these.
    """

    def __init__(self, path: str | os.PathLike[str], *, on_unfinished: OnUnfinished = "verify") -> None:
        if on_unfinished not in ON_UNFINISHED:
            raise ValueError(f"on_unfinished: expected one of {', '.join(ON_UNFINISHED)}, got {on_unfinished!r}")
        self.path = Path(path)
        self.on_unfinished = on_unfinished
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._claims: Claims | None = None
        self._process = os.getpid()

    def __repr__(self) -> str:
        """Name the file."""
        return f"<Ledger {self.path}>"

    def __enter__(self) -> Self:
        """Return the ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            if self._claims is not None:
                self._claims.close()
            self._connection = self._claims = None

    # one resource at a time

    def claim(self, key: str) -> bool:
        """
        Take a key for this call, if nobody works on it; the system gives it back when the process dies.

        Raises:
            LedgerError: The file cannot be used.
        """
        with self._open():
            return self._claims is not None and self._claims.take(key)

    def release(self, key: str) -> None:
        """Give a key back."""
        if self._claims is not None:
            self._claims.give_back(key)

    # what was started and done

    def get(self, key: str) -> Entry | None:
        """
        Return the entry of a key, or None.

        Raises:
            LedgerError: The file cannot be used.
        """
        with self._open() as connection:
            row = connection.execute("SELECT * FROM entries WHERE key = ?", (key,)).fetchone()
        return None if row is None else _entry(row)

    def start(self, entry: Entry) -> None:
        """
        Note that an attempt is about to be made, with the name that it uses.

        Raises:
            LedgerError: The file cannot be written.
        """
        with self._open() as connection:
            connection.execute(
                "INSERT INTO entries (key, provider, operation, resource, state, renamed, number, started_at) "
                "VALUES (?, ?, ?, ?, 'started', ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                "state = 'started', renamed = excluded.renamed, number = excluded.number, "
                "started_at = excluded.started_at, done_at = NULL",
                (
                    entry.key,
                    entry.provider,
                    entry.operation,
                    json.dumps(dict(entry.resource)),
                    json.dumps(dict(entry.renamed)),
                    entry.number,
                    time.time(),
                ),
            )

    def finish(self, key: str) -> None:
        """
        Note that it is done.

        Raises:
            LedgerError: The file cannot be written.
        """
        with self._open() as connection:
            connection.execute("UPDATE entries SET state = 'done', done_at = ? WHERE key = ?", (time.time(), key))

    def forget(self, key: str) -> bool:
        """
        Remove an entry; return whether there was one.

        Raises:
            LedgerError: The file cannot be written.
        """
        with self._open() as connection:
            return connection.execute("DELETE FROM entries WHERE key = ?", (key,)).rowcount > 0

    def entries(self) -> list[Entry]:
        """
        Return all entries, by key.

        Raises:
            LedgerError: The file cannot be read.
        """
        with self._open() as connection:
            rows = connection.execute("SELECT * FROM entries ORDER BY key").fetchall()
        return [_entry(row) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread at a time, and say in our words what SQLite says of the file."""
        with self._lock:
            try:
                if self._process != os.getpid():
                    # Forked: the connection and the claims are the parent's.
                    self._connection = self._claims = None
                    self._process = os.getpid()
                if self._connection is None:
                    self._connection = self._connect()
                    self._claims = Claims(self.path)
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                raise LedgerError(str(self.path), _reason(error)) from error

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        filesystem = network_filesystem(self.path.parent)
        if filesystem is not None:
            raise LedgerError(
                str(self.path),
                f"it is on {filesystem}, a network file system, where SQLite's locks do not hold; use a local disk",
            )
        # Made by us, so that it is private from its first byte on.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, _PRIVATE))
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with closing(connection.execute("PRAGMA user_version")) as cursor:
            version: int = cursor.fetchone()[0]
        application: int = connection.execute("PRAGMA application_id").fetchone()[0]
        tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and application != _APPLICATION:
            raise LedgerError(str(self.path), "it is another program's database; choose another path")
        if version > _FORMAT:
            raise LedgerError(
                str(self.path), f"it has format {version}, newer than the {_FORMAT} known here; update mqtt-resilience"
            )
        if version < _FORMAT:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
            connection.execute("COMMIT")


def _entry(row: sqlite3.Row) -> Entry:
    values: dict[str, Any] = dict(row)
    values["resource"] = json.loads(values["resource"])
    values["renamed"] = {name: (old, new) for name, (old, new) in json.loads(values["renamed"]).items()}
    return Entry(**values)


_REASONS: Final[tuple[tuple[str, str], ...]] = (
    ("locked", "another process holds it locked; wait, or end that process"),
    ("readonly", "it cannot be written; check its permissions and those of its folder"),
    ("full", "the disk is full; make room"),
    ("malformed", "it is damaged; move it away, and look at what exists before you run again"),
    ("not a database", "it is no ledger, or damaged; move it away, and look at what exists before you run again"),
    ("disk I/O", "the disk cannot be read or written; check it"),
    ("unable to open", "it cannot be opened; check that the path is right and may be written"),
)


def _reason(error: sqlite3.Error | OSError) -> str:
    said = str(error)
    for word, reason in _REASONS:
        if word in said:
            return reason
    if isinstance(error, OSError):
        return f"{error.strerror or 'it cannot be used'}; check the path and its permissions"
    return f"SQLite says: {said}"
