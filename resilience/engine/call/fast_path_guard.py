"""The guard of the fast path: what a function's first call finds out for the calls after it."""

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
    The conditions under which the fast path is open.

    Attributes:
        slots: Two slots; the fast path is open while both hold None.
        is_only_attempt: Whether a call needs nothing but an attempt, apart from the events for observers.
        limit: The limit of an attempt, in seconds; 0 for none.
    """

    slots: tuple[Slot, Slot]
    is_only_attempt: bool
    limit: float

    @classmethod
    def of(cls, target: Target) -> Guard:
        """Return the guard after the first call of a function."""
        is_only_attempt = not target.has_more_to_do
        slots = target.setting.idle_slots if is_only_attempt else None
        limit = attempt_limit(begin(target.plan, now=0.0), now=0.0) or 0.0
        # Not the mapping of SHUT, which means that the first call has still to come.
        return cls(slots or (({"": True}, ""), SHUT), is_only_attempt, limit)


def plain_type(target: Target, value: object) -> type | None:
    """Return the type of a function's first value, if values of this type are never an SDK's answer; else None."""
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
