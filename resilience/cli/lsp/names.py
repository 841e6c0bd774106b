"""Named actions and backoffs in documents: where they are defined, used and renamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from attrs import frozen

from resilience.cli.lsp.documents import Document, Documents, Spot, TextRange
from resilience.core.policy import VERBS
from resilience.policyfile.files.policy_file import BUILTIN
from resilience.policyfile.files.positions import KeyPath

NameKind = Literal["actions", "backoff"]

_USERS: Final = frozenset({"then", "unknown"})


@frozen(kw_only=True)
class NamedThing:
    """
    A named action or backoff.

    Attributes:
        kind: The table of its definition.
        name: Its name.
    """

    kind: NameKind
    name: str


@frozen(kw_only=True)
class NamePlace:
    """
    A place in a document.

    Attributes:
        document: The document.
        range: The part of it.
    """

    document: Document
    range: TextRange


def thing_at(document: Document, spot: Spot) -> NamedThing | None:
    """Return the action or backoff whose definition or use stands at a spot; None for anything else."""
    plain = spot.plain
    if plain[:1] in {("actions",), ("backoff",)} and len(plain) == 2 and spot.is_key:  # noqa: PLR2004  # table and name
        return NamedThing(kind="actions" if plain[0] == "actions" else "backoff", name=str(plain[1]))
    return None if spot.is_key else _used(document, spot.path)


def _used(document: Document, path: KeyPath) -> NamedThing | None:
    """Return what a value names; a table as a value names nothing itself."""
    value = document.value(path)
    plain = path[2:] if path[:1] == ("env",) else path
    if not isinstance(value, str) or not plain:
        return None
    if plain[-1] == "backoff":
        return NamedThing(kind="backoff", name=value)
    is_use = (plain[0] == "rules" and plain[-1] not in {"message", "effect", "if", "as", "for", "pattern"}) or (
        plain[-1] in _USERS
    )
    return NamedThing(kind="actions", name=value) if is_use and value not in VERBS else None


def definitions(documents: Documents, document: Document, thing: NamedThing) -> Iterator[NamePlace]:
    """Yield where an action or a backoff is defined, in a document and in what it extends."""
    for each in documents.chain(document):
        for path, span in each.spans().items():
            plain = path[2:] if path[:1] == ("env",) else path
            if plain == (thing.kind, thing.name):
                yield NamePlace(document=each, range=each.range(span.key, span.key_end))


def uses(documents: Documents, document: Document, thing: NamedThing) -> Iterator[NamePlace]:
    """Yield where an action or a backoff is used, in a document, what it extends, and open documents that extend it."""
    seen: set[str] = set()
    for user in (document, *documents.users(document)):
        for each in documents.chain(user):
            if each.name in seen:
                continue
            seen.add(each.name)
            for path, span in each.spans().items():
                if _used(each, path) == thing:
                    yield NamePlace(document=each, range=each.range(span.value, span.value_end))


def renamed(documents: Documents, document: Document, thing: NamedThing) -> list[tuple[NamePlace, str]] | str:
    """
    Return all places of a name, each with its quotes; or why the name cannot be changed.

    A name that a file of the package defines or uses stays as it is.
    """
    defined = list(definitions(documents, document, thing))
    used = list(uses(documents, document, thing))
    for user in documents.users(document):
        for place in definitions(documents, user, thing):
            if place not in defined:
                defined.append(place)
    theirs = next((each.document.name for each in (*defined, *used) if each.document.name.startswith(BUILTIN)), None)
    if theirs is not None:
        return f'"{thing.name}" stands in {theirs} too, which cannot be changed'
    if not defined:
        return f'nothing defines "{thing.name}" here'
    return [(place, _quote(place)) for place in (*defined, *used)]


def _quote(place: NamePlace) -> str:
    """Return the quotation mark around a name; an empty text for a bare key."""
    line = place.document.line(place.range.start_line)
    text = line.encode("utf-16-le")[place.range.start * 2 : place.range.start * 2 + 2].decode("utf-16-le")
    return text if text in {'"', "'"} else ""
