"""The rules of some layers by table and key, and what an environment makes of those without it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from attrs import define, evolve, field

from resilience.core.backoff import Backoff
from resilience.core.policy import Action, Rule
from resilience.policyfile.decode.answers import RuleSection

Entries = dict[str, tuple[Rule, ...]]
"""The rules of each key of a table: one, or one for each answer of an array."""

Rank = tuple[int, int, int]
"""Where a rule comes in the order of the files: by its table, its key and its place in an array."""

_Group = tuple[str, str | int]


class _Ranks(NamedTuple):
    scope: int
    keys: Mapping[str, int]


@define(eq=False, slots=False)
class RuleSet:
    """
    Rules, in the order of the files.

    A file may have thousands of environments, each with a rule or two: what they leave as it is they share.

    Attributes:
        below: The rules without the environment; None for rules that stand by themselves.
        entries: By scope and key, the rules; where there are some below, only those that are not the same there.
        narrowed: Among these, the tables of those for some operations.
    """

    below: RuleSet | None = None
    entries: dict[str, Entries] = field(factory=dict)
    narrowed: dict[str, dict[str, RuleSection]] = field(factory=dict)

    def stands_on(self, other: RuleSet) -> bool:
        """Tell whether these are other rules, or differ from them in what they hold by themselves."""
        return self is other or self.below is other

    def put(self, table: RuleSection, entries: Entries) -> None:
        """Add the rules of a table; they replace those of the same key."""
        self.entries.setdefault(table.scope, {}).update(entries)
        with_operation = {key: table for key, answers in entries.items() if answers[0].operation is not None}
        if with_operation:
            self.narrowed.setdefault(table.scope, {}).update(with_operation)

    @property
    def all(self) -> tuple[Rule, ...]:
        """All rules, those below among them."""
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
        """The rules below that are not the same any more."""
        under = {} if self.below is None else self.below.entries
        for scope, own in self.entries.items():
            entries = under.get(scope, {})
            for key in own:
                yield from entries.get(key, ())

    @property
    def own(self) -> Iterator[tuple[Rank, Rule]]:
        """The rules that are not the same below, each with its rank."""
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
        """All rules, those below among them, each with its rank; in no order."""
        if self.below is not None:
            gone = set(map(id, self.replaced))
            yield from (pair for pair in self.below.ranked if id(pair[1]) not in gone)
        yield from self.own

    @cached_property
    def ranks(self) -> Mapping[str, _Ranks]:
        """Where each scope, and each key of it, comes in the order of the rules."""
        return {
            scope: _Ranks(number, {key: at for at, key in enumerate(entries)})
            for number, (scope, entries) in enumerate(self.entries.items())
        }

    def group(self, scope: str, group: _Group) -> dict[str, tuple[Rule, RuleSection]]:
        """Return the rules of one code that are equally narrow, by key, each with its table."""
        keys = self._groups.get((scope, group), [])
        found = {key: (self.entries[scope][key][0], self.narrowed[scope][key]) for key in keys}
        return found if self.below is None else {**self.below.group(scope, group), **found}

    def groups(self, scope: str) -> list[_Group]:
        """Return the codes of a scope, each with how narrow the rules for it are; not those below."""
        return [group for owner, group in self._groups if owner == scope]

    @cached_property
    def _groups(self) -> dict[tuple[str, _Group], list[str]]:
        groups: dict[tuple[str, _Group], list[str]] = {}
        for scope, tables in self.narrowed.items():
            for key in tables:
                groups.setdefault((scope, _narrowness(self.entries[scope][key][0])), []).append(key)
        return groups

    def asking(self, backoffs: Collection[str], actions: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield scope and key of each entry with a rule that asks for one of these names."""
        found: dict[tuple[str, str], None] = {}
        for names, asking in ((backoffs, self._asking[0]), (actions, self._asking[1])):
            for name in names:
                found.update(dict.fromkeys(asking.get(name, ())))
        return iter(found)

    @cached_property
    def _asking(self) -> tuple[Mapping[str, list[tuple[str, str]]], Mapping[str, list[tuple[str, str]]]]:
        """Which entries ask for a backoff, and which for an action, by its name."""
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

    def ask_again(
        self, scope: str, key: str, backoffs: Mapping[str, Backoff], actions: Mapping[str, Action]
    ) -> tuple[Rule, ...]:
        """Return the rules of an entry with what the names that they ask for mean now."""
        return tuple(
            evolve(rule, action=actions.get(rule.action.key) or _meant(rule.action, backoffs, actions))
            for rule in self.entries[scope][key]
        )


def _flat(tables: Mapping[str, Entries]) -> Iterator[Rule]:
    return chain.from_iterable(answers for entries in tables.values() for answers in entries.values())


def _meant(action: Action, backoffs: Mapping[str, Backoff], actions: Mapping[str, Action]) -> Action:
    """Return the action of an inline table with what the names in it mean."""
    return evolve(
        action,
        backoff=None if action.backoff is None else backoffs[action.backoff.name],
        then=None if action.then is None else actions[action.then.key],
    )


def _narrowness(rule: Rule) -> _Group:
    operation = rule.operation or ""
    return rule.code, len(operation.replace("*", "")) if "*" in operation else operation
