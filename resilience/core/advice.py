"""
What cannot be done as a policy says it, why, and what to write instead: one sentence each.

``check`` says it at the rule, before anything is run; a note, the log and the end of a run say it of a call. So that
all say the same, it is said here. Every text that a user is told to write is a policy that ``check`` takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve, frozen

from resilience.core.declared import Declared
from resilience.core.fault import Repeat
from resilience.core.policy import Template, is_placeholder

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_GUESS: Final = ("name",)
_NOTHING: Final = Declared()


@frozen(kw_only=True)
class Subject:
    """
    An operation that something is to be said about.

    Attributes:
        provider: Its provider.
        operation: Its name.
        repeat: What a repeat does, as far as anybody says it.
        said: What ``[operations]`` says of it; None where it is not declared there.
        is_catalogued: Whether the catalogue knows it.
        fields: Request fields of which one probably names what it makes.
    """

    provider: str | None
    operation: str
    repeat: Repeat
    said: Declared | None = None
    is_catalogued: bool = False
    fields: tuple[str, ...] = _GUESS

    @property
    def table(self) -> str:
        """The table that declares it."""
        return f"[operations.{self.provider or 'PROVIDER'}]"

    @property
    def guess(self) -> tuple[str, ...]:
        """The fields that name what it makes: those that are declared, else those that probably do."""
        return (self.said or _NOTHING).key or self.fields or _GUESS

    def declared(self, **more: Any) -> str:
        """Return the line that declares it, with what is declared of it already and what is to be added."""
        said = evolve(self.said or _NOTHING, **more)
        if said.repeat is None and not self.is_catalogued:
            said = evolve(said, repeat=self.repeat)
        parts = [f"{key} = {_written(value)}" for key, value in _entries(said) if value is not None]
        return f"{self.table} {_key(self.operation)} = {{ {', '.join(parts)} }}"


def probable_key(template: Template | None) -> tuple[str, ...]:
    """
    Return the fields that probably name what a request makes.

    Those in its path say in what, or which; where it ends with a word, the name is in the body.
    """
    if template is None:
        return _GUESS
    inside = tuple(each[1:-1] for each in template.segments if is_placeholder(each))
    is_whole = bool(template.segments) and is_placeholder(template.segments[-1])
    return inside if is_whole else (*inside, *(each for each in _GUESS if each not in inside))


def unremembered(subject: Subject) -> str:
    """Say that a ledger cannot remember an operation, for nothing names what it makes."""
    said = f"the ledger cannot remember {_name(subject)}: no key says which fields of a request name what it makes"
    if subject.is_catalogued:
        none = f"write {subject.declared(key=())} if each call is one of its own"
        return f"{said}; {none}, or name these fields"
    return f"{said}; write {subject.declared(key=subject.guess)}, or key = [] if each call is one of its own"


def keyless(subject: Subject, field: str) -> str:
    """Say that a ledger cannot remember one call, which lacks a field of the key."""
    rest = tuple(each for each in subject.guess if each != field)
    write = f"write {subject.declared(key=rest)} if that is enough" if rest else "name the fields that it has"
    return f'the ledger cannot remember a call of {_name(subject)} whose request has no "{field}"; {write}'


def indistinct(subject: Subject, fields: Sequence[str]) -> str:
    """Say that nobody can tell one purchase from another, and how to say it."""
    first, *others = fields
    unique = subject.declared(unique=(first,))
    tags = f", or unique = {_written(tuple(others[:1]))} if its tags do" if others else ""
    return (
        f"nothing tells which call of {subject.operation} bought what is there; write {unique} "
        f"if no two purchases have the same {first}{tags}"
    )


def nothing_to_rename(subject: Subject) -> str:
    """Say that a rename has nothing to change in an operation."""
    said = f"no field is known to hold the name of what {subject.operation} makes, so nothing is renamed"
    if subject.is_catalogued:
        return f"{said}; answer with another action"
    key = subject.guess
    return f"{said}; write {subject.declared(key=key, rename=key[-1])}"


def _name(subject: Subject) -> str:
    return f"{subject.provider}:{subject.operation}" if subject.provider else subject.operation


def _entries(said: Declared) -> list[tuple[str, object]]:
    name = None if said.name is None else {"pattern": said.name.pattern, "max_length": said.name.max_length}
    settle = None if said.settle is None else f"{said.settle:g}s"
    return [
        ("repeat", said.repeat),
        ("key", said.key),
        ("rename", said.rename),
        ("name", name),
        ("read_back", said.read_back),
        ("requires", said.requires),
        ("settle", settle),
        ("unique", said.unique),
    ]


def _written(value: object) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_written(each)}' for key, each in value.items() if each is not None)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)
