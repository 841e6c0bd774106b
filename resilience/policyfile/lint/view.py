"""The view of lint rules on a policy: one environment's values, their places, and the rules that answer."""

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
        stack: The layers of the values.
        ruleset: Its rules.
        below: A view of the plain values, whose shared rules and actions this view reuses; None for a policy by itself.
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
        """Return a finding about the value or the key at a path, in a layer or in the one that set the value."""
        place = layer or self.stack.setter(path) or self.stack.root
        return place.source.problem((*place.prefix, *path), rule, message, at=at, severity=severity)

    def at(self, path: Path) -> str:
        """Return the place of an effective value, as ``file:line:column``."""
        return str(self.stack.origin(path))

    def rank(self, path: Path) -> int:
        """Return the number of the layer that set a value; a later layer wins, and -1 is a default."""
        layer = self.stack.setter(path)
        return -1 if layer is None else self.stack.layers.index(layer)

    def latest(self, *paths: Path) -> Path:
        """Return the path that was set last, which made the values wrong together; the first among equals."""
        return max(paths, key=self.rank)

    def is_rehearsal(self, layer: Layer) -> bool:
        """Tell whether a layer only takes effect in an environment that is not a production environment."""
        return layer.env is not None and not self.policy.production

    @property
    def sources(self) -> tuple[PolicyFile, ...]:
        """The files, in the order of merging."""
        return tuple(layer.source for layer in self.stack.layers if not layer.prefix)

    @cached_property
    def rules(self) -> tuple[RuleAt, ...]:
        """The rules with their places; in a partial view, the rules to check."""
        if self.below is None:
            return tuple(sorted((self._placed(*pair) for pair in self.ruleset.ranked), key=by_rank))
        return self.merged(self.below.rules, self.own) if self.own else self.below.rules

    @cached_property
    def own(self) -> tuple[RuleAt, ...]:
        """The rules that the view below does not have."""
        is_shared = self.below is not None and self.ruleset is self.below.ruleset
        return () if is_shared else tuple(self._placed(*pair) for pair in self.ruleset.own)

    @cached_property
    def gone(self) -> Mapping[int, Rule]:
        """The rules of the view below that this view replaces, by their identity."""
        return {id(rule): rule for rule in self.ruleset.replaced} if self.own else {}

    def merged(self, below: Iterable[RuleAt], own: Iterable[RuleAt]) -> tuple[RuleAt, ...]:
        """Return rules of the view below, without replaced ones, together with own ones."""
        gone = self.gone
        return tuple(sorted((*(each for each in below if id(each.rule) not in gone), *own), key=by_rank))

    def _placed(self, rank: Rank, rule: Rule) -> RuleAt:
        path = rule.path
        return RuleAt(rule, path, self.stack.setter(path) or self.stack.root, rank)

    def answering(self, verb: Verb) -> tuple[RuleAt, ...]:
        """Return the rules with this verb in the chain of their action."""
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
        """The contests of all rules, also in a partial view."""
        return Contests(grouped(self.rules), self.policy.operations)

    @cached_property
    def scopes(self) -> frozenset[str]:
        """The scopes of the rules."""
        return frozenset(each.rule.scope for each in self.rules)

    def mistakes(self, rules: Iterable[RuleAt], key: str) -> Iterator[Mistake]:
        """Yield the places that made rules wrong by a key of their action: the last layer that changed it."""
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
        The actions of the files, named ones first, without the ready-made ones.

        In a partial view, the actions to check.
        """
        if self.below is not None and not self.own and self.policy.actions == self.below.policy.actions:
            return self.below.actions
        return (*self.named(self.policy.actions), *self.inline(self.rules))

    def named(self, names: Iterable[str]) -> Iterator[ActionAt]:
        """Yield the actions with these names that the files define."""
        for name in names:
            action = self.policy.actions.get(name)
            if action is not None and self.stack.setter(("actions", name)) is not None:
                yield ActionAt(action, ("actions", name), name)

    def inline(self, rules: Iterable[RuleAt]) -> Iterator[ActionAt]:
        """Yield the inline actions of some rules."""
        for each in rules:
            if each.rule.action.key not in self.policy.actions:
                yield ActionAt(each.rule.action, each.path, each.label)

    @cached_property
    def used(self) -> Mapping[str, Action]:
        """Every action that a fault can lead to, by its key, with the ready-made ones."""
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
        """The number of first answers that lead to each action, by its key."""
        return Counter(action.key for start in self.starts for action in chain(start))

    @property
    def starts(self) -> Iterator[Action]:
        """The actions that a fault leads to first."""
        yield self.policy.unknown
        yield from (each.rule.action for each in self.rules)

    @cached_property
    def changed_starts(self) -> tuple[list[Action], list[Action]]:
        """The actions that a fault leads to first only in the view below, and those only here."""
        before, after = [rule.action for rule in self.gone.values()], [each.rule.action for each in self.own]
        if self.below is not None and self.below.policy.unknown is not self.policy.unknown:
            before.append(self.below.policy.unknown)
            after.append(self.policy.unknown)
        return before, after

    @cached_property
    def kinds(self) -> tuple[Action, ...]:
        """The used actions that lead to another attempt; of several that differ only in their key, the last one."""
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
        """Return a partial view of some rules and actions, with the contests and used actions of the whole."""
        part = View(self.policy, self.stack, self.ruleset)
        part.__dict__.update(rules=tuple(rules), actions=tuple(actions), contests=self.contests, used=self.used)
        return part

    def operations(self, provider: str) -> frozenset[str]:
        """Return the operations of a provider in the catalogue and in the policy."""
        return self.contests.operations(provider)

    def operation_facts(self, operation: Operation) -> OperationFacts | None:
        """Return the catalogue's facts about an operation, or None."""
        provider, name = operation
        return catalogue(provider).operation(name) if provider in providers() else None

    def repeat(self, operation: Operation) -> Repeat:
        """Return the repeat of an operation: the policy's, else the catalogue's, else ``duplicate``."""
        facts = self.operation_facts(operation)
        declared = self.declared(operation)
        return (declared and declared.repeat) or (facts.repeat if facts else "duplicate")

    def declared_at(self, provider: str, name: str, key: str) -> Path:
        """Return the path of an operation's key; the operation's own path if the file writes only a word."""
        path = ("operations", provider, name)
        return (*path, key) if self.stack.setter((*path, key)) is not None else path

    def declared(self, operation: Operation) -> Declaration | None:
        """Return the policy's declaration of an operation, or None."""
        provider, name = operation
        return self.policy.operations.get(provider, {}).get(name)

    def key(self, operation: Operation) -> tuple[str, ...]:
        """Return the fields that name an operation's resource: the policy's, else the catalogue's."""
        declared, facts = self.declared(operation), self.operation_facts(operation)
        if declared is not None and declared.key is not None:
            return declared.key
        return () if facts is None else facts.key

    def rename(self, operation: Operation) -> str | None:
        """Return the field that a rename changes, or None."""
        declared, facts = self.declared(operation), self.operation_facts(operation)
        return (declared and declared.rename) or (None if facts is None else facts.rename)

    def subject(self, operation: Operation) -> Subject:
        """Return an operation as the subject of an advice."""
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
        Tell whether a verifier may find out that an operation has happened.

        A program may have verifiers for its own functions, but not for requests of an API.
        """
        declared, facts = self.declared(operation), self.operation_facts(operation)
        if facts is not None:
            return facts.read_back is not None or (declared is not None and declared.read_back is not None)
        if declared is None or declared.is_assumed:
            return False
        return declared.read_back is not None or operation[0] not in self.policy.apis

    def template(self, operation: Operation) -> RequestTemplate | None:
        """Return the template of an operation's requests, or None."""
        provider, name = operation
        api = self.policy.apis.get(provider)
        return next((each for each in api.operations if each.operation == name), None) if api else None

    def facts(self, rule: Rule) -> CodeFacts | None:
        """Return the catalogue's facts about a rule's code, or about the code above a sub-code."""
        return catalogue(rule.scope).code(rule.code) if rule.scope in providers() else None

    def class_of(self, rule: Rule) -> CodeClass | None:
        """Return the class of a rule's code; None if it is unknown, or if the rule asks for a message."""
        if rule.message is not None:
            return None
        if rule.scope.startswith("transport"):
            return transport_class(rule.code)
        facts = self.facts(rule)
        return None if facts is None else facts.class_

    def known_effect(self, rule: Rule) -> Effect | None:
        """Return the effect of a rule's faults by the catalogue; None if it depends on the status."""
        if not rule.scope.startswith("transport"):
            facts = self.facts(rule)
            return None if facts is None else facts.effect
        return fault_of(rule, "").effect_or_default()

    def met(self, rule: Rule) -> frozenset[Operation]:
        """Return the known operations for which a rule may answer; see :meth:`Contests.met`."""
        return self.contests.met(rule)

    def wanted(self, rule: Rule) -> frozenset[Operation] | None:
        """Return the known operations that a rule's own pattern names; None if no operations are known."""
        return self.contests.wanted(rule)

    def is_alone(self, rule: Rule) -> bool:
        """Tell whether the contest of a rule has no other rule."""
        return self.contests.is_alone(rule)

    def winner(self, rule: Rule, operation: Operation) -> RuleAt:
        """Return the rule that surely answers an operation, in the contest of a rule."""
        return self.contests.winner(rule, operation)

    def documented(self, rule: Rule) -> frozenset[Operation]:
        """Return the operations of a rule that are documented to answer with its code."""
        facts = self.facts(rule)
        met = self.met(rule)
        if facts is None or not facts.operations:
            return met
        return frozenset((provider, name) for provider, name in met if name in facts.operations)
