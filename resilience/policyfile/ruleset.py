"""The rules of some layers by table and key, and the changes of an environment to them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from attrs import define, evolve, field

from resilience.core.backoff import Backoff
from resilience.core.policy import Action, Rule
from resilience.policyfile.decode.answers import RuleSection

RuleEntries = dict[str, tuple[Rule, ...]]
"""The rules of each key of a table: one rule, or one for each answer of an array."""

Rank = tuple[int, int, int]
"""The place of a rule in the order of the files: the numbers of its table, its key and its answer."""

_Group = tuple[str, str | int]


class _Ranks(NamedTuple):
    scope: int
    keys: Mapping[str, int]


@define(eq=False, slots=False)
class RuleSet:
    """
    Rules, in the order of the files.

    A file may have thousands of environments with a rule or two each, so environments share all other rules.

    Attributes:
        below: The rules without the environment; None for a set of plain rules.
        entries: The rules by scope and key; with a set below, only those that differ from it.
        narrowed: The tables of rules with an operation, by scope and key.
    """

    below: RuleSet | None = None
    entries: dict[str, RuleEntries] = field(factory=dict)
    narrowed: dict[str, dict[str, RuleSection]] = field(factory=dict)

    def stands_on(self, other: RuleSet) -> bool:
        """Tell whether this set is the other one, or changes it."""
        return self is other or self.below is other

    def put(self, table: RuleSection, entries: RuleEntries) -> None:
        """Add the rules of a table, which replace earlier rules of the same key."""
        self.entries.setdefault(table.scope, {}).update(entries)
        with_operation = {key: table for key, answers in entries.items() if answers[0].operation is not None}
        if with_operation:
            self.narrowed.setdefault(table.scope, {}).update(with_operation)

    @property
    def all(self) -> tuple[Rule, ...]:
        """All rules, with those of the set below."""
        if self.below is None:
            return self._all
        if not any(self.entries.values()):
            return self.below.all
        under = self.below.entries
        tables = {**under, **{scope: {**under.get(scope, {}), **own} for scope, own in self.entries.items()}}
        return tuple(_flat(tables))

    @cached_property
    def _all(self) -> tuple[Rule, ...]:
        return tuple(_flat(self.entries))

    @property
    def replaced(self) -> Iterator[Rule]:
        """The rules of the set below that this one replaces."""
        under = {} if self.below is None else self.below.entries
        for scope, own in self.entries.items():
            entries = under.get(scope, {})
            for key in own:
                yield from entries.get(key, ())

    @property
    def own(self) -> Iterator[tuple[Rank, Rule]]:
        """The rules that this set adds or changes, each with its rank."""
        under = {} if self.below is None else self.below.ranks
        for number, (scope, entries) in enumerate(self.entries.items()):
            first = under.get(scope)
            scope_rank = len(under) + number if first is None else first.scope
            for at, (key, answers) in enumerate(entries.items()):
                key_rank = at if first is None else first.keys.get(key, len(first.keys) + at)
                for entry, rule in enumerate(answers):
                    yield (scope_rank, key_rank, entry), rule

    @property
    def ranked(self) -> Iterator[tuple[Rank, Rule]]:
        """All rules with those of the set below, each with its rank, in no order."""
        if self.below is not None:
            gone = set(map(id, self.replaced))
            yield from (pair for pair in self.below.ranked if id(pair[1]) not in gone)
        yield from self.own

    @cached_property
    def ranks(self) -> Mapping[str, _Ranks]:
        """The number of each scope, and of each of its keys, in the order of the files."""
        return {
            scope: _Ranks(number, {key: at for at, key in enumerate(entries)})
            for number, (scope, entries) in enumerate(self.entries.items())
        }

    def group(self, scope: str, group: _Group) -> dict[str, tuple[Rule, RuleSection]]:
        """Return the equally narrow rules of one code by key, each with its table."""
        keys = self._groups.get((scope, group), [])
        found = {key: (self.entries[scope][key][0], self.narrowed[scope][key]) for key in keys}
        return found if self.below is None else {**self.below.group(scope, group), **found}

    def groups(self, scope: str) -> list[_Group]:
        """Return the codes of a scope, each with the narrowness of its rules; without the set below."""
        return [group for owner, group in self._groups if owner == scope]

    @cached_property
    def _groups(self) -> dict[tuple[str, _Group], list[str]]:
        groups: dict[tuple[str, _Group], list[str]] = {}
        for scope, tables in self.narrowed.items():
            for key in tables:
                groups.setdefault((scope, _narrowness(self.entries[scope][key][0])), []).append(key)
        return groups

    def naming(self, backoffs: Collection[str], actions: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield scope and key of each entry that names one of these backoffs or actions."""
        found: dict[tuple[str, str], None] = {}
        for names, users in ((backoffs, self._users[0]), (actions, self._users[1])):
            for name in names:
                found.update(dict.fromkeys(users.get(name, ())))
        return iter(found)

    @cached_property
    def _users(self) -> tuple[Mapping[str, list[tuple[str, str]]], Mapping[str, list[tuple[str, str]]]]:
        """The entries that name each backoff, and those that name each action."""
        backoffs: dict[str, list[tuple[str, str]]] = {}
        actions: dict[str, list[tuple[str, str]]] = {}
        for scope, entries in self.entries.items():
            for key, answers in entries.items():
                for action in (rule.action for rule in answers):
                    actions.setdefault(action.key, []).append((scope, key))
                    if action.backoff is not None:
                        backoffs.setdefault(action.backoff.name, []).append((scope, key))
                    if action.then is not None:
                        actions.setdefault(action.then.key, []).append((scope, key))
        return backoffs, actions

    def renewed(
        self, scope: str, key: str, backoffs: Mapping[str, Backoff], actions: Mapping[str, Action]
    ) -> tuple[Rule, ...]:
        """Return the rules of an entry with the new meanings of their names."""
        return tuple(
            evolve(rule, action=actions.get(rule.action.key) or _meant(rule.action, backoffs, actions))
            for rule in self.entries[scope][key]
        )


def _flat(tables: Mapping[str, RuleEntries]) -> Iterator[Rule]:
    return chain.from_iterable(answers for entries in tables.values() for answers in entries.values())


def _meant(action: Action, backoffs: Mapping[str, Backoff], actions: Mapping[str, Action]) -> Action:
    """Return the action of an inline table with the new meanings of its names."""
    return evolve(
        action,
        backoff=None if action.backoff is None else backoffs[action.backoff.name],
        then=None if action.then is None else actions[action.then.key],
    )


def _narrowness(rule: Rule) -> _Group:
    operation = rule.operation or ""
    return rule.code, len(operation.replace("*", "")) if "*" in operation else operation
