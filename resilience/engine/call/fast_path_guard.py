"""When the fast path is open, and what it returns: found out at a function's first call, and looked at in the next."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from resilience.core.machine import begin
from resilience.core.observer import Slot
from resilience.core.steps.limits import attempt_limit
from resilience.engine.outcome import Attempt, Outcome
from resilience.engine.target.arguments import LazyArguments
from resilience.engine.target.target import Target

_NOTHING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({})

SHUT: Final[Slot] = ({"": True}, "")


@frozen
class Guard:
    """
    What a fast path looks at.

    Attributes:
        slots: The call is nothing but an attempt while both hold None.
        is_only_attempt: Whether it is nothing but an attempt, and what observers are told of it, while they do not.
        limit: Of an attempt, in seconds; 0 for none.
    """

    slots: tuple[Slot, Slot]
    is_only_attempt: bool
    limit: float

    @classmethod
    def of(cls, target: Target) -> Guard:
        """Return how it stands after the first call."""
        is_only_attempt = not target.has_more_to_do
        slots = target.setting.idle_slots if is_only_attempt else None
        limit = attempt_limit(begin(target.plan, now=0.0), now=0.0) or 0.0
        # Another mapping than the one that is shut before the first call, so that it is not asked for again.
        return cls(slots or (({"": True}, ""), SHUT), is_only_attempt, limit)


def plain_type(target: Target, value: object) -> type | None:
    """Return the type of the first value that a function returned, if values of it are none of an SDK's answers."""
    kind = type(value)
    return kind if kind in target.plain else None


def at_once(
    target: Target, value: object, args: tuple[Any, ...], kwargs: Mapping[str, Any], duration: float
) -> Outcome[Any]:
    """Return the outcome of a call whose first attempt succeeded."""
    return Outcome(
        operation=target.operation.name,
        stop_reason="success",
        value=value,
        attempts=(Attempt(1, duration),),
        arguments=LazyArguments(target.signature, args, kwargs),
        renamed=_NOTHING,
    )
