"""Finds the rule that answers a fault: of the rules for one code, the narrowest one whose operation fits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from attrs import define, field

from resilience.catalog import providers
from resilience.core.fault import Fault
from resilience.core.match import RuleTable
from resilience.core.operations.declared import Declaration
from resilience.core.policy import Rule
from resilience.policyfile.decode.globs import names_of, narrowed
from resilience.policyfile.decode.operations import catalogued
from resilience.policyfile.lint.places import OperationKey, RuleAt, fault_of

Contest = tuple[str, str]
"""The scope and the code of rules of which only one can answer."""


def contest_of(rule: Rule) -> Contest:
    """Return the contest of a rule: its provider and its code; all transport tables are one contest."""
    return ("transport" if rule.scope.startswith("transport") else rule.scope, rule.code)


def grouped(rules: Iterable[RuleAt]) -> dict[Contest, list[RuleAt]]:
    """Return rules by their contest."""
    found: dict[Contest, list[RuleAt]] = {}
    for each in rules:
        found.setdefault(contest_of(each.rule), []).append(each)
    return found


@define(eq=False)
class Contests:
    """
    The rules of a policy by their contest, and the winner for each operation.

    Attributes:
        rules: The rules of each contest; with contests below, only the contests that differ.
        declared: The operations that the policy declares.
        below: The contests without the environment; None for a policy by itself.
        providers: The providers with other operations than below.
    """

    rules: Mapping[Contest, list[RuleAt]]
    declared: Mapping[str, Mapping[str, Declaration]]
    below: Contests | None = None
    providers: Collection[str] = ()
    _answers: dict[Contest, Mapping[OperationKey, tuple[RuleAt, ...]]] = field(factory=dict, init=False)
    _met: dict[Contest, Mapping[int, frozenset[OperationKey]]] = field(factory=dict, init=False)
    _known: dict[tuple[str, ...], frozenset[OperationKey]] = field(factory=dict, init=False)
    _names: dict[str, frozenset[str]] = field(factory=dict, init=False)

    def of(self, key: Contest) -> list[RuleAt]:
        """Return the rules of a contest, in the order of the files."""
        own = self.rules.get(key)
        if own is None:
            return [] if self.below is None else self.below.of(key)
        return own

    def is_alone(self, rule: Rule) -> bool:
        """Tell whether a contest has no other rule."""
        return len(self.of(contest_of(rule))) == 1

    def met(self, rule: Rule) -> frozenset[OperationKey]:
        """Return the known operations for which a rule may answer, because no narrower rule surely answers first."""
        if self.is_alone(rule):
            return self.wanted(rule) or frozenset()
        return self._met_in(contest_of(rule)).get(id(rule), frozenset())

    def wanted(self, rule: Rule) -> frozenset[OperationKey] | None:
        """Return the known operations that a rule's own pattern names; None if no operations are known."""
        names = self.providers_of(rule)
        known = self._known_of(names)
        if not known:
            return None
        if rule.operation is None:
            return known
        return frozenset(
            (provider, name)
            for provider in names
            for name in names_of(self.operations(provider)).meeting(rule.operation)
        )

    def winner(self, rule: Rule, operation: OperationKey) -> RuleAt:
        """Return the rule that surely answers an operation, in the contest of a rule."""
        return self._answers_in(contest_of(rule))[operation][-1]

    def operations(self, provider: str) -> frozenset[str]:
        """Return the operations of a provider in the catalogue and in the policy."""
        names = self._names.get(provider)
        if names is None:
            if self.below is not None and provider not in self.providers:
                names = self.below.operations(provider)
            else:
                names = catalogued(provider).union(self.declared.get(provider, ()))
            self._names[provider] = names
        return names

    def providers_of(self, rule: Rule) -> tuple[str, ...]:
        """Return the known providers whose faults a rule can meet."""
        if rule.scope == "transport":
            return tuple(dict.fromkeys((*providers(), *self.declared)))
        return (rule.scope.removeprefix("transport."),)

    def _known_of(self, names: tuple[str, ...]) -> frozenset[OperationKey]:
        if self.below is not None and not any(name in self.providers for name in names):
            return self.below._known_of(names)  # noqa: SLF001  # another one of this class
        known = self._known.get(names)
        if known is None:
            pairs = ((provider, name) for provider in names for name in self.operations(provider))
            known = self._known[names] = frozenset(pairs)
        return known

    def _is_below(self, key: Contest) -> bool:
        if self.below is None or key in self.rules:
            return False
        return not self.providers or (key[0] != "transport" and key[0] not in self.providers)

    def _answers_in(self, key: Contest) -> Mapping[OperationKey, tuple[RuleAt, ...]]:
        """Return the rules that may answer, for each known operation with an answer."""
        if self.below is not None and self._is_below(key):
            return self.below._answers_in(key)  # noqa: SLF001  # another one of this class
        answers = self._answers.get(key)
        if answers is None:
            answers = self._answers[key] = dict(self._ask(self.of(key)))
        return answers

    def _met_in(self, key: Contest) -> Mapping[int, frozenset[OperationKey]]:
        """Return the operations that each rule of a contest answers for, by the identity of the rule."""
        if self.below is not None and self._is_below(key):
            return self.below._met_in(key)  # noqa: SLF001  # another one of this class
        met = self._met.get(key)
        if met is None:
            found: dict[int, list[OperationKey]] = {}
            for operation, answers in self._answers_in(key).items():
                for answer in answers:
                    found.setdefault(id(answer.rule), []).append(operation)
            met = self._met[key] = {rule: frozenset(operations) for rule, operations in found.items()}
        return met

    def _ask(self, rivals: list[RuleAt]) -> Iterator[tuple[OperationKey, tuple[RuleAt, ...]]]:
        by_provider: dict[str, list[RuleAt]] = {}
        for each in rivals:
            for provider in self.providers_of(each.rule):
                by_provider.setdefault(provider, []).append(each)
        for provider, own in by_provider.items():
            fault = fault_of(own[0].rule, provider)
            names = self.operations(provider)
            narrow = narrowed([each.rule.operation for each in own], names)
            anywhere = [number for number, each in enumerate(own) if each.rule.operation is None]
            for name, numbers in narrow.items():
                yield from _ask_one(own, numbers, fault, (provider, name))
            # All operations that no rule names meet the same rules, so they have the same answer.
            others = names.difference(narrow)
            if anywhere and others:
                for _, answers in _ask_one(own, anywhere, fault, (provider, next(iter(others)))):
                    yield from (((provider, name), answers) for name in others)


def _ask_one(
    rivals: list[RuleAt], numbers: list[int], fault: Fault, operation: OperationKey
) -> Iterator[tuple[OperationKey, tuple[RuleAt, ...]]]:
    places = {rivals[number].rule.id: rivals[number] for number in numbers}
    provider, name = operation
    # The executor uses the same code to answer faults.
    answers = RuleTable.of((each.rule for each in places.values()), name).candidates(fault, provider, name)
    if answers:
        yield operation, tuple(places[answer.id] for answer in answers)
