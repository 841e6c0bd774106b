"""A ledger in PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString, TypeVar

import psycopg
from psycopg.rows import dict_row, tuple_row

from resilience.state.ledger.entry import LedgerEntry, State, as_row, from_row
from resilience.state.ledger.errors import LedgerError, UnavailableError
from resilience.state.ledger.leases import statements
from resilience.state.ledger.unended import UnendedRun

T = TypeVar("T")

# Only for the time in which the tables are made; any number that no other program uses.
_LOCK: Final = 0x4D51524C

_REASONS: Final[Mapping[str, str]] = {
    "25006": "the server only reads, as a replica does; name the primary in the url",
    "42501": "the user of the url may not use the ledger's tables, or make them; grant it that",
    "53100": "the server's disk is full; make room",
}
# 57014 is a statement that took too long for the server's own limit.
_PASSING: Final = ("08", "40", "53", "55P03", "57")
# An error of a connection that is not made has no code. In another language all of them look as if they would pass.
_LASTING_WORDS: Final = (
    "authentication failed",
    "does not exist",
    "no password supplied",
    "pg_hba.conf",
    "not permitted",
)


_WORDS: Final[Mapping[str, str]] = {
    "startup parameter": (
        "a pool before the server refuses a parameter of the url, as PgBouncer refuses options; leave it out"
    ),
    "does not support SSL": "the server has no TLS; leave sslmode out of the url, or give the server a certificate",
}
"""What such errors say, and our words for it."""


class _Connection(psycopg.Connection[Any]):
    """A connection that waits for an answer so many seconds; psycopg itself waits for ever."""

    patience = 5.0

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        return super().wait(_limited(gen, time.monotonic() + self.patience), *args, **kwargs)


def _limited(gen: Generator[Any, Any, T], end: float) -> Generator[Any, Any, T]:
    """Go through what is waited for; each step takes a tenth of a second at most."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if time.monotonic() > end:
                raise TimeoutError
            wanted = gen.send(ready)
    except StopIteration as done:
        value: T = done.value
        return value


