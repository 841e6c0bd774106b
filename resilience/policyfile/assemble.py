"""Puts a policy together: layers, settings, actions and rules, for the chosen environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from attrs import frozen

from resilience.policyfile.decode.layers import Layer, Stack
from resilience.policyfile.decode.rules import Renewed
from resilience.policyfile.files.chain import Chain
from resilience.policyfile.files.clashes import clashes
from resilience.policyfile.format.misplaced import ENVIRONMENT_KEYS
from resilience.policyfile.format.tables import LIMITS
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.lookalikes import lookalike
from resilience.policyfile.messages.problems import PolicyError, Problem
from resilience.policyfile.messages.wording import dotted, quoted, shown
from resilience.policyfile.reading import LayerReading
from resilience.policyfile.report import Report
from resilience.policyfile.ruleset import RuleSet


@frozen(eq=False)
class Parts:
    """
    The parts of a policy.

    Attributes:
        env: The chosen environment, or None.
        environments: All environments.
        stack: The layers that take effect.
        rules: Its rules.
        names: The names that the environment gives another meaning.
        values_but_rules: The arguments for a policy's values, apart from its rules.
    """

    env: str | None
    environments: tuple[str, ...]
    stack: Stack
    rules: RuleSet
    names: Renewed
    values_but_rules: Mapping[str, Any]

    @property
    def values(self) -> dict[str, Any]:
        """The arguments for a policy's values, apart from its digest."""
        return {"rules": self.rules.all, **self.values_but_rules}


@frozen(eq=False)
class Found:
    """
    An environment with its problems.

    Attributes:
        parts: Its parts.
        own: The problems of its own tables by themselves.
        others: The problems of the merged values.
        is_beside: Whether the environment changes no rule and no name of a rule. Problems of these are reported
            with the plain tables.
    """

    parts: Parts
    own: list[Problem]
    others: list[Problem]
    is_beside: bool = False


def assemble(chain: Chain, env: str | None, ambient: str | None) -> Parts:
    """
    Check a chain of files: the chosen environment in full, and the own tables of each other environment.

    Args:
        chain: The files.
        env: The environment that the caller names, or None.
        ambient: The environment of the process, for a caller that names none; ignored if no file defines any.

    Raises:
        PolicyError: With all problems of all files.
    """
    if not chain.sources:
        raise PolicyError(chain.problems)
    assembly = Assembly(chain)
    if env is None and assembly.environments:
        env = ambient
    parts, wrong = assembly.read(env)
    problems = [*chain.problems, *assembly.problems, *wrong]
    for other in assembly.environments:
        if other != env:
            problems += assembly.check(other)
    if problems:
        raise PolicyError(in_order(chain, problems))
    return parts


