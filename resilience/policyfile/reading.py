"""Reads some layers together: merges their settings, and builds backoffs, actions, operations and rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import PurePath
from typing import Any

from attrs import define, field

from resilience.core.backoff import Backoff
from resilience.core.operations.apis import RestApi
from resilience.core.operations.declared import Declaration
from resilience.core.policy import Action, LedgerSettings, Limits, TelemetrySettings
from resilience.core.settings.chaos import Chaos
from resilience.core.settings.state import StateSettings
from resilience.policyfile.decode.actions import build_actions, unknown_action
from resilience.policyfile.decode.apis import DescribedApis, read_apis
from resilience.policyfile.decode.backoffs import build_backoffs
from resilience.policyfile.decode.chaos import read_chaos
from resilience.policyfile.decode.credentials import build_credentials
from resilience.policyfile.decode.declared import check_declarations, declarations
from resilience.policyfile.decode.layers import Layer, Stack
from resilience.policyfile.decode.operations import Operations
from resilience.policyfile.decode.paths import UnsetVariableError, expanded, resolved
from resilience.policyfile.decode.rules import Renewed, RuleReader
from resilience.policyfile.decode.settings import merge
from resilience.policyfile.decode.shared_limits import SharedLimits, read_shared, read_shared_onto
from resilience.policyfile.files.policy_file import BUILTIN
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.format.tables import LEDGER, STOPPING
from resilience.policyfile.format.values import is_store, server_expected
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import dotted, quoted
from resilience.policyfile.report import Report
from resilience.policyfile.ruleset import RuleSet
from resilience.policyfile.settings import Settings


@define(slots=False)
class LayerReading:
    """
    The merged meaning of some layers.

    Attributes:
        stack: The layers.
        report: Collects the problems.
        names: The names with another meaning than in the reading below.
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
    shared: SharedLimits = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.settings = merge(self.stack, self.report)
        named = build_backoffs(self.settings.backoff, self.stack, self.report)
        self.backoffs = {"default": Backoff(), **named}
        self.actions = build_actions(self.settings, self.backoffs, self.stack, self.report, {})
        self.declared = declarations(self.settings.operations)
        self.described = read_apis(self.stack, self.declared, self.report)
        check_declarations(self.settings.operations, self.operations, self.apis, self.stack, self.report)
        self.shared = read_shared(self.settings, Operations(self.operations), self.stack, self.report)
        self._read_chaos()

    @property
    def apis(self) -> Mapping[str, RestApi]:
        """The APIs that ``[sources]`` describes."""
        return self.described.sources

    @property
    def operations(self) -> Mapping[str, Mapping[str, Declaration]]:
        """The operations by provider and name."""
        return self.described.operations

    def with_values(self, stack: Stack, layers: Sequence[Layer], report: Report) -> LayerReading:
        """Return a copy with an environment's plain values, and with the backoffs, actions and operations of this."""
        reading = copy(self)
        # A use of a name from a broken plain table is not reported too.
        report.silenced |= self.report.silenced
        reading.stack, reading.report = stack, report
        reading.settings = merge(Stack(tuple(layers)), report, onto=self.settings)
        return reading

    def with_layers(self, stack: Stack, layers: Sequence[Layer], report: Report) -> LayerReading:
        """
        Return a copy with everything in the layers of an environment.

        This reading has to be without problems: the copy does not check again what the environment leaves alone.
        """
        reading = self.with_values(stack, layers, report)
        reading.build_onto(self, layers)
        return reading

    def build_onto(self, below: LayerReading, layers: Sequence[Layer]) -> None:
        """Build only the things that an environment changes, and take the others from the reading below."""
        backoffs, actions, operations, sources = (
            _names_in(layers, table) for table in ("backoff", "actions", "operations", "sources")
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
            changed_ones = {name: each for name, each in self.settings.operations.items() if name in providers}
            self.declared = {**below.declared, **declarations(changed_ones)}
            self.described = read_apis(own, self.declared, self.report, onto=below.described, changed=operations)
            check_declarations(changed_ones, self.operations, self.apis, self.stack, self.report)
        changed = {table: _names_in(layers, table) for table in ("rate", "budget", "breaker")}
        # A glob may stand for other operations now.
        changed["rate"] |= {name: None for name in providers if name in self.settings.rate}
        if any(changed.values()):
            listed = Operations(self.operations)
            self.shared = read_shared_onto(
                below.shared, self.settings, listed, self.stack, self.report, changed=changed
            )
        if below.chaos.injections or any("chaos" in layer.table for layer in layers):
            self._read_chaos()
        self.names = Renewed(backoffs, actions, providers)

    def leading_to(self, backoffs: Iterable[str], actions: Iterable[str]) -> dict[str, None]:
        """Return these actions, those with one of the backoffs, and all whose ``then`` leads to one of them."""
        found = dict.fromkeys(actions)
        for name in backoffs:
            found.update(dict.fromkeys(self._users[0].get(name, ())))
        left = list(found)
        while left:
            for name in self._users[1].get(left.pop(), ()):
                if name not in found:
                    found[name] = None
                    left.append(name)
        return found

    @cached_property
    def _users(self) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
        """The actions that name each backoff, and those that name each action in ``then``."""
        backoffs: dict[str, list[str]] = {}
        actions: dict[str, list[str]] = {}
        for name, action in self.actions.items():
            if action.backoff is not None:
                backoffs.setdefault(action.backoff.name, []).append(name)
            if action.then is not None:
                actions.setdefault(action.then.key, []).append(name)
        return backoffs, actions

    def rules(self, layers: Iterable[Layer]) -> RuleSet:
        """Return the rules of these layers, which may be only some of the layers with the names."""
        return self._reader().read(layers)

    def rules_onto(self, below: RuleSet, layers: Iterable[Layer]) -> RuleSet:
        """Return rules with the new meanings of names, and with the rules of these layers on top."""
        return self._reader().read_onto(below, layers, self.names)

    def _reader(self) -> RuleReader:
        return RuleReader(self.actions, self.backoffs, Operations(self.operations), self.report)

    def _read_chaos(self) -> None:
        is_production = self.settings.top.get("production", False)
        self.chaos = read_chaos(self.stack, Operations(self.operations), self.report, production=is_production)

    def values(self) -> dict[str, Any]:
        """Return the arguments for a policy's values, apart from the rules."""
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
            "state": self._state(),
            "ledger": self._ledger(),
            "apis": self.apis,
            "telemetry": self._telemetry(),
            "rates": self.shared.rates,
            "budgets": self.shared.budgets,
            "breakers": self.shared.breakers,
        }

    def _ledger(self) -> LedgerSettings | None:
        entries = self.settings.ledger
        if entries is None:
            return None
        if "url" in entries:
            written = entries["url"]
            return LedgerSettings(**{**entries, "url": self._url(("ledger", "url"), written), "written": written})
        written = entries.get("path", LedgerSettings().path)
        return LedgerSettings(**{**entries, "path": self._path(("ledger", "path"), written), "written": written})

    def _state(self) -> StateSettings | None:
        entries = self.settings.state
        if entries is None:
            return None
        if "store" not in entries:
            if self.stack.setter(("state", "store")) is None:
                message = "state.store is set neither here nor in a file that this one extends; write where it is"
                self._complain(("state",), ids.MISSING, message, missing=("state", "store"))
            return None
        written = entries["store"]
        return StateSettings(**{**entries, "store": self._store(written), "written": written})

    def _store(self, written: str) -> str:
        """Return the url or the absolute path that a text means."""
        path = ("state", "store")
        try:
            where = expanded(written)
        except UnsetVariableError:
            where = ""
        if "://" not in where:
            return self._path(path, written)
        if not is_store(where):
            message = 'expected a url such as "redis://host:6379/0", and its variables make another one'
            self._complain(path, ids.OUT_OF_RANGE, f"{dotted(path)}: {message}")
        return where

    def _telemetry(self) -> TelemetrySettings | None:
        entries = self.settings.telemetry
        if entries is None or "journal" not in entries:
            return None if entries is None else TelemetrySettings()
        written = entries["journal"]
        return TelemetrySettings(journal=self._path(("telemetry", "journal"), written), written=written)

    def _url(self, path: tuple[str, str], text: str) -> str:
        """Return the url that a text means, whose variables may be secrets: no message shows their values."""
        try:
            url = expanded(text)
        except UnsetVariableError as error:
            self._unset(path, error, "set it")
            return text
        key = LEDGER["url"]
        if not url.startswith(tuple(f"{scheme}://" for scheme in key.choices)):
            message = f"{dotted(path)}: {server_expected(key, ' when its variables have their values')}"
            self._complain(path, ids.OUT_OF_RANGE, message)
        return url

    def _unset(self, path: tuple[str, ...], error: UnsetVariableError, cure: str) -> None:
        message = f"the environment variable {quoted(error.name)} is not set; {cure}"
        self._complain(path, ids.MISSING, f"{dotted(path)}: {message}")

    def _path(self, path: tuple[str, ...], text: str) -> str:
        """Return the absolute path that a text means; a relative one starts at the folder of its file."""
        layer = self.stack.setter(path) or self.stack.setter(path[:-1]) or self.stack.root
        try:
            return resolved(text, layer.source.base)
        except UnsetVariableError as error:
            self._unset(path, error, "set it, or write the path out")
            return text

    def _is_silent_on_deadline(self) -> bool:
        """Tell whether no file has the key ``deadline``; the reader reports a wrong value."""
        tables = [layer.table.get("limits", {}) for layer in self.stack.layers]
        return all(isinstance(table, dict) and "deadline" not in table for table in tables)

    def unknown(self) -> Action:
        """Return the action for a fault that no rule matches."""
        name = self.settings.top.get("unknown", "fail")
        action = self.actions.get(name)
        if action is None:
            self._complain(("unknown",), ids.UNKNOWN_ACTION, f"unknown: {unknown_action(name, self.actions)}")
            return self.actions["fail"]
        last = next((each for each in action.chain if each.do not in STOPPING), None)
        if last is not None:
            leads = "" if last is action else f", which leads to {quoted(last.key)}"
            message = (
                f'unknown: expected "fail", or an action that does verify or fail, got {quoted(name)}{leads}; '
                "going on after a fault without a rule may do harm"
            )
            self._complain(("unknown",), ids.BAD_UNKNOWN, message)
        return action

    def _complain(self, path: KeyPath, rule: str, message: str, *, missing: KeyPath = ()) -> None:
        layer = self.stack.setter(path) or self.stack.root
        self.report.add(layer, path, rule, message, missing=missing)


def _names_in(layers: Sequence[Layer], table: str) -> dict[str, None]:
    """Return the names in a table of some layers."""
    tables = [layer.table.get(table) for layer in layers]
    return {name: None for each in tables if isinstance(each, dict) for name in each}


def _file_stem(name: str) -> str:
    """Return the name of a policy that sets none: its file's name, without folder and ending."""
    return PurePath(name.removeprefix(BUILTIN)).stem
