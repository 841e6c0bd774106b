"""The view of lint rules on a policy: one environment's values, their places, and the rules that answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal

from attrs import define

from resilience.core.decision import LEADS_ON
from resilience.core.policy import Action, Rule, Verb
from resilience.policyfile.decode.layers import Layer, Stack
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.lint.contests import Contests, grouped
from resilience.policyfile.lint.facts import PolicyFacts
from resilience.policyfile.lint.places import ActionAt, Mistake, OperationKey, RuleAt, by_rank
from resilience.policyfile.messages.problems import Problem, Severity
from resilience.policyfile.ruleset import Rank, RuleSet


@define(eq=False, slots=False)
class View(PolicyFacts):
    """
    One environment of a policy.

    Attributes:
        stack: The layers of the values.
        ruleset: Its rules.
        below: A view of the plain values, whose shared rules and actions this view reuses; None for a policy by itself.
    """

    stack: Stack
    ruleset: RuleSet
    below: View | None = None

    def problem(  # noqa: PLR0913  # one argument for each thing that a problem says
        self,
        path: KeyPath,
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

    def at(self, path: KeyPath) -> str:
        """Return the place of an effective value, as ``file:line:column``."""
        return str(self.stack.origin(path))

    def rank(self, path: KeyPath) -> int:
        """Return the number of the layer that set a value; a later layer wins, and -1 is a default."""
        layer = self.stack.setter(path)
        return -1 if layer is None else self.stack.layers.index(layer)

    def latest(self, *paths: KeyPath) -> KeyPath:
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
            found = tuple(each for each in own if any(action.do == verb for action in each.rule.action.chain))
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
            return {action.key: action for start in self.starts for action in start.chain}
        before, after = self.changed_starts
        if not before and not after:
            return self.below.used
        gone = Counter(action.key for start in before for action in start.chain)
        leading = self.below.leading
        used = {key: each for key, each in self.below.used.items() if key not in gone or gone[key] < leading[key]}
        used.update((action.key, action) for start in after for action in start.chain)
        return used

    @cached_property
    def leading(self) -> Counter[str]:
        """The number of first answers that lead to each action, by its key."""
        return Counter(action.key for start in self.starts for action in start.chain)

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

    def declared_at(self, provider: str, name: str, key: str) -> KeyPath:
        """Return the path of an operation's key; the operation's own path if the file writes only a word."""
        path = ("operations", provider, name)
        return (*path, key) if self.stack.setter((*path, key)) is not None else path

    def documented(self, rule: Rule) -> frozenset[OperationKey]:
        """Return the operations of a rule that are documented to answer with its code."""
        facts = self.facts(rule)
        met = self.contests.met(rule)
        if facts is None or not facts.operations:
            return met
        return frozenset((provider, name) for provider, name in met if name in facts.operations)
