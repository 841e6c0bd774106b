"""Names that a policy has changed, so that later calls that name the resource find it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import define, field

from resilience.clients.surface import Renaming
from resilience.engine.events import Renamed
from resilience.engine.locks import ProcessLock


class NameBook(Protocol):
    """Knows the renames of a run."""

    def changes(self) -> Mapping[Renaming, str]:
        """Return the new name of everything that was renamed; asked in every call, so it must be quick."""
        ...

    def note(self, event: Renamed) -> None:
        """Take note of a rename."""
        ...


@define(eq=False)
class Names:
    """The renames of one process. Mappings are replaced and never changed, so that threads may read them."""

    _changes: Mapping[Renaming, str] = field(factory=dict, init=False)
    # Without it one of two threads that note a rename at once would undo the other's.
    _guard: ProcessLock = field(factory=ProcessLock, init=False)

    def changes(self) -> Mapping[Renaming, str]:
        """Return the new name of everything that was renamed."""
        return self._changes

    def note(self, event: Renamed) -> None:
        """Take note of a rename; where it is not the first of a resource, under the name that the script knows."""
        with self._guard:
            self._changes = with_rename(self._changes, event)


def with_rename(changes: Mapping[Renaming, str], event: Renamed) -> Mapping[Renaming, str]:
    """Return the renames with one more; a name that was changed again leads to the last one."""
    if event.provider is None:
        return changes
    renaming = Renaming(event.provider, event.field, event.scope, event.old)
    followed = {
        known: event.new if (known.provider, known.field, known.scope, new) == _place(renaming) else new
        for known, new in changes.items()
    }
    return {**followed, renaming: event.new}


def _place(renaming: Renaming) -> tuple[str, str, str, str]:
    return renaming.provider, renaming.field, renaming.scope, renaming.old
