"""How many calls ended how: what is known of a fleet when its outcomes have been read, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from resilience.core.decision import Ended
from resilience.engine.outcome import Outcome

# Codes come from servers: the number of different ones that are counted must not grow without bound.
_MOST_LABELS: Final = 256
_OTHERS: Final = "others"


class Labels:
    """Counts words that come from servers, up to a number of different ones."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, label: str) -> None:
        """Count one."""
        is_new = label not in self._counts and len(self._counts) >= _MOST_LABELS
        self._counts[_OTHERS if is_new else label] += 1

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each came, the most frequent first."""
        return dict(self._counts.most_common())

    @property
    def total(self) -> int:
        """How often all came."""
        return self._counts.total()


class Tally:
    """Counts outcomes."""

    __slots__ = ("_ended", "_failures")

    def __init__(self) -> None:
        self._ended: Counter[Ended] = Counter()
        self._failures = Labels()

    def add(self, outcome: Outcome[Any]) -> None:
        """Count one."""
        self._ended[outcome.ended] += 1
        if outcome.error is not None:
            self._failures.add(label_of(outcome))

    @property
    def ended(self) -> Mapping[Ended, int]:
        """How many calls ended how."""
        return dict(self._ended)

    @property
    def failures(self) -> Mapping[str, int]:
        """How many calls failed with which code, the most frequent first; without a fault, for which stop reason."""
        return self._failures.counts

    @property
    def calls(self) -> int:
        """How many calls ended."""
        return self._ended.total()

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return self._failures.total

    def __str__(self) -> str:
        """Return one line: ``1000 calls: 998 succeeded, 2 failed (LimitExceeded 2)``."""
        calls = "1 call" if self.calls == 1 else f"{self.calls} calls"
        if not self.failed:
            return f"{calls}: {self.calls} succeeded"
        which = ", ".join(f"{label} {count}" for label, count in self.failures.items())
        return f"{calls}: {self.calls - self.failed} succeeded, {self.failed} failed ({which})"


def label_of(outcome: Outcome[Any]) -> str:
    """Return what a failed call is counted by: the code of its last fault, else why it stopped."""
    fault = outcome.attempts[-1].fault if outcome.attempts else None
    return outcome.stop_reason if fault is None else fault.label
