"""Puts a policy together: layers, settings, actions and rules, for the chosen environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import PurePath
from typing import Any, Final

from attrs import define, field, frozen

from resilience.core.backoff import Backoff
from resilience.core.operations.declared import Declared
from resilience.core.policy import (
    Action,
    Chaos,
    LedgerSettings,
    Limits,
    Rule,
    Source,
    TelemetrySettings,
)
from resilience.policyfile import ids
from resilience.policyfile.actions import build_actions, unknown_action
from resilience.policyfile.apis import read_apis
from resilience.policyfile.backoffs import build_backoffs
from resilience.policyfile.chain import Chain
from resilience.policyfile.chaos import read_chaos
from resilience.policyfile.clashes import clashes
from resilience.policyfile.credentials import build_credentials
from resilience.policyfile.declared import check_declarations, declarations
from resilience.policyfile.layers import Layer, Report, Stack, environments_of
from resilience.policyfile.operations import Operations
from resilience.policyfile.paths import UnsetVariableError, resolved
from resilience.policyfile.positions import Path
from resilience.policyfile.problems import PolicyError, Problem
from resilience.policyfile.rules import RuleReader
from resilience.policyfile.settings import Settings, merge
from resilience.policyfile.sources import BUILTIN
from resilience.policyfile.tables import STOPPING
from resilience.policyfile.wording import dotted, quoted


@frozen(eq=False)
class Parts:
    """
    What a policy is made of.

    Attributes:
        env: The chosen environment, or None.
        environments: All environments.
        stack: The layers that take effect.
        values: What these layers say, as arguments for a policy's values; everything but the digest.
    """

    env: str | None
    environments: tuple[str, ...]
    stack: Stack
    values: Mapping[str, Any]


@frozen(eq=False)
class Beside:
    """
    An environment that leaves rules, and what they name, as they are without it.

    Attributes:
        parts: What it is made of.
        own: What is wrong with its own tables.
        others: What is wrong with the values of all tables together.
    """

    parts: Parts
    own: list[Problem]
    others: list[Problem]


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
        self._plain = tuple(Layer(source, (), source.data) for source in chain.sources)
        report = Report()
        self.environments: Mapping[str, Sequence[Layer]] = environments_of(self._plain, report)
        self.problems = [*report.problems, *clashes(chain)]
        self._names = tuple(self.environments)

    def read(self, env: str | None) -> tuple[Parts, list[Problem]]:
        """Read the plain tables together with those of an environment; also return what is wrong with either."""
        report = self._report()
        layers = () if env is None else self.environments.get(env, ())
        if env is not None and not layers and self.chain.is_complete:
            report.problems.append(_unknown_environment(self.chain.sources[-1].name, env, tuple(self.environments)))
        stack = Stack((*self._plain, *layers))
        keys = _keys(layers)
        if keys and (self._base.chaos.injections or not keys <= _BY_THEMSELVES | {"rules"}):
            reading = _Reading(stack, report)
            return self._parts(env, reading, reading.rules(stack)), report.problems
        reading = self._base.over(stack, layers, report)
        if "rules" in keys:
            parts = self._parts(env, reading, reading.rules(stack))
            return parts, [*self._base.report.problems, *report.problems]
        return self._parts(env, reading, self._base_rules[0]), [*self.problems_of_all, *report.problems]

    def read_beside(self, env: str) -> Beside | None:
        """Read an environment that leaves rules, and what they name, as they are without it; None if it does not."""
        layers = self.environments.get(env)
        if layers is None or self._base.chaos.injections or not _keys(layers) <= _BY_THEMSELVES:
            return None
        report = self._report()
        reading = self._base.over(Stack((*self._plain, *layers)), layers, report)
        own = list(report.problems)
        parts = self._parts(env, reading, self._base_rules[0])
        return Beside(parts, own, report.problems[len(own) :])

    @property
    def problems_of_all(self) -> list[Problem]:
        """What is wrong with the plain tables, apart from values that an environment may set."""
        return [*self._base.report.problems, *self._base_rules[1]]

    def check(self, env: str) -> list[Problem]:
        """Return what is wrong with the tables of an environment, looked at by themselves."""
        layers = self.environments[env]
        own, keys, report = Stack(tuple(layers)), _keys(layers), self._report(only=env)
        if keys <= _BY_THEMSELVES | {"rules"}:
            merge(own, report)
            if "rules" in keys:
                self._base.over(own, (), report).rules(own)
        else:
            reading = _Reading(Stack((*self._plain, *layers)), report)
            reading.rules(own)
            reading.unknown()
        return report.problems

    def _report(self, *, only: str | None = None) -> Report:
        return Report(is_complete=self.chain.is_complete, only=only, lost=self.chain.lost)

    def _parts(self, env: str | None, reading: _Reading, rules: tuple[Rule, ...]) -> Parts:
        return Parts(env, self._names, reading.stack, {"rules": rules, **reading.values()})

    @cached_property
    def _base(self) -> _Reading:
        return _Reading(Stack(self._plain), self._report())

    @cached_property
    def _base_rules(self) -> tuple[tuple[Rule, ...], list[Problem]]:
        """The rules without an environment, and what is wrong with them."""
        report = self._report()
        return self._base.over(self._base.stack, (), report).rules(self._base.stack), report.problems


def _keys(layers: Sequence[Layer]) -> set[str]:
    return {key for layer in layers for key in layer.table}


_BY_THEMSELVES: Final = frozenset({"production", "limits", "credentials", "ledger", "telemetry"})
"""Tables whose values are right or wrong whatever else a policy says."""


@define
class _Reading:
    """What some layers say together, read once."""

    stack: Stack
    report: Report
    settings: Settings = field(init=False)
    backoffs: dict[str, Backoff] = field(init=False)
    actions: dict[str, Action] = field(init=False)
    apis: dict[str, Source] = field(init=False)
    operations: dict[str, dict[str, Declared]] = field(init=False)
    chaos: Chaos = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.settings = merge(self.stack, self.report)
        self.backoffs = build_backoffs(self.settings, self.stack, self.report)
        self.actions = build_actions(self.settings, self.backoffs, self.stack, self.report)
        declared = declarations(self.settings.operations)
        self.apis, self.operations = read_apis(self.stack, declared, self.report)
        check_declarations(self.settings.operations, self.operations, self.apis, self.stack, self.report)
        self.chaos = read_chaos(
            self.stack,
            Operations(self.operations),
            self.report,
            production=self.settings.top.get("production", False),
        )

    def over(self, stack: Stack, layers: Sequence[Layer], report: Report) -> _Reading:
        """Return the same with the values that the layers of an environment set by themselves."""
        reading = copy(self)
        # Who names what is wrong in a plain table is not wrong as well.
        report.silenced |= self.report.silenced
        reading.stack, reading.report = stack, report
        reading.settings = merge(Stack(tuple(layers)), report, onto=self.settings)
        return reading

    def rules(self, stack: Stack) -> tuple[Rule, ...]:
        """Return the rules of these layers, which may be fewer than those that the names come from."""
        reader = RuleReader(self.actions, self.backoffs, Operations(self.operations), self.report)
        return reader.read(stack)

    def values(self) -> dict[str, Any]:
        """Return everything but the rules."""
        top, limits = self.settings.top, self.settings.limits
        if "deadline" not in limits and self._is_silent_on_deadline():
            message = (
                "limits.deadline is set neither here nor in a file that this one extends; "
                'write deadline = "2m" under [limits], or "none" to have no limit'
            )
            self._complain((), ids.MISSING, message, missing=("limits", "deadline"))
        return {
            "name": top.get("name", _file_stem(self.stack.root.source.name)),
            "production": top.get("production", False),
            "limits": Limits(**{"deadline": None, **limits}),
            "unknown": self.unknown(),
            "operations": self.operations,
            "credentials": build_credentials(self.settings, self.stack, self.report, self._path),
            "backoffs": self.backoffs,
            "actions": self.actions,
            "chaos": self.chaos,
            "ledger": self._ledger(),
            "apis": self.apis,
            "telemetry": self._telemetry(),
        }

    def _ledger(self) -> LedgerSettings | None:
        said = self.settings.ledger
        if said is None:
            return None
        written = said.get("path", LedgerSettings().path)
        return LedgerSettings(**{**said, "path": self._path(("ledger", "path"), written), "written": written})

    def _telemetry(self) -> TelemetrySettings | None:
        said = self.settings.telemetry
        if said is None or "journal" not in said:
            return None if said is None else TelemetrySettings()
        written = said["journal"]
        return TelemetrySettings(journal=self._path(("telemetry", "journal"), written), written=written)

    def _path(self, path: tuple[str, ...], text: str) -> str:
        """Return the path that a text means, which starts at the file that says it."""
        layer = self.stack.setter(path) or self.stack.setter(path[:-1]) or self.stack.root
        try:
            return resolved(text, layer.source.base)
        except UnsetVariableError as error:
            message = f"the environment variable {quoted(error.name)} is not set; set it, or write the path out"
            self._complain(path, ids.MISSING, f"{dotted(path)}: {message}")
            return text

    def _is_silent_on_deadline(self) -> bool:
        """Tell whether no file even tries to set a deadline; a wrong value is reported where it stands."""
        tables = [layer.table.get("limits", {}) for layer in self.stack.layers]
        return all(isinstance(table, dict) and "deadline" not in table for table in tables)

    def unknown(self) -> Action:
        """Return the action for a fault that no rule matches."""
        name = self.settings.top.get("unknown", "fail")
        action = self.actions.get(name)
        if action is None:
            self._complain(("unknown",), ids.UNKNOWN_ACTION, f"unknown: {unknown_action(name, self.actions)}")
            return self.actions["fail"]
        last: Action | None = action
        while last is not None and last.do in STOPPING:
            last = last.then
        if last is not None:
            leads = "" if last is action else f", which leads to {quoted(last.key)}"
            message = (
                f'unknown: expected "fail", or an action that does verify or fail, got {quoted(name)}{leads}; '
                "a fault that nobody has thought about is not safe to go on with"
            )
            self._complain(("unknown",), ids.BAD_UNKNOWN, message)
        return action

    def _complain(self, path: Path, rule: str, message: str, *, missing: Path = ()) -> None:
        layer = self.stack.setter(path) or self.stack.root
        self.report.add(layer, path, rule, message, missing=missing)


def _file_stem(name: str) -> str:
    """Return what a policy without a name is called: its file, without folder and ending."""
    return PurePath(name.removeprefix(BUILTIN)).stem


def _unknown_environment(file: str, env: str, known: tuple[str, ...]) -> Problem:
    there_are = f"there are {', '.join(known)}" if known else "no file defines any"
    message = f"unknown environment {quoted(env)}; {there_are}"
    return Problem(file=file, line=1, column=1, rule=ids.UNKNOWN_ENVIRONMENT, message=message)


def in_order(chain: Chain, problems: list[Problem]) -> list[Problem]:
    """Sort problems by the order in which their files are merged, and then by where they stand."""
    order = {source.name: number for number, source in enumerate(chain.sources)}
    return sorted(problems, key=lambda problem: (order.get(problem.file, -1), problem.line, problem.column))
