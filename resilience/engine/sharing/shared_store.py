"""
The store that executors share, as one executor uses it: opened once, given a time-out, and left alone while it is away.

No task watches over it. A call that needs the store tries it, and where it cannot be used, no call tries again before a
pause is over; the pauses grow. What the policy says holds meanwhile: each process keeps its own part of the limits, or
calls end before they send anything.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable
from typing import Final, Literal, TypeVar
from uuid import uuid4

from attrs import define, field

from resilience.core.settings.state import StateSettings
from resilience.engine.runtime import clock
from resilience.engine.runtime.locks import ProcessLock
from resilience.state.store import StateError, Store
from resilience.state.store.opening import open_store, without_password

log: Final = logging.getLogger("resilience")

T = TypeVar("T")

TIMEOUT: Final = 1.0
"""How long a call waits for the store, in seconds."""

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0

StoreChange = Literal["away", "back"]
"""What a use of a store has shown: it cannot be used any more, or it can again."""


@define(eq=False)
class SharedStore:
    """
    One store, for the calls of one executor.

    Attributes:
        settings: What the policy says.
        error: Why it cannot be used; None while it can.
        holder: Names this process to the store.
    """

    settings: StateSettings
    error: StateError | None = field(default=None, init=False)
    _open: Callable[[str], Store] = field(default=open_store)
    _lock: ProcessLock = field(factory=ProcessLock, init=False)
    _opened: dict[int, Store] = field(factory=dict, init=False)
    _holders: dict[int, str] = field(factory=dict, init=False)
    _change: StoreChange | None = field(default=None, init=False)
    _turns: dict[tuple[int, str], threading.Lock] = field(factory=dict, init=False)
    _pause: float = field(default=0.0, init=False)
    _again_at: float = field(default=-math.inf, init=False)

    @property
    def holder(self) -> str:
        """A name that no other process has."""
        return self._holders.setdefault(os.getpid(), uuid4().hex[:16])

    @property
    def is_local(self) -> bool:
        """Whether each process keeps its own part of the limits while the store is away."""
        return self.settings.on_unavailable == "local"

    @property
    def shown(self) -> str:
        """The store, without a password."""
        return without_password(self.settings.store)

    def stand_in(self) -> None:
        """
        Let the process decide by itself while the store is away.

        Raises:
            StateError: The policy says that calls fail then.
        """
        error = self.error
        if error is not None and not self.is_local:
            # An exception of its own for each call, so that tracebacks and notes do not mix.
            raise StateError(error.store, error.reason)

    def begins_trial(self) -> bool:
        """Tell whether the store is away and this call is to try it; no other call tries at the same time."""
        if self.error is None:
            return False
        with self._lock:
            now = clock.monotonic()
            if now < self._again_at:
                return False
            self._again_at = now + TIMEOUT
            return True

    def use(self, function: Callable[[Store], T], virtual: Store | None = None) -> T:
        """
        Use the store, and note whether that is possible; blocks.

        Args:
            function: What is done with it.
            virtual: What stands for it under a virtual clock.

        Raises:
            StateError: The store cannot be used.
        """
        try:
            value = function(self._store() if virtual is None else virtual)
        except StateError as error:
            self._failed(error)
            raise
        if self.error is not None:
            self._worked()
        return value

    def take_change(self) -> StoreChange | None:
        """Return what the uses have shown of the store, once for all calls; None for nothing new."""
        with self._lock:
            change, self._change = self._change, None
            return change

    def turn(self, key: str) -> threading.Lock:
        """Return what a thread of this process holds while it changes one value of the store."""
        return self._turns.setdefault((os.getpid(), key), threading.Lock())

    def _store(self) -> Store:
        with self._lock:
            # Connections and threads do not come along into a forked process.
            store = self._opened.get(os.getpid())
            if store is None:
                store = self._opened[os.getpid()] = self._open(self.settings.store)
            return store

    def _failed(self, error: StateError) -> None:
        with self._lock:
            is_new = self.error is None
            self._pause = _FIRST_PAUSE if is_new else min(self._pause * 2, _LONGEST_PAUSE)
            self._again_at = clock.monotonic() + self._pause
            self.error = error
            if is_new:
                self._change = "away"
        if is_new:
            then = "this process keeps its own part of the limits" if self.is_local else "calls end unsent"
            log.warning("%s; until it is back, %s", error, then)

    def _worked(self) -> None:
        with self._lock:
            if self.error is None:
                return
            store = self.error.store
            self.error, self._change = None, "back"
        log.warning("state %s: it is back", store)
