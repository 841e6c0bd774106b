"""
Keep the leases of one process alive, in a thread that lives as long as it has leases to keep.

It is a thread and no task of an event loop, because a call that blocks its event loop is still alive and must not lose
its key, and because calls without an event loop have leases too. When the process is stopped or dies, the
thread does too, and that is what the end of a lease tells the others.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Hashable, Iterator
from typing import Final

from attrs import define, field

from resilience.state.ledger.errors import LedgerError
from resilience.state.ledger.leases.store import LeaseStore

# Of a lease: the time between two signs of life, and the time after one that the server did not answer.
_BETWEEN: Final = 1 / 3
_AGAIN: Final = 1 / 20
# In seconds. How long the end of a program waits for the server to take keys back; a lease ends by itself too.
_LAST_WAIT: Final = 1.0

now: Final[Callable[[], float]] = (
    (lambda: time.clock_gettime(time.CLOCK_BOOTTIME)) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)
"""Return seconds that never go back, and that go on while the machine sleeps where the system can tell."""


@define(eq=False)
class HeldLease:
    """
    The lease of a key that this process holds.

    Attributes:
        token: The token of the claim.
        owner: The task or thread that has it.
        until: When its lease ends at the earliest, on the clock of :func:`now`.
    """

    token: int
    owner: Hashable
    until: float


@define(eq=False)
class Keeper:
    """
    The claims of one process, and the thread that renews them and gives them back.

    Attributes:
        store: The server.
        lease: In seconds.
        holder: The name of this process for the server.
    """

    store: LeaseStore
    lease: float
    holder: str = field(factory=lambda: uuid.uuid4().hex, init=False)
    _claims: dict[str, HeldLease] = field(factory=dict, init=False)
    _asking: set[str] = field(factory=set, init=False)
    _released: dict[str, int] = field(factory=dict, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _is_closed: bool = field(default=False, init=False)

    @property
    def is_idle(self) -> bool:
        """Whether this process holds no key."""
        return not (self._claims or self._asking)

    def of(self, key: str) -> HeldLease | None:
        """Return the claim of this process on a key."""
        return self._claims.get(key)

    @contextlib.contextmanager
    def alone(self, key: str) -> Iterator[bool]:
        """Tell whether a key may be asked for: no other thread of this process has it, or asks for it."""
        with self._changed:
            is_alone = key not in self._claims and key not in self._asking
            if is_alone:
                self._asking.add(key)
        try:
            yield is_alone
        finally:
            if is_alone:
                with self._changed:
                    self._asking.discard(key)

    def keep(self, key: str, claim: HeldLease) -> None:
        """Renew a claim from now on."""
        with self._changed:
            self._released.pop(key, None)
            self._claims[key] = claim
            if self._thread is None:
                self._is_closed = False
                self._thread = threading.Thread(target=self._run, name="resilience-ledger-leases", daemon=True)
                self._thread.start()

    def drop(self, key: str) -> None:
        """Let go of a claim that the server has ended."""
        with self._changed:
            self._claims.pop(key, None)

    def release(self, key: str) -> None:
        """Give a key back soon, without waiting for the server."""
        with self._changed:
            claim = self._claims.pop(key, None)
            if claim is not None:
                self._released[key] = claim.token
                self._changed.notify()

    def close(self) -> None:
        """End the thread, and give back what this process does not hold any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_LAST_WAIT)

    def _run(self) -> None:
        next_time = now() + self.lease * _BETWEEN
        while True:
            with self._changed:
                if not self._released and not self._is_closed:
                    self._changed.wait(max(next_time - now(), 0.0))
                released, self._released = self._released, {}
                is_last = self._is_closed or not (released or self._claims)
                if is_last:
                    self._thread = None
                is_due = now() >= next_time and not is_last
                tokens = {key: claim.token for key, claim in self._claims.items()} if is_due else {}
            if released:
                # A key that the server did not take back is free when its lease is over.
                with contextlib.suppress(LedgerError):
                    self.store.release(released)
            if is_last:
                return
            if is_due:
                next_time = now() + self.lease * (_BETWEEN if self._renew(tokens) else _AGAIN)

    def _renew(self, tokens: dict[str, int]) -> bool:
        """Give a sign of life; return whether the server has heard it."""
        asked = now()
        try:
            held = self.store.renew(tokens, self.lease) if tokens else set()
        except LedgerError:
            return False
        with self._changed:
            for key, token in tokens.items():
                claim = self._claims.get(key)
                if claim is None or claim.token != token:
                    continue
                if key in held:
                    claim.until = max(claim.until, asked + self.lease)
                else:
                    del self._claims[key]
        return True
