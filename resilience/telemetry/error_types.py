"""Which error types there are: the codes that a policy lists, and few others."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from resilience.core.policy import PolicyValues
from resilience.core.words.labels import listed_codes

# Exceptions are classes of a program and its SDKs, some dozens; classes that are made at run time have no end.
_MOST_ERROR_TYPES: Final = 100


@define(eq=False)
class ListedCodes:
    """The codes that policies list; most programs have one policy, so the last answer is kept."""

    _last: tuple[PolicyValues, frozenset[str]] | None = field(default=None, init=False)

    def of(self, policy: PolicyValues) -> frozenset[str]:
        """Return the codes that a policy lists."""
        last = self._last
        if last is None or last[0] is not policy:
            last = self._last = (policy, listed_codes(policy))
        return last[1]


@define(eq=False)
class BoundedErrorTypes:
    """Lets in the first hundred error types that no policy lists, so that time series have an end."""

    _known: set[str] = field(factory=set, init=False)

    def admit(self, error_type: str, listed: frozenset[str]) -> str:
        """Return an error type, or ``_OTHER`` if it is one too many."""
        if error_type in listed or error_type in self._known:
            return error_type
        if len(self._known) >= _MOST_ERROR_TYPES:
            return "_OTHER"
        self._known.add(error_type)
        return error_type
