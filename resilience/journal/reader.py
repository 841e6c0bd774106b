"""Reads a journal, or spans as OTLP JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from resilience.journal.calls import JournalReader
from resilience.journal.model import Recording, RecordsError, SkippedPart
from resilience.journal.otlp import OtlpReader

_EXPECTED: Final = "expected a journal of resilience, or spans as OTLP JSON"


def read(path: str | os.PathLike[str]) -> Recording:
    """
    Read a journal, or spans as OTLP JSON with one request in each line, or in one document.

    A broken line, or one of another kind, is left out and is among the problems. The last line may be incomplete.

    Args:
        path: The file, which may have lines of both kinds.

    Raises:
        RecordsError: The file cannot be read, or has no line of either kind.
    """
    try:
        with Path(path).open("rb") as file:
            sorted_out = _Sorted()
            for line, text in enumerate(file, start=1):
                if text.strip():
                    sorted_out.add_line(line, text)
            if not sorted_out.recognised:
                file.seek(0)
                sorted_out.add_document(file.read())
    except OSError as error:
        raise RecordsError(str(path), f"cannot be read: {error.strerror or error}") from None
    if not sorted_out.recognised:
        raise RecordsError(str(path), sorted_out.verdict())
    return sorted_out.recording()


@define
class _Sorted:
    """Gives each line to its reader."""

    recognised: bool = False
    _journal: JournalReader = field(factory=JournalReader)
    _otlp: OtlpReader = field(factory=OtlpReader)
    _problems: list[SkippedPart] = field(factory=list)

    def add_line(self, line: int, text: bytes) -> None:
        found = _parsed(text)
        if found is None:
            whole = "" if text.endswith(b"\n") else ", and ends without a line break: it was torn off"
            self._problems.append(SkippedPart(line, f"this is no JSON{whole}"))
        elif not self._take(line, found):
            self._problems.append(SkippedPart(line, _EXPECTED))

    def add_document(self, text: bytes) -> None:
        found = _parsed(text)
        # Test agents write a list of requests.
        taken = [self._take(1, each) for each in (found if isinstance(found, list) else [found])]
        if any(taken):
            self._problems.clear()

    def _take(self, line: int, found: object) -> bool:
        if not isinstance(found, dict):
            return False
        if "resourceSpans" in found:
            self._otlp.add(line, found)
        elif isinstance(found.get("record"), str):
            self._journal.add(line, found)
        else:
            return False
        self.recognised = True
        return True

    def verdict(self) -> str:
        """Return the reason why the file was not recognised."""
        if not self._problems:
            return f"{_EXPECTED}, got an empty file"
        first = self._problems[0]
        why = "" if first.message == _EXPECTED else f" ({first})"
        return f"{_EXPECTED}, got something else{why}"

    def recording(self) -> Recording:
        calls = sorted([*self._journal.take_calls(), *self._otlp.calls()], key=lambda call: call.started_at)
        runs = sorted([*self._journal.runs.all(), *self._otlp.runs.all()], key=lambda run: run.started_at)
        problems = [*self._problems, *self._journal.problems, *self._otlp.problems, *self._otlp.foreign()]
        adaptations = [*self._journal.adaptations, *self._otlp.adaptations]
        breaker_changes = [*self._journal.breaker_changes, *self._otlp.breaker_changes]
        return Recording(
            calls=tuple(calls),
            runs=tuple(runs),
            adaptations=tuple(sorted(adaptations, key=lambda each: each.at)),
            breaker_changes=tuple(sorted(breaker_changes, key=lambda each: each.at)),
            problems=tuple(sorted(problems, key=lambda each: each.line)),
        )


def _parsed(text: bytes) -> Any:
    """Return the value of a JSON text; None for another text."""
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
