"""A ledger on a server: claims are leases, and each has a token that the server compares before it writes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

from resilience.state.ledger.entry import LedgerEntry, State, has_name, kind_of, renamed_key
from resilience.state.ledger.errors import LedgerError, UnavailableError
from resilience.state.ledger.leases.keeper import HeldLease, Keeper, now
from resilience.state.ledger.leases.store import LeaseStore
from resilience.state.ledger.own import OwnOfProcess
from resilience.state.ledger.unended import UnendedRun

_NOTHING_SENT: Final = "nothing was sent"
_THEY_LOOK: Final = "the call that has it now looks whether the resource is there"


class LeasedBackend:
    """
    The ledger on a server.

    A process that dies, or that cannot reach the server, gives no sign of life; when its lease is over, another one
    may claim the key, with a greater token. The server then refuses every note of the first one.

    Args:
        connect: Makes the connections of one process.
        name: The address without a password.
        lease: How long a claim lasts without a sign of life, in seconds.

    Attributes:
        name: As given.
        lease: As given.
        threads: Each waits for a round trip, and the server writes for several at once.
    """

    threads: Final = 8

    def __init__(self, connect: Callable[[], LeaseStore], name: str, lease: float) -> None:
        self.name = name
        self.lease = lease
        self._own = OwnOfProcess(lambda: Keeper(connect(), lease), _close)

    @property
    def _store(self) -> LeaseStore:
        return self._own.get().store

    def close(self) -> None:
        """Close what is open, if no call under way needs it."""
        keeper = self._own.get()
        if keeper.is_idle:
            _close(keeper)

    def claim(self, key: str, owner: Hashable) -> bool:
        """Take a key if it is free, or if the lease of its last claim is over."""
        keeper = self._own.get()
        with keeper.alone(key) as is_alone:
            if not is_alone:
                return False
            asked = now()
            token = keeper.store.claim(key, keeper.holder, self.lease)
            if token is None:
                return False
            keeper.keep(key, HeldLease(token, owner, asked + self.lease))
            return True

    def holder(self, key: str) -> Hashable:
        """Return the owner of a key in this process."""
        claim = self._own.get().of(key)
        return None if claim is None else claim.owner

    def release(self, key: str) -> None:
        """Give a key back; this does not wait for the server."""
        self._own.get().release(key)

    def time_left(self, key: str) -> float:
        """Return the seconds that a claim on a key is sure to last; 0 if this process has none."""
        claim = self._own.get().of(key)
        return 0.0 if claim is None else max(claim.until - now(), 0.0)

    def get(self, key: str) -> LedgerEntry | None:
        """Return the entry of a key."""
        return self._store.get(key)

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """Return the states of those of some keys that have an entry."""
        return self._store.states(keys)

    def other_with(self, entry: LedgerEntry, field_name: str, name: str) -> LedgerEntry | None:
        """Return the entry of another resource with a name."""
        by_key = self._store.get(renamed_key(entry, field_name, name))
        found = [] if by_key is None else [by_key]
        found += sorted(self._store.renamed_to(kind_of(entry), name), key=lambda each: each.started_at)
        return next((each for each in found if has_name(each, entry, field_name, name)), None)

    def start(self, entry: LedgerEntry) -> None:
        """Note that an attempt is about to start, and let the lease begin anew."""
        keeper, claim = self._claim_on(entry.key, _NOTHING_SENT)
        asked = now()
        if not keeper.store.start(entry, claim.token, self.lease):
            keeper.drop(entry.key)
            raise self._lost(entry.key, _NOTHING_SENT)
        claim.until = max(claim.until, asked + self.lease)
        took = now() - asked
        if took > self.lease / 2:
            raise UnavailableError(
                self.name, f"the server took {took:.1f} s to answer, too long for a lease of {self.lease:g} s"
            )

    def finish(self, entry: LedgerEntry) -> None:
        """Note that a resource is done, and give its key back."""
        keeper, claim = self._claim_on(entry.key)
        is_noted = keeper.store.finish(entry, claim.token)
        keeper.drop(entry.key)
        if not is_noted:
            raise self._lost(entry.key)

    def forget(self, key: str) -> bool:
        """Remove an entry."""
        keeper, claim = self._claim_on(key)
        found = keeper.store.forget(key, claim.token)
        if found is None:
            keeper.drop(key)
            raise self._lost(key)
        return found

    def entries(self) -> list[LedgerEntry]:
        """Return all entries, by key."""
        return self._store.entries()

    def unended_run(self, fleet: str) -> UnendedRun | None:
        """Return the run of a fleet that has not ended."""
        return self._store.unended_run(fleet)

    def begin_run(self, fleet: str, traceparent: str) -> None:
        """Note that a run of a fleet begins."""
        self._store.begin_run(fleet, traceparent)

    def end_run(self, fleet: str) -> None:
        """Forget the runs of a fleet."""
        self._store.end_run(fleet)

    def _claim_on(self, key: str, result: str = _THEY_LOOK) -> tuple[Keeper, HeldLease]:
        keeper = self._own.get()
        claim = keeper.of(key)
        if claim is None:
            raise self._lost(key, result)
        return keeper, claim

    def _lost(self, key: str, result: str = _THEY_LOOK) -> LedgerError:
        return LedgerError(
            self.name,
            f"this process gave no sign of life for its lease of {self.lease:g} s, and another call has taken "
            f"{key}; {result}",
        )


def _close(keeper: Keeper) -> None:
    keeper.close()
    keeper.store.close()
