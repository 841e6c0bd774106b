"""The ledger as programs use it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Final, Self, get_args

from resilience.core.policy import OnUnfinished
from resilience.state.ledger.backend import Backend
from resilience.state.ledger.entry import LedgerEntry, State
from resilience.state.ledger.sqlite.backend import SqliteBackend

ON_UNFINISHED: Final[tuple[OnUnfinished, ...]] = get_args(OnUnfinished)


class Ledger:
    """
    A ledger, which several threads, tasks and processes may share.

    Args:
        path: The file. A relative path starts from the present working directory. The first use makes the file and its
            folder, readable for their owner alone.
        on_unfinished: What to do with a resource that an earlier run started and never finished: ``verify``
            asks the verifier before another attempt, ``retry`` makes the attempt, ``fail`` stops the call.
        create: Whether to make a file that does not exist; otherwise its use is an error.

    Attributes:
        on_unfinished: As given.

    Raises:
        ValueError: ``on_unfinished`` is none of the three.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, on_unfinished: OnUnfinished = "verify", create: bool = True
    ) -> None:
        if on_unfinished not in ON_UNFINISHED:
            raise ValueError(f"on_unfinished: expected one of {', '.join(ON_UNFINISHED)}, got {on_unfinished!r}")
        self.on_unfinished = on_unfinished
        self._backend: Backend = SqliteBackend(Path(path).absolute(), create=create)

    @property
    def name(self) -> str:
        """The file."""
        return self._backend.name

    @property
    def path(self) -> Path:
        """The file, of a ledger that is one."""
        return Path(self._backend.name)

    @property
    def threads(self) -> int:
        """How many threads may use the ledger at once and gain by it."""
        return self._backend.threads

    def __repr__(self) -> str:
        """Name the file."""
        return f"<Ledger {self.name}>"

    def __enter__(self) -> Self:
        """Return the ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ledger."""
        self.close()

    def close(self) -> None:
        """Close the file; the next use opens it again. Calls under way keep their claims."""
        self._backend.close()

    # one resource at a time

    def claim(self, key: str, owner: Hashable = True) -> bool:  # noqa: FBT002  # anything that is not None
        """
        Take a key for this call; return False if another call works on it.

        The operating system frees the key when the process dies.

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
        """Give a key back."""
        self._backend.release(key)

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
        Note that an attempt is about to start, with the name that it uses.

        Raises:
            LedgerError: The note cannot be written.
        """
        self._backend.start(entry)

    def finish(self, entry: LedgerEntry) -> None:
        """
        Note that a resource is done, even if its row has been removed since the start.

        Raises:
            LedgerError: The note cannot be written.
        """
        self._backend.finish(entry)

    def forget(self, key: str) -> bool:
        """
        Remove an entry; return whether there was one.

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
