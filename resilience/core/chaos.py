"""
Choose the attempts that get a fault of ``[chaos]``, by the seed and by counting.

The attempts of one operation are counted from 1, in the order of their start, over all calls of an executor. Seed,
operation and that number give one number in [0, 1). The entries for the operation divide the line from 0 to 1: two
entries with the rate 0.05 have 0.05 of it each, and the attempts in the rest get no fault.

So a script that makes its calls one after another gets the same faults in every run. If calls run at the same time, the
same attempts of an operation fail (the third, the ninth, ...), in any of the calls. Other operations do not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from resilience.core.match import specificity
from resilience.core.settings.chaos import Chaos, Injection

_BITS = 53
"""The bits of a float's fraction, so that [0, 1) has 2**53 equal steps."""


def draw(seed: int, provider: str | None, operation: str, number: int) -> float:
    """Return the number in [0, 1) for the ``number``-th attempt of an operation."""
    digest = hashlib.sha256(f"{seed}/{provider}:{operation}/{number}".encode()).digest()
    return float((int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS))


def met_by(injections: Iterable[Injection], provider: str | None, operation: str) -> tuple[Injection, ...]:
    """
    Return the entries for an operation, in the order of the files: for each code the narrowest entry.

    As with rules, an exact name is narrower than a glob, and a glob than no operation. Of equals the last one counts.
    """
    best: dict[str, tuple[float, Injection]] = {}
    for injection in injections:
        rank = specificity(injection.operation, operation) if injection.provider == provider else None
        if rank is not None and rank >= best.get(injection.code, (rank,))[0]:
            best[injection.code] = (rank, injection)
    return tuple(injection for _, injection in best.values())


def injection_for(chaos: Chaos, provider: str | None, operation: str, number: int) -> Injection | None:
    """
    Return the entry whose fault an attempt gets; None if it gets no fault.

    Args:
        chaos: The policy's ``[chaos]``.
        provider: The provider of the call.
        operation: The operation of the call.
        number: The attempt, counted from 1 over all attempts of this operation in an executor.
    """
    left = draw(chaos.seed, provider, operation, number)
    for injection in met_by(chaos.injections, provider, operation):
        if left < injection.rate:
            return injection
        left -= injection.rate
    return None
