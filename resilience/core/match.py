"""
Which rule answers a fault: the longest code, then the narrowest operation.

A table holds the rules that one operation can meet, one rule per code, so that
a look-up is a dictionary look-up for the code and for each of its parents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from attrs import field, frozen

from resilience.core.fault import Fault
from resilience.core.policy import Rule

# Codes come from servers: a memo of them must not grow without bound.
_MEMO_SIZE = 1024

_EXACT = float("inf")


@lru_cache(maxsize=512)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def specificity(pattern: str | None, operation: str) -> float | None:
    """
    Return how narrowly a rule's operation pattern names an operation, or None if it does not.

    An exact name is narrower than any glob, a glob with more literal characters
    narrower than one with fewer, and no pattern (None) the widest of all.
    """
    if pattern is None:
        return -1
    if "*" not in pattern:
        return _EXACT if pattern == operation else None
    return len(pattern.replace("*", "")) if _glob(pattern).fullmatch(operation) else None


def lineage(code: str) -> Iterator[str]:
    """Yield the code, its parent, its parent's parent, ...: ``A.B.C``, ``A.B``, ``A``."""
    while code:
        yield code
        code = code.rpartition(".")[0]


def _http_keys(status: int) -> tuple[str, str]:
    return f"http-{status}", f"http-{status // 100}xx"


@frozen
class RuleTable:
    """The rules that one operation can meet, by scope and code."""

    _rules: dict[tuple[str, str], Rule]
    _memo: dict[tuple[str | None, str | None, str | None, int | None], Rule | None] = field(factory=dict, eq=False)

    @classmethod
    def of(cls, rules: Iterable[Rule], operation: str) -> RuleTable:
        """Keep, for each scope and code, the rule that names this operation most narrowly."""
        best: dict[tuple[str, str], tuple[float, Rule]] = {}
        for rule in rules:
            rank = specificity(rule.operation, operation)
            if rank is None:
                continue
            place = (rule.scope, rule.code)
            # The last of equals wins: a file that comes later overrides by its key, so equals never reach us.
            if place not in best or rank >= best[place][0]:
                best[place] = (rank, rule)
        return cls({place: rule for place, (_, rule) in best.items()})

    def rules(self) -> Iterable[Rule]:
        """Return every rule that this operation can meet."""
        return self._rules.values()

    def match(self, fault: Fault, provider: str | None, operation: str) -> Rule | None:
        """
        Return the rule that answers a fault, or None if none does.

        Args:
            fault: The fault; its own provider counts before ``provider``.
            provider: The provider of the call.
            operation: The operation that this table was made for.
        """
        provider = fault.provider or provider
        question = (provider, fault.code, fault.transport, fault.status)
        try:
            return self._memo[question]
        except KeyError:
            pass
        if len(self._memo) >= _MEMO_SIZE:
            self._memo.clear()
        rule = self._memo[question] = self._search(fault, provider, operation)
        return rule

    def _search(self, fault: Fault, provider: str | None, operation: str) -> Rule | None:
        if fault.code is not None and provider is not None:
            for code in lineage(fault.code):
                rule = self._rules.get((provider, code))
                if rule is not None:
                    return rule
        keys: tuple[str, ...] = () if fault.status is None else _http_keys(fault.status)
        if fault.transport is not None:
            keys = (*keys, fault.transport)
        for key in keys:
            rule = self._transport(key, provider, operation)
            if rule is not None:
                return rule
        return None

    def _transport(self, key: str, provider: str | None, operation: str) -> Rule | None:
        """Return the narrower of the common rule and the provider's own; the provider's own among equals."""
        common = self._rules.get(("transport", key))
        own = self._rules.get((f"transport.{provider}", key))
        if common is None or own is None:
            return own or common
        wide, narrow = specificity(common.operation, operation), specificity(own.operation, operation)
        return common if wide is not None and narrow is not None and wide > narrow else own
