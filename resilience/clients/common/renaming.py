"""
Where requests name what an earlier call of the same run has renamed.

A script that created ``GID_sensors`` and got ``GID_sensors-2`` goes on to speak of
``GID_sensors``: in a list of sessions, in a client id, in the topic of a message to
one device. Each of these fields has a form, which says where in the value the name is.
Which fields these are, the adapters know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from attrs import field, frozen

Swap = Callable[[str], str]
"""Takes a name, and returns the one to use instead."""

Form = Callable[[Any, Swap], Any]
"""Takes a field's value, and returns it with each name in it swapped; what has no name in it comes back as it is."""

# Both are the id of the instance; operations on certificates have the longer one.
_INSTANCE: Final = ("InstanceId", "MqttInstanceId")

# Old SDKs number the items of a list from 1: ``ClientIdList.1``.
_ITEM: Final = re.compile(r"(.+)\.[0-9]+")


@frozen
class Renaming:
    """
    A name that a resource should have had.

    Attributes:
        provider: The provider.
        field: The field that a rename changes when the resource is created: ``GroupId``, ``Topic``.
        scope: The id of the instance that it is in; empty if the request has none.
        old: The name that the script knows.
    """

    provider: str
    field: str
    scope: str
    old: str


def whole(value: Any, swap: Swap) -> Any:
    """Swap a value that is a name."""
    return swap(value) if isinstance(value, str) and value else value


def each(form: Form, value: Any, swap: Swap) -> Any:
    """Swap the names in each item of a list; in the value itself where it is none."""
    return [form(item, swap) for item in value] if isinstance(value, list | tuple) else form(value, swap)


def _always(_: Mapping[str, Any]) -> bool:
    return True


@frozen
class NamePlace:
    """
    A field that names resources of one kind.

    Attributes:
        kind: The field of their :class:`Renaming`.
        form: Where in the value the names are.
        applies: Whether the field has this meaning in a request with these fields.
    """

    kind: str
    form: Form
    applies: Callable[[Mapping[str, Any]], bool] = field(default=_always)


NamePlaces = Mapping[str, tuple[NamePlace, ...]]
"""What each request field may name."""


def scope_of(fields: Mapping[str, Any]) -> str:
    """Return the id of the instance that a request is about; empty if it names none."""
    return next((value for name in _INSTANCE if isinstance(value := fields.get(name), str)), "")


def renamed_fields(
    places: NamePlaces, provider: str, fields: Mapping[str, Any], renames: Mapping[Renaming, str]
) -> dict[str, Any]:
    """
    Return the fields that have to change because this run renamed what they name, with their new values.

    A field keeps its type: a list stays a list. What names something in another
    instance, or of another kind, is not meant.

    Args:
        places: Where requests to the provider name resources.
        provider: The provider of the call.
        fields: The fields of the request, by wire name.
        renames: What this run has renamed, and to what.
    """
    if not renames:
        return {}
    scope = scope_of(fields)
    return _swapped(places, fields, lambda kind, name: renames.get(Renaming(provider, kind, scope, name), name))


def _swapped(places: NamePlaces, fields: Mapping[str, Any], swap: Callable[[str, str], str]) -> dict[str, Any]:
    """Return the fields whose value is another after every name in it has been swapped."""
    changed: dict[str, Any] = {}
    for name, value in fields.items():
        item = _ITEM.fullmatch(name)
        fresh = value
        for place in places.get(item[1] if item else name, ()):
            if place.applies(fields):
                fresh = place.form(fresh, partial(swap, place.kind))
        if fresh != value:
            changed[name] = fresh
    return changed
