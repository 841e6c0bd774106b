"""What some layers say together: settings, and the named things and rules that are built of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import PurePath
from typing import Any

from attrs import define, field

from resilience.core.backoff import Backoff
from resilience.core.operations.declared import Declaration
from resilience.core.policy import Action, Chaos, LedgerSettings, Limits, RestApi, TelemetrySettings
from resilience.policyfile.decode.actions import build_actions, unknown_action
from resilience.policyfile.decode.apis import DescribedApis, read_apis
from resilience.policyfile.decode.backoffs import build_backoffs
from resilience.policyfile.decode.chaos import read_chaos
from resilience.policyfile.decode.credentials import build_credentials
from resilience.policyfile.decode.declared import check_declarations, declarations
from resilience.policyfile.decode.layers import Layer, Report, Stack
from resilience.policyfile.decode.operations import Operations
from resilience.policyfile.decode.paths import UnsetVariableError, resolved
from resilience.policyfile.decode.rules import Renewed, RuleReader
from resilience.policyfile.decode.settings import Settings, merge
from resilience.policyfile.files.policy_file import BUILTIN
from resilience.policyfile.files.positions import Path
from resilience.policyfile.format.tables import STOPPING
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import dotted, quoted
from resilience.policyfile.ruleset import RuleSet


@define(slots=False)
class LayerReading:
    """
    What some layers say together, read once.

    Attributes:
        stack: The layers.
        report: Takes what is wrong.
        names: What means something else here than in the reading that this one was made of.
    """

    stack: Stack
    report: Report
    names: Renewed = field(factory=Renewed)
    settings: Settings = field(init=False)
    backoffs: Mapping[str, Backoff] = field(init=False)
    actions: Mapping[str, Action] = field(init=False)
    chaos: Chaos = field(init=False)
    declared: dict[str, dict[str, Declaration]] = field(init=False)
    described: DescribedApis = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.settings = merge(self.stack, self.report)
        named = build_backoffs(self.settings.backoff, self.stack, self.report)
        self.backoffs = {"default": Backoff(), **named}
        self.actions = build_actions(self.settings, self.backoffs, self.stack, self.report, {})
        self.declared = declarations(self.settings.operations)
        self.described = read_apis(self.stack, self.declared, self.report)
        check_declarations(self.settings.operations, self.operations, self.apis, self.stack, self.report)
        self._read_chaos()

    @property
    def apis(self) -> Mapping[str, RestApi]:
        """The APIs that ``[sources]`` describes."""
        return self.described.sources

    @property
    def operations(self) -> Mapping[str, Mapping[str, Declaration]]:
        """What is known of operations, by provider and name."""
        return self.described.operations

    def with_values(self, stack: Stack, layers: Sequence[Layer], report: Report) -> LayerReading:
        """Return the same with the values that the layers of an environment set by themselves; names stay."""
        reading = copy(self)
        # Who names what is wrong in a plain table is not wrong as well.
        report.silenced |= self.report.silenced
        reading.stack, reading.report = stack, report
        reading.settings = merge(Stack(tuple(layers)), report, onto=self.settings)
        return reading

    def with_layers(self, stack: Stack, layers: Sequence[Layer], report: Report) -> LayerReading:
        """
        Return the same with everything that the layers of an environment say.

        Nothing may be wrong with this reading: of what the environment leaves as it is, nothing is looked at again.
        """
        reading = self.with_values(stack, layers, report)
        reading.build_onto(self, layers)
        return reading

    def build_onto(self, below: LayerReading, layers: Sequence[Layer]) -> None:
        """Build anew what the layers of an environment change of what a reading without them has built."""
        backoffs, actions, operations, sources = (
            _said(layers, table) for table in ("backoff", "actions", "operations", "sources")
        )
        if backoffs:
            changed = {name: self.settings.backoff[name] for name in backoffs}
            self.backoffs = {**below.backoffs, **build_backoffs(changed, self.stack, self.report)}
        if backoffs or actions:
            actions = below.leading_to(backoffs, actions)
            known = {name: action for name, action in below.actions.items() if name not in actions}
            self.actions = build_actions(self.settings, self.backoffs, self.stack, self.report, known)
        providers = dict.fromkeys((*operations, *sources))
        if providers:
            own = Stack(tuple(layers))
            said = {name: each for name, each in self.settings.operations.items() if name in providers}
            self.declared = {**below.declared, **declarations(said)}
            self.described = read_apis(own, self.declared, self.report, onto=below.described, changed=operations)
            check_declarations(said, self.operations, self.apis, self.stack, self.report)
        if below.chaos.injections or any("chaos" in layer.table for layer in layers):
            self._read_chaos()
        self.names = Renewed(backoffs, actions, providers)

    def leading_to(self, backoffs: Iterable[str], actions: Iterable[str]) -> dict[str, None]:
        """Return the names of these actions, and of all that wait with these backoffs or lead to such an action."""
        found = dict.fromkeys(actions)
        for name in backoffs:
            found.update(dict.fromkeys(self._asking[0].get(name, ())))
        left = list(found)
        while left:
            for name in self._asking[1].get(left.pop(), ()):
                if name not in found:
                    found[name] = None
                    left.append(name)
        return found

    @cached_property
    def _asking(self) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
        """The actions that wait with each backoff, and those that lead to each action, by name."""
        backoffs: dict[str, list[str]] = {}
        actions: dict[str, list[str]] = {}
        for name, action in self.actions.items():
            if action.backoff is not None:
                backoffs.setdefault(action.backoff.name, []).append(name)
            if action.then is not None:
                actions.setdefault(action.then.key, []).append(name)
        return backoffs, actions

    def rules(self, layers: Iterable[Layer]) -> RuleSet:
        """Return the rules of these layers, which may be fewer than those that the names come from."""
        return self._reader().read(layers)

    def rules_onto(self, below: RuleSet, layers: Iterable[Layer]) -> RuleSet:
        """Return what these layers, and the names that mean something else here, make of rules."""
        return self._reader().read_onto(below, layers, self.names)

    def _reader(self) -> RuleReader:
        return RuleReader(self.actions, self.backoffs, Operations(self.operations), self.report)

    def _read_chaos(self) -> None:
        is_production = self.settings.top.get("production", False)
        self.chaos = read_chaos(self.stack, Operations(self.operations), self.report, production=is_production)

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


def _said(layers: Sequence[Layer], table: str) -> dict[str, None]:
    """Return the names in a table of some layers."""
    tables = [layer.table.get(table) for layer in layers]
    return {name: None for each in tables if isinstance(each, dict) for name in each}


def _file_stem(name: str) -> str:
    """Return what a policy without a name is called: its file, without folder and ending."""
    return PurePath(name.removeprefix(BUILTIN)).stem
