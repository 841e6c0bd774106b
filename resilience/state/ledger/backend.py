"""What a ledger needs of the place where it is kept."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from resilience.state.ledger.entry import LedgerEntry, State
from resilience.state.ledger.unended import UnendedRun


class Backend(Protocol):
    """
    A place where entries and claims are kept. :class:`~resilience.state.Ledger` describes the methods.

    Attributes:
        name: The file, or the address without a password; errors name it.
        threads: How many threads may use it at once and gain by it.
        lease: How long a claim lasts without a sign of life, in seconds; None for as long as the process lives.
    """

    @property
    def name(self) -> str:
        """Return the file, or the address without a password."""
        ...

    @property
    def threads(self) -> int:
        """Return how many threads may use it at once and gain by it."""
        ...

    @property
    def lease(self) -> float | None:
        """Return how long a claim lasts without a sign of life, in seconds; None for as long as the process lives."""
        ...

    def claim(self, key: str, owner: Hashable) -> bool:
        """Take a key if it is free."""
        ...

    def holder(self, key: str) -> Hashable:
        """Return the owner of a key in this process."""
        ...

    def release(self, key: str) -> None:
        """Give a key back."""
        ...

    def time_left(self, key: str) -> float | None:
        """Return the seconds that a claim on a key is sure to last; None for as long as the process."""
        ...

    def get(self, key: str) -> LedgerEntry | None:
        """Return the entry of a key."""
        ...

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """Return the states of those of some keys that have an entry; changes nothing."""
        ...

    def other_with(self, entry: LedgerEntry, field_name: str, name: str) -> LedgerEntry | None:
        """Return the entry of another resource with a name."""
        ...

    def start(self, entry: LedgerEntry) -> None:
        """Note that an attempt is about to start."""
        ...

    def finish(self, entry: LedgerEntry) -> None:
        """Note that a resource is done."""
        ...

    def forget(self, key: str) -> bool:
        """Remove an entry."""
        ...

    def entries(self) -> list[LedgerEntry]:
        """Return all entries, by key."""
        ...

    def unended_run(self, fleet: str) -> UnendedRun | None:
        """Return the run of a fleet that has not ended; changes nothing."""
        ...

    def begin_run(self, fleet: str, traceparent: str) -> None:
        """Note that a run of a fleet begins."""
        ...

    def end_run(self, fleet: str) -> None:
        """Forget the runs of a fleet."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...
