"""Read the fields of an answer, in the spelling of the wire or of an SDK's models."""

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
    """Tell whether a body is too long to be parsed a second time; a refusal is short, a list may be long."""
    return len(body) > _MAX_BODY_BYTES


def is_of(value: object, package: str) -> bool:
    """Tell whether a value's class, or a base of it, is from a package whose name begins with ``package``."""
    return any(cls.__module__.startswith(package) for cls in type(value).__mro__)


def field_of(answer: object, name: str) -> object:
    """Return a field by its wire name from a mapping, or from a model that has it by that name or in snake case."""
    if isinstance(answer, Mapping):
        return answer.get(name)
    spelling = spelling_of(answer, name)
    return None if spelling is None else getattr(answer, spelling)


def spelling_of(answer: object, name: str) -> str | None:
    """Return a model's attribute for a field, by its wire name; None if the model has none."""
    return next((found for found in (name, _HUMP.sub("_", name).lower()) if hasattr(answer, found)), None)


def is_empty(body: object) -> bool:
    """Tell whether a body has no fields; a good answer has at least a request id."""
    if isinstance(body, Mapping):
        return not body
    return all(value is None for value in getattr(body, "__dict__", {}).values())


def has_answer(facts: OperationFacts | None, answer: object) -> bool:
    """Tell whether an answer has one of the fields that every good answer has; True if no such field is known."""
    names = facts.answer if facts is not None else ()
    return not names or any(field_of(answer, name) is not None for name in names)


def complete(provider: str | None, fields: tuple[str, ...], check: Check) -> Check:
    """
    Return a check that also finds an answer ``garbled`` if one of some fields is missing.

    Args:
        provider: The provider of the call.
        fields: The wire names of the fields; ``data.id`` is a field inside another.
        check: The check that comes first.
    """

    def checked(value: object) -> Fault | None:
        fault = check(value)
        if fault is not None or all(_reached(value, name) is not None for name in fields):
            return fault
        return Fault(provider=provider, transport="garbled", effect="unknown")

    return checked


def _reached(answer: object, name: str) -> object:
    """Return a field of an answer, of its body, or of an object inside; None if it is missing."""
    value = field_of(answer, name)
    outer, dot, inner = name.partition(".")
    if value is None and dot and (within := field_of(answer, outer)) is not None:
        value = _reached(within, inner)
    for part in ("body", "Response") if value is None else ():
        if (body := field_of(answer, part)) is not None and body is not answer:
            value = _reached(body, name)
    return value
