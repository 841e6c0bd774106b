"""A policy as the lint rules see it: one environment's values, where each stands, and which rule answers what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal

from attrs import define

from resilience.catalog import CodeClass, CodeFacts, OperationFacts, catalogue, providers
from resilience.core.fault import Effect, Fault, Repeat
from resilience.core.match import RuleTable
from resilience.core.operations.advice import Subject, probable_key, probable_reads
from resilience.core.operations.declared import Declared
from resilience.core.policy import Action, PolicyValues, Rule, Template
from resilience.policyfile.globs import names_of, narrowed
from resilience.policyfile.layers import Layer, Stack
from resilience.policyfile.lint.places import (
    ActionAt,
    Mistake,
    Operation,
    RuleAt,
    chain,
    fault_of,
    transport_class,
)
from resilience.policyfile.operations import catalogued
from resilience.policyfile.positions import Path
from resilience.policyfile.problems import Problem, Severity
from resilience.policyfile.sources import Source


@define(eq=False, slots=False)
class View:
    """
    One environment of a policy.

    Attributes:
        policy: Its values.
        stack: The layers that they come from.
    """

    policy: PolicyValues
    stack: Stack

    def share(self, other: View) -> None:
        """Take over what is known of the rules from a view of the same rules."""
        for name in ("rules", "actions", "used", "_contests", "_answered", "_winning", "_operations"):
            self.__dict__[name] = getattr(other, name)

    def problem(  # noqa: PLR0913  # one argument for each thing that a problem says
        self,
        path: Path,
        rule: str,
        message: str,
        *,
        severity: Severity = "warning",
        at: Literal["key", "value"] = "value",
        layer: Layer | None = None,
    ) -> Problem:
        """Return a finding about the value or the key at a path, in the layer that set it or in the one given."""
        place = layer or self.stack.setter(path) or self.stack.root
        return place.source.problem((*place.prefix, *path), rule, message, at=at, severity=severity)

    def at(self, path: Path) -> str:
        """Return where an effective value was set, as ``file:line:column``."""
        return str(self.stack.origin(path))

    def rank(self, path: Path) -> int:
        """Return the number of the layer that set a value; the later one wins, and -1 is a default."""
        layer = self.stack.setter(path)
        return -1 if layer is None else self.stack.layers.index(layer)

    def latest(self, *paths: Path) -> Path:
        """Return the path that was set last, the first among equals: what made a sum of values come out wrong."""
        return max(paths, key=self.rank)

    def is_rehearsal(self, layer: Layer) -> bool:
        """Tell whether a layer only takes effect in an environment that is not a production environment."""
        return layer.env is not None and not self.policy.production

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files, in the order in which they are merged."""
        return tuple(layer.source for layer in self.stack.layers if not layer.prefix)

    @cached_property
    def rules(self) -> tuple[RuleAt, ...]:
        """The rules, each with its place."""
        return tuple(
            RuleAt(rule, path, self.stack.setter(path) or self.stack.root)
            for rule in self.policy.rules
            for path in (rule.path,)
        )

    def mistakes(self, rules: Iterable[RuleAt], key: str) -> Iterator[Mistake]:
        """Yield where rules went wrong by what a key of their action says: the last who touched it is blamed."""
        changed: dict[str, list[RuleAt]] = {}
        for each in rules:
            action = each.rule.action.key
            if self.rank(("actions", action, key)) > self.stack.layers.index(each.layer):
                changed.setdefault(action, []).append(each)
            else:
                yield Mistake(each.inner(key) if key != "do" else each.path, each.layer, (each,))
        for action, users in changed.items():
            path = ("actions", action, key)
            yield Mistake(path, self.stack.setter(path) or self.stack.root, tuple(users))

    @cached_property
    def actions(self) -> tuple[ActionAt, ...]:
        """The actions that the files define, named ones first; the ready-made ones are nobody's mistake."""
        users: dict[str, list[RuleAt]] = {}
        for each in self.rules:
            users.setdefault(each.rule.action.key, []).append(each)
        named = [
            ActionAt(action, ("actions", name), tuple(users.get(name, ())))
            for name, action in self.policy.actions.items()
            if self.stack.setter(("actions", name)) is not None
        ]
        inline = [
            ActionAt(each.rule.action, each.path, (each,))
            for each in self.rules
            if each.rule.action.key not in self.policy.actions
        ]
        return (*named, *inline)

    @cached_property
    def used(self) -> dict[str, Action]:
        """Every action that some fault can lead to, by its key, the ready-made ones among them."""
        starts = [self.policy.unknown, *(each.rule.action for each in self.rules)]
        return {action.key: action for start in starts for action in chain(start)}

    def providers_of(self, rule: Rule) -> tuple[str, ...]:
        """Return the providers whose faults a rule can meet, as far as the catalogue or the policy knows them."""
        if rule.scope == "transport":
            return tuple(dict.fromkeys((*providers(), *self.policy.operations)))
        return (rule.scope.removeprefix("transport."),)

    def operations(self, provider: str) -> frozenset[str]:
        """Return the operations of a provider: the catalogue's and those that the policy declares."""
        return catalogued(provider).union(self.policy.operations.get(provider, ()))

    def operation_facts(self, operation: Operation) -> OperationFacts | None:
        """Return what the catalogue knows about an operation."""
        provider, name = operation
        return catalogue(provider).operation(name) if provider in providers() else None

    def repeat(self, operation: Operation) -> Repeat:
        """Return what a repeat does: the policy's word, else the catalogue's, else the careful one."""
        facts = self.operation_facts(operation)
        said = self.declared(operation)
        return (said and said.repeat) or (facts.repeat if facts else "duplicate")

    def declared_at(self, provider: str, name: str, key: str) -> Path:
        """Return the path of a key of ``[operations]``; that of the operation where it is nothing but a word."""
        path = ("operations", provider, name)
        return (*path, key) if self.stack.setter((*path, key)) is not None else path

    def declared(self, operation: Operation) -> Declared | None:
        """Return what the policy says of an operation; None where it says nothing."""
        provider, name = operation
        return self.policy.operations.get(provider, {}).get(name)

    def key(self, operation: Operation) -> tuple[str, ...]:
        """Return the fields that name what an operation makes: the policy's word, else the catalogue's."""
        said, facts = self.declared(operation), self.operation_facts(operation)
        if said is not None and said.key is not None:
            return said.key
        return () if facts is None else facts.key

    def rename(self, operation: Operation) -> str | None:
        """Return the field that a rename changes, or None."""
        said, facts = self.declared(operation), self.operation_facts(operation)
        return (said and said.rename) or (None if facts is None else facts.rename)

    def subject(self, operation: Operation) -> Subject:
        """Return an operation as advice speaks of it."""
        provider, name = operation
        template = self.template(operation)
        return Subject(
            provider=provider,
            operation=name,
            repeat=self.repeat(operation),
            said=self.declared(operation),
            is_catalogued=self.operation_facts(operation) is not None,
            fields=self.key(operation) or probable_key(template),
            reads=probable_reads(template, self.policy.apis.get(provider)),
        )

    def may_look(self, operation: Operation) -> bool:
        """
        Return whether anything can say that an operation has happened, as far as a policy tells.

        A program may know how to look for what it calls through functions of its own; requests it only sends.
        """
        said, facts = self.declared(operation), self.operation_facts(operation)
        if facts is not None:
            return facts.read_back is not None or (said is not None and said.read_back is not None)
        if said is None or said.is_assumed:
            return False
        return said.read_back is not None or operation[0] not in self.policy.apis

    def template(self, operation: Operation) -> Template | None:
        """Return how the requests of an operation look; None where the policy does not say."""
        provider, name = operation
        api = self.policy.apis.get(provider)
        return next((each for each in api.operations if each.operation == name), None) if api else None

    def facts(self, rule: Rule) -> CodeFacts | None:
        """Return what the catalogue knows about a rule's code, or about the code that it is a sub-code of."""
        return catalogue(rule.scope).code(rule.code) if rule.scope in providers() else None

    def class_of(self, rule: Rule) -> CodeClass | None:
        """Return what kind of thing a rule's code says; None where nobody knows, or where a message says it better."""
        if rule.message is not None:
            return None
        if rule.scope.startswith("transport"):
            return transport_class(rule.code)
        facts = self.facts(rule)
        return None if facts is None else facts.class_

    def known_effect(self, rule: Rule) -> Effect | None:
        """Return the effect of a rule's faults where the rule does not say it; None where it depends on the status."""
        if not rule.scope.startswith("transport"):
            facts = self.facts(rule)
            return None if facts is None else facts.effect
        return fault_of(rule, "").effect_or_default()

    def met(self, rule: Rule) -> frozenset[Operation]:
        """Return the known operations for which this rule may answer its code, and no narrower one surely does."""
        if self.is_alone(rule):
            return self.wanted(rule) or frozenset()
        return self._met(_contest(rule)).get(id(rule), frozenset())

    def wanted(self, rule: Rule) -> frozenset[Operation] | None:
        """Return the known operations that a rule's own pattern names; None where nobody lists any."""
        names = self.providers_of(rule)
        known = self._known(names)
        if not known:
            return None
        if rule.operation is None:
            return known
        return frozenset(
            (provider, name)
            for provider in names
            for name in names_of(self.operations(provider)).meeting(rule.operation)
        )

    def is_alone(self, rule: Rule) -> bool:
        """Tell whether no other rule is for the same code of the same faults."""
        return len(self._contests[_contest(rule)]) == 1

    def winner(self, rule: Rule, operation: Operation) -> RuleAt:
        """Return the rule behind which none is asked for this rule's code, where one of the rules for it is met."""
        return self._answers(rule)[operation][-1]

    def documented(self, rule: Rule) -> frozenset[Operation]:
        """Return those of the operations that the rule meets which are documented to answer with its code."""
        facts = self.facts(rule)
        met = self.met(rule)
        if facts is None or not facts.operations:
            return met
        return frozenset((provider, name) for provider, name in met if name in facts.operations)

    def _known(self, names: tuple[str, ...]) -> frozenset[Operation]:
        known = self._operations.get(names)
        if known is None:
            pairs = ((provider, name) for provider in names for name in self.operations(provider))
            known = self._operations[names] = frozenset(pairs)
        return known

    def _answers(self, rule: Rule) -> Mapping[Operation, tuple[RuleAt, ...]]:
        """Return which rules may answer this rule's code, for each known operation for which one does."""
        contest = _contest(rule)
        answers = self._answered.get(contest)
        if answers is None:
            answers = self._answered[contest] = dict(self._ask(self._contests[contest]))
        return answers

    def _ask(self, rivals: list[RuleAt]) -> Iterator[tuple[Operation, tuple[RuleAt, ...]]]:
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
                yield from self._ask_one(own, numbers, fault, (provider, name))
            # Operations that no rule names meet the same rules, so they have the same answer.
            others = names.difference(narrow)
            if anywhere and others:
                for _, answers in self._ask_one(own, anywhere, fault, (provider, next(iter(others)))):
                    yield from (((provider, name), answers) for name in others)

    def _ask_one(
        self, rivals: list[RuleAt], numbers: list[int], fault: Fault, operation: Operation
    ) -> Iterator[tuple[Operation, tuple[RuleAt, ...]]]:
        places = {rivals[number].rule.id: rivals[number] for number in numbers}
        provider, name = operation
        # The very code that answers faults decides here who answers.
        answers = RuleTable.of((each.rule for each in places.values()), name).candidates(fault, provider, name)
        if answers:
            yield operation, tuple(places[answer.id] for answer in answers)

    def _met(self, contest: tuple[str, str]) -> Mapping[int, frozenset[Operation]]:
        """Return the operations that each rule of a contest answers for, by the identity of the rule."""
        met = self._winning.get(contest)
        if met is None:
            found: dict[int, list[Operation]] = {}
            for operation, answers in self._answers(self._contests[contest][0].rule).items():
                for answer in answers:
                    found.setdefault(id(answer.rule), []).append(operation)
            met = self._winning[contest] = {rule: frozenset(operations) for rule, operations in found.items()}
        return met

    @cached_property
    def _contests(self) -> Mapping[tuple[str, str], list[RuleAt]]:
        contests: dict[tuple[str, str], list[RuleAt]] = {}
        for each in self.rules:
            contests.setdefault(_contest(each.rule), []).append(each)
        return contests

    @cached_property
    def _answered(self) -> dict[tuple[str, str], Mapping[Operation, tuple[RuleAt, ...]]]:
        return {}

    @cached_property
    def _winning(self) -> dict[tuple[str, str], Mapping[int, frozenset[Operation]]]:
        return {}

    @cached_property
    def _operations(self) -> dict[tuple[str, ...], frozenset[Operation]]:
        return {}


def _contest(rule: Rule) -> tuple[str, str]:
    """Return what rules have in common of which only one can answer: all transport tables are one contest."""
    return ("transport" if rule.scope.startswith("transport") else rule.scope, rule.code)
