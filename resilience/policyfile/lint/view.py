"""A policy as the lint rules see it: one environment's values, where each stands, and which rule answers what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal

from attrs import define

from resilience.catalog import CodeClass, CodeFacts, OperationFacts, catalogue, providers
from resilience.core.fault import Effect, Repeat
from resilience.core.operations.advice import Subject, probable_key, probable_reads
from resilience.core.operations.declared import Declared
from resilience.core.policy import Action, PolicyValues, Rule, Template
from resilience.policyfile.layers import Layer, Stack
from resilience.policyfile.lint.contests import Contests, grouped
from resilience.policyfile.lint.places import (
    ActionAt,
    Mistake,
    Operation,
    RuleAt,
    chain,
    fault_of,
    transport_class,
)
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
        """The rules, each with its place; in a view of some of them, those that are looked at."""
        return tuple(map(self.placed, self.policy.rules))

    def placed(self, rule: Rule) -> RuleAt:
        """Return a rule with its place."""
        path = rule.path
        return RuleAt(rule, path, self.stack.setter(path) or self.stack.root)

    @cached_property
    def contests(self) -> Contests:
        """The rules by what they compete for, those that are not looked at among them."""
        return Contests(grouped(self.rules), self.policy.operations)

    @cached_property
    def scopes(self) -> frozenset[str]:
        """The tables that rules stand in."""
        return frozenset(each.rule.scope for each in self.rules)

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
        """
        The actions that the files define, named ones first; the ready-made ones are nobody's mistake.

        In a view of some of them, those that are looked at.
        """
        return (*self.named(self.policy.actions), *self.inline(self.rules))

    def named(self, names: Iterable[str]) -> Iterator[ActionAt]:
        """Yield those of some named actions that the files define."""
        for name in names:
            action = self.policy.actions.get(name)
            if action is not None and self.stack.setter(("actions", name)) is not None:
                yield ActionAt(action, ("actions", name), name)

    def inline(self, rules: Iterable[RuleAt]) -> Iterator[ActionAt]:
        """Yield the actions that some rules define in place."""
        for each in rules:
            if each.rule.action.key not in self.policy.actions:
                yield ActionAt(each.rule.action, each.path, each.label)

    @cached_property
    def used(self) -> Mapping[str, Action]:
        """Every action that some fault can lead to, by its key, the ready-made ones among them."""
        return {action.key: action for start in self.starts for action in chain(start)}

    @property
    def starts(self) -> Iterator[Action]:
        """What some fault leads to first."""
        yield self.policy.unknown
        yield from (each.rule.action for each in self.rules)

    def of(self, rules: Iterable[RuleAt], actions: Iterable[ActionAt]) -> View:
        """Return a view of some rules and actions; who competes with them and what is used stays known."""
        part = View(self.policy, self.stack)
        part.__dict__.update(rules=tuple(rules), actions=tuple(actions), contests=self.contests, used=self.used)
        return part

    def operations(self, provider: str) -> frozenset[str]:
        """Return the operations of a provider: the catalogue's and those that the policy declares."""
        return self.contests.operations(provider)

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
        return self.contests.met(rule)

    def wanted(self, rule: Rule) -> frozenset[Operation] | None:
        """Return the known operations that a rule's own pattern names; None where nobody lists any."""
        return self.contests.wanted(rule)

    def is_alone(self, rule: Rule) -> bool:
        """Tell whether no other rule is for the same code of the same faults."""
        return self.contests.is_alone(rule)

    def winner(self, rule: Rule, operation: Operation) -> RuleAt:
        """Return the rule behind which none is asked for this rule's code, where one of the rules for it is met."""
        return self.contests.winner(rule, operation)

    def documented(self, rule: Rule) -> frozenset[Operation]:
        """Return those of the operations that the rule meets which are documented to answer with its code."""
        facts = self.facts(rule)
        met = self.met(rule)
        if facts is None or not facts.operations:
            return met
        return frozenset((provider, name) for provider, name in met if name in facts.operations)
