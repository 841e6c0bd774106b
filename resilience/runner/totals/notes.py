"""The sentences for the summary of a run, from any of its processes."""

from __future__ import annotations

from typing import Final

from attrs import define, field, frozen

from resilience.runner.run import Run
from resilience.runner.totals.shared import append, read

_FILE: Final = "notes.jsonl"

# How many notes of one kind a process writes; a script that fails in a loop must not fill the disk.
_MOST: Final = 20


@frozen
class Noted:
    """
    The notes of a run, each sentence once, in order.

    Attributes:
        failures: The calls that failed: operation and code.
        remarks: Other sentences for the user.
    """

    failures: tuple[str, ...]
    remarks: tuple[str, ...]


@define(eq=False)
class Notes:
    """Writes the notes of this process for the end of the run."""

    _run: Run
    _written: dict[str, set[str]] = field(factory=dict, init=False)

    def fail(self, operation: str, reason: str) -> None:
        """Note a call that failed, with its code or another reason."""
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
    """Return the notes of all processes of a run."""
    lines = list(read(run.shared(_FILE)))
    failures = dict.fromkeys(line["text"] for line in lines if line["kind"] == "failure")
    remarks = dict.fromkeys(line["text"] for line in lines if line["kind"] == "remark")
    return Noted(tuple(failures), tuple(remarks))
