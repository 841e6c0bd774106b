"""The right side of a rule: the name of an action, an inline table, or an array of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, evolve, field, frozen

from resilience.core.backoff import Backoff
from resilience.core.fault import Effect
from resilience.core.policy import VERBS, Action
from resilience.policyfile.decode.actions import defaults, faults_of, unknown_action
from resilience.policyfile.decode.layers import Layer
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.format.rows import keys_of
from resilience.policyfile.format.tables import OF_RULE, RULE
from resilience.policyfile.format.unfit import UnfitError
from resilience.policyfile.format.values import read
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.hints import key_hint
from resilience.policyfile.messages.wording import quoted, shown
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Entries

_VERBS: Final = frozenset(VERBS)


@frozen(eq=False)
class RuleSection:
    """One table of rules: its layer, its path there, its scope and its entries."""

    layer: Layer
    path: tuple[str, ...]
    scope: str
    entries: Mapping[str, Any]

    def complain(self, report: Report, where: KeyPath, rule: str, message: str, *, at_key: bool) -> None:
        """Report an entry, or a part of it."""
        report.add(self.layer, (*self.path, *where), rule, message, at="key" if at_key else "value")


@frozen(kw_only=True)
class Answer:
    """
    One answer of a rule.

    Attributes:
        action: What to do.
        effect: The effect that the rule declares, or None.
        message: A text that the fault's message has to contain, or None.
        entry: Its index in an array of answers; None for a single answer.
    """

    action: Action
    effect: Effect | None = None
    message: str | None = None
    entry: int | None = None


@define
class AnswerReader:
    """
    Reads the answers of rules.

    Attributes:
        actions: The named actions.
        backoffs: The named backoffs.
        report: Collects the problems.
    """

    actions: Mapping[str, Action]
    backoffs: Mapping[str, Backoff]
    report: Report
    _known: dict[tuple[object, ...], Entries] = field(factory=dict)

    def read(self, table: RuleSection, key: str, value: object) -> Iterator[Answer]:
        """Yield the answers of a rule, in their order; a wrong answer is reported and left out."""
        if not isinstance(value, list):
            answer = self._answer(table, (key,), value)
            if answer is not None:
                yield answer
            return
        if not value:
            message = 'expected at least one answer, such as [{ message = "...", do = "retry" }, "fail"], got none'
            table.complain(self.report, (key,), ids.OUT_OF_RANGE, message, at_key=False)
        for index, each in enumerate(value):
            answer = self._answer(table, (key, index), each)
            if answer is not None:
                yield evolve(answer, entry=index)

    def _answer(self, table: RuleSection, where: KeyPath, value: object) -> Answer | None:
        if isinstance(value, dict):
            return None if self._is_subcode(table, where, value) else self._inline(table, where, value)
        if isinstance(value, str):
            if value in self.actions:
                return Answer(action=self.actions[value])
            table.complain(self.report, where, ids.UNKNOWN_ACTION, unknown_action(value, self.actions), at_key=False)
            return None
        message = f'expected an action, such as "fail" or {{ do = "retry" }}, got {shown(value)}'
        table.complain(self.report, where, ids.WRONG_TYPE, message, at_key=False)
        return None

    def _inline(self, table: RuleSection, where: KeyPath, value: dict[str, Any]) -> Answer | None:
        key, *index = where
        counter = f'rules.{table.scope}."{key}"' + "".join(f"[{each}]" for each in index)
        # Large policies repeat a few answers many times. The types belong to the key of the cache, because a
        # dictionary takes 1, 1.0 and true for the same key.
        written = (*value.items(), *map(type, value.values()))
        try:
            known = self._known.get(written)
        except TypeError:  # an array or a table, which no key of an answer allows
            known = None
        own = {name: value[name] for name in OF_RULE if name in value}
        if known is not None:
            return Answer(action=Action(key=counter, **known), **own)
        problems = len(self.report.problems)
        entries = self._entries(table, where, value)
        if entries is None:
            return None
        own = {name: entries[name] for name in OF_RULE if name in entries}
        if entries["do"] not in _VERBS:
            return Answer(action=self._named(table, where, entries), **own)
        arguments = self._arguments(table, where, entries)
        if len(self.report.problems) == problems:
            self._known[written] = arguments
        return Answer(action=Action(key=counter, **arguments), **own)

    def _entries(self, table: RuleSection, where: KeyPath, value: dict[str, Any]) -> Entries | None:
        """Return the values of an inline table; None if it names no action."""
        entries: Entries = {}
        for name, each in value.items():
            row = RULE.get(name)
            if row is None:
                known = keys_of(RULE, value.get("do"))
                hint = key_hint("actions", "", name, known)
                self.report.unknown_key(table.layer, (*table.path, *where, name), known, holder="an action", hint=hint)
                continue
            try:
                entries[name] = read(row, each)
            except UnfitError as error:
                table.complain(self.report, (*where, name), error.rule, f"{name}: {error}", at_key=False)
        do = entries.get("do")
        if do is None:
            if "do" not in value:
                what = quoted(str(where[0]))
                message = f'expected do in the table of {what}, such as {{ do = "retry" }}, and found none'
                table.complain(self.report, where, ids.MISSING, message, at_key=False)
            return None
        if do not in self.actions:
            message = unknown_action(do, self.actions)
            table.complain(self.report, (*where, "do"), ids.UNKNOWN_ACTION, message, at_key=False)
            return None
        return entries

    def _named(self, table: RuleSection, where: KeyPath, entries: Entries) -> Action:
        """Return the named action; only its own table may hold its settings."""
        do = entries["do"]
        for name in entries:
            if name not in {"do", *OF_RULE}:
                message = (
                    f"only {' and '.join(OF_RULE)} may stand beside the named action {quoted(do)}; "
                    f"write {name} in [actions.{do}]"
                )
                table.complain(self.report, (*where, name), ids.NOT_APPLICABLE, message, at_key=True)
        return self.actions[do]

    def _arguments(self, table: RuleSection, where: KeyPath, entries: Entries) -> Entries:
        for name, rule, message, at_key in faults_of(entries, self.backoffs):
            table.complain(self.report, (*where, name), rule, message, at_key=at_key)
        then = entries.get("then", "fail")
        if then not in self.actions:
            message = unknown_action(then, self.actions)
            table.complain(self.report, (*where, "then"), ids.UNKNOWN_ACTION, message, at_key=False)
        return defaults(entries, self.backoffs, None if then == "fail" else self.actions.get(then))

    def _is_subcode(self, table: RuleSection, where: KeyPath, value: dict[str, Any]) -> bool:
        """Report a code with dots but without quotes, which TOML reads as nested tables."""
        if not next(iter(value), "")[:1].isupper() or any(name in RULE for name in value):
            return False
        names = [str(where[0])]
        inner: Any = value
        while isinstance(inner, dict) and inner and next(iter(inner)) not in RULE:
            name, inner = next(iter(inner.items()))
            names.append(name)
        message = f"a code with dots needs quotes; write {quoted('.'.join(names))} = ..."
        table.complain(self.report, where, ids.BAD_CODE, message, at_key=True)
        return True
