"""Environments that repeat plain values, loosen limits, or hide a value of another file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from resilience.core.grammar.durations import written
from resilience.policyfile.decode.layers import Layer, Stack
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.format.rule_keys import is_provider_table
from resilience.policyfile.format.shared_limits import SHARED
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import dotted, shown

_NOTHING: Final = object()
_MERGED: Final = SHARED | {
    *("limits", "backoff", "actions", "credentials", "operations", "rules", "chaos", "ledger", "state")
}


def hidden(view: View) -> Iterator[Problem]:
    """RP060: a plain value that an environment of an extended file hides."""
    order = {id(source): number for number, source in enumerate(view.sources)}
    first = min((order[id(layer.source)] for layer in view.stack.layers if layer.prefix), default=len(order))
    for layer in view.stack.layers:
        # Only an environment of an extended file can hide a plain value.
        if layer.prefix or order[id(layer.source)] <= first:
            continue
        for path in values(layer):
            winner = view.stack.setter(path)
            if winner is None or not winner.prefix or order[id(winner.source)] >= order[id(layer.source)]:
                continue
            if winner.get(path, _NOTHING) == layer.get(path, _NOTHING):
                continue
            where = winner.source.origin((*winner.prefix, *path))
            message = (
                f"environment {winner.env} takes {_shown(winner.get(path, None))} from {where} instead: environments "
                f"beat plain values; write it under [{dotted((*winner.prefix, *path[:-1]))}]"
            )
            yield view.problem(path, ids.HIDDEN_VALUE, message, layer=layer)


def dead(view: View) -> Iterator[Problem]:
    """RP034: an environment that repeats the plain value."""
    for number, layer in enumerate(view.stack.layers):
        if not layer.prefix:
            continue
        below = Stack(view.stack.layers[:number])
        for path in values(layer):
            setter = below.setter(path)
            if setter is None or not _is_known(view, setter, layer):
                continue
            if setter.get(path, _NOTHING) == layer.get(path, None) and _same_kind(path):
                where = setter.source.origin((*setter.prefix, *path))
                message = f"this is the value at {where} again; without it the policy is the same"
                yield view.problem(path, ids.DEAD_OVERRIDE, message, severity="info", layer=layer)


def loosened(view: View) -> Iterator[Problem]:
    """RP033: an environment with more attempts than the plain values, or without their timeout of an attempt."""
    for number, layer in enumerate(view.stack.layers):
        if not layer.prefix:
            continue
        below = Stack(view.stack.layers[:number])
        before, attempts = _from(view, below, layer, "max_attempts"), layer.get(("limits", "max_attempts"), None)
        if isinstance(before, int) and isinstance(attempts, int) and attempts > before:
            message = (
                f"environment {layer.env} allows {attempts} attempts instead of {before}: when the service is down, "
                "each call loads it that much more; prefer longer waits and a later deadline"
            )
            yield view.problem(("limits", "max_attempts"), ids.LOOSENED, message, layer=layer)
        before = _from(view, below, layer, "attempt_timeout")
        if layer.get(("limits", "attempt_timeout"), None) == "none" and before not in {None, "none"}:
            limit = view.policy.limits.deadline
            bound = "nothing" if limit is None else f"only the deadline of {written(limit)}"
            message = (
                f'environment {layer.env} lifts the attempt_timeout "{before}": {bound} ends an attempt that hangs'
            )
            yield view.problem(("limits", "attempt_timeout"), ids.LOOSENED, message, layer=layer)


def _from(view: View, below: Stack, layer: Layer, key: str) -> object:
    setter = below.setter(("limits", key))
    return setter.get(("limits", key), None) if setter is not None and _is_known(view, setter, layer) else None


def _is_known(view: View, setter: Layer, layer: Layer) -> bool:
    """Tell whether a value stands in a layer's own file, or in one that the file extends."""
    names = [source.name for source in view.sources]
    return names.index(setter.source.name) <= names.index(layer.source.name)


def _same_kind(path: KeyPath) -> bool:
    """Tell whether a value can be left out: other keys of its table may depend on ``do`` and ``kind``."""
    return path[-1] not in {"do", "kind"} or path[0] == "rules"


def values(layer: Layer) -> Iterator[tuple[str, ...]]:
    """Yield the paths of a layer's values in merged tables; a rule is one value."""
    for name, table in layer.table.items():
        if name == "unknown":
            yield (name,)
        elif name in _MERGED and isinstance(table, dict):
            yield from _values((name,), table)


def _values(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        here = (*path, key)
        if isinstance(value, dict) and _is_table(here):
            yield from _values(here, value)
        else:
            yield here


def _is_table(path: tuple[str, ...]) -> bool:
    """Tell whether a path leads to a table of entries, and not to an entry in the form of a table."""
    if path[0] == "rate" and path[2:] == ("operations",):
        return True
    return len(path) == 2 or (path[:2] == ("rules", "transport") and len(path) == 3 and is_provider_table(path[2]))  # noqa: PLR2004  # [table.NAME] and [rules.transport.PROVIDER]


def _shown(value: object) -> str:
    if isinstance(value, dict) and isinstance(value.get("do"), str):
        return f'{{ do = "{value["do"]}" ... }}'
    return shown(value)
