"""What the end of a run tells beside numbers: a few sentences, from any process."""

from __future__ import annotations

from typing import Final

from attrs import define, field, frozen

from resilience.runner.run import Run
from resilience.runner.totals.shared import append, read

_FILE: Final = "notes.jsonl"

# Of one kind in one process; the summary shows fewer, and a script that fails in a loop must not fill the disk.
_MOST: Final = 20


@frozen
class Noted:
    """
    What was noted in a run, each sentence once, in order.

    Attributes:
        failures: The calls that failed: operation and code.
        remarks: What else the user should know.
    """

    failures: tuple[str, ...]
    remarks: tuple[str, ...]


@define(eq=False)
class Notes:
    """Notes of this process for the end of the run."""

    _run: Run
    _written: dict[str, set[str]] = field(factory=dict, init=False)

    def fail(self, operation: str, reason: str) -> None:
        """Note a call that failed, with its code or why else."""
        self._write("failure", f"{operation}: {reason}")

    def remark(self, sentence: str) -> None:
        """Note a sentence for the user."""
        self._write("remark", sentence)

    def _write(self, kind: str, text: str) -> None:
        written = self._written.setdefault(kind, set())
        if text not in written and len(written) < _MOST:
            written.add(text)
            append(self._run.shared(_FILE), {"kind": kind, "text": text})


def noted(run: Run) -> Noted:
    """Return what all processes of a run have noted."""
    lines = list(read(run.shared(_FILE)))
    failures = dict.fromkeys(line["text"] for line in lines if line["kind"] == "failure")
    remarks = dict.fromkeys(line["text"] for line in lines if line["kind"] == "remark")
    return Noted(tuple(failures), tuple(remarks))
