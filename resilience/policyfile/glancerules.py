"""The part of a glance that large policies are made of: their rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any, Final

from attrs import define, field

from resilience.policyfile.actions import pattern_fault
from resilience.policyfile.operations import Operations, matches
from resilience.policyfile.rulekeys import (
    FOREIGN_CODES,
    are_plain_codes,
    is_glob,
    is_provider,
    is_provider_table,
    is_transport_code,
    split,
)
from resilience.policyfile.tables import ACTION, RULE
from resilience.policyfile.values import UnfitError, fits

_INLINE: Final[dict[str, dict[str, Callable[[Any], bool]]]] = {
    do: {name: fits(row) for name, row in RULE.items() if not row.only or do in row.only} for do in ACTION["do"].choices
}
"""What may stand in a rule that is an inline table, by verb, and the test of each value."""

_NAMED: Final = {name: test for name, test in _INLINE["fail"].items() if name in {"do", "effect"}}


@define
class RuleGlance:
    """
    Looks at rules against the names that they can use.

    Attributes:
        actions: The named actions, the ready-made ones among them.
        backoffs: The named backoffs.
        declared: The operations that the policy declares, by provider.
    """

    actions: frozenset[str]
    backoffs: frozenset[str]
    declared: Mapping[str, Iterable[str]]
    # Texts that were found to fit, by verb. Only texts: 1, 1.0 and true are equal in a set.
    _fitting: defaultdict[str, set[tuple[str, str]]] = field(factory=lambda: defaultdict(set), init=False)
    _known: dict[str, frozenset[str] | None] = field(factory=dict, init=False)
    _globs: dict[tuple[str, str, int], set[str]] = field(factory=dict, init=False)

    def is_fine(self, layer: Mapping[str, Any]) -> bool:
        """Tell whether nothing is wrong with any rule of a layer."""
        rules = layer.get("rules", {})
        if type(rules) is not dict:
            return False
        for scope, entries in rules.items():
            if type(entries) is not dict or not is_provider(scope):
                return False
            if scope == "transport":
                if not self._is_transport_fine(entries):
                    return False
            elif not (self._are_values_fine(entries) and self._are_codes_fine(scope, entries)):
                return False
        return True

    def are_distinct(self) -> bool:
        """Tell whether no operation meets two globs that are equally narrow, among all rules looked at."""
        for (scope, _, _), globs in self._globs.items():
            if len(globs) > 1:
                known = self._operations(scope) or frozenset()
                if any(matches(one, known) & matches(two, known) for one, two in combinations(globs, 2)):
                    return False
        return True

    def _is_transport_fine(self, entries: Mapping[str, Any]) -> bool:
        common = {}
        for key, value in entries.items():
            if type(value) is dict and is_provider_table(key):
                if not self._is_transport_table_fine(f"transport.{key}", value):
                    return False
            else:
                common[key] = value
        return self._is_transport_table_fine("transport", common)

    def _is_transport_table_fine(self, scope: str, entries: Mapping[str, Any]) -> bool:
        for key in entries:
            if not is_transport_code(key):
                operation, slash, code = key.rpartition("/")
                if not (slash and is_transport_code(code) and self._is_operation_fine(scope, operation, code)):
                    return False
        return self._are_values_fine(entries)

    def _are_codes_fine(self, scope: str, entries: Mapping[str, Any]) -> bool:
        codes = [key for key in entries if "/" not in key]
        if len(codes) < len(entries):
            known = self._operations(scope) or ()
            for key in [key for key in entries if "/" in key]:
                operation, _, code = key.rpartition("/")
                if operation not in known and not self._is_operation_fine(scope, operation, code):
                    return False
                codes.append(code)
        if are_plain_codes(codes):
            return FOREIGN_CODES.isdisjoint(codes)
        return all(_is_code(code, scope) for code in codes)

    def _is_operation_fine(self, scope: str, operation: str, code: str) -> bool:
        if "*" in operation:
            self._globs.setdefault((scope, code, len(operation.replace("*", ""))), set()).add(operation)
            return is_glob(operation)
        known = self._operations(scope)
        return operation.isidentifier() if known is None else operation in known

    def _operations(self, scope: str) -> frozenset[str] | None:
        """Return the operations that a scope may name; None where it may name any."""
        if scope not in self._known:
            operations = Operations(self.declared)
            self._known[scope] = None if operations.is_open(scope) else operations.known(scope)
        return self._known[scope]

    def _are_values_fine(self, entries: Mapping[str, Any]) -> bool:
        actions, fitting = self.actions, self._fitting
        # What is neither text nor table has no "do" to be asked for, which is a TypeError.
        for value in [value for value in entries.values() if type(value) is not str or value not in actions]:
            do = value["do"]
            if not fitting[do].issuperset(value.items()) and not self._is_inline_fine(do, value):
                return False
        return True

    def _is_inline_fine(self, do: Any, value: Mapping[str, Any]) -> bool:
        tests = _INLINE.get(do, _NAMED)
        fitting = self._fitting[do]
        for name, each in value.items():
            if not tests[name](each) or (name in _REFERENCES and each not in getattr(self, _REFERENCES[name])):
                return False
            if name == "pattern" and pattern_fault(each):
                return False
            if type(each) is str:
                fitting.add((name, each))
        return True


def _is_code(code: str, scope: str) -> bool:
    """Tell whether a provider's code is spelled rightly, however it is spelled."""
    try:
        split(code, scope)
    except UnfitError:
        return False
    return True


_REFERENCES: Final = {"do": "actions", "then": "actions", "backoff": "backoffs"}
