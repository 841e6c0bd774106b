"""Puts a policy together: layers, settings, actions and rules, for the chosen environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from attrs import frozen

from resilience.policyfile.decode.layers import Layer, Report, Stack, environments_of
from resilience.policyfile.decode.rules import Renewed
from resilience.policyfile.files.chain import Chain
from resilience.policyfile.files.clashes import clashes
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.problems import PolicyError, Problem
from resilience.policyfile.messages.wording import quoted
from resilience.policyfile.reading import LayerReading
from resilience.policyfile.ruleset import RuleSet


@frozen(eq=False)
class Parts:
    """
    What a policy is made of.

    Attributes:
        env: The chosen environment, or None.
        environments: All environments.
        stack: The layers that take effect.
        rules: Its rules.
        names: What means something else in it than it does without the environment.
        values_but_rules: What the layers say but for rules, as arguments for a policy's values.
    """

    env: str | None
    environments: tuple[str, ...]
    stack: Stack
    rules: RuleSet
    names: Renewed
    values_but_rules: Mapping[str, Any]

    @property
    def values(self) -> dict[str, Any]:
        """What the layers say, as arguments for a policy's values; everything but the digest."""
        return {"rules": self.rules.all, **self.values_but_rules}


@frozen(eq=False)
class Found:
    """
    An environment, and what is wrong with it.

    Attributes:
        parts: What it is made of.
        own: What is wrong with its own tables, looked at by themselves.
        others: What is wrong with the values of all tables together.
        is_beside: Whether it leaves rules, and what they name, as they are without it. What is wrong with these is
            then not said again.
    """

    parts: Parts
    own: list[Problem]
    others: list[Problem]
    is_beside: bool = False


def assemble(chain: Chain, env: str | None, ambient: str | None) -> Parts:
    """
    Check everything that a chain of files says, for the chosen environment and for each other one by itself.

    Args:
        chain: The files that were read.
        env: The environment that the caller asks for.
        ambient: The environment that the process is in; ignored where no file defines any.

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
    The files of a policy, put together for one environment after the other.

    What the environments have in common is read once: a file may have thousands of them.

    Attributes:
        chain: The files; at least one.
        environments: The layers of each environment by its name, in the order of the files.
        problems: What is wrong with the environments themselves.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._plain = Stack(tuple(Layer(source, (), source.data) for source in chain.sources))
        report = Report()
        self.environments: Mapping[str, Sequence[Layer]] = environments_of(self._plain.layers, report)
        self.problems = [*report.problems, *clashes(chain)]
        self._names = tuple(self.environments)

    def read(self, env: str | None) -> tuple[Parts, list[Problem]]:
        """Read the plain tables together with those of an environment; also return what is wrong with either."""
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
        """Tell whether tables are right or wrong whatever else a policy says, but for what rules name."""
        return not self._base.chaos.injections and keys <= _BY_THEMSELVES | {"rules"}

    def _read_onto(self, env: str | None, layers: Sequence[Layer]) -> Found | None:
        """Read what an environment changes of plain tables with which nothing is wrong; None where that is no help."""
        keys = _keys(layers)
        if not keys or not self._is_sound or (self._is_by_itself(keys) and "rules" not in keys):
            return None
        report = self._report()
        reading = self._base.with_layers(self._stack(layers), layers, report)
        rules = reading.rules_onto(self._base_rules[0], layers)
        own = list(report.of_environments)
        parts = self._parts(env, reading, rules)
        if _has(ids.ENDLESS_THEN, report.problems):
            # Where a chain is too long, or returns to itself, depends on which action is built first.
            return None
        if _has(ids.EQUAL_RULES, own) and env is not None:
            # By themselves, its rules may equal fewer others.
            return Found(parts, self.check(env), report.problems)
        # What else is wrong with its values depends on the plain ones too.
        own += [each for each in report.of_environments[len(own) :] if each.rule in _OF_UNKNOWN]
        return Found(parts, own, report.problems)

    def find(self, env: str | None, *, is_alone: bool) -> Found:
        """
        Read an environment, or the plain tables; what is wrong with its own tables is told apart.

        Args:
            env: The environment; None for the plain tables.
            is_alone: Whether the plain tables are not looked at by themselves, so that all of it is to be told.
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
        """What is wrong with the plain tables, apart from values that an environment may set."""
        return [*self._base.report.problems, *self._base_rules[1].problems]

    def check(self, env: str) -> list[Problem]:
        """Return what is wrong with the tables of an environment, looked at by themselves."""
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
        """Whether nothing is wrong with the plain tables, so that environments need not look at them again."""
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
        """The rules without an environment, and what is wrong with them."""
        report = self._report()
        return self._base.with_values(self._base.stack, (), report).rules(self._plain.layers), report


def _has(rule: str, problems: Iterable[Problem]) -> bool:
    return any(each.rule == rule for each in problems)


def _keys(layers: Sequence[Layer]) -> set[str]:
    return {key for layer in layers for key in layer.table}


_OF_UNKNOWN: Final = frozenset({ids.UNKNOWN_ACTION, ids.BAD_UNKNOWN})
"""What may be wrong with ``unknown``."""

_BY_THEMSELVES: Final = frozenset({"production", "limits", "credentials", "ledger", "telemetry"})
"""Tables whose values are right or wrong whatever else a policy says."""


def _unknown_environment(file: str, env: str, known: tuple[str, ...]) -> Problem:
    there_are = f"there are {', '.join(known)}" if known else "no file defines any"
    message = f"unknown environment {quoted(env)}; {there_are}"
    return Problem(file=file, line=1, column=1, rule=ids.UNKNOWN_ENVIRONMENT, message=message)


def in_order(chain: Chain, problems: list[Problem]) -> list[Problem]:
    """Sort problems by the order in which their files are merged, and then by where they stand."""
    order = {source.name: number for number, source in enumerate(chain.sources)}
    return sorted(problems, key=lambda problem: (order.get(problem.file, -1), problem.line, problem.column))
