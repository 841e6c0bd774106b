"""The runs of a file, from the records of their processes."""

from __future__ import annotations

from attrs import define, evolve, field

from resilience.journal.model import RecordedRun


@define
class KnownRuns:
    """The runs so far."""

    _runs: dict[str, RecordedRun] = field(factory=dict)

    def add(self, run: str, at: float, *, version: str | None, pid: int | None) -> None:
        """Add one process of a run: its start, its version of this package, and its process id."""
        known = self._runs.get(run) or RecordedRun(id=run, started_at=at, version=version)
        pids = known.pids if pid is None or pid in known.pids else (*known.pids, pid)
        self._runs[run] = evolve(known, started_at=min(at, known.started_at), pids=pids)

    def all(self) -> list[RecordedRun]:
        """Return the runs, in the order of their first records."""
        return list(self._runs.values())
