"""The part of a map's outcomes that needs no event loop and no thread: what has been read, and how it ends."""

from __future__ import annotations

from typing import Any

from resilience.engine.call.notes import attach
from resilience.engine.outcome import Outcome
from resilience.fleet.tally import Tally


class CommonStream:
    """
    What the outcomes of both executors' maps have in common.

    Attributes:
        tally: What has been read so far, counted.
    """

    def __init__(
        self, *, concurrency: int, ordered: bool = False, stop_on_failure: bool = False, raise_failures: bool = False
    ) -> None:
        self.tally = Tally()
        self._concurrency = concurrency
        self._is_ordered = ordered
        self._stops_on_failure = stop_on_failure
        self._raises_failures = raise_failures
        self._errors: list[Exception] = []
        self._broken: BaseException | None = None

    def _has_read(self, outcome: Outcome[Any]) -> None:
        """Count an outcome that the program gets."""
        self.tally.add(outcome)
        if self._raises_failures and outcome.error is not None:
            self._errors.append(outcome.error)

    def _end(self) -> None:
        """
        End the outcomes; called when all have been read.

        Raises:
            BaseException: The input failed, or a function did with a programming error.
            ExceptionGroup: Some calls failed, where that was asked for.
        """
        broken, self._broken = self._broken, None
        if isinstance(broken, Exception):
            attach(broken, f"resilience: map has ended early: {self.tally}")
        if broken is not None:
            raise broken
        # Not kept, because the group's traceback leads here.
        errors, self._errors = self._errors, []
        if errors:
            calls = "1 call" if self.tally.calls == 1 else f"{self.tally.calls} calls"
            raise ExceptionGroup(f"{len(errors)} of {calls} failed", errors)


def not_bound(call: object, kind: str) -> TypeError:
    """Return the error for an input that is no call of this kind."""
    return TypeError(
        f"map: expected calls of type {kind}, as wrapped.bind(...) returns them, got {type(call).__name__}; "
        "functions wrapped by an Executor go to its map, those wrapped by a SyncExecutor to that one's"
    )
