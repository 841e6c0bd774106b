"""Rehearsals: choose the attempts that get a fault of ``[chaos]``, and make the error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from attrs import define, field

from resilience.core.chaos import injection_for
from resilience.core.settings.chaos import Chaos, Injection
from resilience.engine.errors import ServiceError
from resilience.engine.target.operations import Operation


@define(eq=False)
class Rehearsal:
    """Counts the attempts of each operation over all calls of an executor, in the order of their start."""

    chaos: Chaos
    _numbers: dict[tuple[str | None, str], Iterator[int]] = field(factory=dict, init=False)

    def next_injection(self, operation: Operation) -> Injection | None:
        """Count an attempt of an operation, and return the entry of ``[chaos]`` for it, or None."""
        # Threads may share an executor, and both calls here are atomic.
        numbers = self._numbers.setdefault((operation.provider, operation.name), count(1))
        return injection_for(self.chaos, operation.provider, operation.name, next(numbers))


def injected(injection: Injection) -> ServiceError:
    """Return the error of an injected fault; its message names the entry of ``[chaos]``."""
    origin = injection.origin
    where = f"chaos.{injection.id}" if origin is None else f"chaos.{injection.id} at {origin}"
    return ServiceError.of(injection.fault, f"injected by {where}")
