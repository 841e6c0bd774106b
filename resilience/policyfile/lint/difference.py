"""
The difference between an environment and the plain values, for lint rules.

A file may have hundreds of rules and thousands of environments with a line or two each. Lint rules check the plain
values once. For an environment they check only changed rules and actions, in two views: before and after the change.
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
from resilience.policyfile.format.shared_limits import SHARED
from resilience.policyfile.lint.contests import Contest, Contests, contest_of
from resilience.policyfile.lint.places import ActionAt, RuleAt, by_rank
from resilience.policyfile.lint.view import View

ENDLESS: Final = "whether there is a deadline"
SPOKEN: Final = "the providers that the policy names"


@define(eq=False, slots=False)
class Base:
    """
    The plain values, with indexes that find the effects of a change.

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
        """The rules by provider; rules for any provider under ``transport``."""
        found: dict[str, list[RuleAt]] = {}
        for each in self.view.rules:
            found.setdefault(each.rule.scope.removeprefix("transport."), []).append(each)
        return found

    @cached_property
    def judged_together(self) -> Mapping[str, list[RuleAt]]:
        """The rules that share a finding, because a later layer changed their action; by that action."""
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
        """The providers that the policy names."""
        return frozenset(named_providers(self.view.policy))


@define(eq=False, slots=False)
class EnvironmentDifference:
    """
    An environment with its difference from the plain values.

    Attributes:
        base: The plain values.
        view: The environment.
        names: The names that the environment gives another meaning.
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
        """Return the contests of the environment."""
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
        """The tables that the environment changes, and facts that follow from the change."""
        tables = {key for layer in self._layers for key in layer.table}
        if self.view.own:
            tables.add("rules")
        if "sources" in tables:
            tables.add("operations")
        if (self.view.policy.limits.deadline is None) != (self.base.view.policy.limits.deadline is None):
            tables.add(ENDLESS)
        if not self._providers(("rules", "operations", "sources", "credentials", "chaos", *SHARED)) <= self.base.spoken:
            tables.add(SPOKEN)
        return frozenset(tables)

    @property
    def _layers(self) -> Iterable[Layer]:
        return (layer for layer in self.view.stack.layers if layer.prefix)

    def _providers(self, tables: Iterable[str]) -> set[str]:
        """Return the providers in some tables of the environment."""
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
        """The rules to check again: before the change, and after it."""
        base, view = self.base, self.view
        changed: dict[int, RuleAt] = {}
        rules: tuple[Rule, ...] = (*view.gone.values(), *(each.rule for each in view.own))
        for key in dict.fromkeys(map(contest_of, rules)):
            changed.update((id(each), each) for each in base.view.contests.of(key))
        providers = self._providers(("operations", "sources"))
        # Rules depend on credentials only for an API that the policy describes.
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
        """The actions to check again: before the change, and after it."""
        below, view = self.base.view, self.view
        names = dict.fromkeys(self.names.actions)
        for starts in view.changed_starts:
            names.update((action.key, None) for start in starts for action in start.chain)
        return (
            [*below.named(names), *below.inline(self.base.places[each] for each in view.gone)],
            [*view.named(names), *view.inline(view.own)],
        )

    @property
    def has_rules(self) -> bool:
        """Whether there are rules to check again."""
        return any(self._rules)

    @property
    def has_actions(self) -> bool:
        """Whether there are actions to check again."""
        return any(self._actions)

    @cached_property
    def before(self) -> View:
        """The rules and actions to check again, before the change."""
        return self.base.view.looking_at(self._rules[0], self._actions[0])

    @cached_property
    def after(self) -> View:
        """The rules and actions to check again, after the change."""
        return self.view.looking_at(self._rules[1], self._actions[1])
