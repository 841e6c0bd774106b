"""The layers of a policy: the plain tables of each file, then each file's tables for the chosen environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import define, field, frozen

from resilience.core.fault import Origin
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.format.misplaced import ENVIRONMENT_KEYS
from resilience.policyfile.format.rule_keys import is_provider_table
from resilience.policyfile.format.tables import LIMITS
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.lookalikes import lookalike
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import (
    dotted,
    is_credential_name,
    is_secret_name,
    listed,
    quoted,
    shown,
    suggestion,
)

if TYPE_CHECKING:
    from resilience.policyfile.files.recovery.lost import Lost


@frozen(eq=False)
class Layer:
    """
    One set of tables that the loader merges.

    Attributes:
        source: The file that holds the tables.
        prefix: Their path in the file: empty for the plain tables, ``("env", NAME)`` for an environment's.
        table: The tables.
    """

    source: PolicyFile
    prefix: KeyPath
    table: Mapping[str, Any]

    @property
    def env(self) -> str | None:
        """The environment of the layer; None for the plain tables of a file."""
        return str(self.prefix[1]) if self.prefix else None

    def has(self, path: KeyPath) -> bool:
        """Tell whether this layer has a value at a path."""
        return self.get(path, _NOTHING) is not _NOTHING

    def get(self, path: KeyPath, default: object) -> object:
        """Return this layer's value at a path, or the default."""
        value: Any = self.table
        for part in path:
            # A text would take indexes too, but a letter of a text is no value of a policy.
            if not isinstance(value, dict | list):
                return default
            try:
                value = value[part]  # type: ignore[index]  # a key that does not fit is caught
            except (KeyError, IndexError, TypeError):
                return default
        return value


_NOTHING: Final = object()


@frozen(eq=False)
class EntryPlace:
    """
    Returns the place of an entry in its file when it is called; the first call scans the file.

    This is a value and no closure, so that a policy can be copied, pickled and sent to another process.
    """

    layer: Layer
    path: KeyPath

    def __call__(self) -> Origin:
        """Return the place of the entry's value."""
        return self.layer.source.origin((*self.layer.prefix, *self.path))


@frozen(eq=False)
class Stack:
    """
    The layers that take effect together, in the order of merging: a later layer wins.

    Attributes:
        layers: All of them.
        below: The first layers as a stack of their own, which several environments share with its cached answers.
    """

    layers: tuple[Layer, ...]
    below: Stack | None = None
    _asked: dict[KeyPath, Layer | None] = field(factory=dict, init=False)

    @property
    def root(self) -> Layer:
        """The plain layer of the file that the user named: the last layer without an environment."""
        return next(layer for layer in reversed(self.layers) if not layer.prefix)

    def setter(self, path: KeyPath) -> Layer | None:
        """Return the layer that sets an effective value; None for a default."""
        whole, kind_at = _replaced_whole(path)
        if self.below is not None:
            prefix = whole or kind_at[:2] or path
            if not any(layer.has(prefix) for layer in self.layers[len(self.below.layers) :]):
                return self.below.remembered(path)
        found = None
        kind: object = None
        for layer in self.layers:
            if whole and layer.has(whole):
                found = None
            if kind_at and layer.has(kind_at[:2]):
                # Another verb or kind discards all earlier settings.
                before, kind = kind, layer.get(kind_at, _DEFAULT_KINDS.get(kind_at[0]) if kind is None else kind)
                found = None if before != kind else found
            if layer.has(path):
                found = layer
        return found

    def remembered(self, path: KeyPath) -> Layer | None:
        """Return the same as ``setter``, from a cache."""
        if path not in self._asked:
            self._asked[path] = self.setter(path)
        return self._asked[path]

    def origin(self, path: KeyPath) -> Origin | None:
        """Return the place of an effective value; None for a default."""
        if path[:1] == ("env",):
            return None
        layer = self.setter(path)
        return None if layer is None else layer.source.origin((*layer.prefix, *path))

    def overridden(self, path: KeyPath) -> tuple[tuple[object, Origin], ...]:
        """Return the overridden values of a path with their places, the last one first."""
        winner = self.setter(path)
        below = [layer for layer in self.layers[: self.layers.index(winner)] if layer.has(path)] if winner else []
        return tuple((layer.get(path, None), layer.source.origin((*layer.prefix, *path))) for layer in reversed(below))


_DEFAULT_KINDS: Final[dict[object, str]] = {"backoff": "exponential", "budget": "tokens"}


def _replaced_whole(path: KeyPath) -> tuple[KeyPath, KeyPath]:
    """Return the path of the entry that a later layer replaces as a whole, and the path of its verb or kind."""
    match path:
        case ("rules", "transport", str(provider), *_) if is_provider_table(provider):
            return path[:4], ()
        case ("rules" | "chaos", *_):
            return path[:3], ()
        case ("actions", _, *_):
            return (), (*path[:2], "do")
        case ("backoff" | "budget", _, *_):
            return (), (*path[:2], "kind")
    return (), ()


