"""
Whose name is whose: those that calls ask for, and those that renames have given.

A name belongs to the resource that has it first: because a call asks for it, or because a rename gave
it. No rename gives it to another one, and a call that asks for what another resource was given is
refused. So two resources never become one, whatever a service answers.

A given name is held by each call that uses it. It is free again when all of them have left it
without a doubt. A name that was asked for stays asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from attrs import define, field

from resilience.clients.common.renaming import Renaming
from resilience.engine.runtime.locks import ProcessLock


class NameScope(NamedTuple):
    """
    Where names must differ; four strings, so that it can be a line of a file.

    Attributes:
        provider: The provider; empty where none is known.
        operation: The operation that makes what has the name.
        field: The request field that the name is in.
        scope: The other fields that name a resource, as a rule the id of an instance.
    """

    provider: str
    operation: str
    field: str
    scope: str


class NameOwners(Protocol):
    """Knows whose name is whose."""

    def changes(self) -> Mapping[Renaming, str]:
        """Return the new name of everything that was renamed; asked in every call, so it must be quick."""
        ...

    def ask(self, place: NameScope, name: str) -> bool:
        """Note that a call asks for a name; return whether it may have it. Quick where it was asked for before."""
        ...

    def give(self, place: NameScope, original: str, name: str) -> bool:
        """Give a name to the resource that a call asks for as ``original``; return whether it could be given."""
        ...

    def leave(self, place: NameScope, original: str, name: str) -> None:
        """Take back a name that a call was given: nothing was made under it."""
        ...


NameChange = Literal["ask", "give", "leave"]


@define(eq=False, repr=False)
class Register:
    """
    What follows from one change after the other; for one thread at a time, but any may read meanwhile.

    Attributes:
        changes: The new name of everything that was renamed, as it is at any moment: to be looked up in.
    """

    changes: Mapping[Renaming, str] = field(init=False)
    _changes: dict[Renaming, str] = field(factory=dict, init=False)
    # By place and name: the original of the resource that has it.
    _owners: dict[NameScope, dict[str, str]] = field(factory=dict, init=False)
    _holds: dict[tuple[NameScope, str], int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.changes = MappingProxyType(self._changes)

    def is_asked(self, place: NameScope, name: str) -> bool:
        """Return whether a name is known to be asked for and nothing else; that never changes."""
        names = self._owners.get(place)
        return names is not None and names.get(name) == name

    def apply(self, did: NameChange, place: NameScope, original: str, name: str) -> bool:
        """Make a change; return whether a name that was asked for or given may be had."""
        names = self._owners.setdefault(place, {})
        if did == "leave":
            self._leave(names, place, original, name)
            return True
        if names.setdefault(name, original) != original:
            return False
        if did == "give":
            self._holds[place, name] = self._holds.get((place, name), 0) + 1
            self._changes[_renaming(place, original)] = name
        return True

    def _leave(self, names: dict[str, str], place: NameScope, original: str, name: str) -> None:
        left = self._holds.pop((place, name), 1) - 1
        if left:
            self._holds[place, name] = left
            return
        names.pop(name, None)
        renaming = _renaming(place, original)
        if self._changes.get(renaming) == name:
            del self._changes[renaming]


@define(eq=False, repr=False)
class ProcessNames:
    """The names of one process; more processes have them in common where changes are noted for all."""

    _register: Register = field(factory=Register, init=False)
    _guard: ProcessLock = field(factory=ProcessLock, init=False)

    def changes(self) -> Mapping[Renaming, str]:
        """Return the new name of everything that was renamed."""
        return self._register.changes

    def ask(self, place: NameScope, name: str) -> bool:
        """Note that a call asks for a name; return whether it may have it."""
        return self._register.is_asked(place, name) or self._do("ask", place, name, name)

    def give(self, place: NameScope, original: str, name: str) -> bool:
        """Give a name to a resource; return whether it could be given."""
        return self._do("give", place, original, name)

    def leave(self, place: NameScope, original: str, name: str) -> None:
        """Take back a name that a call was given."""
        self._do("leave", place, original, name)

    def _do(self, did: NameChange, place: NameScope, original: str, name: str) -> bool:
        with self._guard:
            return self._register.apply(did, place, original, name)


def _renaming(place: NameScope, original: str) -> Renaming:
    return Renaming(place.provider, place.field, place.scope, original)
