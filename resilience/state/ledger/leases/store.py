"""What a server has to do for a ledger; each of these is one step that happens as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from resilience.state.ledger.entry import LedgerEntry, State
from resilience.state.ledger.unended import UnendedRun


class LeaseStore(Protocol):
    """
    A server that keeps entries and claims. All times are those of its own clock, and any thread may ask it.

    A claim has a token, which is greater than those of all earlier claims. Every step that would change an entry names
    the token of its claim, and changes nothing where the key has a greater one by now. Any step may be tried again when
    it is unknown whether it happened.

    Attributes:
        name: The address without a password.

    Raises:
        UnavailableError: The server does not answer. Every method raises it, and ``LedgerError``.
        LedgerError: The server cannot keep a ledger.
    """

    @property
    def name(self) -> str:
        """Return the address without a password."""
        ...

    def claim(self, key: str, holder: str, lease: float) -> int | None:
        """
        Claim a key that has no claim, one whose lease is over, or one of the same holder.

        Args:
            key: The key.
            holder: Who claims it.
            lease: How long the claim lasts, in seconds.

        Returns:
            The token; None if another holder has the key.
        """
        ...

    def renew(self, tokens: Mapping[str, int], lease: float) -> set[str]:
        """Let claims last from now, by key and token, also those whose lease is over; return the keys still held."""
        ...

    def release(self, tokens: Mapping[str, int]) -> None:
        """Give keys back, by key and token."""
        ...

    def start(self, entry: LedgerEntry, token: int, lease: float) -> bool:
        """Note an entry as started, and renew its claim; return whether the token is still that of the key."""
        ...

    def finish(self, entry: LedgerEntry, token: int) -> bool:
        """Note an entry as done, and give its key back; return whether the token was still that of the key."""
        ...

    def forget(self, key: str, token: int) -> bool | None:
        """Remove an entry; return whether there was one, None if the token is not that of the key any more."""
        ...

    def get(self, key: str) -> LedgerEntry | None:
        """Return an entry."""
        ...

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """Return the states of those of some keys that have an entry."""
        ...

    def renamed_to(self, kind: str, name: str) -> list[LedgerEntry]:
        """Return the entries whose keys begin with ``kind`` and that have a new name, at least those with ``name``."""
        ...

    def entries(self) -> list[LedgerEntry]:
        """Return all entries, by key."""
        ...

    def unended_run(self, fleet: str) -> UnendedRun | None:
        """Return the run of a fleet that has not ended."""
        ...

    def begin_run(self, fleet: str, traceparent: str) -> None:
        """Note that a run of a fleet begins; a later note takes the place of an earlier one."""
        ...

    def end_run(self, fleet: str) -> None:
        """Forget the runs of a fleet."""
        ...

    def close(self) -> None:
        """Close all connections; the next step opens them again."""
        ...
