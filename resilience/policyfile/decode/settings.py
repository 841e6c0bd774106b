"""Merges everything but rules: checks each layer against the format, and lets later layers win."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define

from resilience.policyfile.decode.layers import Layer, Stack
from resilience.policyfile.format.misplaced import environment_hint, inner_hint, table_hint, top_hint
from resilience.policyfile.format.rows import Key, keys_of
from resilience.policyfile.format.rule_keys import is_glob, is_provider, operation_fault
from resilience.policyfile.format.shared_limits import OPERATION_RATE, RATE
from resilience.policyfile.format.tables import (
    FILE_ONLY,
    LEDGER,
    LIMITS,
    NAME,
    NAMED,
    OF_PROVIDERS,
    OPERATION,
    SCHEMA,
    SOURCE_KEYS,
    STATE,
    TABLES,
    TELEMETRY,
    TOP,
)
from resilience.policyfile.format.unfit import UnfitError
from resilience.policyfile.format.values import read
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.hints import key_hint
from resilience.policyfile.messages.lookalikes import lookalike
from resilience.policyfile.messages.wording import dotted, quoted, shown
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Entries, Settings


def merge(stack: Stack, report: Report, *, onto: Settings | None = None) -> Settings:
    """
    Check every layer, and return the merged settings.

    Args:
        stack: The layers.
        report: Collects the problems.
        onto: The settings of earlier layers; left unchanged. The result shares the tables that these layers do not
            have.
    """
    settings = Settings() if onto is None else onto.copied({key for layer in stack.layers for key in layer.table})
    for layer in stack.layers:
        reader = _Reader(layer, report, settings)
        for key, value in layer.table.items():
            reader.entry(key, value)
        if not layer.prefix and "schema" not in layer.table and layer.source.is_toml:
            message = f'expected "schema = {SCHEMA}" at the top of the file, the version of its format'
            report.add(layer, (), ids.MISSING, message, missing=("schema",))
    return settings


def table_of(report: Report, layer: Layer, path: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the table at a path; None, after a report, for another value."""
    value: Any = layer.table
    for part in path:
        value = value[part]
    if isinstance(value, dict):
        return value
    name = dotted(path)
    hint = table_hint(path)
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        hint = f"; write [{name}], with one pair of brackets"
    message = f"{name}: expected a table [{name}], got {shown(value)}{hint}"
    report.add(layer, path, ids.WRONG_TYPE, message)
    return None


_READ_ELSEWHERE: Final = frozenset({"rules", "sources", "chaos"})


def is_name(table: str, name: str) -> bool:
    """Tell whether a table such as ``backoff``, ``actions`` or ``credentials`` allows a name."""
    if table in OF_PROVIDERS:
        return is_provider(name)
    return name.isascii() and name.replace("-", "").replace("_", "").isalnum()


_FINDING: Final = re.compile(r"RP[0-9]{3}")

_NAMED_IN: Final = {
    "actions": (ids.UNKNOWN_ACTION,),
    "backoff": (ids.UNKNOWN_BACKOFF,),
    "operations": (ids.UNKNOWN_OPERATION,),
    "sources": (ids.UNKNOWN_OPERATION,),
}
"""The problems of names that would stand in a table."""

_KINDS: Final = {"actions": ("do", None), "backoff": ("kind", "exponential"), "budget": ("kind", "tokens")}
"""The key that chooses which other keys fit, with its default."""


