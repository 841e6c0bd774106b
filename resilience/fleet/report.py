"""What became of the rows of a fleet, in constant memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from resilience.core.admission.rate import Rate
from resilience.core.values import fixed

_MINUTE = 60


@frozen(kw_only=True)
class FleetReport:
    """
    How the calls of a fleet ended.

    Attributes:
        operation: The operation.
        rows: How many rows there are.
        done: Of how many the call succeeded.
        known: How many of these an earlier run had done, as the ledger knows; nothing was sent for them.
        failed: Of how many the call failed.
        failures: How many failed with which code, the most frequent first; without a fault, for which stop reason.
        failed_lines: The first lines whose calls failed, with the same words.
        seconds: How long it took.
        rate: The declared limit of the operation; None where the policy has none.
        is_remembered: Whether a second run knows what this one did, or does no harm.
    """

    operation: str
    rows: int
    done: int
    known: int
    failed: int
    failures: Mapping[str, int] = field(converter=fixed)
    failed_lines: tuple[tuple[int, str], ...] = ()
    seconds: float
    rate: Rate | None = None
    is_remembered: bool = True

    @property
    def left(self) -> int:
        """How many rows have no outcome: they were not begun, or their calls were cancelled."""
        return self.rows - self.done - self.failed

    @property
    def per_second(self) -> float:
        """How many calls ended in a second, without those that the ledger knew."""
        calls = self.done + self.failed - self.known
        return calls / self.seconds if self.seconds > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        return {
            "operation": self.operation,
            "rows": self.rows,
            "done": self.done,
            "known": self.known,
            "failed": self.failed,
            "left": self.left,
            "failures": dict(self.failures),
            "failed_lines": [{"line": line, "code": code} for line, code in self.failed_lines],
            "seconds": round(self.seconds, 3),
            "per_second": round(self.per_second, 3),
            "rate": None if self.rate is None else str(self.rate),
            "is_remembered": self.is_remembered,
        }

    def __str__(self) -> str:
        """Return one line: ``20 rows of CreateGroupId: 18 done, 2 failed (LimitExceeded 2); 9.8/s of 10/s; 2 s``."""
        parts = [f"{self.done:,} done{f' ({self.known:,} by an earlier run)' if self.known else ''}"]
        if self.failed:
            which = ", ".join(f"{label} {count:,}" for label, count in self.failures.items())
            parts.append(f"{self.failed:,} failed ({which})")
        if self.left:
            parts.append(f"{self.left:,} left")
        limit = "" if self.rate is None else f" of {self.rate}"
        # Where an earlier run had done everything, there was no rate.
        speed = f" {self.per_second:.1f}/s{limit};" if self.done + self.failed > self.known else ""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{rows} of {self.operation}: {', '.join(parts)};{speed} {length(self.seconds)}"


def length(seconds: float) -> str:
    """Return a length of time for people: ``0.4 s``, ``12 s``, ``2 min 5 s``, ``2 h 47 min``."""
    if seconds < 10:  # noqa: PLR2004  # a tenth of a second can be seen
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, _MINUTE)
    if hours:
        return f"{hours:,} h" + (f" {minutes} min" if minutes else "")
    return f"{minutes} min" + (f" {rest} s" if rest else "")
