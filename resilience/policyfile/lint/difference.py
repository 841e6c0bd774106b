"""
What an environment changes of what is judged without it.

A file may have thousands of environments, each of which says a line or two, over hundreds of rules. What is found in
rules and actions that an environment leaves as they are is found without it already. So only the others are looked
at: in a view of them as they are without the environment, and in one of what it makes of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final

from attrs import define

from resilience.core.policy import Action, PolicyValues, Rule
from resilience.policyfile.assemble import Parts
from resilience.policyfile.lint.contests import Contest, Contests, contest_of
from resilience.policyfile.lint.places import ActionAt, RuleAt, chain
from resilience.policyfile.lint.view import View
from resilience.policyfile.operations import named_providers
from resilience.policyfile.ruleset import Rank, RuleSet

ENDLESS: Final = "whether there is a deadline"
SPOKEN: Final = "the providers that the policy speaks of"


@define(eq=False, slots=False)
class Base:
    """
    The plain values, and what has to be known of them to tell what an environment changes.

    Attributes:
        view: A view of them.
        rules: Their rules.
    """

    view: View
    rules: RuleSet

    @cached_property
    def ranks(self) -> Mapping[int, Rank]:
        """Where each rule comes in the order of the rules, by its identity."""
        return {id(rule): rank for rank, rule in self.rules.own}

    @cached_property
    def places(self) -> Mapping[int, RuleAt]:
        """Each rule with its place, by its identity."""
        return {id(each.rule): each for each in self.view.rules}

    @cached_property
    def by_provider(self) -> Mapping[str, list[RuleAt]]:
        """The rules for the faults of each provider; those for the faults of any provider under ``transport``."""
        found: dict[str, list[RuleAt]] = {}
        for each in self.view.rules:
            found.setdefault(each.rule.scope.removeprefix("transport."), []).append(each)
        return found

    @cached_property
    def judged_together(self) -> Mapping[str, list[RuleAt]]:
        """The rules that one finding may be about, because an action was changed under them; by that action."""
        found: dict[str, list[RuleAt]] = {}
        ranks: dict[str, int] = {}
        for each in self.view.rules:
            action = each.rule.action.key
            if action not in ranks:
                ranks[action] = self.view.rank(("actions", action))
            if ranks[action] > self.view.stack.layers.index(each.layer):
                found.setdefault(action, []).append(each)
        return found

    @cached_property
    def leading(self) -> Counter[str]:
        """How many first answers lead to each action, by its key."""
        return Counter(action.key for start in self.view.starts for action in chain(start))

    @cached_property
    def spoken(self) -> frozenset[str]:
        """The providers that the policy speaks of."""
        return frozenset(named_providers(self.view.policy))


@define(eq=False, slots=False)
class Difference:
    """
    An environment beside the plain values.

    Attributes:
        base: The plain values.
        parts: What the environment is made of.
        view: The environment; what it shares with the plain values is taken from there.
    """

    base: Base
    parts: Parts
    view: View

    @classmethod
    def of(cls, base: Base, parts: Parts, policy: PolicyValues) -> Difference:
        """Return an environment beside the plain values."""
        difference = cls(base, parts, View(policy, parts.stack))
        difference.view.__dict__.update(difference.shared())
        return difference

    def shared(self) -> dict[str, Any]:
        """Return what is known of the view without looking at what the environment leaves as it is."""
        known = self.base.view
        shared: dict[str, Any] = {"contests": self.contests, "used": self.used}
        if not self.own and not self.replaced:
            shared["rules"] = known.rules
            if not self.parts.names.actions:
                shared["actions"] = known.actions
        return shared

    @cached_property
    def own(self) -> list[tuple[Rank, RuleAt]]:
        """The rules that are not the same without the environment, each with its rank."""
        if self.parts.rules is self.base.rules:
            return []
        view = View(self.base.view.policy, self.parts.stack)
        return [(rank, view.placed(rule)) for rank, rule in self.parts.rules.own]

    @cached_property
    def replaced(self) -> list[Rule]:
        """The rules that are there only without the environment, or others there."""
        return [] if self.parts.rules is self.base.rules else list(self.parts.rules.replaced)

    @cached_property
    def contests(self) -> Contests:
        """The rules of the environment by what they compete for."""
        below, providers = self.base.view.contests, self.parts.names.providers
        if not (self.own or self.replaced or providers):
            return below
        gone = set(map(id, self.replaced))
        rules: dict[Contest, list[RuleAt]] = {
            key: [each for each in below.of(key) if id(each.rule) not in gone] for key in map(contest_of, self.replaced)
        }
        for _, each in self.own:
            key = contest_of(each.rule)
            if key not in rules:
                rules[key] = list(below.of(key))
            rules[key].append(each)
        return Contests(rules, self._operations, below, providers)

    @property
    def _operations(self) -> Mapping[str, Any]:
        operations: Mapping[str, Any] = self.parts.values_but_rules["operations"]
        return operations

    @cached_property
    def used(self) -> Mapping[str, Action]:
        """Every action that some fault can lead to in the environment, by its key."""
        known, leading = self.base.view.used, self.base.leading
        before, after = self._starts
        if not before and not after:
            return known
        gone = Counter(action.key for start in before for action in chain(start))
        used = {key: action for key, action in known.items() if key not in gone or gone[key] < leading[key]}
        used.update((action.key, action) for start in after for action in chain(start))
        return used

    @cached_property
    def _starts(self) -> tuple[list[Action], list[Action]]:
        """The first answers of what the environment changes: without it, and in it."""
        before, after = [rule.action for rule in self.replaced], [each.rule.action for _, each in self.own]
        one, other = self.base.view.policy.unknown, self.parts.values_but_rules["unknown"]
        return (before, after) if one is other else ([*before, one], [*after, other])

    @cached_property
    def tables(self) -> frozenset[str]:
        """The tables in which the environment is another policy than the plain values, and what follows from them."""
        tables = {key for layer in self._layers for key in layer.table}
        if self.own:
            tables.add("rules")
        if "sources" in tables:
            tables.add("operations")
        if (self.view.policy.limits.deadline is None) != (self.base.view.policy.limits.deadline is None):
            tables.add(ENDLESS)
        if not self._providers(("rules", "operations", "sources", "credentials", "chaos")) <= self.base.spoken:
            tables.add(SPOKEN)
        return frozenset(tables)

    @property
    def _layers(self) -> Iterable[Any]:
        return (layer for layer in self.parts.stack.layers if layer.prefix)

    def _providers(self, tables: Iterable[str]) -> set[str]:
        """Return the providers that some tables of the environment are for."""
        found = set[str]()
        for layer in self._layers:
            for name in tables:
                table = layer.table.get(name, {})
                found.update(key for key, each in table.items() if isinstance(each, dict))
                if name == "rules":
                    found.update(key for key, each in table.get("transport", {}).items() if isinstance(each, dict))
        return found - {"transport"}

    @cached_property
    def _rules(self) -> tuple[list[RuleAt], list[RuleAt]]:
        """The rules that are to be judged anew: without the environment, and in it."""
        base = self.base
        changed: dict[int, RuleAt] = {}
        for key in dict.fromkeys(map(contest_of, (*self.replaced, *(each.rule for _, each in self.own)))):
            changed.update((id(each.rule), each) for each in base.view.contests.of(key))
        providers = self._providers(("operations", "sources", "credentials"))
        if providers:
            for provider in (*providers, "transport"):
                changed.update((id(each.rule), each) for each in base.by_provider.get(provider, ()))
        if base.judged_together:
            actions = {each.rule.action.key for each in (*changed.values(), *(each for _, each in self.own))}
            for action in base.judged_together.keys() & actions:
                changed.update((id(each.rule), each) for each in base.judged_together[action])
        before = sorted(((base.ranks[key], each) for key, each in changed.items()), key=_by_rank)
        gone = set(map(id, self.replaced))
        after = sorted((*(pair for pair in before if id(pair[1].rule) not in gone), *self.own), key=_by_rank)
        return [each for _, each in before], [each for _, each in after]

    @cached_property
    def _actions(self) -> tuple[list[ActionAt], list[ActionAt]]:
        """The actions that are to be judged anew: without the environment, and in it."""
        known, view = self.base.view, self.view
        before, after = self._starts
        names = dict.fromkeys(self.parts.names.actions)
        names.update((action.key, None) for start in (*before, *after) for action in chain(start))
        places = [self.base.places[id(rule)] for rule in self.replaced]
        return (
            [*known.named(names), *known.inline(places)],
            [*view.named(names), *view.inline(each for _, each in self.own)],
        )

    @property
    def has_rules(self) -> bool:
        """Whether any rule is to be judged anew."""
        return any(self._rules)

    @property
    def has_actions(self) -> bool:
        """Whether any action is to be judged anew."""
        return any(self._actions)

    @cached_property
    def before(self) -> View:
        """What is to be judged anew, as it is without the environment."""
        return self.base.view.of(self._rules[0], self._actions[0])

    @cached_property
    def after(self) -> View:
        """What is to be judged anew, as it is in the environment."""
        return self.view.of(self._rules[1], self._actions[1])


def _by_rank(pair: tuple[Rank, RuleAt]) -> Rank:
    return pair[0]
