"""Reads and checks the fields of JSON from any writer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeVar, get_args

from attrs import frozen

from resilience.core.admission.breaker import BreakerState
from resilience.core.decision import Ended, StopReason
from resilience.core.events import LedgerAnswer, RemedyAnswer
from resilience.core.fault import Effect

T = TypeVar("T")
W = TypeVar("W", bound=str)

EFFECTS: Final[tuple[Effect, ...]] = get_args(Effect)
ENDS: Final[tuple[Ended | Literal["cancelled"], ...]] = (*get_args(Ended), "cancelled")
STOP_REASONS: Final[tuple[StopReason, ...]] = get_args(StopReason)
ANSWERS: Final[tuple[RemedyAnswer, ...]] = get_args(RemedyAnswer)
BREAKER_STATES: Final[tuple[BreakerState, ...]] = get_args(BreakerState)
RECALLS: Final[tuple[LedgerAnswer, ...]] = get_args(LedgerAnswer)


class MalformedError(ValueError):
    """A field has another kind of value, or is missing."""


@frozen
class RecordFields:
    """
    The fields of one JSON object.

    Each method returns the value of a field, or None for an absent one, and raises :class:`MalformedError` for
    another kind of value.
    """

    _values: Mapping[str, Any]

    @classmethod
    def of(cls, value: object, what: str) -> RecordFields:
        """
        Return the fields of an object.

        Raises:
            MalformedError: The value is no object.
        """
        if not isinstance(value, dict):
            raise MalformedError(f"expected an object for {what}")
        return cls(value)

    def has(self, name: str) -> bool:
        """Tell whether a field is present and not null."""
        return self._values.get(name) is not None

    def raw(self, name: str) -> Any:
        """Return the unchecked value."""
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """Return a string."""
        return self._is(name, str, "a string")

    def word(self, name: str, words: Iterable[W]) -> W | None:
        """Return one of these words."""
        found = self.text(name)
        for word in words:
            if word == found:
                return word
        if found is not None:
            raise MalformedError(f"{name}: unknown word {found[:40]!r}")
        return None

    def truth(self, name: str) -> bool | None:
        """Return a boolean."""
        return self._is(name, bool, "true or false")

    def whole(self, name: str) -> int | None:
        """Return a whole number."""
        found = self._values.get(name)
        if isinstance(found, bool):
            raise MalformedError(f"{name}: expected a whole number")
        return self._is(name, int, "a whole number")

    def number(self, name: str) -> float | None:
        """Return a finite number of at least 0."""
        found = self._values.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise MalformedError(f"{name}: expected a number")
        return finite(found, name)

    def numbers(self, name: str) -> tuple[float, ...] | None:
        """Return a list of finite numbers of at least 0."""
        found = self._is(name, list, "a list")
        return None if found is None else tuple(needed(RecordFields({name: each}).number(name), name) for each in found)

    def inside(self, name: str) -> RecordFields | None:
        """Return the fields of an object in this one."""
        return None if self._values.get(name) is None else RecordFields.of(self._values[name], name)

    def all_of(self, name: str) -> list[Any]:
        """Return a list; an empty one for an absent field."""
        return self._is(name, list, "a list") or []

    def _is(self, name: str, kind: type[T], what: str) -> T | None:
        found = self._values.get(name)
        if found is None or isinstance(found, kind):
            return found
        raise MalformedError(f"{name}: expected {what}")


def finite(number: float, name: str) -> float:
    """
    Return a number as a float.

    Raises:
        MalformedError: The number is negative, not finite, or too large for a float.
    """
    try:
        found = float(number)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found) or found < 0:
        raise MalformedError(f"{name}: expected a finite number >= 0")
    return found


def needed(value: T | None, name: str) -> T:
    """
    Return a needed value.

    Raises:
        MalformedError: The value is None.
    """
    if value is None:
        raise MalformedError(f"{name} is missing")
    return value
