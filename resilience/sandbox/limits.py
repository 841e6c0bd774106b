"""
The limits of the services: how often an operation may be called, as the vendors document it or as a test says.

A service counts the requests of each operation in a sliding window, those that it refuses left out. The real services
do not document how they count; a sliding window is the strictest reading of "10 calls per second".
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from fnmatch import fnmatchcase
from threading import Lock

from attrs import define, field, frozen

from resilience.catalog import catalogue
from resilience.core.admission.rate import Rate
from resilience.sandbox.operations import resolve


@frozen
class OperationLimit:
    """The calls of each operation of a name or a glob; of one provider, or of all."""

    provider: str | None
    operation: str
    rate: Rate


@define
class ServiceLimits:
    """
    The limits of a sandbox, and what the services count.

    Attributes:
        clock: Seconds that never go back.
        refused: The number of refused calls.
    """

    clock: Callable[[], float] = time.monotonic
    refused: int = field(default=0, init=False)
    _limits: list[OperationLimit] = field(factory=list, init=False)
    _documented: bool = field(default=False, init=False)
    _calls: dict[tuple[str, str], deque[float]] = field(factory=dict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def add(self, operation: str, rate: Rate) -> None:
        """
        Limit an operation; the limit that was added last counts.

        Raises:
            ValueError: The operation is unknown.
        """
        provider, name = resolve(operation, None)
        with self._lock:
            self._limits.append(OperationLimit(provider, name, rate))

    def add_documented(self) -> None:
        """Limit every operation as the vendors document it, where no other limit was added."""
        self._documented = True

    def clear(self) -> None:
        """Drop all limits and counts."""
        with self._lock:
            self._limits.clear()
            self._calls.clear()
            self._documented = False

    def refusal(self, provider: str, operation: str) -> str | None:
        """Count a call; return the code that the service refuses it with, or None."""
        with self._lock:
            rate = self._rate(provider, operation)
            if rate is None:
                return None
            now, calls = self.clock(), self._calls.setdefault((provider, operation), deque())
            while calls and calls[0] <= now - rate.per:
                calls.popleft()
            if len(calls) < rate.count:
                calls.append(now)
                return None
            self.refused += 1
        return throttle_code(provider, operation)

    def _rate(self, provider: str, operation: str) -> Rate | None:
        for limit in reversed(self._limits):
            if limit.provider in (None, provider) and fnmatchcase(operation, limit.operation):
                return limit.rate
        facts = catalogue(provider).operation(operation) if self._documented else None
        return None if facts is None else facts.limit


def throttle_code(provider: str, operation: str) -> str:
    """Return the code for too many calls: the operation's own, or that of all, or ``http-429`` where none is known."""
    codes = [each for each in catalogue(provider).codes.values() if each.class_ == "throttle" and each.effect == "none"]
    own = [each.code for each in codes if operation in each.operations]
    general = [each.code for each in codes if not each.operations]
    return (own or general or ["http-429"])[0]
