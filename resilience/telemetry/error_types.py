"""Bound the values of ``error.type``: the codes that a policy lists, and a hundred others."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from resilience.core.policy import PolicyValues
from resilience.core.words.labels import listed_codes

# A program and its SDKs have some dozens of exception classes; the bound is for classes that are made at run time.
_MOST_ERROR_TYPES: Final = 100


@define(eq=False)
class ListedCodes:
    """The codes that policies list; it keeps the last result, because most programs have one policy."""

    _last: tuple[PolicyValues, frozenset[str]] | None = field(default=None, init=False)

    def of(self, policy: PolicyValues) -> frozenset[str]:
        """Return the codes that a policy lists."""
        last = self._last
        if last is None or last[0] is not policy:
            last = self._last = (policy, listed_codes(policy))
        return last[1]


@define(eq=False)
class BoundedErrorTypes:
    """Keeps the first hundred error types that no policy lists, so that the number of time series is bounded."""

    _known: set[str] = field(factory=set, init=False)

    def admit(self, error_type: str, listed: frozenset[str]) -> str:
        """Return an error type, or ``_OTHER`` after the first hundred."""
        if error_type in listed or error_type in self._known:
            return error_type
        if len(self._known) >= _MOST_ERROR_TYPES:
            return "_OTHER"
        self._known.add(error_type)
        return error_type
