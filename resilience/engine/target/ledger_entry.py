"""The ledger claim of one call: taken before the first attempt, noted before each attempt, closed with the call."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Final, TypeVar

from attrs import define, evolve, field

from resilience.engine.runtime.runtime import Runtime
from resilience.state.ledger import Ledger, LedgerEntry, LedgerError, UnavailableError, renamed_key

T = TypeVar("T")

log: Final = logging.getLogger("resilience")

# Seconds between two tries to take a key that another call works on: short at first, since many calls are short.
_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.25
# Seconds to wait for a file that another process holds locked, and for a server that is away, unless the deadline
# comes first. SQLite lets processes
# write in no order: on a disk that takes 100 ms for a write, one of four processes waited for up to 3 s.
_PATIENCE: Final = 30.0
# Of a lease: what is left of it at least when an attempt begins, and how long before its end an attempt is cut short.
_LEAST_LEFT: Final = 0.5
_RESERVE: Final = 0.1


@define(eq=False)
class LedgerClaim:
    """
    The claim of one call on its key in the ledger.

    Attributes:
        ledger: The ledger.
        entry: The entry of the call's resource, with the fields that the call sends.
        runtime: The runtime of the call.
        renamed_field: The request field that a rename changes; None if there is none.
        found: The entry of an earlier call, once the key is claimed; None if there is none.
        has_rival: Whether another resource has the name that the call is about to send, once the key is claimed.
        limiting: The lease of the claim, in seconds, if nothing earlier ends the attempt under way; else None.
    """

    ledger: Ledger
    entry: LedgerEntry
    runtime: Runtime
    renamed_field: str | None = None
    found: LedgerEntry | None = None
    has_rival: bool = False
    limiting: float | None = None
    _until: float | None = field(default=None, init=False)
    _owner: Hashable = field(default=None, init=False)
    _new_names: list[str] = field(factory=list, init=False)
    _is_claimed: bool = field(default=False, init=False)
    _is_started: bool = field(default=False, init=False)
    _is_noted: bool = field(default=False, init=False)
    _is_closed: bool = field(default=False, init=False)
    # A thread that works for this call holds it; asyncio's own cancellation does not wait for that thread.
    _guard: threading.Lock = field(factory=threading.Lock, init=False)

    async def claim(self, until: float | None) -> bool:
        """
        Take the key, wait for it while another call has it, and read its entry.

        Args:
            until: The deadline of the call, on the runtime's clock; None for no deadline.

        Returns:
            Whether the call has the key; False if ``until`` came first.

        Raises:
            LedgerError: The ledger cannot be used, or the call would wait for the call that it is made in.
        """
        self._until = until
        self._owner = self.runtime.owner()
        pause = _FIRST_PAUSE
        while not await self._take_if_free():
            left = None if until is None else until - self.runtime.now()
            if left is not None and left <= _FIRST_PAUSE:
                return False
            await self.runtime.sleep(pause if left is None else min(pause, left / 2))
            pause = min(2 * pause, _LONGEST_PAUSE)
        if self.found is not None:
            self.entry = evolve(self.entry, number=self.found.number, renamed=self.found.renamed)
        return True

    async def take_name(self, field_name: str, name: str) -> bool:
        """
        Claim a new name, so that no call of another run takes it.

        Returns:
            Whether the name is free: no entry of another resource has it, and no other call is working on it.

        Raises:
            LedgerError: The ledger cannot be used.
        """
        if self.renamed_field is None:
            return True
        return await self._ask(lambda: self._take_name(field_name, name), self._until)

    async def start(self, number: int, renamed: Mapping[str, tuple[str, str]]) -> None:
        """
        Note that an attempt is about to start.

        Raises:
            LedgerError: The note cannot be written, or another call has the key by now; then nothing may be sent.
        """
        self.entry = evolve(self.entry, number=number, renamed=dict(renamed))
        patience = self.runtime.now() + _PATIENCE
        await self._ask(self._note_start, self._until)
        self._is_started = True
        lease = self.ledger.lease
        # The event loop may have been blocked, or the process stopped, since the thread wrote the note.
        while lease is not None and self._time_left < lease * _LEAST_LEFT:
            if self.runtime.now() > patience:
                raise LedgerError(
                    self.ledger.name, f"this process is too slow for a lease of {lease:g} s; set a longer one"
                )
            await self._ask(self._note_start, self._until)

    def within_lease(self, limit: float | None) -> float | None:
        """Return when an attempt that begins now has to end: at its own limit, or before the lease of the claim."""
        lease = self.ledger.lease
        self.limiting = None
        if lease is None:
            return limit
        end = self.runtime.now() + self._time_left - lease * _RESERVE
        if limit is not None and limit <= end:
            return limit
        self.limiting = lease
        return end

    @property
    def _time_left(self) -> float:
        left = self.ledger.time_left(self.entry.key)
        return math.inf if left is None else left

    async def end(self, *, is_done: bool | None) -> None:
        """Note that the resource is done, or that nothing was made; None leaves the doubt to the next run."""
        if is_done is None or (is_done and self._was_done_before):
            return
        note = self._note_done if is_done else self._note_nothing
        is_asked = False
        # A cancellation must not lose the note, so it waits for it.
        with self.runtime.shield():
            try:
                await self._ask(note, None)
                is_asked = True
            except LedgerError as error:
                is_asked = True
                self._complain(error)
            finally:
                if not is_asked:
                    self._note_at_once(note)

    def _note_at_once(self, note: Callable[[], None]) -> None:
        """Write the note and block the event loop; needed because asyncio's ``Task.cancel()`` passes shields."""
        try:
            # The thread may have written the same note already.
            self._guarded(note)
        except LedgerError as error:
            self._complain(error)

    def _complain(self, error: LedgerError) -> None:
        log.error(
            "%s has ended, but the ledger does not know it, and the next run looks again: %s", self.entry.key, error
        )

    def close(self) -> None:
        """Give the key back, after a thread of this call has ended its work; that takes some milliseconds at most."""
        with self._guard:
            self._is_closed = True
            for key in self._new_names:
                self.ledger.release(key)
            self._new_names.clear()
            if self._is_claimed:
                self._is_claimed = False
                self.ledger.release(self.entry.key)

    @property
    def _was_done_before(self) -> bool:
        return self.found is not None and self.found.state == "done" and not self._is_started

    async def _take_if_free(self) -> bool:
        holder = self.ledger.holder(self.entry.key)
        if holder == self._owner:
            raise LedgerError(
                self.ledger.name,
                f"{self.entry.key} is called inside of a call for the same resource, and would wait for that call; "
                "wrap only one of the two functions",
            )
        # Waiting for a call of this process needs no thread.
        return holder is None and await self._ask(self._take, self._until)

    def _take(self) -> bool:
        key = self.entry.key
        if not self._is_claimed:
            if not self.ledger.claim(key, self._owner):
                return False
            self._is_claimed = True
        self.found = found = self.ledger.get(key)
        if self.renamed_field is not None:
            own = self.entry.resource[self.renamed_field]
            name = own if found is None else found.renamed.get(self.renamed_field, (own, own))[1]
            rival = self.ledger.other_with(self.entry, self.renamed_field, name)
            # A ledger of an earlier version may have two entries with one name, which then belongs to the older one.
            self.has_rival = rival is not None and (found is None or rival.started_at < found.started_at)
        return True

    def _take_name(self, field_name: str, name: str) -> bool:
        key = renamed_key(self.entry, field_name, name)
        if not self.ledger.claim(key, self._owner):
            return False
        if self.ledger.other_with(self.entry, field_name, name) is not None:
            self.ledger.release(key)
            return False
        self._new_names.append(key)
        return True

    def _note_start(self) -> None:
        for key in self._new_names:
            if self.ledger.time_left(key) == 0.0:
                raise LedgerError(
                    self.ledger.name, f"this process gave no sign of life for its lease on {key}; nothing was sent"
                )
        self.ledger.start(self.entry)

    def _note_done(self) -> None:
        if not self._is_noted:
            self.ledger.finish(self.entry)
            self._is_noted = True

    def _note_nothing(self) -> None:
        self.ledger.forget(self.entry.key)

    async def _ask(self, function: Callable[[], T], until: float | None) -> T:
        """Use the ledger; try again while another process holds the file locked, or the server is away."""
        patience = self.runtime.now() + _PATIENCE
        end = patience if until is None else min(patience, until)
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self.runtime.ask_ledger(lambda: self._guarded(function), self.ledger.threads)
            except UnavailableError:
                if self.runtime.now() + pause >= end:
                    raise
            await self.runtime.sleep(pause)
            if self.ledger.lease is not None:
                # Many calls wait for a server that is away; a file becomes free for moments.
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _guarded(self, function: Callable[[], T]) -> T:
        with self._guard:
            if self._is_closed:
                # The call was cancelled before this thread began, and has given its key back.
                raise LedgerError(self.ledger.name, "the call has ended")
            return function()
