"""The operation of some advice: what is known and what is probable of it, and the line that declares it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from resilience.core.fault import Repeat
from resilience.core.operations.apis import RequestTemplate, RestApi, is_placeholder
from resilience.core.operations.declared import Declaration, is_secret_field

BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
"""A key of TOML without quotes."""
_GUESS: Final = ("name",)
_NAMING: Final = re.compile("(?:^|[_.])(?:name|id)$|(?:Name|Id)$")
_NOTHING: Final = Declaration()


@frozen(kw_only=True)
class Subject:
    """
    The operation of some advice.

    Attributes:
        provider: The provider.
        operation: The name of the operation.
        repeat: What a repeat does, as far as the catalogue or the policy says it.
        declaration: The entry in ``[operations]``; None if there is none.
        is_catalogued: Whether the catalogue has the operation.
        fields: Request fields; one of them probably names the operation's resource.
        reads: Operations that probably find the resource.
    """

    provider: str | None
    operation: str
    repeat: Repeat
    declaration: Declaration | None = None
    is_catalogued: bool = False
    fields: tuple[str, ...] = _GUESS
    reads: tuple[str, ...] = ()

    @property
    def is_declared(self) -> bool:
        """Whether ``[operations]`` says what a repeat does, and not only the HTTP method."""
        return self.declaration is not None and not self.declaration.is_assumed and self.declaration.repeat is not None

    @property
    def table(self) -> str:
        """The table for the operation's declaration."""
        return f"[operations.{self.provider or 'PROVIDER'}]"

    @property
    def guess(self) -> tuple[str, ...]:
        """The fields that name the resource: those of the declaration, else the probable ones."""
        return (self.declaration or _NOTHING).key or self.fields or _GUESS

    def declared(self, **more: Any) -> str:
        """Return the line for the operation's declaration, with its present entries and some more."""
        declaration = evolve(self.declaration or _NOTHING, **more)
        if declaration.repeat is None and not self.is_catalogued:
            declaration = evolve(declaration, repeat=self.repeat)
        parts = [f"{key} = {written(value)}" for key, value in _entries(declaration) if value is not None]
        return f"{self.table} {_key(self.operation)} = {{ {', '.join(parts)} }}"


def probable_names(fields: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that probably name a request's resource; never a field for a secret."""
    known = tuple(each for each in fields if not is_secret_field(each))
    named = tuple(each for each in known if _NAMING.search(each))
    return named or known[:1]


def seen_in(subject: Subject, request: Mapping[str, Any]) -> Subject:
    """Return the subject with the fields of one of its requests; unchanged if the request adds none."""
    inside = tuple(each for each in subject.fields if each in request)
    if not request or inside == subject.fields:
        return subject
    others = [each for each in _texts(request) if each not in inside]
    return evolve(subject, fields=(*inside, *probable_names(others)) or subject.fields)


def _texts(request: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of fields with a text or a number; a field inside another has a name of two parts."""
    for name, value in request.items():
        if isinstance(value, str | int):
            yield before + name
    for name, value in request.items():
        if isinstance(value, Mapping) and not before:
            yield from _texts(value, f"{name}.")


def probable_key(template: RequestTemplate | None) -> tuple[str, ...]:
    """
    Return the fields that probably name a request's resource.

    These are the placeholders in its path. If the path ends with a word, the name itself is in the body.
    """
    if template is None:
        return _GUESS
    inside = tuple(each[1:-1] for each in template.segments if is_placeholder(each))
    is_whole = bool(template.segments) and is_placeholder(template.segments[-1])
    return inside if is_whole else (*inside, *(each for each in _GUESS if each not in inside))


def probable_reads(template: RequestTemplate | None, api: RestApi | None) -> tuple[str, ...]:
    """Return the operations that probably find a request's resource: with one more part in the path."""
    if template is None or api is None:
        return ()
    wanted = template.segments
    return tuple(
        each.operation
        for each in api.operations
        if each.method == "GET"
        and (each.segments == wanted or (each.segments[:-1] == wanted and is_placeholder(each.segments[-1])))
        and is_placeholder(each.segments[-1] if each.segments else "")
    )


def _entries(declaration: Declaration) -> list[tuple[str, object]]:
    name = (
        None
        if declaration.name is None
        else {"pattern": declaration.name.pattern, "max_length": declaration.name.max_length}
    )
    settle = None if declaration.settle is None else f"{declaration.settle:g}s"
    return [
        ("repeat", declaration.repeat),
        ("key", declaration.key),
        ("rename", declaration.rename),
        ("name", name),
        ("read_back", declaration.read_back),
        ("requires", declaration.requires),
        ("settle", settle),
        ("unique", declaration.unique),
        ("on_lost", declaration.on_lost),
    ]


def written(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {written(each)}' for key, each in value.items() if each is not None)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(written, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _quoted(name)
