"""Reads the rules of all layers: checks each entry once, and makes a rule of each effective one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from attrs import define, evolve, field, frozen

from resilience.catalog import catalogue, providers
from resilience.core.backoff import Backoff
from resilience.core.fault import TRANSPORTS
from resilience.core.policy import Action, Rule
from resilience.policyfile.decode.answers import AnswerReader, RuleSection
from resilience.policyfile.decode.globs import names_of
from resilience.policyfile.decode.layers import EntryPlace, Layer
from resilience.policyfile.decode.operations import Operations
from resilience.policyfile.decode.settings import table_of
from resilience.policyfile.format.rule_keys import is_plain_code, is_provider, is_provider_table, other_way_round, split
from resilience.policyfile.format.tables import RULE
from resilience.policyfile.format.unfit import UnfitError
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.lookalikes import lookalike
from resilience.policyfile.messages.spelling import nearest
from resilience.policyfile.messages.wording import dotted, quoted
from resilience.policyfile.report import Report
from resilience.policyfile.ruleset import RuleSet

_TRANSPORTS: Final = frozenset(TRANSPORTS)


@frozen
class Renewed:
    """
    Names that an environment gives another meaning.

    Attributes:
        backoffs: The backoffs with other values.
        actions: The actions with other values.
        providers: The providers with other operations.
    """

    backoffs: Collection[str] = ()
    actions: Collection[str] = ()
    providers: Collection[str] = ()


def _is_like_an_operation(name: str) -> bool:
    """Tell whether a name begins with a verb, as operations do."""
    return _VERB.match(name) is not None


_VERB: Final = re.compile(
    "(?:Create|Delete|Update|Modify|Get|List|Describe|Query|Apply|Revoke|Register|UnRegister|Activate|Deactivate|Add|Remove"
    "|Set|Put|Send|Batch)[A-Z]"
)


def _inner(answer: object) -> Iterator[str]:
    """Yield the first key of each nested table; nothing for an answer."""
    inner = answer
    while isinstance(inner, dict) and inner and not any(name in RULE for name in inner):
        name, inner = next(iter(inner.items()))
        yield name


def _provider_hint(name: str, value: object) -> str:
    """Return a hint for a name after ``rules`` that is no provider's; an empty text if there is no guess."""
    if hint := lookalike(name):
        return hint
    operation, slash, code = name.rpartition("/")
    word = (operation or code).rpartition(":")[2]
    owners = [each for each in providers() if word in catalogue(each).operations or catalogue(each).code(word)]
    owner = (owners or providers())[0]
    if not isinstance(value, dict) or any(each in RULE for each in value):
        return f"; a rule stands under its provider, such as [rules.{owner}]"
    if value and not slash and (owners or _is_like_an_operation(name)):
        inner = ".".join(_inner(value))
        rule = quoted(f"{name}/{inner}" if _is_like_an_operation(name) else f"{name}.{inner}")
        return f"; a rule is a line of its provider's table: write {rule} = ... in [rules.{owner}]"
    return f'; did you mean "{name.lower()}"?' if is_provider(name.lower()) else ""


def tables_of(layer: Layer, report: Report) -> Iterator[RuleSection]:
    """Yield the tables of rules of a layer, with those of ``[rules.transport.PROVIDER]``."""
    rules = layer.table.get("rules")
    if not isinstance(rules, dict):
        return
    for name in rules:
        path = ("rules", name)
        if not is_provider(name):
            message = f"expected a provider's name in lower case, or transport, after rules, got {quoted(name)}"
            report.add(layer, path, ids.BAD_NAME, message + _provider_hint(name, rules[name]), at="key")
            continue
        entries = table_of(report, layer, path)
        if entries is None:
            continue
        if name != "transport":
            yield RuleSection(layer, path, name, entries)
            continue
        nested = {key for key, value in entries.items() if isinstance(value, dict) and is_provider_table(key)}
        yield RuleSection(layer, path, name, {key: value for key, value in entries.items() if key not in nested})
        for key in nested:
            yield RuleSection(layer, (*path, key), f"transport.{key}", entries[key])


