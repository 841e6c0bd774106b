"""
Reads back what calls did: from a journal, or from spans that were exported as OTLP JSON.

    recording = read("run.jsonl")
    for call in recording.calls:
        print(call.operation, call.ended, len(call.attempts))

Both give the same values. A journal tells all of it. Spans tell less: a fault's own provider and class, where it has a
code, stay unknown, and so do the old name of a rename and calls that never ended, but for the attempts of those.
"""

from resilience.records.model import (
    Answer,
    Problem,
    RecordedAttempt,
    RecordedCall,
    RecordedDecision,
    RecordedRemedy,
    RecordedRun,
    Recording,
    RecordsError,
)
from resilience.records.reader import read

__all__ = [
    "Answer",
    "Problem",
    "RecordedAttempt",
    "RecordedCall",
    "RecordedDecision",
    "RecordedRemedy",
    "RecordedRun",
    "Recording",
    "RecordsError",
    "read",
]
