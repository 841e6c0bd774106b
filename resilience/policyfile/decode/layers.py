"""The layers of a policy: the plain tables of each file, then each file's tables for the chosen environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from resilience.core.fault import Origin
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.format.rule_keys import is_provider_table


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