@define
class RuleReader:
    """
    Reads rules with the names of one environment.

    Attributes:
        actions: The named actions.
        backoffs: The named backoffs.
        operations: The operations that rules may name.
        report: Collects the problems.
    """

    actions: Mapping[str, Action]
    backoffs: Mapping[str, Backoff]
    operations: Operations
    report: Report
    _answers: AnswerReader = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._answers = AnswerReader(self.actions, self.backoffs, self.report)

    def read(self, layers: Iterable[Layer]) -> RuleSet:
        """Return the rules of all layers, in the order of the files; a later rule replaces an earlier one."""
        rules = RuleSet()
        self._put(rules, layers)
        for scope in rules.narrowed:
            self._compare(rules, scope, rules.groups(scope))
        return rules

    def read_onto(self, below: RuleSet, layers: Iterable[Layer], names: Renewed) -> RuleSet:
        """
        Return earlier rules with those of more layers on top.

        Args:
            below: The earlier rules, without problems.
            layers: The layers on top.
            names: The names with another meaning than below.
        """
        rules = RuleSet(below)
        for scope, key in below.naming(names.backoffs, names.actions):
            again = below.renewed(scope, key, self.backoffs, self.actions)
            rules.entries.setdefault(scope, {})[key] = again
            if again[0].operation is not None:
                rules.narrowed.setdefault(scope, {})[key] = below.narrowed[scope][key]
        self._put(rules, layers)
        for scope in dict.fromkeys((*below.narrowed, *rules.narrowed)) if names.providers else rules.narrowed:
            provider = scope.removeprefix("transport").removeprefix(".")
            # Two globs may meet in one of the new operations.
            is_new = names.providers and (not provider or provider in names.providers)
            own = rules.groups(scope)
            self._compare(rules, scope, dict.fromkeys((*below.groups(scope), *own)) if is_new else own)
        return rules

    def _put(self, rules: RuleSet, layers: Iterable[Layer]) -> None:
        for layer in layers:
            for table in tables_of(layer, self.report):
                rules.put(table, self._table(table))

    def _table(self, table: RuleSection) -> dict[str, tuple[Rule, ...]]:
        rules: dict[str, tuple[Rule, ...]] = {}
        scope, path, layer, actions = table.scope, table.path, table.layer, self.actions
        has_codes = not scope.startswith("transport")
        for key, value in table.entries.items():
            # This loop takes most of the time of a large policy after parsing, so a bare code with a named action
            # makes no call.
            operation, code = None, key
            if type(value) is dict or not (has_codes and key not in _TRANSPORTS and is_plain_code(key)):
                parts = None if self._is_operation(table, key, value) else self._split(table, key, value)
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

    def _split(self, table: RuleSection, key: str, value: object) -> tuple[str | None, str] | None:
        """Return operation and code; None for a wrong left side, after a report on both sides."""
        rule, message = "", None
        operation, code = None, key
        try:
            operation, code = split(key, table.scope)
        except UnfitError as error:
            rule, message = error.rule, str(error)
        else:
            if operation is not None:
                rule, message = ids.UNKNOWN_OPERATION, self.operations.unknown(operation, table.scope)
                if message is not None and (hint := other_way_round(operation, code, table.scope)):
                    message = message.partition("; ")[0] + hint
        if message is None:
            return operation, code
        table.complain(self.report, (key,), rule, message, at_key=True)
        if not (isinstance(value, str) and value in self.actions):
            # The rule is invalid anyway. Its right side may have problems of its own.
            tuple(self._answers.read(table, key, value))
        return None

    def _is_operation(self, table: RuleSection, key: str, value: object) -> bool:
        """Report a table of codes under the name of an operation: each code needs a rule of its own."""
        if not isinstance(value, dict) or not value or any(name in RULE for name in value):
            return False
        if (key in providers() or key == "transport") and table.scope not in providers():
            meant = f"[{dotted(('env', table.path[-1], 'rules', key))}]"
            message = f"a provider's table stands right after rules; for an environment write {meant}"
            table.complain(self.report, (key,), ids.BAD_CODE, message, at_key=True)
            return True
        name, known = key.rpartition(":")[2], self.operations.known(table.scope)
        if name not in known and not ("*" in name and "/" not in name):
            if not _is_like_an_operation(name) or name in self._codes(table.scope):
                return False
            # The message must name an existing operation.
            near = nearest(name, known)
            if near is None and self.operations.unknown(name, table.scope) is not None:
                return False
            name = near or name
        for code, answer in value.items():
            where = (key, code)
            whole = ".".join((code, *_inner(answer)))
            rule = whole if name == "*" else f"{name}/{whole}"
            scope = dotted(("rules", *table.path[1:]))
            message = f"a rule for one operation is a line of [{scope}]; write {quoted(rule)} = ... there"
            table.complain(self.report, where, ids.BAD_CODE, message, at_key=True)
            if not isinstance(answer, dict) or any(each in RULE for each in answer):
                tuple(self._answers.read(evolve(table, path=(*table.path, key)), code, answer))
        return True

    def _codes(self, scope: str) -> Collection[str]:
        """Return the codes of the catalogue."""
        return catalogue(scope).codes if scope in providers() else ()

    def _compare(self, rules: RuleSet, scope: str, groups: Iterable[tuple[str, str | int]]) -> None:
        """Report ambiguous rules: equally narrow ones of one code whose globs meet in one operation."""
        known = None
        for group in groups:
            equals = rules.group(scope, group)
            if len(equals) > 1:
                known = self.operations.known(scope) if known is None else known
                self._compare_equals(list(equals.values()), known)

    def _compare_equals(self, rules: list[tuple[Rule, RuleSection]], known: frozenset[str]) -> None:
        """Report each rule that shares an operation with an earlier rule, and name the first such rule."""
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

    def _report_equals(self, first: Rule, second: Rule, table: RuleSection, both: str) -> None:
        key = str(second.path[len(table.path)])
        message = (
            f"this rule and {first.id} at {first.origin} are equally narrow, and {both} meets both; "
            "write one for that operation, or make one longer"
        )
        table.complain(self.report, (key,), ids.EQUAL_RULES, message, at_key=True)
