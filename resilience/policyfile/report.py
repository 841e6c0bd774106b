"""The problems of a policy, collected while the policy is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from attrs import define, field

from resilience.policyfile.decode.layers import Layer
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.wording import (
    dotted,
    is_credential_name,
    is_secret_name,
    listed,
    shown,
    suggestion,
)

if TYPE_CHECKING:
    from resilience.policyfile.files.recovery.lost import Lost

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