_FREE_KEYS: Final = frozenset({"rules", "operations", "sources", "rate", "chaos", "lint"})
"""Tables with codes and operations as keys; names such as ``InvalidToken`` are no secrets there."""


def _is_credential(layer: Layer, path: KeyPath) -> bool:
    """Tell whether a path ends in the name of a credential, with a plain value."""
    key = path[-1] if path else None
    if not isinstance(key, str) or not is_secret_name(key) or isinstance(layer.get(path, None), dict):
        return False
    return path[0] not in _FREE_KEYS or is_credential_name(key)


_NAMES: Final = frozenset({ids.UNKNOWN_ACTION, ids.UNKNOWN_BACKOFF, ids.UNKNOWN_OPERATION, ids.MISSING})
_OF_OTHERS: Final = frozenset({ids.MISSING, ids.NOT_APPLICABLE, ids.BAD_UNKNOWN, ids.CAP_BELOW_BASE})
"""Problems that depend on the other keys of a table."""


@define
class Report:
    """
    Collects the problems of a policy.

    Attributes:
        problems: The problems so far.
        is_complete: Whether every file could be read. If not, no name is reported as unknown, because a missing
            file may define it.
        only: The environment whose own tables are checked now; None for all. A problem elsewhere is reported with
            the plain tables, or does not concern the chosen environment.
        silenced: Ids of problems that would only follow from a reported one.
        lost: The unreadable parts of the files; None if there are none. A problem that may follow from them is left
            out.
        is_silent: Whether a problem was left out because it may follow from another one.
        of_environments: The problems in the tables of environments.
    """

    problems: list[Problem] = field(factory=list)
    is_complete: bool = True
    only: str | None = None
    silenced: set[str] = field(factory=set)
    lost: Lost | None = None
    is_silent: bool = False
    of_environments: list[Problem] = field(factory=list)

    def add(  # noqa: PLR0913 - one argument for each thing that a problem says
        self,
        layer: Layer,
        path: KeyPath,
        rule: str,
        message: str,
        *,
        at: Literal["key", "value"] = "value",
        missing: KeyPath = (),
    ) -> None:
        """
        Add an error about a value or a key; the value of a key that names a credential is never shown.

        Args:
            layer: The layer that holds the value.
            path: Its path there.
            rule: The id of the problem.
            message: The message.
            at: Whether the key or the value is wrong.
            missing: The path of the missing key, if that is the error.
        """
        if _is_credential(layer, path):
            self._secret(layer, path)
        elif (
            rule in self.silenced
            or (rule in _NAMES and not self.is_complete)
            or (
                self.lost is not None
                and (self.lost.may_hold(missing) if missing else self._follows(self.lost, layer, path, rule))
            )
        ):
            self.is_silent = True
        else:
            self._add(layer, layer.source.problem((*layer.prefix, *path), rule, message, at=at))

    def _follows(self, lost: Lost, layer: Layer, path: KeyPath, rule: str) -> bool:
        """Tell whether a problem may follow from an unreadable part of a file."""
        full = (*layer.prefix, *path)
        if rule in _OF_OTHERS and lost.is_in(full):
            return True
        if rule not in _NAMES:
            return False
        value = layer.get(path, None)
        names = [value] if isinstance(value, str) else []
        if rule == ids.UNKNOWN_OPERATION:
            names += [str(part) for part in path[-1:]]
        return lost.may_say({part for name in names for part in (name, *name.replace(":", "/").split("/"))})

    def _add(self, layer: Layer, problem: Problem) -> None:
        if self.only is None or self.only == layer.env:
            self.problems.append(problem)
            if layer.prefix:
                self.of_environments.append(problem)

    def _secret(self, layer: Layer, path: KeyPath) -> None:
        full = (*layer.prefix, *path)
        message = f"{dotted(full)}: credentials do not belong in a policy; give them to the executor as Credentials"
        self._add(layer, layer.source.problem(full, ids.SECRET, message, at="key", hide=True))

    def unknown_key(self, layer: Layer, path: KeyPath, known: Sequence[str], *, holder: str, hint: str = "") -> None:
        """
        Add an error about an unknown key; the value of one that names a secret is not shown.

        Args:
            layer: The layer that holds the key.
            path: Its path there.
            known: The valid keys.
            holder: The name of the table, for the message.
            hint: The hint of the message; empty for one by the spelling.
        """
        key = str(path[-1])
        full = (*layer.prefix, *path)
        # A number under another library's word for a key, such as max_tokens of a budget, is no secret.
        is_number = type(layer.get(path, None)) in {int, float}
        if is_secret_name(key) and not (hint and is_number):
            self._secret(layer, path)
            return
        near = hint or suggestion(key, known) or f"; known are {listed(known)}"
        message = f"unknown key {shown(key)} in {holder}{near}"
        self._add(layer, layer.source.problem(full, ids.UNKNOWN_KEY, message, at="key"))


def environments_of(plain: Sequence[Layer], report: Report) -> dict[str, list[Layer]]:
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
