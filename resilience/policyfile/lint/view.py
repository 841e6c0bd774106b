"""A policy as the lint rules see it: one environment's values, where each stands, and which rule answers what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal

from attrs import define

from resilience.catalog import CodeClass, CodeFacts, OperationFacts, catalogue, providers
from resilience.core.decision import LEADS_ON
from resilience.core.fault import Effect, Repeat
from resilience.core.operations.advice import Subject, probable_key, probable_reads
from resilience.core.operations.declared import Declaration
from resilience.core.policy import Action, PolicyValues, RequestTemplate, Rule, Verb
from resilience.policyfile.decode.layers import Layer, Stack
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import Path
from resilience.policyfile.lint.contests import Contests, grouped
from resilience.policyfile.lint.places import (
    ActionAt,
    Mistake,
    Operation,
    RuleAt,
    by_rank,
    chain,
    fault_of,
    transport_class,
)
from resilience.policyfile.messages.problems import Problem, Severity
from resilience.policyfile.ruleset import Rank, RuleSet


@define(eq=False, slots=False)
class View:
    """
    One environment of a policy.

    Attributes:
        policy: Its values.
        stack: The layers that they come from.
        ruleset: Its rules.
        below: A view of the plain values, from which it takes what the environment shares with them; None for a policy
            that is looked at by itself.
    """

    policy: PolicyValues
    stack: Stack
    ruleset: RuleSet
    below: View | None = None

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
    def sources(self) -> tuple[PolicyFile, ...]:
        """The files, in the order in which they are merged."""
        return tuple(layer.source for layer in self.stack.layers if not layer.prefix)

    @cached_property
    def rules(self) -> tuple[RuleAt, ...]:
        """The rules, each with its place; in a view of some of them, those that are looked at."""
        if self.below is None:
            return tuple(sorted((self._placed(*pair) for pair in self.ruleset.ranked), key=by_rank))
        return self.merged(self.below.rules, self.own) if self.own else self.below.rules

    @cached_property
    def own(self) -> tuple[RuleAt, ...]:
        """The rules that are not the same in the view below."""
        is_shared = self.below is not None and self.ruleset is self.below.ruleset
        return () if is_shared else tuple(self._placed(*pair) for pair in self.ruleset.own)

    @cached_property
    def gone(self) -> Mapping[int, Rule]:
        """The rules of the view below that are not the same here, by their identity."""
        return {id(rule): rule for rule in self.ruleset.replaced} if self.own else {}

    def merged(self, below: Iterable[RuleAt], own: Iterable[RuleAt]) -> tuple[RuleAt, ...]:
        """Return rules of the view below, apart from those that are others here, together with own ones."""
        gone = self.gone
        return tuple(sorted((*(each for each in below if id(each.rule) not in gone), *own), key=by_rank))

    def _placed(self, rank: Rank, rule: Rule) -> RuleAt:
        path = rule.path
        return RuleAt(rule, path, self.stack.setter(path) or self.stack.root, rank)

    def answering(self, verb: Verb) -> tuple[RuleAt, ...]:
        """Return the rules whose action, or what it leads to, does this."""
        found = self._answering.get(verb)
        if found is None:
            own = self.rules if self.below is None else self.own
            found = tuple(each for each in own if any(action.do == verb for action in chain(each.rule.action)))
            if self.below is not None and (found or self.gone):
                found = self.merged(self.below.answering(verb), found)
            elif self.below is not None:
                found = self.below.answering(verb)
            self._answering[verb] = found
        return found

    @cached_property
    def _answering(self) -> dict[Verb, tuple[RuleAt, ...]]:
        return {}

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
        The actions that the files define, named ones first; the ready-made ones are no mistake of the policy's.

        In a view of some of them, those that are looked at.
        """
        if self.below is not None and not self.own and self.policy.actions == self.below.policy.actions:
            return self.below.actions
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
        if self.below is None:
            return {action.key: action for start in self.starts for action in chain(start)}
        before, after = self.changed_starts
        if not before and not after:
            return self.below.used
        gone = Counter(action.key for start in before for action in chain(start))
        leading = self.below.leading
        used = {key: each for key, each in self.below.used.items() if key not in gone or gone[key] < leading[key]}
        used.update((action.key, action) for start in after for action in chain(start))
        return used

    @cached_property
    def leading(self) -> Counter[str]:
        """How many first answers lead to each action, by its key."""
        return Counter(action.key for start in self.starts for action in chain(start))

    @property
    def starts(self) -> Iterator[Action]:
        """The actions that some fault leads to first."""
        yield self.policy.unknown
        yield from (each.rule.action for each in self.rules)

    @cached_property
    def changed_starts(self) -> tuple[list[Action], list[Action]]:
        """The actions that some fault leads to first only in the view below, and only here."""
        before, after = [rule.action for rule in self.gone.values()], [each.rule.action for each in self.own]
        if self.below is not None and self.below.policy.unknown is not self.policy.unknown:
            before.append(self.below.policy.unknown)
            after.append(self.policy.unknown)
        return before, after

    @cached_property
    def kinds(self) -> tuple[Action, ...]:
        """Of the used actions that lead to another attempt, one of each kind: alike but for the key, the last one."""
        if self.below is not None and self.used is self.below.used:
            return self.below.kinds
        kinds: dict[tuple[object, ...], Action] = {}
        for action in self.used.values():
            if action.do in LEADS_ON:
                kind = (action.do, action.counts, action.max, action.lasts, id(action.backoff))
                known = kinds.get(kind)
                if known is None or action.key > known.key:
                    kinds[kind] = action
        return tuple(kinds.values())

    def looking_at(self, rules: Iterable[RuleAt], actions: Iterable[ActionAt]) -> View:
        """Return a view of some rules and actions; who competes with them, and what is used, stays known."""
        part = View(self.policy, self.stack, self.ruleset)
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

    def declared(self, operation: Operation) -> Declaration | None:
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
            declaration=self.declared(operation),
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

    def template(self, operation: Operation) -> RequestTemplate | None:
        """Return how the requests of an operation look; None where the policy does not say."""
        provider, name = operation
        api = self.policy.apis.get(provider)
        return next((each for each in api.operations if each.operation == name), None) if api else None

    def facts(self, rule: Rule) -> CodeFacts | None:
        """Return what the catalogue knows about a rule's code, or about the code that it is a sub-code of."""
        return catalogue(rule.scope).code(rule.code) if rule.scope in providers() else None

    def class_of(self, rule: Rule) -> CodeClass | None:
        """Return what kind of thing a rule's code says; None where it is unknown, or where a message says it better."""
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
        """Return the known operations that a rule's own pattern names; None where none are listed."""
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
