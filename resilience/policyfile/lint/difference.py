"""
What an environment changes of what is judged without it.

A file may have thousands of environments, each of which says a line or two, over hundreds of rules. What is found in
rules and actions that an environment leaves as they are is found without it already. So only the others are looked
at: in a view of them as they are without the environment, and in one of what it makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from attrs import define

from resilience.core.policy import PolicyValues, Rule
from resilience.policyfile.assemble import Parts
from resilience.policyfile.decode.layers import Layer
from resilience.policyfile.decode.operations import named_providers
from resilience.policyfile.decode.rules import Renewed
from resilience.policyfile.lint.contests import Contest, Contests, contest_of
from resilience.policyfile.lint.places import ActionAt, RuleAt, by_rank, chain
from resilience.policyfile.lint.view import View

ENDLESS: Final = "whether there is a deadline"
SPOKEN: Final = "the providers that the policy speaks of"


@define(eq=False, slots=False)
class Base:
    """
    The plain values, and what has to be known of them to tell what an environment changes.

    Attributes:
        view: A view of them.
    """

    view: View

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
    def spoken(self) -> frozenset[str]:
        """The providers that the policy speaks of."""
        return frozenset(named_providers(self.view.policy))


@define(eq=False, slots=False)
class EnvironmentDifference:
    """
    An environment beside the plain values.

    Attributes:
        base: The plain values.
        view: The environment.
        names: What means something else in it.
    """

    base: Base
    view: View
    names: Renewed

    @classmethod
    def of(cls, base: Base, parts: Parts, policy: PolicyValues) -> EnvironmentDifference:
        """Return an environment that shares rules with the plain values."""
        difference = cls(base, View(policy, parts.stack, parts.rules, base.view), parts.names)
        difference.view.contests = difference.contests()
        return difference

    def contests(self) -> Contests:
        """Return the rules of the environment by what they compete for."""
        below, view, providers = self.base.view.contests, self.view, self.names.providers
        if not view.own and not providers:
            return below
        rules: dict[Contest, list[RuleAt]] = {}
        for each in (*view.gone.values(), *(each.rule for each in view.own)):
            rules.setdefault(contest_of(each), [])
        for key in rules:
            rules[key] = [each for each in below.of(key) if id(each.rule) not in view.gone]
        for own in view.own:
            rules[contest_of(own.rule)].append(own)
        return Contests(rules, view.policy.operations, below, providers)

    @cached_property
    def tables(self) -> frozenset[str]:
        """The tables in which the environment is another policy than the plain values, and what follows from them."""
        tables = {key for layer in self._layers for key in layer.table}
        if self.view.own:
            tables.add("rules")
        if "sources" in tables:
            tables.add("operations")
        if (self.view.policy.limits.deadline is None) != (self.base.view.policy.limits.deadline is None):
            tables.add(ENDLESS)
        if not self._providers(("rules", "operations", "sources", "credentials", "chaos")) <= self.base.spoken:
            tables.add(SPOKEN)
        return frozenset(tables)

    @property
    def _layers(self) -> Iterable[Layer]:
        return (layer for layer in self.view.stack.layers if layer.prefix)

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
    def _rules(self) -> tuple[tuple[RuleAt, ...], tuple[RuleAt, ...]]:
        """The rules that are to be judged anew: without the environment, and in it."""
        base, view = self.base, self.view
        changed: dict[int, RuleAt] = {}
        rules: tuple[Rule, ...] = (*view.gone.values(), *(each.rule for each in view.own))
        for key in dict.fromkeys(map(contest_of, rules)):
            changed.update((id(each), each) for each in base.view.contests.of(key))
        providers = self._providers(("operations", "sources"))
        # Of credentials, only those of an API that the policy describes are judged by their rules.
        providers |= self._providers(("credentials",)) & view.policy.apis.keys()
        for provider in (*providers, "transport") if providers else ():
            changed.update((id(each), each) for each in base.by_provider.get(provider, ()))
        if base.judged_together and (changed or rules):
            actions = {rule.action.key for rule in (*rules, *(each.rule for each in changed.values()))}
            for action in base.judged_together.keys() & actions:
                changed.update((id(each), each) for each in base.judged_together[action])
        before = tuple(sorted(changed.values(), key=by_rank))
        return before, view.merged(before, view.own)

    @cached_property
    def _actions(self) -> tuple[list[ActionAt], list[ActionAt]]:
        """The actions that are to be judged anew: without the environment, and in it."""
        below, view = self.base.view, self.view
        names = dict.fromkeys(self.names.actions)
        for starts in view.changed_starts:
            names.update((action.key, None) for start in starts for action in chain(start))
        return (
            [*below.named(names), *below.inline(self.base.places[each] for each in view.gone)],
            [*view.named(names), *view.inline(view.own)],
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
        return self.base.view.looking_at(self._rules[0], self._actions[0])

    @cached_property
    def after(self) -> View:
        """What is to be judged anew, as it is in the environment."""
        return self.view.looking_at(self._rules[1], self._actions[1])
