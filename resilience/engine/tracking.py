"""One call's place in the ledger: claimed before the first attempt, noted before each, closed with the call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio
import anyio.to_thread
from attrs import define, evolve, field

from resilience.state import Entry, Ledger, LedgerError

log: Final = logging.getLogger("resilience")

# How often to ask again for a key that another call works on.
_PAUSE: Final = 0.05


@define(eq=False)
class Track:
    """
    What one call does with the ledger.

    Attributes:
        ledger: The ledger.
        entry: The resource, as this call sends it.
        found: What an earlier call left, once the key is claimed.
    """

    ledger: Ledger
    entry: Entry
    found: Entry | None = None
    _is_claimed: bool = field(default=False, init=False)

    async def claim(self, until: float | None) -> bool:
        """
        Take the key, however long another call works on it, and read what is known.

        Returns:
            Whether it is ours; False if ``until`` came first.

        Raises:
            LedgerError: The ledger cannot be used.
        """
        while not await self._write(self.ledger.claim, self.entry.key):
            if until is not None and anyio.current_time() + _PAUSE >= until:
                return False
            await anyio.sleep(_PAUSE)
        self._is_claimed = True
        self.found = await self._write(self.ledger.get, self.entry.key)
        return True

    async def start(self, number: int, renamed: Mapping[str, tuple[str, str]]) -> None:
        """
        Note that an attempt is about to be made.

        Raises:
            LedgerError: It cannot be noted; then nothing may be sent.
        """
        self.entry = evolve(self.entry, number=number, renamed=dict(renamed))
        await self._write(self.ledger.start, self.entry)

    async def end(self, *, is_done: bool | None) -> None:
        """Note that it is done, or that nothing was made; None leaves the doubt to the next run."""
        if is_done is None:
            return
        note = self.ledger.finish if is_done else self.ledger.forget
        # What the service did is done: a cancellation must not lose it.
        with anyio.CancelScope(shield=True):
            try:
                await self._write(note, self.entry.key)
            except LedgerError:
                log.exception("%s has ended, but the ledger does not know it; the next run looks again", self.entry.key)

    def close(self) -> None:
        """Give the key back."""
        if self._is_claimed:
            self._is_claimed = False
            self.ledger.release(self.entry.key)

    @staticmethod
    async def _write(function: Callable[..., Any], *args: Any) -> Any:
        return await anyio.to_thread.run_sync(function, *args)
