"""Rules and actions with their places, and the faults that a rule's code stands for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from resilience.catalog import CodeClass
from resilience.core.fault import Fault, Transport
from resilience.core.policy import Action, Rule
from resilience.policyfile.decode.layers import Layer
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.messages.wording import quoted
from resilience.policyfile.ruleset import Rank

OperationKey = tuple[str, str]
"""A provider and the name of one of its operations."""

_SHOWN: Final = 3
_TRANSPORTS: Final[dict[str, Transport]] = {"unsent": "unsent", "lost": "lost", "garbled": "garbled"}
_STATUS_CLASSES: Final[dict[str, CodeClass]] = {
    "http-401": "credential",
    "http-403": "permission",
    "http-404": "missing",
    "http-408": "transient",
    "http-409": "exists",
    "http-425": "transient",
    "http-429": "throttle",
    "http-502": "transient",
    "http-503": "transient",
    "http-504": "transient",
}
"""The meaning of a status without a code. Source: RFC 9110, section 15, and RFC 6585, section 4."""


@frozen(eq=False)
class RuleAt:
    """
    An effective rule with its place.

    Attributes:
        rule: The rule.
        path: Its path in the merged tables; see :attr:`Rule.path`.
        layer: The layer that set it.
        rank: Its place in the order of the rules.
    """

    rule: Rule
    path: KeyPath
    layer: Layer
    rank: Rank

    @property
    def key(self) -> KeyPath:
        """The path of its key, which it shares with the other answers of its array."""
        return self.rule.key_path

    @property
    def is_first(self) -> bool:
        """Whether findings about its key belong to it, and not to an earlier answer of its array."""
        return not self.rule.entry

    @property
    def label(self) -> str:
        """The left side of the rule, as the file has it."""
        return str(self.key[-1])

    def inner(self, key: str) -> KeyPath:
        """Return the path of a key in its inline table, or its own path if the table lacks the key."""
        return (*self.path, key) if self.layer.has((*self.path, key)) else self.path


def by_rank(each: RuleAt) -> Rank:
    """Return the sort key of rules."""
    return each.rank


@frozen(eq=False)
class ActionAt:
    """
    An action of a file with its place: a named one, or the inline table of a rule.

    Attributes:
        action: The action.
        path: The path of its table.
        label: Its name in messages.
    """

    action: Action
    path: KeyPath
    label: str


@frozen(eq=False)
class Mistake:
    """
    The place that makes some rules wrong: the rule itself, or its named action, which a later layer changed.

    Attributes:
        path: The path of the rule or the action.
        layer: The layer that set it.
        rules: The wrong rules; one, or all rules with the action.
    """

    path: KeyPath
    layer: Layer
    rules: tuple[RuleAt, ...]

    @property
    def codes(self) -> str:
        """The code of the first rule, and the number of the others."""
        first, *others = self.rules
        return quoted(first.rule.code) + (f" (and {len(others)} more)" if others else "")


def few_names(operations: Iterable[OperationKey]) -> str:
    """Return the names of some operations for a message: the first ones, and the number of the others."""
    names = sorted({name for _, name in operations})
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def fault_of(rule: Rule, provider: str) -> Fault:
    """Return an example of a fault with a rule's code."""
    if not rule.scope.startswith("transport"):
        return Fault(provider=provider, code=rule.code)
    if rule.code in _TRANSPORTS:
        return Fault(provider=provider, transport=_TRANSPORTS[rule.code])
    return Fault(provider=provider, status=int(rule.code.removeprefix("http-").replace("xx", "99")))


def transport_class(code: str) -> CodeClass:
    """Return the class of a fault without a code."""
    if code in _STATUS_CLASSES:
        return _STATUS_CLASSES[code]
    if code in _TRANSPORTS:
        return "transient" if code == "unsent" else "client"
    return "internal" if code.startswith("http-5") else "parameter"
