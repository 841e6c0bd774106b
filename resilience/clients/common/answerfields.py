"""The fields of an answer, however an SDK or a JSON body spells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from resilience.catalog import OperationFacts

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
