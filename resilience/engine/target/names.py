"""
Remember the owner of each name: of names that calls ask for, and of names that renames give.

A name belongs to the first resource that has it, because a call asked for it or because a rename gave
it. No rename gives the name to another resource, and a call that asks for another resource's name is
refused. So two resources never become one, with any answers of a service.

Each call that uses a given name holds it. The name is free again when all of these calls have left it
without a doubt. A name that a call asked for is never free again.
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
    The resources that must have different names; four texts, for a line of a file.

    Attributes:
        provider: The provider; empty if it is unknown.
        operation: The operation that makes the resources.
        field: The request field with the name.
        scope: The other fields that name a resource, usually the id of an instance.
    """

    provider: str
    operation: str
    field: str
    scope: str


class NameOwners(Protocol):
    """Knows the owner of each name."""

    def changes(self) -> Mapping[Renaming, str]:
        """Return the new names of all renamed resources; every call uses this, so it must be quick."""
        ...

    def ask(self, scope: NameScope, name: str) -> bool:
        """Note that a call asks for a name; return whether it may have the name. Quick for a repeated question."""
        ...

    def give(self, scope: NameScope, original: str, name: str) -> bool:
        """Give a name to the resource that a call asks for as ``original``; return whether that was possible."""
        ...

    def leave(self, scope: NameScope, original: str, name: str) -> None:
        """Take back the given name of a call that has made nothing under it."""
        ...


NameChange = Literal["ask", "give", "leave"]


@define(eq=False, repr=False)
class Register:
    """
    The state after all changes so far; one thread at a time may change it, and any thread may read it.

    Attributes:
        changes: A view of the new names of all renamed resources, always up to date.
    """

    changes: Mapping[Renaming, str] = field(init=False)
    _changes: dict[Renaming, str] = field(factory=dict, init=False)
    # By scope and name: the original name of the resource that has the name.
    _owners: dict[NameScope, dict[str, str]] = field(factory=dict, init=False)
    _holds: dict[tuple[NameScope, str], int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.changes = MappingProxyType(self._changes)

    def is_asked(self, scope: NameScope, name: str) -> bool:
        """Tell whether a call has asked for a name that its own resource has; that never changes."""
        names = self._owners.get(scope)
        return names is not None and names.get(name) == name

    def apply(self, did: NameChange, scope: NameScope, original: str, name: str) -> bool:
        """Make a change; return whether the resource may have the name."""
        names = self._owners.setdefault(scope, {})
        if did == "leave":
            self._leave(names, scope, original, name)
            return True
        if names.setdefault(name, original) != original:
            return False
        if did == "give":
            self._holds[scope, name] = self._holds.get((scope, name), 0) + 1
            self._changes[_renaming(scope, original)] = name
        return True

    def _leave(self, names: dict[str, str], scope: NameScope, original: str, name: str) -> None:
        left = self._holds.pop((scope, name), 1) - 1
        if left:
            self._holds[scope, name] = left
            return
        names.pop(name, None)
        renaming = _renaming(scope, original)
        if self._changes.get(renaming) == name:
            del self._changes[renaming]


@define(eq=False, repr=False)
class ProcessNames:
    """The names of one process; the runner's subclass shares them between processes."""

    _register: Register = field(factory=Register, init=False)
    _guard: ProcessLock = field(factory=ProcessLock, init=False)

    def changes(self) -> Mapping[Renaming, str]:
        """Return the new names of all renamed resources."""
        return self._register.changes

    def ask(self, scope: NameScope, name: str) -> bool:
        """Note that a call asks for a name; return whether it may have the name."""
        return self._register.is_asked(scope, name) or self._do("ask", scope, name, name)

    def give(self, scope: NameScope, original: str, name: str) -> bool:
        """Give a name to a resource; return whether that was possible."""
        return self._do("give", scope, original, name)

    def leave(self, scope: NameScope, original: str, name: str) -> None:
        """Take back the given name of a call."""
        self._do("leave", scope, original, name)

    def _do(self, did: NameChange, scope: NameScope, original: str, name: str) -> bool:
        with self._guard:
            return self._register.apply(did, scope, original, name)


def _renaming(scope: NameScope, original: str) -> Renaming:
    return Renaming(scope.provider, scope.field, scope.scope, original)
