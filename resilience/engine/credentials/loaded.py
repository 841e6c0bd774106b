"""The credentials of one refresh, and what stands for them where there are none."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

C = TypeVar("C")


@frozen
class NoneLoaded:
    """Stands for the credentials before the first refresh."""

    generation: int = 0
    renew_at: float = -math.inf
    read: bool = True


NONE_LOADED: Final = NoneLoaded()


@define
class Loaded(Generic[C]):
    """
    The credentials of one refresh.

    Attributes:
        value: The credentials.
        generation: The number of the refresh, counted from 1.
        expires_at: When they expire, in epoch seconds; infinite if that is unknown.
        renew_at: When to renew them, in epoch seconds.
        read: Whether the program has read them.
    """

    value: C = field(repr=False)
    generation: int
    expires_at: float = math.inf
    renew_at: float = math.inf
    read: bool = False


@define(eq=False)
class NoCredentials:
    """Stands for the source of a call without credentials; its stand-in never expires."""

    loaded: Loaded[None] = field(factory=lambda: Loaded(None, 0))


NO_CREDENTIALS: Final = NoCredentials()


def instant_of(moment: object) -> float:
    """
    Return an expiry in epoch seconds; infinite for None, which is an unknown one.

    Raises:
        TypeError: It is neither epoch seconds nor an aware datetime.
    """
    if moment is None:
        return math.inf
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.timestamp()
    if isinstance(moment, int | float) and not isinstance(moment, bool):
        return float(moment)
    found = "a datetime without a time zone" if isinstance(moment, datetime) else type(moment).__qualname__
    raise TypeError(f"expires: expected epoch seconds, an aware datetime or None, got {found}")
