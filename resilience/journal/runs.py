"""The runs that a file tells of, put together from what its processes say."""

from __future__ import annotations

from attrs import define, evolve, field

from resilience.journal.model import RecordedRun


@define
class KnownRuns:
    """The runs that were met so far."""

    _runs: dict[str, RecordedRun] = field(factory=dict)

    def add(self, run: str, at: float, *, version: str | None, pid: int | None) -> None:
        """Take what one process of a run says: when it began, its version of this package, and its number."""
        known = self._runs.get(run) or RecordedRun(id=run, started_at=at, version=version)
        pids = known.pids if pid is None or pid in known.pids else (*known.pids, pid)
        self._runs[run] = evolve(known, started_at=min(at, known.started_at), pids=pids)

    def all(self) -> list[RecordedRun]:
        """Return them, in the order in which they were met."""
        return list(self._runs.values())
