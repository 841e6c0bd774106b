"""The layers of a policy: what each file says, then what each file says for the chosen environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import define, field, frozen

from resilience.core.fault import Origin
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import Path
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
    One table of tables that is merged.

    Attributes:
        source: The file that it stands in.
        prefix: Where it stands there: empty for the file itself, ``("env", NAME)`` for an environment.
        table: What it says.
    """

    source: PolicyFile
    prefix: Path
    table: Mapping[str, Any]

    @property
    def env(self) -> str | None:
        """The environment that it belongs to."""
        return str(self.prefix[1]) if self.prefix else None

    def has(self, path: Path) -> bool:
        """Tell whether this layer says something at a path."""
        return self.get(path, _NOTHING) is not _NOTHING

    def get(self, path: Path, default: object) -> object:
        """Return what this layer says at a path."""
        value: Any = self.table
        for part in path:
            # An array takes indexes, and a table keys: anything else, a letter of a text too, is not there.
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
    Says where an entry stands, when it is called; the file is scanned when this is first asked.

    Plain data, and no closure: a policy can be copied, pickled and sent to another process.
    """

    layer: Layer
    path: Path

    def __call__(self) -> Origin:
        """Return the place of the entry's value."""
        return self.layer.source.origin((*self.layer.prefix, *self.path))


@frozen(eq=False)
class Stack:
    """
    The layers that take effect together, in the order in which they are merged; the later one wins.

    Attributes:
        layers: All of them.
        below: The first of them as a stack of their own, where others share it: it remembers what it was asked.
    """

    layers: tuple[Layer, ...]
    below: Stack | None = None
    _asked: dict[Path, Layer | None] = field(factory=dict, init=False)

    @property
    def root(self) -> Layer:
        """The file that was asked for: the last one without an environment."""
        return next(layer for layer in reversed(self.layers) if not layer.prefix)

    def setter(self, path: Path) -> Layer | None:
        """Return the layer that set an effective value, or None."""
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
                # With another verb or kind, nothing that was said before is meant.
                before, kind = kind, layer.get(kind_at, _DEFAULT_KINDS.get(kind_at[0]) if kind is None else kind)
                found = None if before != kind else found
            if layer.has(path):
                found = layer
        return found

    def remembered(self, path: Path) -> Layer | None:
        """Return the layer that set an effective value, which is looked for once."""
        if path not in self._asked:
            self._asked[path] = self.setter(path)
        return self._asked[path]

    def origin(self, path: Path) -> Origin | None:
        """Return where an effective value was set, or None where it is a default."""
        if path[:1] == ("env",):
            return None
        layer = self.setter(path)
        return None if layer is None else layer.source.origin((*layer.prefix, *path))

    def overridden(self, path: Path) -> tuple[tuple[object, Origin], ...]:
        """Return what earlier layers said where a later one sets a path: as written, and where; the last one first."""
        winner = self.setter(path)
        said = [layer for layer in self.layers[: self.layers.index(winner)] if layer.has(path)] if winner else []
        return tuple((layer.get(path, None), layer.source.origin((*layer.prefix, *path))) for layer in reversed(said))


_DEFAULT_KINDS: Final[dict[object, str]] = {"backoff": "exponential"}


def _replaced_whole(path: Path) -> tuple[Path, Path]:
    """Return the path of the rule that holds a path, or else of the verb or kind of what holds it; empty where not."""
    match path:
        case ("rules", "transport", str(provider), *_) if is_provider_table(provider):
            return path[:4], ()
        case ("rules" | "chaos", *_):
            return path[:3], ()
        case ("actions", _, *_):
            return (), (*path[:2], "do")
        case ("backoff", _, *_):
            return (), (*path[:2], "kind")
    return (), ()


_FREE_KEYS: Final = frozenset({"rules", "operations", "sources", "chaos", "lint"})
"""Tables whose keys are codes and operations, among which are ``InvalidToken`` and ``ApplyToken``."""


def _is_credential(layer: Layer, path: Path) -> bool:
    """Tell whether a path gives a plain value to a key that says that it is a credential."""
    key = path[-1] if path else None
    if not isinstance(key, str) or not is_secret_name(key) or isinstance(layer.get(path, None), dict):
        return False
    return path[0] not in _FREE_KEYS or is_credential_name(key)


_NAMES: Final = frozenset({ids.UNKNOWN_ACTION, ids.UNKNOWN_BACKOFF, ids.UNKNOWN_OPERATION, ids.MISSING})
_OF_OTHERS: Final = frozenset({ids.MISSING, ids.NOT_APPLICABLE, ids.BAD_UNKNOWN, ids.CAP_BELOW_BASE})
"""What depends on the other keys of a table."""


@define
class Report:
    """
    Collects what is wrong while a policy is read.

    Attributes:
        problems: What was found.
        is_complete: Whether every file could be read; if not, nothing is called unknown, because
            it may stand in what is missing.
        only: The environment whose own tables are looked at now; None for all. What an environment
            that is not chosen finds wrong elsewhere would be said twice, or is not wrong for the chosen one.
        silenced: Ids of what would only follow from a problem that is reported already.
        lost: What could not be read of the files; None where all of it could. What would only follow from that is
            left out.
        is_silent: Whether something was left out because it may only follow from something else.
        of_environments: Those of the problems that stand in the tables of an environment.
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
        path: Path,
        rule: str,
        message: str,
        *,
        at: Literal["key", "value"] = "value",
        missing: Path = (),
    ) -> None:
        """
        Add an error about the value, or the key, of a path; what a key of a credential's name holds is not shown.

        Args:
            layer: The layer that it stands in.
            path: Its path there.
            rule: The id.
            message: What to say.
            at: What is meant.
            missing: The path of what is not there, where that is the error.
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

    def _follows(self, lost: Lost, layer: Layer, path: Path, rule: str) -> bool:
        """Tell whether a problem may only follow from what could not be read."""
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

    def _secret(self, layer: Layer, path: Path) -> None:
        full = (*layer.prefix, *path)
        message = f"{dotted(full)}: credentials do not belong in a policy; give them to the executor as Credentials"
        self._add(layer, layer.source.problem(full, ids.SECRET, message, at="key", hide=True))

    def unknown_key(self, layer: Layer, path: Path, known: Sequence[str], *, holder: str, hint: str = "") -> None:
        """
        Add an error about an unknown key; the value of one that names a secret is not shown.

        Args:
            layer: The layer that it stands in.
            path: Its path there.
            known: The keys that may stand there.
            holder: What they are keys of.
            hint: What to do, where that is known better than by the spelling.
        """
        key = str(path[-1])
        full = (*layer.prefix, *path)
        if is_secret_name(key):
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
                message = f"env: nobody asks for an environment that is spelled {quoted(name)}{hint}"
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
