"""The right side of a rule: the name of an action, or an inline table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field, frozen

from resilience.core.backoff import Backoff
from resilience.core.fault import Effect
from resilience.core.policy import VERBS, Action
from resilience.policyfile import ids
from resilience.policyfile.actions import defaults, faults_of, unknown_action
from resilience.policyfile.hints import key_hint
from resilience.policyfile.layers import Layer, Report
from resilience.policyfile.settings import Entries
from resilience.policyfile.tables import RULE, keys_of
from resilience.policyfile.values import UnfitError, read
from resilience.policyfile.wording import quoted, shown

_VERBS: Final = frozenset(VERBS)


@frozen(eq=False)
class RuleTable:
    """One table of rules: where it stands, what it is for, and its entries."""

    layer: Layer
    path: tuple[str, ...]
    scope: str
    entries: Mapping[str, Any]

    def complain(self, report: Report, where: tuple[str, ...], rule: str, message: str, *, at_key: bool) -> None:
        """Report an entry, or something in it."""
        report.add(self.layer, (*self.path, *where), rule, message, at="key" if at_key else "value")


@define
class AnswerReader:
    """
    Reads what rules ask for.

    Attributes:
        actions: The named actions.
        backoffs: The named backoffs.
        report: Takes what is wrong.
    """

    actions: Mapping[str, Action]
    backoffs: Mapping[str, Backoff]
    report: Report
    _known: dict[tuple[object, ...], tuple[Entries, Effect | None]] = field(factory=dict)

    def read(self, table: RuleTable, key: str, value: object) -> tuple[Action, Effect | None] | None:
        """Return the action and the effect of a rule that is not just a known name; None where it is reported."""
        if isinstance(value, dict):
            return None if self._is_subcode(table, key, value) else self._inline(table, key, value)
        if not isinstance(value, str):
            message = f'expected an action, such as "fail" or {{ do = "retry" }}, got {shown(value)}'
            table.complain(self.report, (key,), ids.WRONG_TYPE, message, at_key=False)
            return None
        table.complain(self.report, (key,), ids.UNKNOWN_ACTION, unknown_action(value, self.actions), at_key=False)
        return None

    def _inline(self, table: RuleTable, key: str, value: dict[str, Any]) -> tuple[Action, Effect | None] | None:
        counter = f'rules.{table.scope}."{key}"'
        # Large policies say the same few things again and again. The types are part of what is
        # said: 1, 1.0 and true are equal as keys of a dictionary.
        said = (*value.items(), *map(type, value.values()))
        try:
            known = self._known.get(said)
        except TypeError:  # an array or a table, where nothing allows one
            known = None
        if known is not None:
            return Action(key=counter, **known[0]), known[1]
        problems = len(self.report.problems)
        entries = self._entries(table, key, value)
        if entries is None:
            return None
        effect: Effect | None = entries.get("effect")
        if entries["do"] not in _VERBS:
            return self._named(table, key, entries), effect
        arguments = self._arguments(table, key, entries)
        if len(self.report.problems) == problems:
            self._known[said] = (arguments, effect)
        return Action(key=counter, **arguments), effect

    def _entries(self, table: RuleTable, key: str, value: dict[str, Any]) -> Entries | None:
        """Return the values of an inline table; None where it does not say which action it is."""
        entries: Entries = {}
        for name, each in value.items():
            row = RULE.get(name)
            if row is None:
                known = keys_of(RULE, value.get("do"))
                hint = key_hint("actions", "", name, known)
                self.report.unknown_key(table.layer, (*table.path, key, name), known, holder="an action", hint=hint)
                continue
            try:
                entries[name] = read(row, each)
            except UnfitError as error:
                table.complain(self.report, (key, name), error.rule, f"{name}: {error}", at_key=False)
        do = entries.get("do")
        if do is None:
            if "do" not in value:
                message = f'expected do in the table of {quoted(key)}, such as {{ do = "retry" }}, and found none'
                table.complain(self.report, (key,), ids.MISSING, message, at_key=False)
            return None
        if do not in self.actions:
            table.complain(self.report, (key, "do"), ids.UNKNOWN_ACTION, unknown_action(do, self.actions), at_key=False)
            return None
        return entries

    def _named(self, table: RuleTable, key: str, entries: Entries) -> Action:
        """Return the named action; what it does is said where it is named."""
        do = entries["do"]
        for name in entries:
            if name not in {"do", "effect"}:
                message = f"only effect may stand beside the named action {quoted(do)}; write {name} in [actions.{do}]"
                table.complain(self.report, (key, name), ids.NOT_APPLICABLE, message, at_key=True)
        return self.actions[do]

    def _arguments(self, table: RuleTable, key: str, entries: Entries) -> Entries:
        for name, rule, message, at_key in faults_of(entries, self.backoffs):
            table.complain(self.report, (key, name), rule, message, at_key=at_key)
        then = entries.get("then", "fail")
        if then not in self.actions:
            message = unknown_action(then, self.actions)
            table.complain(self.report, (key, "then"), ids.UNKNOWN_ACTION, message, at_key=False)
        return defaults(entries, self.backoffs, None if then == "fail" else self.actions.get(then))

    def _is_subcode(self, table: RuleTable, key: str, value: dict[str, Any]) -> bool:
        """Report a code with dots and no quotes: TOML reads it as a table in a table."""
        if not next(iter(value), "")[:1].isupper() or any(name in RULE for name in value):
            return False
        names = [key]
        inner: Any = value
        while isinstance(inner, dict) and inner and next(iter(inner)) not in RULE:
            name, inner = next(iter(inner.items()))
            names.append(name)
        message = f"a code with dots needs quotes; write {quoted('.'.join(names))} = ..."
        table.complain(self.report, (key,), ids.BAD_CODE, message, at_key=True)
        return True
