"""What the machine remembers of a call."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, fields, frozen

from resilience.core.decision import StopReason
from resilience.core.plan import Plan
from resilience.core.policy import Action, Rule


@frozen(kw_only=True)
class Choice:
    """
    The action that a fault leads to.

    Attributes:
        rule: The rule that matched, or None if none did.
        action: The action after following ``then``; ``fail`` if the chain ended.
        reason: Why the call stops if the action is ``fail``.
        provider: Whose credentials a refresh renews.
    """

    rule: Rule | None
    action: Action
    reason: StopReason
    provider: str | None


@frozen(kw_only=True)
class History:
    """
    What the machine remembers of a call; a value, never shared.

    Attributes:
        plan: What the call can do.
        deadline: When the call must have ended, on the shell's clock; None for never.
        ours: Whether an attempt of this name, or an earlier run, may have taken effect.
        unresolved: Whether such an attempt has not been looked into.
        doubt_at: When the last doubtful attempt ended.
        attempts: Attempts that failed.
        counted: Those of them that use up ``max_attempts``.
        uses: Uses of each action, by its key.
        first_uses: When each action was used first, on the shell's clock.
        refreshes: Refreshes by provider.
        last_waits: The last wait of each action, for decorrelated jitter.
        name: The number of the name in use; 1 is the caller's own.
        named_alone: Whether nobody else makes things of the name in use: the caller's own, one that this run or its
            ledger knows, or one with a hash of the caller's.
        pending: What goes on when a verification or a remedy has brought its answer.
        verifying: Whether a verification is what the shell was last asked for.
        asked: How often the verifier was asked since the last failed attempt.
        ask_failures: How often it failed itself.
    """

    plan: Plan
    deadline: float | None
    ours: bool = False
    unresolved: bool = False
    doubt_at: float = 0.0
    attempts: int = 0
    counted: int = 0
    uses: Mapping[str, int] = field(factory=dict)
    first_uses: Mapping[str, float] = field(factory=dict)
    refreshes: Mapping[str | None, int] = field(factory=dict)
    last_waits: Mapping[str, float] = field(factory=dict)
    name: int = 1
    named_alone: bool = True
    pending: Choice | None = None
    verifying: bool = False
    asked: int = 0
    ask_failures: int = 0

    def but(self, **changes: Any) -> History:
        """Return a copy with other values; ``attrs.evolve`` does the same in four times the time."""
        values = dict(zip(_NAMES, _values(self), strict=True))
        values.update(changes)
        return History(**values)


_NAMES: Final = tuple(each.name for each in fields(History))
_values: Final = operator.attrgetter(*_NAMES)
