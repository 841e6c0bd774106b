"""
Find the rule that matches a fault: the longest code, then the narrowest operation, then the first fitting message.

A table has the rules for one operation, so that a look-up is a dictionary look-up for
the code and for each of its parents. A rule whose message does not fit is skipped: then
the next answer to its code decides, or the rule for more operations, the parent, the
status, ``unknown``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter

from attrs import field, frozen

from resilience.core.fault import Fault
from resilience.core.policy import Rule

# Codes come from servers, so a memo of them must have a bound.
_MEMO_SIZE = 1024

_EXACT = float("inf")

# Enough for the few answers of one code.
_CONDITION_DIGITS = 12


def meets(glob: str, name: str) -> bool:
    """Tell whether a glob matches a name; ``*`` stands for any letters."""
    # No regular expressions: a file may have thousands of globs, and each would be compiled for each name.
    first, *pieces, last = glob.split("*")
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for piece in pieces:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def specificity(pattern: str | None, operation: str) -> float | None:
    """
    Return how narrowly an operation pattern matches an operation; None if it does not match.

    An exact name is narrower than any glob. A glob with more literal characters is
    narrower than one with fewer. No pattern (None) is the widest.
    """
    if pattern is None:
        return -1
    if "*" not in pattern:
        return _EXACT if pattern == operation else None
    return len(pattern.replace("*", "")) if meets(pattern, operation) else None


def lineage(code: str) -> Iterator[str]:
    """Yield the code, its parent, its parent's parent, ...: ``A.B.C``, ``A.B``, ``A``."""
    while code:
        yield code
        code = code.rpartition(".")[0]


def _http_keys(status: int) -> tuple[str, str]:
    return f"http-{status}", f"http-{status // 100}xx"


def fits(rule: Rule, fault: Fault) -> bool:
    """Tell whether a rule's message fits a fault; a rule without a message fits every fault."""
    return rule.message is None or (fault.message is not None and rule.message in fault.message)


def condition(candidates: Sequence[Rule], answer: Rule | None) -> str | None:
    """
    Return a hash that identifies the answer to which a message led; None if no message mattered.

    The hash is of the texts that were looked for, up to the one that was found, and not of the message. If another
    policy looks for the same texts in the same order, the same message leads to the answer of the same hash.

    Args:
        candidates: The rules that may match; see :meth:`RuleTable.candidates`.
        answer: The rule that matched; None if none did.
    """
    asked = [*candidates, None][: candidates.index(answer) + 1 if answer in candidates else None]
    if all(rule is None or rule.message is None for rule in asked):
        return None
    texts = ["" if rule is None or rule.message is None else rule.message.casefold() for rule in asked]
    return hashlib.sha256("\0".join(texts).encode(errors="replace")).hexdigest()[:_CONDITION_DIGITS]


def _until_certain(rules: Iterable[Rule]) -> Iterator[Rule]:
    """Yield rules up to the first without a message: the rules after it never match."""
    for rule in rules:
        yield rule
        if rule.message is None:
            return


@frozen
class RuleTable:
    """The rules for one operation, by scope and code: the narrowest first, up to the first without a message."""

    _rules: dict[tuple[str, str], tuple[Rule, ...]]
    # The key has no message: a server must not decide how much memory this takes.
    _memo: dict[tuple[str | None, str | None, str | None, int | None], tuple[Rule, ...]] = field(factory=dict, eq=False)

    @classmethod
    def of(cls, rules: Iterable[Rule], operation: str) -> RuleTable:
        """Return the table of the rules that match an operation."""
        found: dict[tuple[str, str], list[tuple[float, int, Rule]]] = {}
        number = 0
        for rule in rules:
            rank = specificity(rule.operation, operation)
            if rank is None:
                continue
            # The last of equal rules wins, but a later file overrides an earlier one by its key, so there are none. The
            # answers of one array keep their order.
            number -= not rule.entry
            found.setdefault((rule.scope, rule.code), []).append((-rank, number, rule))
        return cls(
            {
                # Sorting keeps the order of an array's answers, which have the same rank and number.
                key: tuple(_until_certain(each[2] for each in sorted(ranked, key=itemgetter(0, 1))))
                for key, ranked in found.items()
            }
        )

    def rules(self) -> Iterable[Rule]:
        """Return every rule for this operation."""
        return chain.from_iterable(self._rules.values())

    def match(self, fault: Fault, provider: str | None, operation: str) -> Rule | None:
        """
        Return the rule that matches a fault; None if none does.

        Args:
            fault: The fault; its own provider counts before ``provider``.
            provider: The provider of the call.
            operation: The operation of this table.
        """
        for rule in self.candidates(fault, provider, operation):
            if rule.message is None or fits(rule, fault):
                return rule
        return None

    def candidates(self, fault: Fault, provider: str | None, operation: str) -> tuple[Rule, ...]:
        """
        Return the rules that may match a fault, depending on its message; the first that fits does.

        All but the last have a message. The arguments are those of :meth:`match`.
        """
        provider = fault.provider or provider
        question = (provider, fault.code, fault.transport, fault.status)
        try:
            return self._memo[question]
        except KeyError:
            pass
        if len(self._memo) >= _MEMO_SIZE:
            self._memo.clear()
        rules = self._memo[question] = tuple(_until_certain(self._search(fault, provider, operation)))
        return rules

    def _search(self, fault: Fault, provider: str | None, operation: str) -> Iterator[Rule]:
        if fault.code is not None and provider is not None:
            for code in lineage(fault.code):
                yield from self._rules.get((provider, code), ())
        keys: tuple[str, ...] = () if fault.status is None else _http_keys(fault.status)
        if fault.transport is not None:
            keys = (*keys, fault.transport)
        for key in keys:
            yield from self._transport(key, provider, operation)

    def _transport(self, key: str, provider: str | None, operation: str) -> Iterable[Rule]:
        """Return the common rules and the provider's own, the narrower first; of equals the provider's own first."""
        own = self._rules.get((f"transport.{provider}", key), ())
        common = self._rules.get(("transport", key), ())
        if not (own and common):
            return own or common

        def width(rule: Rule) -> float:
            return -(specificity(rule.operation, operation) or 0.0)

        return sorted((*own, *common), key=width)
