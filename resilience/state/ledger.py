"""
The ledger: it remembers for the next run which resources were started and which were done.

A ledger is one SQLite file (write-ahead log, full sync) with one row per resource. The engine
writes ``started`` before an attempt, and ``done`` after the answer. If the run dies between
the two, the row stays ``started``. A row has the names of its resource and nothing else of
a request: no password, token or key.

All methods block for the time of a disk write; the engine calls them in a thread.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self, get_args

from attrs import define, field

from resilience.core.policy import OnUnfinished
from resilience.state.claims import Claims
from resilience.state.database import DAMAGED, LedgerError, connect, in_our_words, make_file, refuse_network
from resilience.state.entry import LedgerEntry, as_row, from_row

ON_UNFINISHED: Final[tuple[OnUnfinished, ...]] = get_args(OnUnfinished)

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

_renewing: Final = [threading.Lock()]


def _begin_anew() -> None:
    """Take a new lock in a forked process: a thread of the parent may hold the old one."""
    _renewing[0] = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


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


def entry_key(provider: str | None, account: str, operation: str, resource: Mapping[str, str]) -> str:
    """Return the key of a resource; it is readable, and the same in every run of the same script."""
    return f"{provider or ''}:{account}:{operation}:{_named(resource)}"


def renamed_key(entry: LedgerEntry, field_name: str, name: str) -> str:
    """Return the key of the resource of the same kind as ``entry`` that has ``name`` as its own name."""
    return _kind(entry) + _named({**entry.resource, field_name: name})


def _named(resource: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(resource.items())), ensure_ascii=False, separators=(",", ":"))


def _kind(entry: LedgerEntry) -> str:
    """Return the common prefix of the keys of all resources of one provider, account and operation."""
    return entry.key.removesuffix(_named(entry.resource))


class Ledger:
    """
    A ledger in one file, which several threads, tasks and processes may share.

    Args:
        path: The file. A relative path starts from the present working directory. The first use makes the file and its
            folder, readable for their owner alone.
        on_unfinished: What to do with a resource that an earlier run started and never finished: ``verify``
            asks the verifier before another attempt, ``retry`` makes the attempt, ``fail`` stops the call.
        create: Whether to make a file that does not exist; otherwise its use is an error.

    Raises:
        ValueError: ``on_unfinished`` is none of the three.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, on_unfinished: OnUnfinished = "verify", create: bool = True
    ) -> None:
        if on_unfinished not in ON_UNFINISHED:
            raise ValueError(f"on_unfinished: expected one of {', '.join(ON_UNFINISHED)}, got {on_unfinished!r}")
        self.path = Path(path).absolute()
        self.on_unfinished = on_unfinished
        self._create = create
        self._renew()

    def _renew(self) -> None:
        self._open = _Open()
        weakref.finalize(self, self._open.close, also_claims=True)

    def __repr__(self) -> str:
        """Name the file."""
        return f"<Ledger {self.path}>"

    def __enter__(self) -> Self:
        """Return the ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; the next use opens it again. Calls under way keep their claims."""
        self._of_this_process().close(also_claims=False)

    # one resource at a time

    def claim(self, key: str, owner: Hashable = True) -> bool:  # noqa: FBT002  # anything that is not None
        """
        Take a key for this call; return False if another call works on it.

        The operating system frees the key when the process dies.

        Args:
            key: The key.
            owner: The owner that :meth:`holder` returns.

        Raises:
            LedgerError: The file cannot be used.
        """
        with self._use() as (here, _):
            if here.claims is None:
                here.claims = Claims(self.path.resolve())
            return here.claims.take(key, owner)

    def holder(self, key: str) -> Hashable:
        """Return the owner of a key in this process; None if no call of this process has claimed it."""
        claims = self._of_this_process().claims
        return None if claims is None else claims.holder(key)

    def release(self, key: str) -> None:
        """Give a key back."""
        claims = self._of_this_process().claims
        if claims is not None:
            claims.give_back(key)

    # entries

    def get(self, key: str) -> LedgerEntry | None:
        """
        Return the entry of a key, or None.

        Raises:
            LedgerError: The file cannot be used.
        """
        with self._use() as (_, connection):
            row = connection.execute("SELECT * FROM entries WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._read(row)

    def other_with(self, entry: LedgerEntry, field_name: str, name: str) -> LedgerEntry | None:
        """
        Return the entry of another resource with a name, its own or a new one; None if there is none.

        Args:
            entry: A resource; the other one has the same provider, account, operation and other fields.
            field_name: The request field with the name.
            name: The name.

        Raises:
            LedgerError: The file cannot be used.
        """
        kind = _kind(entry)
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
        others = {key: value for key, value in entry.resource.items() if key != field_name}
        for each in map(self._read, rows):
            has_it = name in {each.resource.get(field_name), each.renamed.get(field_name, ("", ""))[1]}
            if has_it and each.key != entry.key and others.items() <= each.resource.items():
                return each
        return None

    def start(self, entry: LedgerEntry) -> None:
        """
        Note that an attempt is about to start, with the name that it uses.

        Raises:
            LedgerError: The file cannot be written.
        """
        row = {**as_row(entry), "state": "started", "started_at": time.time(), "done_at": None}
        with self._use() as (_, connection):
            connection.execute(f"{_INSERT}, started_at = excluded.started_at", row)

    def finish(self, entry: LedgerEntry) -> None:
        """
        Note that a resource is done, even if its row has been removed since the start.

        Raises:
            LedgerError: The file cannot be written.
        """
        now = time.time()
        row = {**as_row(entry), "state": "done", "started_at": now, "done_at": now}
        with self._use() as (_, connection):
            connection.execute(_INSERT, row)

    def forget(self, key: str) -> bool:
        """
        Remove an entry; return whether there was one.

        Raises:
            LedgerError: The file cannot be written.
        """
        with self._use() as (_, connection):
            return connection.execute("DELETE FROM entries WHERE key = ?", (key,)).rowcount > 0

    def entries(self) -> list[LedgerEntry]:
        """
        Return all entries, by key.

        Raises:
            LedgerError: The file cannot be read.
        """
        with self._use() as (_, connection):
            rows = connection.execute("SELECT * FROM entries ORDER BY key").fetchall()
        return [self._read(row) for row in rows]

    def _read(self, row: Mapping[str, Any]) -> LedgerEntry:
        try:
            return from_row(row)
        except (ValueError, TypeError, AttributeError) as error:
            raise LedgerError(str(self.path), DAMAGED) from error

    def _of_this_process(self) -> _Open:
        if self._open.process != os.getpid():
            with _renewing[0]:
                # In a forked process only one of several threads may do this, or the claims of the others are lost.
                if self._open.process != os.getpid():
                    self._renew()
        return self._open

    @contextmanager
    def _use(self) -> Iterator[tuple[_Open, sqlite3.Connection]]:
        """Give the connection to one thread at a time, and translate SQLite's errors."""
        here = self._of_this_process()
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
