"""Which resources have another name now: known to all processes of a run at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType
from typing import Final

from attrs import define, field

from resilience.clients.surface import Renaming
from resilience.engine.events import Renamed
from resilience.takeover.renames import Old, note_rename, renames
from resilience.takeover.run import Run
from resilience.takeover.shared import Numbers, mapped

_SIGN: Final = "renames.sign"
_BYTES: Final = 8


@define(eq=False)
class Names:
    """
    The renames of a run.

    Beside the file that they stand in is a sign, mapped into the memory of every
    process: a random number, another one after each line. As long as it is what it was
    there is nothing to read.
    """

    _run: Run
    _sign: Numbers[int] = field(init=False)
    _seen: int = field(default=0, init=False)
    _changes: Mapping[Renaming, str] = field(factory=lambda: MappingProxyType({}), init=False)
    _guard: Lock = field(factory=Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self._sign = mapped(self._run.shared(_SIGN), 1)
        if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
            os.register_at_fork(after_in_child=self._unlock)

    def changes(self) -> Mapping[Renaming, str]:
        """Return the new name of everything that was renamed so far, the last one where that was renamed again."""
        if self._sign[0] == self._seen:
            return self._changes
        return self._read()

    def note(self, event: Renamed) -> None:
        """Take note of a rename, for all processes."""
        old = Old(event.provider or "", event.field, event.scope, event.old)
        note_rename(self._run, old, event.new)
        # Who reads the file after he has seen this number finds the line; no two are equal, so that one that is
        # written late cannot pass for one that was seen.
        self._sign[0] = int.from_bytes(os.urandom(_BYTES), "little") or 1

    def _read(self) -> Mapping[Renaming, str]:
        with self._guard:
            seen = self._sign[0]
            self._changes = MappingProxyType({Renaming(*old): new for old, new in renames(self._run).items()})
            self._seen = seen
            return self._changes

    def _unlock(self) -> None:
        self._guard = Lock()  # the other one may be held by a thread that is not here