class PostgresStore:
    """
    The ledger in a PostgreSQL database, in tables that the first use makes.

    Args:
        url: The address.
        name: The same without a password.
        patience: How long to wait for an answer, in seconds.
    """

    def __init__(self, url: str, name: str, *, patience: float) -> None:
        self.name = name
        self._url = url
        self._patience = patience
        self._spare: list[_Connection] = []
        self._guard = threading.Lock()
        self._is_open = False
        self._is_made = False
        self._is_lax = False

    def claim(self, key: str, holder: str, lease: float) -> int | None:
        """Claim a key that is free."""
        found = self._row(statements.CLAIM, {"key": key, "holder": holder, "lease": lease})
        return None if found is None else int(found[0])

    def renew(self, tokens: Mapping[str, int], lease: float) -> set[str]:
        """Give a sign of life for claims."""
        with self._use() as connection:
            found = connection.execute(statements.RENEW, {**_columns(tokens), "lease": lease}).fetchall()
        return {key for (key,) in found}

    def release(self, tokens: Mapping[str, int]) -> None:
        """Give keys back."""
        with self._use() as connection:
            connection.execute(statements.RELEASE, _columns(tokens))

    def start(self, entry: LedgerEntry, token: int, lease: float) -> bool:
        """Note an entry as started."""
        with self._use() as connection, self._durable(connection):
            return connection.execute(statements.START, {**as_row(entry), "token": token, "lease": lease}).rowcount > 0

    def finish(self, entry: LedgerEntry, token: int) -> bool:
        """Note an entry as done, and give its key back."""
        values = {**as_row(entry), "token": token}
        with self._use() as connection, self._durable(connection):
            if connection.execute(statements.FINISH, values).rowcount > 0:
                return True
            # An earlier try may have done it, and its answer was lost.
            return connection.execute(statements.IS_FINISHED, values).fetchone() is not None

    def forget(self, key: str, token: int) -> bool | None:
        """Remove an entry."""
        values = {"key": key, "token": token}
        with self._use() as connection, connection.transaction():
            if connection.execute(statements.HOLD, values).fetchone() is None:
                return None
            return connection.execute(statements.FORGET, values).rowcount > 0

    def get(self, key: str) -> LedgerEntry | None:
        """Return an entry."""
        found = self._entries(statements.GET, {"key": key})
        return found[0] if found else None

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """Return the states of those of some keys that have an entry."""
        with self._use() as connection:
            return dict(connection.execute(statements.STATES, {"keys": list(keys)}).fetchall())

    def renamed_to(self, kind: str, name: str) -> list[LedgerEntry]:
        """Return the entries of a kind with a new name."""
        return self._entries(statements.RENAMED, {"first": f"{kind}{{", "last": f"{kind}|", "name": name})

    def entries(self) -> list[LedgerEntry]:
        """Return all entries."""
        return self._entries(statements.ALL, {})

    def unended_run(self, fleet: str) -> UnendedRun | None:
        """Return the run of a fleet that has not ended."""
        if self._row(statements.HAS_RUNS, {}) == (None,):
            return None
        found = self._row(statements.UNENDED_RUN, {"fleet": fleet})
        return None if found is None else UnendedRun(*found)

    def begin_run(self, fleet: str, traceparent: str) -> None:
        """Note that a run of a fleet begins."""
        if self._row(statements.HAS_RUNS, {}) == (None,):
            # The tables were made by an earlier version.
            with self._use() as connection:
                _make_tables(connection, statements.RUNS)
        with self._use() as connection:
            connection.execute(statements.BEGIN_RUN, {"fleet": fleet, "traceparent": traceparent})

    def end_run(self, fleet: str) -> None:
        """Forget the runs of a fleet."""
        if self.unended_run(fleet) is not None:
            with self._use() as connection:
                connection.execute(statements.END_RUN, {"fleet": fleet})

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._guard:
            self._is_open = False
            spare, self._spare = self._spare, []
        for connection in spare:
            connection.close()

    def _row(self, query: LiteralString, values: Mapping[str, Any]) -> Sequence[Any] | None:
        with self._use() as connection:
            found: Sequence[Any] | None = connection.execute(query, values).fetchone()
            return found

    def _entries(self, query: LiteralString, values: Mapping[str, Any]) -> list[LedgerEntry]:
        with self._use() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            return [from_row(row) for row in cursor.execute(query, values)]

    @contextmanager
    def _durable(self, connection: _Connection) -> Iterator[None]:
        """
        Let what is noted in the block be on the disk before a request is sent.

        Where the server itself would wait for no disk, each transaction says it: a pool between us and the server may
        give each of them to another process of it, which knows nothing of our session.
        """
        if not self._is_lax:
            yield
            return
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = on")
            yield

    @contextmanager
    def _use(self) -> Iterator[_Connection]:
        """Give a connection to one thread, and translate the errors of the server."""
        with self._guard:
            self._is_open = True
            connection = self._spare.pop() if self._spare else None
        try:
            if connection is None:
                connection = self._connect()
            yield connection
        except (psycopg.Error, TimeoutError) as error:
            if connection is not None:
                connection.close()
            # The text of an error may have the whole url in it, with the password.
            raise self._in_our_words(error) from None
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        with self._guard:
            is_open = self._is_open
            if is_open:
                self._spare.append(connection)
        if not is_open:
            connection.close()

    def _connect(self) -> _Connection:
        connection = _Connection.connect(
            self._url,
            autocommit=True,
            row_factory=tuple_row,
            connect_timeout=max(round(self._patience), 2),
            # A pool between us and the server may give each statement to another process of it.
            prepare_threshold=None,
            application_name="mqtt-resilience",
        )
        connection.patience = self._patience
        if not self._is_made:
            self._is_lax = connection.execute(statements.IS_LAX).fetchone() is not None
        if not self._is_made:
            self._make(connection)
            self._is_made = True
        return connection

    def _make(self, connection: _Connection) -> None:
        table, comment = connection.execute(statements.KNOWN).fetchone() or (None, None)
        if table is None:
            _make_tables(connection, statements.TABLES, statements.TELL)
            return
        version = (comment or "").removeprefix(statements.COMMENT)
        if version != str(statements.FORMAT):
            raise LedgerError(
                self.name,
                f"its table resilience_ledger has format {version}, newer than the {statements.FORMAT} known here; "
                "update mqtt-resilience"
                if version.isdecimal()
                else "its table resilience_ledger is another program's; choose another database or schema",
            )

    def _in_our_words(self, error: psycopg.Error | TimeoutError) -> LedgerError:
        if isinstance(error, TimeoutError):
            reason = f"the server has not answered for {self._patience:g} s; nothing is sent without it"
            return UnavailableError(self.name, reason)
        state = error.sqlstate or ""
        if state in _REASONS:
            return LedgerError(self.name, _REASONS[state])
        if state.startswith(_PASSING):
            return UnavailableError(self.name, f"the server cannot answer now ({state}); nothing is sent without it")
        if isinstance(error, psycopg.OperationalError) and not state:
            text = str(error)
            for said, reason in _WORDS.items():
                if said in text:
                    return LedgerError(self.name, reason)
            if any(word in text for word in _LASTING_WORDS):
                reason = "the server refuses the connection; check user, password and database in the url"
                return LedgerError(self.name, reason)
            reason = "the server cannot be reached; start it, or check host and port in the url"
            return UnavailableError(self.name, f"{reason}; nothing is sent without it")
        if isinstance(error, psycopg.ProgrammingError) and not state:
            return LedgerError(self.name, "the url cannot be read; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
        return LedgerError(self.name, f"PostgreSQL says {type(error).__name__} ({state or 'no code'}); look at its log")


def _make_tables(connection: _Connection, *queries: LiteralString) -> None:
    """Make tables that are not there; processes that find none at once do it one after the other."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        for query in queries:
            connection.execute(query)


def _columns(tokens: Mapping[str, int]) -> dict[str, Any]:
    return {"keys": list(tokens), "tokens": list(tokens.values())}
