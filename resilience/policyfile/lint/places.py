"""Rules and actions with their places, and what a rule's code stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from resilience.catalog import CodeClass
from resilience.core.fault import Fault, Transport
from resilience.core.policy import Action, Rule
from resilience.policyfile.decode.layers import Layer
from resilience.policyfile.files.positions import Path
from resilience.policyfile.messages.wording import quoted
from resilience.policyfile.ruleset import Rank

Operation = tuple[str, str]
"""A provider and the name of one of its operations."""

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
"""What a status says where the service names no code. Source: RFC 9110, section 15, and RFC 6585, section 4."""


@frozen(eq=False)
class RuleAt:
    """
    A rule that takes effect, and where it stands.

    Attributes:
        rule: The rule.
        path: Its path in the merged tables; see :attr:`Rule.path`.
        layer: The layer that set it.
        rank: Where it comes in the order of the rules.
    """

    rule: Rule
    path: Path
    layer: Layer
    rank: Rank

    @property
    def is_inline(self) -> bool:
        """Whether its value is a table."""
        return isinstance(self.layer.get(self.path, None), dict)

    @property
    def key(self) -> Path:
        """The path of its key, which it shares with the other answers of its array."""
        return self.rule.key_path

    @property
    def is_first(self) -> bool:
        """Whether what is to be said of its key is said for it, and not for an earlier answer of its array."""
        return not self.rule.entry

    @property
    def label(self) -> str:
        """Its code, with its operation, as written."""
        return str(self.key[-1])

    def inner(self, key: str) -> Path:
        """Return the path of a key of its inline table, or its own where the table does not have it."""
        return (*self.path, key) if self.layer.has((*self.path, key)) else self.path


def by_rank(each: RuleAt) -> Rank:
    """Return what rules are sorted by."""
    return each.rank


@frozen(eq=False)
class ActionAt:
    """
    An action that a file defines, and where: a named one, or the inline table of a rule.

    Attributes:
        action: The action.
        path: The path of its table.
        label: Its name in messages.
    """

    action: Action
    path: Path
    label: str


@frozen(eq=False)
class Mistake:
    """
    What makes some rules wrong: the rule itself, or the named action that was changed under it.

    Attributes:
        path: The path of it.
        layer: The layer that set it.
        rules: The rules; one, unless it is an action.
    """

    path: Path
    layer: Layer
    rules: tuple[RuleAt, ...]

    @property
    def codes(self) -> str:
        """The code of the first rule, and how many others there are."""
        first, *others = self.rules
        return quoted(first.rule.code) + (f" (and {len(others)} more)" if others else "")


def chain(action: Action | None) -> Iterator[Action]:
    """Yield an action and everything that its ``then`` leads to."""
    while action is not None:
        yield action
        action = action.then


def fault_of(rule: Rule, provider: str) -> Fault:
    """Return a fault that a rule's code stands for."""
    if not rule.scope.startswith("transport"):
        return Fault(provider=provider, code=rule.code)
    if rule.code in _TRANSPORTS:
        return Fault(provider=provider, transport=_TRANSPORTS[rule.code])
    return Fault(provider=provider, status=int(rule.code.removeprefix("http-").replace("xx", "99")))


def transport_class(code: str) -> CodeClass:
    """Return what kind of thing a fault without a code says."""
    if code in _STATUS_CLASSES:
        return _STATUS_CLASSES[code]
    if code in _TRANSPORTS:
        return "transient" if code == "unsent" else "client"
    return "internal" if code.startswith("http-5") else "parameter"