@define
class _Reader:
    layer: Layer
    report: Report
    into: Settings

    def entry(self, key: str, value: object) -> None:
        """Read one key at the top of a layer."""
        if key in TABLES:
            if table_of(self.report, self.layer, (key,)) is None:
                # Names that the unreadable table would define are not reported as unknown too.
                self.report.silenced.update(_NAMED_IN.get(key, ()))
            else:
                self._table(key)
        elif self._is_misplaced(key):
            pass
        elif key == "lint":
            self._lint()
        elif key in TOP:
            self._value((key,), TOP[key], value, self.into.top)
            if key == "schema" and type(value) is int and value > SCHEMA:
                message = f"schema: expected {SCHEMA}, the version that this program reads, got {shown(value)}"
                self.report.add(self.layer, (key,), ids.OUT_OF_RANGE, message)
        elif key not in FILE_ONLY:
            own = ("unknown", "production") if self.layer.prefix else (*FILE_ONLY, "unknown")
            known = (*own, *TABLES)
            holder = "an environment" if self.layer.prefix else "a policy"
            env = self.layer.env
            hint = (environment_hint(env, key, value) if env else "") or top_hint(key, value, env=env)
            self.report.unknown_key(self.layer, (key,), known, holder=holder, hint=hint)

    def _is_misplaced(self, key: str) -> bool:
        if self.layer.prefix and key in FILE_ONLY:
            message = f"{key} is not allowed in an environment; it belongs to the whole file"
        elif not self.layer.prefix and key == "production":
            message = "production is only allowed in an environment, as [env.NAME] production = true"
        else:
            return False
        self.report.add(self.layer, (key,), ids.WRONG_PLACE, message, at="key")
        return True

    def _lint(self) -> None:
        """Read ``[lint]``: the findings that this file accepts, each with a reason."""
        entries = table_of(self.report, self.layer, ("lint",)) or {}
        for key in entries:
            if key != "ignore":
                self.report.unknown_key(self.layer, ("lint", key), ["ignore"], holder="[lint]")
        if "ignore" not in entries:
            return
        for rule, reason in (table_of(self.report, self.layer, ("lint", "ignore")) or {}).items():
            path = ("lint", "ignore", rule)
            if _FINDING.fullmatch(rule) is None:
                message = f"expected the id of a finding, such as RP014, got {quoted(rule)}"
                if _FINDING.fullmatch(rule.strip().upper()):
                    message += f'; did you mean "{rule.strip().upper()}"?'
                self.report.add(self.layer, path, ids.UNKNOWN_KEY, message, at="key")
            elif rule in ids.TITLES and rule != ids.NEW_SYNTAX:
                message = f"{rule} keeps a policy from being loaded; only what loads all the same can be accepted"
                self.report.add(self.layer, path, ids.NOT_APPLICABLE, message, at="key")
            if type(reason) is not str or not reason.strip():
                message = f"lint.ignore.{dotted((rule,))}: expected the reason as a text, got {shown(reason)}"
                self.report.add(self.layer, path, ids.WRONG_TYPE, message)

    def _table(self, name: str) -> None:
        if name == "limits":
            self._entries((name,), LIMITS, self.into.limits)
        elif name == "ledger":
            self._ledger()
        elif name == "state":
            self.into.state = self.into.state or {}
            self._entries((name,), STATE, self.into.state)
        elif name == "telemetry":
            self.into.telemetry = self.into.telemetry or {}
            self._entries((name,), TELEMETRY, self.into.telemetry)
        elif name == "operations":
            self._operations()
        elif name not in _READ_ELSEWHERE:
            target: dict[str, Entries] = getattr(self.into, name)
            for each in self.layer.table[name]:
                self._named(name, each, target)

    def _ledger(self) -> None:
        """Read ``[ledger]``; a file or an environment that says one of path and url means it instead of the other."""
        into = self.into.ledger = self.into.ledger or {}
        entries = self.layer.table["ledger"]
        if "path" in entries and "url" in entries:
            message = "ledger: url is there instead of path, for many machines; leave one of them out"
            self.report.add(self.layer, ("ledger", "url"), ids.NOT_APPLICABLE, message, at="key")
        for key, other in (("path", "url"), ("url", "path")):
            if key in entries:
                into.pop(other, None)
        self._entries(("ledger",), LEDGER, into)

    def _named(self, table: str, name: str, target: dict[str, Entries]) -> None:
        """Read ``[backoff.NAME]``, ``[credentials.PROVIDER]`` and the like."""
        path = (table, name)
        entries = table_of(self.report, self.layer, path)
        if entries is None or not self._is_name(path):
            # The name exists, although its table is wrong. A use of the name is not reported too.
            target.setdefault(name, {})
            return
        # Other environments may share the dictionary that is about to change.
        existing = target[name] = dict(target.get(name, {}))
        kind, default = _KINDS.get(table, ("", None))
        if kind in entries and entries[kind] != existing.get(kind, default):
            # Another verb or kind discards all earlier settings.
            existing.clear()
        if table == "credentials" and "source" in entries and entries["source"] != existing.get("source"):
            for key in SOURCE_KEYS & existing.keys():
                del existing[key]
        if table == "rate":
            self._rate(path, entries, existing)
        else:
            self._entries(path, NAMED[table], existing)

    def _rate(self, path: tuple[str, str], entries: Entries, into: Entries) -> None:
        """Read ``[rate.PROVIDER]`` with its table of operations."""
        rest = {key: each for key, each in entries.items() if key != "operations"}
        self._keys(path, rest, RATE, (*RATE, "operations"), into)
        inner = (*path, "operations")
        if "operations" not in entries or (table := table_of(self.report, self.layer, inner)) is None:
            return
        rates = into["operations"] = dict(into.get("operations", {}))
        for operation, value in table.items():
            fault = None if operation == "*" or is_glob(operation) else operation_fault(operation, inner)
            if fault is None:
                self._value((*inner, operation), OPERATION_RATE, value, rates)
            else:
                self.report.add(self.layer, (*inner, operation), ids.BAD_NAME, fault[0], at="key")

    def _is_name(self, path: tuple[str, str]) -> bool:
        table, name = path
        fits = is_name(table, name)
        if not fits:
            own = table in OF_PROVIDERS
            expected = "a provider's name in lower case" if own else "a name of letters, digits, - and _"
            message = f"{table}: expected {expected}, got {quoted(name)}{lookalike(name)}"
            self.report.add(self.layer, path, ids.BAD_NAME, message, at="key")
        return fits

    def _entries(self, path: tuple[str, ...], keys: Mapping[str, Key], into: Entries) -> None:
        table: Any = self.layer.table
        for part in path:
            table = table[part]
        for key, value in table.items():
            if key in keys:
                self._value((*path, key), keys[key], value, into)
                continue
            word, default = _KINDS.get(path[0], ("", None))
            known = keys_of(keys, table.get(word, into.get(word, default)))
            hint = key_hint(path[0], path[-1], key, known) or inner_hint((*path, key), value)
            self.report.unknown_key(self.layer, (*path, key), known, holder=f"[{dotted(path)}]", hint=hint)

    def _operations(self) -> None:
        for provider in self.layer.table["operations"]:
            path = ("operations", provider)
            entries = table_of(self.report, self.layer, path)
            if entries is None:
                continue
            if not is_provider(provider):
                message = f"operations: expected a provider's name in lower case, got {quoted(provider)}"
                self.report.add(self.layer, path, ids.BAD_NAME, message, at="key")
                continue
            into = self.into.operations[provider] = dict(self.into.operations.get(provider, {}))
            for operation, value in entries.items():
                fault = operation_fault(operation, path)
                if fault is not None:
                    message, meant = fault
                    self.report.add(self.layer, (*path, operation), ids.BAD_NAME, message, at="key")
                    if meant:
                        # A use of the corrected name is not reported too.
                        into.setdefault(meant, {})
                    continue
                into[operation] = dict(into.get(operation, {}))
                self._operation((*path, operation), value, into[operation])

    def _operation(self, path: tuple[str, ...], value: object, into: Entries) -> None:
        """Read one operation: a table, or only the word for ``repeat``."""
        if isinstance(value, str):
            self._value((*path, "repeat"), OPERATION["repeat"], value, into, at=path)
        elif not isinstance(value, dict):
            words = ", ".join(f'"{choice}"' for choice in OPERATION["repeat"].choices)
            message = f'expected {words}, or a table such as {{ repeat = "conflict", key = ["name"] }}'
            self.report.add(self.layer, path, ids.WRONG_TYPE, f"{dotted(path)}: {message}, got {shown(value)}")
        else:
            rest = {key: each for key, each in value.items() if key != "name"}
            self._keys(path, rest, OPERATION, (*OPERATION, "name"), into)
            if "name" in value and (name := table_of(self.report, self.layer, (*path, "name"))) is not None:
                into["name"] = dict(into.get("name", {}))
                self._keys((*path, "name"), name, NAME, tuple(NAME), into["name"])

    def _keys(
        self, path: tuple[str, ...], table: Entries, rows: Mapping[str, Key], known: Sequence[str], into: Entries
    ) -> None:
        for key, value in table.items():
            if key in rows:
                self._value((*path, key), rows[key], value, into)
            else:
                hint = key_hint(path[0], "", key, known)
                self.report.unknown_key(self.layer, (*path, key), known, holder=f"[{dotted(path)}]", hint=hint)

    def _value(
        self, where: tuple[str, ...], key: Key, value: object, into: Entries, *, at: tuple[str, ...] | None = None
    ) -> None:
        """Read a value into a table; ``at`` is its place, if that is not ``where``."""
        try:
            into[where[-1]] = read(key, value)
        except UnfitError as error:
            for each in error.all:
                exact: tuple[str | int, ...] = at or where
                exact = exact if each.index is None else (*exact, each.index)
                self.report.add(self.layer, exact, each.rule, f"{dotted((*self.layer.prefix, *exact))}: {each}")
