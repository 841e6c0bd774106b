"""Builds actions from merged settings, with every default filled in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import define, field

from resilience.core.backoff import Backoff
from resilience.core.policy import DEFAULT_RENAMES, VERBS, Action, ready_made
from resilience.policyfile.decode.backoffs import misplaced
from resilience.policyfile.decode.layers import Stack
from resilience.policyfile.decode.settings import is_name
from resilience.policyfile.format.rows import keys_of
from resilience.policyfile.format.tables import ACTION
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.wording import dotted, listed, quoted, suggestion
from resilience.policyfile.report import Report
from resilience.policyfile.settings import Entries, Settings

READY_MADE: Final = tuple(ready_made(Backoff()))
"""The names of the ready-made actions."""

_LONGEST_CHAIN: Final = 32
"""The most actions in a chain of ``then``; a reader can follow three or four."""

_WAITING: Final = frozenset({"retry", "verify"})
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}|[{}]")


def build_actions(
    settings: Settings, backoffs: Mapping[str, Backoff], stack: Stack, report: Report, known: Mapping[str, Action]
) -> dict[str, Action]:
    """
    Return the named and the ready-made actions; an action without a verb is reported and becomes a ``fail``.

    Args:
        settings: The merged settings of the layers.
        backoffs: The backoffs that actions may name.
        stack: The layers.
        report: Collects the problems.
        known: Actions that were built before.
    """
    made = ready_made(backoffs["default"])
    builder = _Builder(settings, backoffs, stack, report, known, {name: known.get(name, made[name]) for name in made})
    for name in settings.actions:
        builder.build(name, ())
    return builder.actions


@define
class _Builder:
    settings: Settings
    backoffs: Mapping[str, Backoff]
    stack: Stack
    report: Report
    known: Mapping[str, Action]
    actions: dict[str, Action]
    _names: tuple[str, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._names = (*READY_MADE, *self.settings.actions)

    def complain(self, name: str, key: str, rule: str, message: str, *, at_key: bool = False) -> None:
        path = ("actions", name, key) if key else ("actions", name)
        self.report.add(
            self.stack.setter(path) or self.stack.root, path, rule, message, at="key" if at_key else "value"
        )

    def build(self, name: str, above: tuple[str, ...]) -> Action:
        """Build an action, and before it the chain of its ``then``; ``above`` has the actions that lead to it."""
        if name in READY_MADE and name in self.settings.actions and not above:
            message = f"the ready-made action {quoted(name)} cannot be redefined; choose another name"
            self.complain(name, "", ids.READY_MADE, message, at_key=True)
        if name in self.actions:
            return self.actions[name]
        if name in self.known:
            then = self.known[name].then
            if then is not None:
                # The order of the actions is as if this one were built now.
                self.build(then.key, (*above, name))
            self.actions[name] = self.known[name]
            return self.known[name]
        entries = self.settings.actions[name]
        action = Action(key=name, do="fail")
        do = entries.get("do")
        if do is None:
            if not self._has_bad_do(name):
                message = f"{quoted(name)} needs do: {', '.join(VERBS)}"
                self.complain(name, "", ids.MISSING, message, at_key=True)
        elif do not in VERBS:
            near = suggestion(do, VERBS) or f"; there are {', '.join(VERBS)}"
            self.complain(name, "do", ids.UNKNOWN_ACTION, f"unknown action {quoted(do)}{near}")
        else:
            for key, rule, message, at_key in faults_of(entries, self.backoffs):
                self.complain(name, key, rule, message, at_key=at_key)
            then = self._then(name, entries.get("then"), (*above, name))
            action = Action(key=name, **defaults(entries, self.backoffs, then))
        self.actions[name] = action
        return action

    def _has_bad_do(self, name: str) -> bool:
        """Tell whether another problem explains the missing verb: a bad value of ``do``, a bad name, or no table."""
        path = ("actions", name, "do")
        layers = [layer for layer in self.stack.layers if layer.has(path[:2])]
        is_table = all(isinstance(layer.get(path[:2], None), dict) for layer in layers)
        return not is_table or not is_name(*path[:2]) or self.stack.setter(path) is not None

    def _then(self, name: str, then: str | None, chain: tuple[str, ...]) -> Action | None:
        if then is None or then == "fail":
            return None
        if then in chain:
            circle = " -> ".join(dotted((each,)) for each in (*chain[chain.index(then) :], then))
            message = f"this chain returns to itself: {circle}; end it with another action"
            self.complain(name, "then", ids.ENDLESS_THEN, message)
            return None
        # The length counts both directions: the actions above, and those that were built before.
        built = self.actions.get(then, self.known.get(then))
        if len(chain) + (0 if built is None else len(list(built.chain))) >= _LONGEST_CHAIN:
            message = f"this chain has over {_LONGEST_CHAIN} actions; make it shorter"
            self.complain(name, "then", ids.ENDLESS_THEN, message)
            return None
        if then in self.actions or then in self.settings.actions:
            return self.build(then, chain)
        self.complain(name, "then", ids.UNKNOWN_ACTION, unknown_action(then, self._names))
        return None


def unknown_action(name: str, known: Collection[str]) -> str:
    """Return the message about an action that does not exist."""
    return f"unknown action {quoted(name)}{suggestion(name, known) or '; there are ' + listed(known)}"


def faults_of(entries: Entries, backoffs: Mapping[str, Backoff]) -> list[tuple[str, str, str, bool]]:
    """
    Return the problems of an action with a known verb, apart from its ``then``.

    Returns:
        For each problem: the key, the id, the message, and whether the key itself is wrong.
    """
    do = entries["do"]
    own = listed(keys_of(ACTION, do)[1:])
    knows = f"which knows {own}" if own else "which has no settings"
    faults = [
        (key, ids.NOT_APPLICABLE, f'{key} means nothing for an action that does "{do}", {knows}', True)
        for key in misplaced((key for key in entries if key in ACTION), ACTION, do)
    ]
    if "backoff" in entries and entries["backoff"] not in backoffs:
        name = entries["backoff"]
        near = suggestion(name, backoffs) or f"; there are {listed(backoffs)}"
        faults.append(("backoff", ids.UNKNOWN_BACKOFF, f"unknown backoff {quoted(name)}{near}", False))
    if "pattern" in entries and (message := pattern_fault(entries["pattern"])):
        faults.append(("pattern", ids.BAD_PATTERN, message, False))
    return faults


def pattern_fault(pattern: str) -> str | None:
    """Return the problem of a rename's pattern, or None."""
    names = [match.group(1) for match in _PLACEHOLDER.finditer(pattern)]
    for name in names:
        if name not in {"name", "n", "hash"}:
            found = "a brace that stands alone" if name is None else f'"{{{name}}}"'
            return f"pattern: expected {{name}}, {{n}} or {{hash}}, got {found}"
    if "n" not in names and "hash" not in names:
        return f"pattern: expected {{n}} or {{hash}} in it, so that another name comes out, got {quoted(pattern)}"
    return None


def defaults(entries: Entries, backoffs: Mapping[str, Backoff], then: Action | None) -> dict[str, Any]:
    """Return an action's values apart from its key, with every default of the README's table."""
    do = entries["do"]
    waits = do in _WAITING
    return {
        "do": do,
        "backoff": backoffs.get(entries.get("backoff", "default" if waits else "")),
        "counts": entries.get("counts", waits),
        "max": entries.get("max", DEFAULT_RENAMES if do == "rename" else None),
        "lasts": entries.get("for"),
        "then": then,
        "condition": entries.get("if", "ours"),
        "dry_run": "as" in entries,
        "pattern": entries.get("pattern", "{name}-{n}"),
        "max_length": entries.get("max_length"),
    }
