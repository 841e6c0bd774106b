"""The ledger as programs use it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Final, Self, get_args

from resilience.core.grammar.durations import seconds
from resilience.core.policy import LedgerSettings, OnUnfinished
from resilience.state.ledger.backend import Backend
from resilience.state.ledger.entry import LedgerEntry, State
from resilience.state.ledger.leases.address import scheme_of
from resilience.state.ledger.leases.opening import LEAST_LEASE, leased
from resilience.state.ledger.sqlite.backend import SqliteBackend
from resilience.state.ledger.unended import UnendedRun

ON_UNFINISHED: Final[tuple[OnUnfinished, ...]] = get_args(OnUnfinished)


class Ledger:
    """
    A ledger, which several threads, tasks and processes may share.

    Args:
        path_or_url: The file, for the processes of one machine, or ``postgresql://...`` or ``redis://...`` for those of
            many. A relative path starts from the present working directory. The first use makes the file and its
            folder, readable for their owner alone, or the tables in the database.
        on_unfinished: What to do with a resource that an earlier run started and never finished: ``verify``
            asks the verifier before another attempt, ``retry`` makes the attempt, ``fail`` stops the call.
        lease: Of a ledger on a server: how long a call keeps its key without a sign of life of its process, as
            ``"30s"`` or in seconds, at least 1 s. The server has a quarter of it for an answer, and 5 s at most; to
            connect takes some answers, so a lease of 4 s is too short for a server whose answers take 0.5 s.
        create: Whether to make a file that does not exist; otherwise its use is an error.

    Attributes:
        on_unfinished: As given.

    Raises:
        ValueError: ``on_unfinished`` is none of the three, ``lease`` is too short or no duration, or the url is of no
            server that can keep a ledger.
        LedgerError: The library for such a server is not installed.
    """

    def __init__(
        self,
        path_or_url: str | os.PathLike[str],
        *,
        on_unfinished: OnUnfinished = "verify",
        lease: float | str = 30.0,
        create: bool = True,
    ) -> None:
        if on_unfinished not in ON_UNFINISHED:
            raise ValueError(f"on_unfinished: expected one of {', '.join(ON_UNFINISHED)}, got {on_unfinished!r}")
        self.on_unfinished = on_unfinished
        length = seconds(lease) if isinstance(lease, str) else lease
        if length is None or not length >= LEAST_LEASE:
            raise ValueError(f'lease: expected a duration of {LEAST_LEASE:g} s or more, such as "30s", got {lease!r}')
        text = os.fspath(path_or_url)
        self._backend: Backend = (
            SqliteBackend(Path(text).absolute(), create=create) if scheme_of(text) is None else leased(text, length)
        )

    @classmethod
    def of(cls, settings: LedgerSettings, *, create: bool = True) -> Self:
        """Return the ledger of a policy; for ``create`` see the class."""
        return cls(
            settings.path if settings.url is None else settings.url,
            on_unfinished=settings.on_unfinished,
            lease=settings.lease,
            create=create,
        )

    @property
    def name(self) -> str:
        """The file, or the address without user and password."""
        return self._backend.name

    @property
    def path(self) -> Path:
        """
        The file.

        Raises:
            AttributeError: The ledger is on a server.
        """
        if self.lease is not None:
            raise AttributeError("a ledger on a server has no path; see its name")
        return Path(self.name)

    @property
    def lease(self) -> float | None:
        """How long a claim lasts without a sign of life, in seconds; None for a file, as long as the process lives."""
        return self._backend.lease

    @property
    def threads(self) -> int:
        """How many threads may use the ledger at once and gain by it."""
        return self._backend.threads

    def __repr__(self) -> str:
        """Name the file or the address."""
        return f"<Ledger {self.name}>"

    def __enter__(self) -> Self:
        """Return the ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ledger."""
        self.close()

    def close(self) -> None:
        """Close the file or the connections; the next use opens them again. Calls under way keep their claims."""
        self._backend.close()

    # one resource at a time

    def claim(self, key: str, owner: Hashable = True) -> bool:  # noqa: FBT002  # anything that is not None
        """
        Take a key for this call; return False if another call works on it.

        When the process dies, the key is free: at once with a file, because the operating system frees its locks, and
        when the lease is over on a server.

        Args:
            key: The key.
            owner: The owner that :meth:`holder` returns.

        Raises:
            LedgerError: The ledger cannot be used.
        """
        return self._backend.claim(key, owner)

    def holder(self, key: str) -> Hashable:
        """Return the owner of a key in this process; None if no call of this process has claimed it."""
        return self._backend.holder(key)

    def release(self, key: str) -> None:
        """Give a key back; this does not wait for a server."""
        self._backend.release(key)

    def time_left(self, key: str) -> float | None:
        """Return the seconds that a claim on a key is sure to last; None for as long as the process lives."""
        return self._backend.time_left(key)

    # entries

    def get(self, key: str) -> LedgerEntry | None:
        """
        Return the entry of a key, or None.

        Raises:
            LedgerError: The ledger cannot be used.
        """
        return self._backend.get(key)

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """
        Return the states of those of some keys that have an entry; where there is no ledger yet, makes none.

        Raises:
            LedgerError: The ledger cannot be used.
        """
        return self._backend.states(keys)

    def other_with(self, entry: LedgerEntry, field_name: str, name: str) -> LedgerEntry | None:
        """
        Return the entry of another resource with a name, its own or a new one; None if there is none.

        Args:
            entry: A resource; the other one has the same provider, account, operation and other fields.
            field_name: The request field with the name.
            name: The name.

        Raises:
            LedgerError: The ledger cannot be used.
        """
        return self._backend.other_with(entry, field_name, name)

    def start(self, entry: LedgerEntry) -> None:
        """
        Note that an attempt is about to start, with the name that it uses; its lease begins anew.

        Raises:
            LedgerError: The note cannot be written, or another call has taken the key since the lease was over.
        """
        self._backend.start(entry)

    def finish(self, entry: LedgerEntry) -> None:
        """
        Note that a resource is done, even if its row has been removed since the start. A server takes the key back.

        Raises:
            LedgerError: The note cannot be written, or another call has taken the key since the lease was over.
        """
        self._backend.finish(entry)

    def forget(self, key: str) -> bool:
        """
        Remove an entry; return whether there was one. On a server, only the entry of a claimed key can be removed.

        Raises:
            LedgerError: The entry cannot be removed.
        """
        return self._backend.forget(key)

    def entries(self) -> list[LedgerEntry]:
        """
        Return all entries, by key.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return self._backend.entries()

    # runs of fleets

    def unended_run(self, fleet: str) -> UnendedRun | None:
        """
        Return the run of a fleet that has not ended; where there is no ledger yet, makes none.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return self._backend.unended_run(fleet)

    def begin_run(self, fleet: str, traceparent: str) -> None:
        """
        Note that a run of a fleet begins.

        Args:
            fleet: Names the fleet; the same in each run.
            traceparent: The span of the fleet, as W3C Trace Context writes it.

        Raises:
            LedgerError: The note cannot be written.
        """
        self._backend.begin_run(fleet, traceparent)

    def end_run(self, fleet: str) -> None:
        """
        Forget the runs of a fleet, because all of its rows have an outcome.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        self._backend.end_run(fleet)
