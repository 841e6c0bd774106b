"""
Which attempts get a fault of ``[chaos]``: decided by the seed and by counting, not by luck.

The attempts of one operation are counted from 1, in the order in which they begin, over all calls of an
executor. Seed, operation and that number give one number in [0, 1), and the entries that the operation can meet
divide the line from 0 to 1 among them: 0.05 of it each for two entries of that rate, and the rest is left alone.

So a script that makes its calls one after another meets the same faults in every run. Where calls run at the
same time, the same attempts of an operation fail (the third, the ninth, ...), whatever calls they belong to, and what
other operations do meanwhile changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from resilience.core.match import specificity
from resilience.core.policy import Chaos, Injection

_BITS = 53
"""Of a float's fraction: as many equal steps as [0, 1) has."""


def draw(seed: int, provider: str | None, operation: str, number: int) -> float:
    """Return the number in [0, 1) that the ``number``-th attempt of an operation is judged by."""
    digest = hashlib.sha256(f"{seed}/{provider}:{operation}/{number}".encode()).digest()
    return float((int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS))


def met_by(injections: Iterable[Injection], provider: str | None, operation: str) -> tuple[Injection, ...]:
    """
    Return the entries that an operation can meet, in the order of the files: for each code the narrowest.

    As with rules, an exact name is narrower than a glob, and a glob than no operation; of equals the last counts.
    """
    best: dict[str, tuple[float, Injection]] = {}
    for injection in injections:
        rank = specificity(injection.operation, operation) if injection.provider == provider else None
        if rank is not None and rank >= best.get(injection.code, (rank,))[0]:
            best[injection.code] = (rank, injection)
    return tuple(injection for _, injection in best.values())


def injection_for(chaos: Chaos, provider: str | None, operation: str, number: int) -> Injection | None:
    """
    Return the entry whose fault an attempt gets, or None if it is left alone.

    Args:
        chaos: What the policy says.
        provider: The provider of the call.
        operation: Its operation.
        number: The attempt, counted from 1 over all attempts of this operation in an executor.
    """
    left = draw(chaos.seed, provider, operation, number)
    for injection in met_by(chaos.injections, provider, operation):
        if left < injection.rate:
            return injection
        left -= injection.rate
    return None
