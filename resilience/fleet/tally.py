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


class Tally:
    """Counts outcomes."""

    __slots__ = ("_ended", "_failures")

    def __init__(self) -> None:
        self._ended: Counter[Ended] = Counter()
        self._failures: Counter[str] = Counter()

    def add(self, outcome: Outcome[Any]) -> None:
        """Count one."""
        self._ended[outcome.ended] += 1
        if outcome.error is not None:
            label = _label(outcome)
            is_new = label not in self._failures and len(self._failures) >= _MOST_LABELS
            self._failures[_OTHERS if is_new else label] += 1

    @property
    def ended(self) -> Mapping[Ended, int]:
        """How many calls ended how."""
        return dict(self._ended)

    @property
    def failures(self) -> Mapping[str, int]:
        """How many calls failed with which code, the most frequent first; without a fault, for which stop reason."""
        return dict(self._failures.most_common())

    @property
    def calls(self) -> int:
        """How many calls ended."""
        return self._ended.total()

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return self._failures.total()

    def __str__(self) -> str:
        """Return one line: ``1000 calls: 998 succeeded, 2 failed (LimitExceeded 2)``."""
        calls = "1 call" if self.calls == 1 else f"{self.calls} calls"
        if not self.failed:
            return f"{calls}: {self.calls} succeeded"
        which = ", ".join(f"{label} {count}" for label, count in self.failures.items())
        return f"{calls}: {self.calls - self.failed} succeeded, {self.failed} failed ({which})"


def _label(outcome: Outcome[Any]) -> str:
    fault = outcome.attempts[-1].fault if outcome.attempts else None
    return outcome.stop_reason if fault is None else fault.label


def failures_group(errors: list[Exception], calls: int) -> ExceptionGroup[Exception] | None:
    """Return the errors of calls that failed in one exception; None if there is none."""
    if not errors:
        return None
    return ExceptionGroup(f"{len(errors)} of {'1 call' if calls == 1 else f'{calls} calls'} failed", errors)
