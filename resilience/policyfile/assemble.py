"""Puts a policy together: layers, settings, actions and rules, for the chosen environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import PurePath
from typing import Any, Final

import attrs
from attrs import define, evolve, field, frozen

from resilience.core.backoff import Backoff
from resilience.core.declared import Declared
from resilience.core.policy import (
    Action,
    Chaos,
    CredentialLimits,
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
from resilience.policyfile.declared import check_declarations, declarations
from resilience.policyfile.layers import Layer, Report, Stack, environments_of
from resilience.policyfile.operations import Operations
from resilience.policyfile.positions import Path
from resilience.policyfile.problems import PolicyError, Problem
from resilience.policyfile.rules import RuleReader
from resilience.policyfile.settings import Settings, merge
from resilience.policyfile.sources import BUILTIN
from resilience.policyfile.tables import STOPPING
from resilience.policyfile.wording import quoted


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
    report = Report(is_complete=chain.is_complete)
    plain = tuple(Layer(source, (), source.data) for source in chain.sources)
    environments = environments_of(plain, report)
    if env is None and environments:
        env = ambient
    if env is not None and env not in environments and chain.is_complete:
        report.problems.append(_unknown_environment(chain.sources[-1].name, env, tuple(environments)))
    stack = Stack((*plain, *environments.get(env or "", ())))
    reading = _Reading(stack, report)
    values = {"rules": reading.rules(stack), **reading.values()}
    for other, layers in environments.items():
        if other != env:
            _check_other(plain, layers, Report(report.problems, is_complete=chain.is_complete, only=other))
    if chain.problems or report.problems:
        raise PolicyError(in_order(chain, [*chain.problems, *report.problems]))
    return Parts(env, tuple(environments), stack, values)


def _check_other(plain: Sequence[Layer], layers: Sequence[Layer], report: Report) -> None:
    """Check the tables of an environment that is not chosen; the plain tables are checked for the chosen one."""
    own = Stack(tuple(layers))
    if all(key in _BY_THEMSELVES for layer in layers for key in layer.table):
        merge(own, report)
        return
    reading = _Reading(Stack((*plain, *layers)), report)
    reading.rules(own)
    reading.unknown()


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
            self._complain((), ids.MISSING, message)
        return {
            "name": top.get("name", _file_stem(self.stack.root.source.name)),
            "production": top.get("production", False),
            "limits": Limits(**{"deadline": None, **limits}),
            "unknown": self.unknown(),
            "operations": self.operations,
            "credentials": {name: CredentialLimits(**each) for name, each in self.settings.credentials.items()},
            "backoffs": self.backoffs,
            "actions": self.actions,
            "chaos": self.chaos,
            "ledger": None if self.settings.ledger is None else LedgerSettings(**self.settings.ledger),
            "apis": self.apis,
            "telemetry": None if self.settings.telemetry is None else TelemetrySettings(**self.settings.telemetry),
        }

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

    def _complain(self, path: Path, rule: str, message: str) -> None:
        layer = self.stack.setter(path) or self.stack.root
        self.report.add(layer, path, rule, message)


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


def digest(values: Mapping[str, Any]) -> str:
    """Return 12 hex digits that are equal for policies of equal effect, however they are written."""
    # Here, because checking a file needs no digest: these two take longer to import than a file to check.
    import hashlib  # noqa: PLC0415
    import json  # noqa: PLC0415

    actions: Mapping[str, Action] = values["actions"]
    rules = [
        # A named action is told by its name, an inline one by what it says.
        (
            rule.scope,
            rule.operation or "",
            rule.code,
            rule.action.key if rule.action.key in actions else _content(rule.action),
            rule.effect,
            # Only where it says something, so that the digests of policies without it stay as they were.
            *(() if rule.entry is None and rule.message is None else (rule.entry or 0, rule.message)),
        )
        for rule in values["rules"]
    ]
    content = {
        "production": values["production"],
        "limits": attrs.asdict(values["limits"]),
        "unknown": values["unknown"].key,
        "repeats": {provider: _repeats(each) for provider, each in values["operations"].items()},
        "backoffs": {name: attrs.astuple(each) for name, each in values["backoffs"].items()},
        "credentials": {name: attrs.asdict(each) for name, each in values["credentials"].items()},
        "actions": {name: _content(action) for name, action in actions.items()},
        "rules": sorted(rules, key=itemgetter(0, 1, 2)),
    }
    said = {name: _said(each) for name, each in values["operations"].items()}
    if any(said.values()):
        content["operations"] = said
    chaos: Chaos = values["chaos"]
    if chaos.injections:
        entries = {
            each.id: (each.rate, each.applied, each.delay, *(() if each.message is None else (each.message,)))
            for each in chaos.injections
        }
        content["chaos"] = {"seed": chaos.seed, "injections": entries}
    if values["ledger"] is not None:
        content["ledger"] = attrs.asdict(values["ledger"])
    if values["apis"]:
        content["apis"] = {name: attrs.asdict(each) for name, each in values["apis"].items()}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _repeats(operations: Mapping[str, Declared]) -> dict[str, str]:
    return {name: each.repeat for name, each in operations.items() if each.repeat is not None}


def _said(operations: Mapping[str, Declared]) -> dict[str, Any]:
    """Return what is said of operations beside what a repeat does."""
    plain = Declared()
    more = {name: evolve(each, repeat=None, is_assumed=False) for name, each in operations.items()}
    return {name: attrs.asdict(each) for name, each in more.items() if each != plain}


def _content(action: Action) -> list[Any]:
    """Return what an action does, apart from the name of its counter."""
    backoff = action.backoff
    return [
        action.do,
        None if backoff is None else backoff.name,
        action.counts,
        action.max,
        None if action.then is None else action.then.key,
        action.condition,
        action.dry_run,
        action.pattern,
        action.max_length,
        *(() if action.lasts is None else (action.lasts,)),
    ]