class Assembly:
    """
    Puts the files of a policy together, for one environment after the other.

    The plain tables are read once for all environments, because a file may have thousands of environments.

    Attributes:
        chain: The files; at least one.
        environments: The layers of each environment by its name, in the order of the files.
        problems: Problems of the environments' names, and of bases that define one name differently.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._plain = Stack(tuple(Layer(source, (), source.data) for source in chain.sources))
        report = Report()
        self.environments: Mapping[str, Sequence[Layer]] = _environments_of(self._plain.layers, report)
        self.problems = [*report.problems, *clashes(chain)]
        self._names = tuple(self.environments)

    def read(self, env: str | None) -> tuple[Parts, list[Problem]]:
        """Read the plain tables with those of an environment on top; return the parts and the problems."""
        layers = () if env is None else self.environments.get(env, ())
        found = self._read_onto(env, layers)
        if found is not None:
            return found.parts, found.others
        report = self._report()
        if env is not None and not layers and self.chain.is_complete:
            report.problems.append(_unknown_environment(self.chain.sources[-1].name, env, tuple(self.environments)))
        stack = self._stack(layers)
        keys = _keys(layers)
        if keys and not self._is_by_itself(keys):
            reading = LayerReading(stack, report)
            return self._parts(env, reading, reading.rules(stack.layers)), report.problems
        reading = self._base.with_values(stack, layers, report)
        if "rules" in keys:
            rules = reading.rules(stack.layers)
            return self._parts(env, reading, rules), [*self._base.report.problems, *report.problems]
        return self._parts(env, reading, self._base_rules[0]), [*self.problems_of_all, *report.problems]

    def _is_by_itself(self, keys: set[str]) -> bool:
        """Tell whether an environment's tables can be checked without the plain ones, apart from names in rules."""
        return not self._base.chaos.injections and keys <= _BY_THEMSELVES | {"rules"}

    def _read_onto(self, env: str | None, layers: Sequence[Layer]) -> Found | None:
        """Read only the changes of an environment to flawless plain tables; None if everything has to be read."""
        keys = _keys(layers)
        if not keys or not self._is_sound or (self._is_by_itself(keys) and "rules" not in keys):
            return None
        report = self._report()
        reading = self._base.with_layers(self._stack(layers), layers, report)
        rules = reading.rules_onto(self._base_rules[0], layers)
        own = list(report.of_environments)
        parts = self._parts(env, reading, rules)
        if _has(ids.ENDLESS_THEN, report.problems):
            # Which action of an endless chain is reported depends on the order of building.
            return None
        if _has(ids.EQUAL_RULES, own) and env is not None:
            # Without the plain rules, fewer rules may be ambiguous.
            return Found(parts, self.check(env), report.problems)
        # All other problems of its values depend on the plain values too.
        own += [each for each in report.of_environments[len(own) :] if each.rule in _OF_UNKNOWN]
        return Found(parts, own, report.problems)

    def find(self, env: str | None, *, is_alone: bool) -> Found:
        """
        Read an environment, or the plain tables, with the problems of its own tables apart.

        Args:
            env: The environment; None for the plain tables.
            is_alone: Whether the caller checks this environment only, so that problems of the plain tables belong to
                the answer.
        """
        layers = () if env is None else self.environments.get(env, ())
        if layers and not is_alone and not self._base.chaos.injections and _keys(layers) <= _BY_THEMSELVES:
            report = self._report()
            reading = self._base.with_values(self._stack(layers), layers, report)
            own = list(report.problems)
            parts = self._parts(env, reading, self._base_rules[0])
            return Found(parts, own, report.problems[len(own) :], is_beside=True)
        found = self._read_onto(env, layers)
        if found is not None:
            return found
        parts, wrong = self.read(env)
        return Found(parts, self.check(env) if wrong and env is not None and layers else [], wrong)

    @property
    def problems_of_all(self) -> list[Problem]:
        """The problems of the plain tables, apart from those of values that an environment may replace."""
        return [*self._base.report.problems, *self._base_rules[1].problems]

    def check(self, env: str) -> list[Problem]:
        """Return the problems of an environment's own tables."""
        layers = self.environments[env]
        report = self._report(only=env)
        if _keys(layers) <= _BY_THEMSELVES | {"rules"}:
            self._base.with_values(Stack(tuple(layers)), layers, report).rules(layers)
            return report.problems
        stack = self._stack(layers)
        if self._is_sound:
            reading = self._base.with_layers(stack, layers, report)
        if not self._is_sound or _has(ids.ENDLESS_THEN, report.problems):
            report = self._report(only=env)
            reading = LayerReading(stack, report)
        reading.rules(layers)
        reading.unknown()
        return report.problems

    @cached_property
    def _is_sound(self) -> bool:
        """Whether the plain tables have no problem, so that environments need not check them again."""
        reports = (self._base.report, self._base_rules[1])
        return not any(report.problems or report.is_silent for report in reports)

    def _stack(self, layers: Sequence[Layer]) -> Stack:
        return Stack((*self._plain.layers, *layers), self._plain)

    def _report(self, *, only: str | None = None) -> Report:
        return Report(is_complete=self.chain.is_complete, only=only, lost=self.chain.lost)

    def _parts(self, env: str | None, reading: LayerReading, rules: RuleSet) -> Parts:
        return Parts(env, self._names, reading.stack, rules, reading.names, reading.values())

    @cached_property
    def _base(self) -> LayerReading:
        return LayerReading(self._plain, self._report())

    @cached_property
    def _base_rules(self) -> tuple[RuleSet, Report]:
        """The rules without an environment, and the report on them."""
        report = self._report()
        return self._base.with_values(self._base.stack, (), report).rules(self._plain.layers), report


def _has(rule: str, problems: Iterable[Problem]) -> bool:
    return any(each.rule == rule for each in problems)


def _keys(layers: Sequence[Layer]) -> set[str]:
    return {key for layer in layers for key in layer.table}


_OF_UNKNOWN: Final = frozenset({ids.UNKNOWN_ACTION, ids.BAD_UNKNOWN})
"""Problems of ``unknown``."""

_BY_THEMSELVES: Final = frozenset({"production", "limits", "credentials", "state", "ledger", "telemetry"})
"""Tables whose values can be checked without the other tables."""


def _unknown_environment(file: str, env: str, known: tuple[str, ...]) -> Problem:
    there_are = f"there are {', '.join(known)}" if known else "no file defines any"
    message = f"unknown environment {quoted(env)}; {there_are}"
    return Problem(file=file, line=1, column=1, rule=ids.UNKNOWN_ENVIRONMENT, message=message)


def in_order(chain: Chain, problems: list[Problem]) -> list[Problem]:
    """Sort problems by the order of merging of their files, and then by line and column."""
    order = {source.name: number for number, source in enumerate(chain.sources)}
    return sorted(problems, key=lambda problem: (order.get(problem.file, -1), problem.line, problem.column))


def _environments_of(plain: Sequence[Layer], report: Report) -> dict[str, list[Layer]]:
    """Return the environments of all files by name, each with its layers in the order of the files."""
    found: dict[str, list[Layer]] = {}
    for layer in plain:
        tables = layer.table.get("env", {})
        if not isinstance(tables, dict):
            report.add(layer, ("env",), ids.WRONG_TYPE, f"env: expected a table [env.NAME], got {shown(tables)}")
            continue
        for name, table in tables.items():
            if hint := lookalike(name):
                message = f"env: expected the name of an environment, got {quoted(name)}{hint}"
                report.add(layer, ("env", name), ids.BAD_NAME, message, at="key")
            if isinstance(table, dict):
                found.setdefault(name, []).append(Layer(layer.source, ("env", name), table))
            else:
                message = (
                    f"{dotted(('env', name))}: expected a table [env.NAME], as in [env.prod], got {shown(table)}"
                    + (f"; write {name} in it" if name in ENVIRONMENT_KEYS else "")
                    + (f"; {name} belongs in [env.NAME.limits]" if name in LIMITS else "")
                )
                report.add(layer, ("env", name), ids.WRONG_TYPE, message)
    return found
