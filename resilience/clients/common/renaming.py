"""
Put the new names of renamed resources into later requests of the same run.

A script creates ``GID_sensors``, and the call makes ``GID_sensors-2`` of it. Later requests
of the script still have ``GID_sensors``: in a list of sessions, in a client id, in the topic
of a message to one device. The adapters know these fields, and where in a value the name is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from attrs import field, frozen

Swap = Callable[[str], str]
"""Takes a name, and returns the name to use instead."""

Rewrite = Callable[[Any, Swap], Any]
"""Takes a field's value, and returns it with each name in it swapped; a value without names is returned unchanged."""

# Both fields are the id of the instance; operations on certificates have the second.
_INSTANCE: Final = ("InstanceId", "MqttInstanceId")

# Old SDKs number the items of a list from 1: ``ClientIdList.1``.
_ITEM: Final = re.compile(r"(.+)\.[0-9]+")


@frozen
class Renaming:
    """
    The name of a resource that a call has renamed.

    Attributes:
        provider: The provider.
        field: The field of the creating request that the rename changed: ``GroupId``, ``Topic``.
        scope: The id of the resource's instance; empty if the request has none.
        old: The name that the script asked for.
    """

    provider: str
    field: str
    scope: str
    old: str


def whole(value: Any, swap: Swap) -> Any:
    """Swap a value that is a name as a whole."""
    return swap(value) if isinstance(value, str) and value else value


def each(rewrite: Rewrite, value: Any, swap: Swap) -> Any:
    """Swap the names in each item of a list, or in a value that is no list."""
    return [rewrite(item, swap) for item in value] if isinstance(value, list | tuple) else rewrite(value, swap)


def _always(_: Mapping[str, Any]) -> bool:
    return True


@frozen
class NameReference:
    """
    A request field that names resources of one kind.

    Attributes:
        kind: The ``field`` of the resources' :class:`Renaming`.
        rewrite: Swaps the names in a value of the field.
        applies: Tells whether the field has this meaning in a request with these fields.
    """

    kind: str
    rewrite: Rewrite
    applies: Callable[[Mapping[str, Any]], bool] = field(default=_always)


NameReferences = Mapping[str, tuple[NameReference, ...]]
"""The kinds of resources that each request field may name."""


def scope_of(fields: Mapping[str, Any]) -> str:
    """Return the id of the instance in a request; an empty text if there is none."""
    return next((value for name in _INSTANCE if isinstance(value := fields.get(name), str)), "")


def renamed_fields(
    references: NameReferences, provider: str, fields: Mapping[str, Any], renames: Mapping[Renaming, str]
) -> dict[str, Any]:
    """
    Return the fields that name resources which this run has renamed, with their new values.

    A field keeps its type: a list stays a list. A name in another instance, or of another kind of resource, stays.

    Args:
        references: The fields of the provider's requests that name resources.
        provider: The provider of the call.
        fields: The fields of the request, by wire name.
        renames: The new name of each renamed resource.
    """
    if not renames:
        return {}
    scope = scope_of(fields)
    return _swapped(references, fields, lambda kind, name: renames.get(Renaming(provider, kind, scope, name), name))


def _swapped(references: NameReferences, fields: Mapping[str, Any], swap: Callable[[str, str], str]) -> dict[str, Any]:
    """Return the fields whose values change when every name in them is swapped."""
    changed: dict[str, Any] = {}
    for name, value in fields.items():
        item = _ITEM.fullmatch(name)
        fresh = value
        for reference in references.get(item[1] if item else name, ()):
            if reference.applies(fields):
                fresh = reference.rewrite(fresh, partial(swap, reference.kind))
        if fresh != value:
            changed[name] = fresh
    return changed
