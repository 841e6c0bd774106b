"""The columns of records, with a writer and a reader for each kind of value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from typing import Any, Final, TypeVar

from attrs import Factory, field, frozen

from resilience.core.policy import Rule
from resilience.journal.fields import RecordFields, needed

W = TypeVar("W", bound=str)


@frozen
class Context:
    """
    The values besides an event on which its record depends.

    Attributes:
        listed: The codes of the policy.
        show_names: Whether the names of a rename are written.
    """

    listed: frozenset[str]
    show_names: bool
    _origins: dict[int, tuple[Rule, str | None]] = field(factory=dict, init=False)

    def origin(self, rule: Rule) -> str | None:
        """Return the file and line of a rule, from a cache, because finding them takes 11 us."""
        # By identity, because hashing a rule hashes all of its parts. The cache holds the rule, so that its id stays.
        known = self._origins.get(id(rule))
        if known is None:
            origin = rule.origin
            known = self._origins[id(rule)] = rule, None if origin is None else f"{origin.file}:{origin.line}"
        return known[1]


ValueOf = Callable[[Any, Context], Any]
"""Returns the value of a column for an event; None for an unknown value."""


@frozen
class FieldKind:
    """
    A kind of values.

    Attributes:
        text: Returns a value as JSON.
        read: Returns the field of a name, or None for an absent one; raises
            :class:`~resilience.journal.fields.MalformedError` for another kind of value.
    """

    text: Callable[[Any, Context], str]
    read: Callable[[RecordFields, str], Any]


def _attribute(name: str) -> ValueOf:
    of = attrgetter(name)
    return lambda source, _: of(source)


@frozen
class Column:
    """
    One field of a record.

    Attributes:
        name: Its name in a line.
        kind: Its kind of values.
        value: Returns the value for an event; by default, the event's attribute of this name.
        to: Its name in :mod:`resilience.journal.model`, by default the same; None for a field that is not read.
        is_needed: Whether a record without it is refused.
    """

    name: str
    kind: FieldKind
    value: ValueOf = field(default=Factory(lambda self: _attribute(self.name), takes_self=True))
    to: str | None = field(default=Factory(lambda self: self.name, takes_self=True), kw_only=True)
    is_needed: bool = field(default=False, kw_only=True)


class Columns:
    """The fields of a record, or of an object in one, in the order of writing."""

    def __init__(self, *columns: Column) -> None:
        self._written = [(f'"{each.name}":', each.value, each.kind.text) for each in columns]
        self._read = [(each.name, each.kind.read, each.to, each.is_needed) for each in columns if each.to is not None]

    def text(self, source: Any, context: Context) -> str:
        """Return the known fields, as the inside of a JSON object."""
        return ",".join(
            [
                name + text(found, context)
                for name, value, text in self._written
                if (found := value(source, context)) is not None
            ]
        )

    def read(self, fields: RecordFields) -> dict[str, Any]:
        """
        Return the present fields.

        Raises:
            MalformedError: A field has another kind of value, or a needed one is missing.
        """
        found = {}
        for name, read, to, is_needed in self._read:
            value = read(fields, name)
            if value is not None:
                found[to] = value
            elif is_needed:
                needed(value, name)
        return found


# json.dumps() would make an encoder for each value, which takes 2 us.
def _text(value: str, _: Context) -> str:
    return encode_basestring_ascii(value)


def _truth(value: bool, _: Context) -> str:  # noqa: FBT001  # one value, as every kind takes it
    return "true" if value else "false"


def _whole(value: int, _: Context) -> str:
    return int.__repr__(value)  # a subclass of int may have another repr


def _number(value: float, _: Context) -> str:
    return int.__repr__(value) if isinstance(value, int) else float.__repr__(value)


def _numbers(values: Iterable[float], context: Context) -> str:
    return f"[{','.join([_number(value, context) for value in values])}]"


def _seconds(value: float, context: Context) -> str:
    return _number(round(value, 6), context)


def _seconds_padded(value: float, _: Context) -> str:
    return f"{value:.6f}"


TEXT: Final = FieldKind(_text, RecordFields.text)
TRUTH: Final = FieldKind(_truth, RecordFields.truth)
WHOLE: Final = FieldKind(_whole, RecordFields.whole)
NUMBER: Final = FieldKind(_number, RecordFields.number)
NUMBERS: Final = FieldKind(_numbers, RecordFields.numbers)
SECONDS: Final = FieldKind(_seconds, RecordFields.number)
"""To the microsecond."""
SECONDS_PADDED: Final = FieldKind(_seconds_padded, RecordFields.number)
"""To the microsecond, with six digits after the point; some records of format 1 have these."""


def word(words: Iterable[W]) -> FieldKind:
    """Return the kind of values that are one of some words."""
    return FieldKind(_text, lambda fields, name: fields.word(name, words))


def inside(columns: Columns, make: Callable[..., Any] = dict) -> FieldKind:
    """
    Return the kind of values that are objects.

    Args:
        columns: The fields of an object.
        make: Makes a value from the fields.
    """

    def read(fields: RecordFields, name: str) -> Any:
        found = fields.inside(name)
        return None if found is None else make(**columns.read(found))

    return FieldKind(lambda value, context: f"{{{columns.text(value, context)}}}", read)
