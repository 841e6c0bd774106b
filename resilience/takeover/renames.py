"""What was renamed in a run: a file with a line for each, which its processes write and read."""

from __future__ import annotations

from typing import Final, NamedTuple

from resilience.takeover.run import Run
from resilience.takeover.shared import append, read

_FILE: Final = "renames.jsonl"


class Old(NamedTuple):
    """A name that the script knows; the attributes are those of :class:`resilience.clients.surface.Renaming`."""

    provider: str
    field: str
    scope: str
    old: str


def note_rename(run: Run, old: Old, new: str) -> None:
    """Write down a rename."""
    append(run.shared(_FILE), {**old._asdict(), "new": new})


def renames(run: Run) -> dict[Old, str]:
    """Return everything that was renamed so far, in order; what was renamed twice has its last name."""
    found: dict[Old, str] = {}
    for line in read(run.shared(_FILE)):
        new = line.pop("new")
        now = Old(**line)
        # What was renamed to this name before is renamed again.
        found |= {each: new for each, name in found.items() if each._replace(old=name) == now}
        found[now] = new
    return found
