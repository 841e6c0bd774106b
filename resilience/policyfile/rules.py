"""Reads the rules of all layers: each entry is checked once, and becomes a rule where it takes effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field

from resilience.core.backoff import Backoff
from resilience.core.fault import TRANSPORTS
from resilience.core.policy import Action, Rule
from resilience.policyfile import ids
from resilience.policyfile.answers import AnswerReader, RuleTable
from resilience.policyfile.globs import names_of
from resilience.policyfile.layers import EntryPlace, Layer, Report, Stack
from resilience.policyfile.operations import Operations
from resilience.policyfile.rulekeys import is_plain_code, is_provider, is_provider_table, split
from resilience.policyfile.settings import table_of
from resilience.policyfile.values import UnfitError
from resilience.policyfile.wording import quoted

_TRANSPORTS: Final = frozenset(TRANSPORTS)


def tables_of(layer: Layer, report: Report) -> Iterator[RuleTable]:
    """Find the tables of rules of a layer, those of ``[rules.transport.PROVIDER]`` among them."""
    rules = layer.table.get("rules")
    if not isinstance(rules, dict):
        return
    for name in rules:
        path = ("rules", name)
        if not is_provider(name):
            message = (
                f"expected a provider's name in lower case, or transport, after rules, got {quoted(name)}"
                + (
                    f'; did you mean "{name.lower()}"?'
                    if is_provider(name.lower()) and isinstance(rules[name], dict)
                    else ""
                )
                + (
                    "; a rule stands under its provider, such as [rules.alibaba]"
                    if not isinstance(rules[name], dict)
                    else ""
                )
            )
            report.add(layer, path, ids.BAD_NAME, message, at="key")
            continue
        entries = table_of(report, layer, path)
        if entries is None:
            continue
        if name != "transport":
            yield RuleTable(layer, path, name, entries)
            continue
        nested = {key for key, value in entries.items() if isinstance(value, dict) and is_provider_table(key)}
        yield RuleTable(layer, path, name, {key: value for key, value in entries.items() if key not in nested})
        for key in nested:
            yield RuleTable(layer, (*path, key), f"transport.{key}", entries[key])


@define
class RuleReader:
    """
    Reads rules against what one environment can name.

    Attributes:
        actions: The named actions.
        backoffs: The named backoffs.
        operations: The operations that rules may name.
        report: Takes what is wrong.
    """

    actions: Mapping[str, Action]
    backoffs: Mapping[str, Backoff]
    operations: Operations
    report: Report
    _answers: AnswerReader = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._answers = AnswerReader(self.actions, self.backoffs, self.report)

    def read(self, stack: Stack) -> tuple[Rule, ...]:
        """Return the rules of all layers together, in the order of the files; a later value replaces an earlier one."""
        rules: dict[str, dict[str, tuple[Rule, ...]]] = {}
        narrowed: dict[str, dict[str, RuleTable]] = {}
        for layer in stack.layers:
            for table in tables_of(layer, self.report):
                entries = self._table(table)
                rules.setdefault(table.scope, {}).update(entries)
                # Only a rule for some operations can equal another one.
                with_operation = {key: table for key, answers in entries.items() if answers[0].operation is not None}
                narrowed.setdefault(table.scope, {}).update(with_operation)
        for scope, tables in narrowed.items():
            if len(tables) > 1:
                self._compare(scope, {key: (rules[scope][key][0], table) for key, table in tables.items()})
        return tuple(rule for entries in rules.values() for answers in entries.values() for rule in answers)

    def _table(self, table: RuleTable) -> dict[str, tuple[Rule, ...]]:
        rules: dict[str, tuple[Rule, ...]] = {}
        scope, path, layer, actions = table.scope, table.path, table.layer, self.actions
        has_codes = not scope.startswith("transport")
        for key, value in table.entries.items():
            # This loop is what a large policy costs beside parsing: a bare code with a known action takes no call.
            operation, code = None, key
            if not (has_codes and key not in _TRANSPORTS and is_plain_code(key)):
                parts = self._split(table, key)
                if parts is None:
                    continue
                operation, code = parts
            if type(value) is str and value in actions:
                rules[key] = (
                    Rule(
                        id=f'{scope}."{key}"',
                        scope=scope,
                        operation=operation,
                        code=code,
                        action=actions[value],
                        locate=EntryPlace(layer, (*path, key)),
                    ),
                )
                continue
            answers = tuple(self._answers.read(table, key, value))
            if answers:
                rules[key] = tuple(
                    Rule(
                        id=f'{scope}."{key}"' + ("" if answer.entry is None else f"[{answer.entry}]"),
                        scope=scope,
                        operation=operation,
                        code=code,
                        action=answer.action,
                        effect=answer.effect,
                        message=answer.message,
                        entry=answer.entry,
                        locate=EntryPlace(layer, (*path, key, *(() if answer.entry is None else (answer.entry,)))),
                    )
                    for answer in answers
                )
        return rules

    def _split(self, table: RuleTable, key: str) -> tuple[str | None, str] | None:
        try:
            operation, code = split(key, table.scope)
        except UnfitError as error:
            table.complain(self.report, (key,), error.rule, str(error), at_key=True)
            return None
        message = None if operation is None else self.operations.unknown(operation, table.scope)
        if message is not None:
            table.complain(self.report, (key,), ids.UNKNOWN_OPERATION, message, at_key=True)
            return None
        return operation, code

    def _compare(self, scope: str, rules: dict[str, tuple[Rule, RuleTable]]) -> None:
        """Report rules that no call could choose between: of one code, equally narrow, and one operation meets both."""
        known = self.operations.known(scope)
        groups: dict[tuple[str, str | int], list[str]] = {}
        for key, (rule, _) in rules.items():
            operation = rule.operation or ""
            narrow = len(operation.replace("*", "")) if "*" in operation else operation
            groups.setdefault((rule.code, narrow), []).append(key)
        for keys in groups.values():
            if len(keys) > 1:
                self._compare_equals([rules[key] for key in keys], known)

    def _compare_equals(self, rules: list[tuple[Rule, RuleTable]], known: frozenset[str]) -> None:
        """Report each rule that shares an operation with one before it, beside the first that it shares one with."""
        named: dict[str, int] = {}
        meeting: dict[str, int] = {}
        for number, (rule, table) in enumerate(rules):
            operation = rule.operation or ""
            met = names_of(known).meeting(operation)
            shared = [(meeting[each], each) for each in met if each in meeting]
            if operation in named:
                shared.append((named[operation], operation))
            for each in met:
                meeting.setdefault(each, number)
            named.setdefault(operation, number)
            if shared:
                first, both = min(shared)
                self._report_equals(rules[first][0], rule, table, both)

    def _report_equals(self, first: Rule, second: Rule, table: RuleTable, both: str) -> None:
        key = str(second.path[len(table.path)])
        message = (
            f"this rule and {first.id} at {first.origin} are equally narrow, and {both} meets both; "
            "write one for that operation, or make one longer"
        )
        table.complain(self.report, (key,), ids.EQUAL_RULES, message, at_key=True)
