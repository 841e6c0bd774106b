"""What limits of the rate are at present, and how they have changed: for those who show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from resilience.core.values import fixed

RateScope = Literal["operation", "account", "host"]
"""Which requests a limit counts: those of one operation, of all operations together, or to one host."""


@frozen(kw_only=True)
class RateLevel:
    """
    One limit of the rate at present.

    Attributes:
        scope: Which requests it counts. All hosts have the same limit.
        operation: The operation, where it counts those of one; else None.
        per_second: The requests of a second that are sent at most.
        declared: What the policy declares, in requests per second; None where it declares nothing.
    """

    scope: RateScope
    operation: str | None
    per_second: float
    declared: float | None


@frozen(kw_only=True)
class AdmissionLevels:
    """
    All limits of one provider at present.

    Attributes:
        rates: Its limits of the rate, as far as calls have met them.
        is_shared: Whether these are limits of several processes together, through a store.
        concurrency: The most attempts under way at once; None for no limit.
        under_way: The attempts that are under way.
        waiting: The calls that wait for their turn, by operation.
    """

    rates: tuple[RateLevel, ...]
    is_shared: bool
    concurrency: int | None
    under_way: int
    waiting: Mapping[str, int] = field(converter=fixed)


@frozen(kw_only=True)
class RateChange:
    """
    A limit has adapted to what the service takes.

    Attributes:
        operation: The operation whose limit it is.
        old: The requests per second that were sent at most before.
        new: Those that are sent since.
        declared: What the policy declares, in requests per second; None where it declares nothing.
        refused: How many requests of the last window the service refused because of their rate.
        answered: How many it answered, the refused ones too.
    """

    operation: str
    old: float
    new: float
    declared: float | None
    refused: int
    answered: int
