"""
Tells quickly that nothing is wrong with a policy, as in nearly every load.

A glance knows no messages and no positions, and builds nothing: it looks up keys and values as
tomli made them. True means that the full reading in :mod:`resilience.policyfile.assemble` would
find nothing either, which tests hold against all kinds of damage. False means only that somebody
has to look closer: what is rare is left to the full reading, so that each rule is said once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from resilience.core.policy import METHODS, Template
from resilience.policyfile.actions import READY_MADE, pattern_fault
from resilience.policyfile.apis import equals
from resilience.policyfile.durations import seconds
from resilience.policyfile.glancerules import RuleGlance
from resilience.policyfile.layers import Layer
from resilience.policyfile.places import template
from resilience.policyfile.rulekeys import is_provider
from resilience.policyfile.settings import is_name
from resilience.policyfile.tables import (
    ACTION,
    BACKOFF,
    FILE_ONLY,
    LEDGER,
    LIMITS,
    NAMED,
    REPEAT,
    SCHEMA,
    SOURCE,
    STOPPING,
    TELEMETRY,
    TEMPLATE,
    TOP,
    Key,
)
from resilience.policyfile.values import fits

_Table = Mapping[str, Any]
_Tables = dict[str, dict[str, Any]]

_LONGEST_THEN: Final = 30  # under the limit of the full reading, which counts more exactly


def _tests(rows: Mapping[str, Key]) -> dict[str, Callable[[Any], bool]]:
    """Return a test of the value for each key; choices are looked up, anything else is read."""
    return {name: fits(row) for name, row in rows.items()}


_TOP: Final = _tests(TOP)
_NAMED: Final = {table: _tests(rows) for table, rows in NAMED.items()}
_REPEAT: Final = fits(REPEAT)
_SOURCE: Final = _tests(SOURCE)
_TEMPLATE: Final = fits(TEMPLATE)


def _meant(rows: Mapping[str, Key], kind: str) -> dict[str, frozenset[str]]:
    """Return the keys that mean something, by verb or kind of backoff."""
    return {
        word: frozenset(name for name, row in rows.items() if not row.only or word in row.only)
        for word in rows[kind].choices
    }


_VERBS: Final = _meant(ACTION, "do")
_BACKOFFS: Final = _meant(BACKOFF, "kind")

_PLAIN_ONLY: Final = frozenset(FILE_ONLY)
_DEFAULTS: Final = {"base": str(BACKOFF["base"].default), "cap": str(BACKOFF["cap"].default)}
_READY_MADE: Final = frozenset(READY_MADE)
_DEFAULT: Final = frozenset({"default"})


def is_fine(plain: Sequence[Layer], environments: Mapping[str, Sequence[Layer]], env: str | None) -> bool:
    """
    Tell whether nothing is wrong for the chosen environment, nor in the own tables of the others.

    Args:
        plain: What the files say without environments.
        environments: What they say for each environment.
        env: The chosen environment, which exists, or None.
    """
    try:
        tables = [layer.table for layer in plain]
        own = {name: [layer.table for layer in layers] for name, layers in environments.items()}
        return (
            all(map(_is_plain_fine, tables))
            and all(_is_own_fine(each) for layers in own.values() for each in layers)
            and _is_chosen_fine(tables, own.get(env or "", []))
            and all(_is_other_fine(tables, layers) for name, layers in own.items() if name != env)
        )
    except (KeyError, TypeError):
        # An unknown key or word; or something stands where a word or a table belongs, and cannot be looked up.
        return False


def _is_plain_fine(table: _Table) -> bool:
    schema = table.get("schema")
    return type(schema) is int and schema == SCHEMA and "production" not in table and _are_tables_fine(table)


def _is_own_fine(table: _Table) -> bool:
    return _PLAIN_ONLY.isdisjoint(table) and _are_tables_fine(table)


def _are_tables_fine(layer: _Table) -> bool:
    """Tell whether each value of a layer, rules aside, is fine by itself."""
    return all(_TABLES[key](value) for key, value in layer.items())


def _passes(_value: object) -> bool:
    return True


def _are_entries_fine(table: Any, tests: Mapping[str, Callable[[Any], bool]]) -> bool:
    return type(table) is dict and all(tests[key](value) for key, value in table.items())


def _are_named_fine(table: str, named: Any) -> bool:
    if type(named) is not dict:
        return False
    tests = _NAMED[table]
    return all(is_name(table, name) and _are_entries_fine(entries, tests) for name, entries in named.items())


def _are_operations_fine(operations: Any) -> bool:
    if type(operations) is not dict:
        return False
    return all(
        is_provider(provider)
        and type(entries) is dict
        and all(map(_REPEAT, entries.values()))
        and all(map(str.isidentifier, entries))
        for provider, entries in operations.items()
    )


def _are_sources_fine(sources: Any) -> bool:
    if type(sources) is not dict:
        return False
    return all(
        is_provider(provider)
        and provider != "transport"
        and type(api) is dict
        and _are_templates_fine(api.get("operations", {}))
        and all(_SOURCE[key](value) for key, value in api.items() if key != "operations")
        for provider, api in sources.items()
    )


def _are_templates_fine(operations: Any) -> bool:
    return (
        type(operations) is dict
        and all(map(_TEMPLATE, operations.values()))
        and all(map(str.isidentifier, operations))
        and METHODS.keys().isdisjoint(operations)
    )


def _is_chosen_fine(plain: Sequence[_Table], own: Sequence[_Table]) -> bool:
    layers = [*plain, *own]
    if not any("deadline" in layer.get("limits", ()) for layer in layers):
        return False
    names = _Names(layers)
    return names.are_fine(layers) and names.stops_at_unknown() and names.fit_rules(layers) and names.fit_requests()


def _is_other_fine(plain: Sequence[_Table], own: Sequence[_Table]) -> bool:
    """Look at an environment that is not chosen: at what its own tables make of the others, and at their rules."""
    if not any(table in layer for layer in own for table in ("actions", "backoff", "rules", "sources", "unknown")):
        return True
    names = _Names([*plain, *own])
    return names.are_fine(own) and names.stops_at_unknown() and names.fit_rules(own) and names.fit_requests()


_TABLES: Final[dict[str, Callable[[Any], bool]]] = {
    **_TOP,
    **{table: partial(_are_named_fine, table) for table in NAMED},
    "limits": partial(_are_entries_fine, tests=_tests(LIMITS)),
    "ledger": partial(_are_entries_fine, tests=_tests(LEDGER)),
    "telemetry": partial(_are_entries_fine, tests=_tests(TELEMETRY)),
    "operations": _are_operations_fine,
    "sources": _are_sources_fine,
    # Read elsewhere.
    **dict.fromkeys(("rules", "extends", "env"), _passes),
}
"""What tells whether a table, or a value at the top, is fine by itself; what is not here is looked at closer."""


class _Names:
    """What some layers name together."""

    def __init__(self, layers: Sequence[_Table]) -> None:
        self._layers = layers
        self._actions = _merged(layers, "actions", "do", None)
        self._backoff = _merged(layers, "backoff", "kind", "exponential")
        self._known_actions = _READY_MADE.union(self._actions)
        self._known_backoffs = _DEFAULT.union(self._backoff)

    def are_fine(self, layers: Sequence[_Table]) -> bool:
        """Tell whether nothing is wrong with what these layers say about backoffs and actions, together with all."""
        backoffs = {name for layer in layers for name in layer.get("backoff", ())}
        actions = {name for layer in layers for name in layer.get("actions", ())}
        return (
            all(_is_backoff_fine(self._backoff[name]) for name in backoffs)
            and all(self._is_action_fine(name, self._actions[name]) for name in actions)
            and all(map(self._ends, [each for each in self._actions.values() if each.get("then") in self._actions]))
        )

    def _is_action_fine(self, name: str, entries: _Table) -> bool:
        if name in _READY_MADE or not _VERBS[entries["do"]].issuperset(entries):
            return False
        if "backoff" in entries and entries["backoff"] not in self._known_backoffs:
            return False
        if "pattern" in entries and pattern_fault(entries["pattern"]):
            return False
        return entries.get("then", "fail") in self._known_actions

    def _ends(self, entries: _Table) -> bool:
        length = 0
        while (then := entries.get("then")) in self._actions:
            entries, length = self._actions[then], length + 1
            if length >= _LONGEST_THEN:
                return False
        return True

    def stops_at_unknown(self) -> bool:
        name = next((layer["unknown"] for layer in reversed(self._layers) if "unknown" in layer), "fail")
        while name in self._actions:
            entries = self._actions[name]
            if entries["do"] not in STOPPING:
                return False
            name = entries.get("then", "fail")
        return name in STOPPING

    def fit_rules(self, layers: Sequence[_Table]) -> bool:
        declared: dict[str, set[str]] = {}
        for layer in self._layers:
            for provider, entries in layer.get("operations", {}).items():
                declared.setdefault(provider, set()).update(entries)
            for provider, api in layer.get("sources", {}).items():
                declared.setdefault(provider, set()).update(METHODS, api.get("operations", ()))
        rules = RuleGlance(self._known_actions, self._known_backoffs, declared)
        return all(map(rules.is_fine, layers)) and rules.are_distinct()

    def fit_requests(self) -> bool:
        """Tell whether no request fits two templates that are equally narrow."""
        templates: dict[str, dict[str, str]] = {}
        for layer in self._layers:
            for provider, api in layer.get("sources", {}).items():
                templates.setdefault(provider, {}).update(api.get("operations", ()))
        return all(_are_distinct(each) for each in templates.values())


def _are_distinct(templates: Mapping[str, str]) -> bool:
    read = {name: template(text) for name, text in templates.items()}
    return not any(equals(Template(name, *found) for name, found in read.items() if found is not None))


def _merged(layers: Sequence[_Table], table: str, kind: str, default: str | None) -> _Tables:
    """Merge named tables as :func:`resilience.policyfile.settings.merge` does, without reading their values."""
    merged: _Tables = {}
    for layer in layers:
        for name, entries in layer.get(table, {}).items():
            before = merged.get(name)
            if before is None or (kind in entries and entries[kind] != before.get(kind, default)):
                merged[name] = entries
            else:
                merged[name] = {**before, **entries}
    return merged


def _is_backoff_fine(entries: _Table) -> bool:
    kind = entries.get("kind", "exponential")
    if not _BACKOFFS[kind].issuperset(entries):
        return False
    if kind == "list":
        # Which cap a list has by default depends on its delays.
        return "delays" in entries and "cap" not in entries and entries.get("jitter") != "decorrelated"
    cap = seconds(entries.get("cap", _DEFAULTS["cap"]))
    base = seconds(entries.get("base", _DEFAULTS["base"]))
    return cap is not None and base is not None and base <= cap and entries.get("factor", 1) >= 1
