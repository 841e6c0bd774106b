"""The fields of an answer, however an SDK or a JSON body spells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from resilience.catalog import OperationFacts
from resilience.clients.common.calls import Check
from resilience.core.fault import Fault

_MAX_BODY_BYTES: Final = 65_536
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_long(body: str | bytes) -> bool:
    """Tell whether a body is a list rather than a refusal: too long to be read a second time."""
    return len(body) > _MAX_BODY_BYTES


def is_of(value: object, package: str) -> bool:
    """Tell whether a value's class, or a base of it, is from a package whose name begins so."""
    return any(cls.__module__.startswith(package) for cls in type(value).__mro__)


def field_of(answer: object, name: str) -> object:
    """Return a field by its wire name, from a mapping, or from a model that spells it so or in snake case."""
    if isinstance(answer, Mapping):
        return answer.get(name)
    spelling = spelling_of(answer, name)
    return None if spelling is None else getattr(answer, spelling)


def spelling_of(answer: object, name: str) -> str | None:
    """Return how a model spells a field; None if it has none of that name."""
    return next((found for found in (name, _HUMP.sub("_", name).lower()) if hasattr(answer, found)), None)


def is_empty(body: object) -> bool:
    """Tell whether a body has nothing in it: answers have at least a request id."""
    if isinstance(body, Mapping):
        return not body
    return all(value is None for value in getattr(body, "__dict__", {}).values())


def has_answer(facts: OperationFacts | None, answer: object) -> bool:
    """Tell whether any of the fields is there that a good answer always has; True where none is known."""
    names = facts.answer if facts is not None else ()
    return not names or any(field_of(answer, name) is not None for name in names)


def complete(provider: str | None, fields: tuple[str, ...], check: Check) -> Check:
    """
    Return a check that also takes an answer for garbled which lacks one of some fields.

    A value that has no fields, such as a text that a function has read out of its answer, is taken as it is.

    Args:
        provider: The provider of the call.
        fields: The fields, by their names on the wire; ``data.id`` is a field inside of another.
        check: What else there is to check.
    """

    def checked(value: object) -> Fault | None:
        fault = check(value)
        if fault is not None or all(_reached(value, name) is not None for name in fields):
            return fault
        return Fault(provider=provider, transport="garbled", effect="unknown")

    return checked


def _reached(answer: object, name: str) -> object:
    """Return a field of an answer, of its body, or of an object inside; None if it is not there."""
    value = field_of(answer, name)
    outer, dot, inner = name.partition(".")
    if value is None and dot and (held := field_of(answer, outer)) is not None:
        value = _reached(held, inner)
    for body in ("body", "Response") if value is None else ():
        if (held := field_of(answer, body)) is not None and held is not answer:
            value = _reached(held, name)
    return value
