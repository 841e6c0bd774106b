"""Checks a value of a policy against its row in the tables, and reads the value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from resilience.core.grammar.durations import meant, seconds, written
from resilience.core.grammar.pattern import Pattern, PatternError
from resilience.core.operations.apis import AnswerPath
from resilience.policyfile.format import http_places
from resilience.policyfile.format.tables import Key
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.lookalikes import lookalike, plain
from resilience.policyfile.messages.wording import is_secret, quoted, shown, suggestion

_MILLISECONDS: Final = 1000
_FIELD: Final = re.compile(r"[^\s\[\]{}\"']+")
LONGEST: Final = 365 * 24 * 3600.0  # no script runs for a year; also far below what clocks and timers take
MOST: Final = 1_000_000_000  # far over any count that a call can reach, and small for any other reader


_T = TypeVar("_T")


class UnfitError(Exception):
    """
    A value does not fit; the message has what was expected and what was found.

    Attributes:
        rule: The id of the problem.
        index: The index of the wrong element in an array; None for the whole value.
        all: This error and the errors of other elements of the same array.
    """

    def __init__(self, rule: str, message: str, *, index: int | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.index = index
        self.all: tuple[UnfitError, ...] = (self,)


def _elements(values: list[Any], check: Callable[[int, Any], _T]) -> tuple[_T, ...]:
    """Return the meaning of every element; one error reports all wrong elements."""
    read_ones, wrong = [], []
    for index, each in enumerate(values):
        try:
            read_ones.append(check(index, each))
        except UnfitError as error:
            error.index = index
            wrong.append(error)
    if wrong:
        wrong[0].all = tuple(wrong)
        raise wrong[0]
    return tuple(read_ones)


def read(key: Key, value: object) -> object:
    """
    Return the meaning of a value: a duration in seconds, None for ``"none"``, a tuple for an array.

    Raises:
        UnfitError: The value has the wrong type, is none of the choices, or is out of range.
    """
    return _READERS[key.kind](key, value)


def _text(_key: Key, value: object) -> str:
    if type(value) is not str:
        raise UnfitError(ids.WRONG_TYPE, f"expected a text, got {shown(value)}")
    if is_secret(value):
        raise UnfitError(ids.SECRET, "this looks like a secret, which a policy never holds")
    return value


def _literal(key: Key, value: object) -> str:
    text = _text(key, value)
    if not text.strip():
        raise UnfitError(ids.OUT_OF_RANGE, f"expected a text to look for, got {shown(value)}")
    return text


def _file(key: Key, value: object) -> str:
    path = _text(key, value)
    if not path.strip() or "\0" in path:
        raise UnfitError(ids.OUT_OF_RANGE, f"expected the path of a file, got {shown(value)}")
    return path


def _name(key: Key, value: object) -> str:
    if type(value) is not str:
        raise UnfitError(
            ids.WRONG_TYPE, f"expected the name of {_ARTICLE[key.kind]}, got {shown(value)}{_name_hint(key, value)}"
        )
    return value


def _name_hint(key: Key, value: object) -> str:
    if type(value) is dict:
        return (
            f"; give it a name, in [{'backoff' if key.kind == 'backoff' else 'actions'}.NAME], and write that name here"
        )
    if type(value) is list and value and type(value[0]) is str:
        return f"; write {quoted(value[0])}"
    return ""


_ARTICLE: Final = {"action": "an action", "backoff": "a backoff", "verb": "an action"}


def _flag(_key: Key, value: object) -> bool:
    if type(value) is not bool:
        raise UnfitError(ids.WRONG_TYPE, f"expected true or false, got {shown(value)}")
    return value


def _choice(key: Key, value: object) -> str:
    if type(value) is not str or value not in key.choices:
        near = suggestion(value, key.choices) if type(value) is str else ""
        expected = " or ".join(f'"{choice}"' for choice in key.choices)
        raise UnfitError(ids.WRONG_TYPE, f"expected {expected}, got {shown(value)}{near}")
    return value


def _count(key: Key, value: object) -> int:
    if type(value) is not int:
        raise UnfitError(ids.WRONG_TYPE, f"expected a whole number, got {shown(value)}")
    if key.least is not None and value < key.least:
        reason = "; the first attempt counts, so 1 means no retry" if key.least == 1 and "first" in key.meaning else ""
        raise UnfitError(ids.OUT_OF_RANGE, f"expected {key.least:g} or more, got {shown(value)}{reason}")
    if value > MOST:
        raise UnfitError(ids.OUT_OF_RANGE, f"expected at most {MOST}, got {shown(value)}")
    return value


def _number(_key: Key, value: object) -> float:
    if type(value) is not int and type(value) is not float:
        raise UnfitError(ids.WRONG_TYPE, f"expected a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UnfitError(ids.OUT_OF_RANGE, f"expected a finite number, got {shown(value)}")
    return number


def _share(key: Key, value: object) -> float:
    number = _number(key, value)
    if not 0 <= number <= 1:
        raise UnfitError(ids.OUT_OF_RANGE, f"expected a number from 0 to 1, got {shown(value)}")
    return number


def _duration(key: Key, value: object) -> float | None:
    if type(value) is not str:
        raise UnfitError(*_not_a_duration(value))
    if key.none and value == "none":
        return None
    length = seconds(value)
    if length is None:
        choice = ' or "none"' if key.none else ""
        hint = "; a duration cannot be negative" if value.startswith("-") else ""
        if key.none and value.strip().lower() in {"none", "never", "unlimited", "infinite", "inf", "off"}:
            hint = '; did you mean "none"?'
        letters = plain(value)
        if near := meant(letters) or meant(letters.replace("O", "0").replace("o", "0").replace("l", "1")):
            hint = lookalike(value, near) or f'; did you mean "{near}"?'
        raise UnfitError(
            ids.WRONG_TYPE, f'expected a duration such as "30s" or "1m30s"{choice}, got {shown(value)}{hint}'
        )
    if key.above is not None and length <= key.above:
        hint = '; "none" is the way to have no limit' if key.none else ""
        raise UnfitError(ids.OUT_OF_RANGE, f"expected more than {written(key.above)}, got {shown(value)}{hint}")
    if length > LONGEST:
        hint = '; "none" is the way to have no limit' if key.none else ""
        raise UnfitError(ids.OUT_OF_RANGE, f'expected at most 365 days, "8760h", got {shown(value)}{hint}')
    return length


def _not_a_duration(value: object) -> tuple[str, str]:
    if type(value) is bool or not isinstance(value, int | float):
        return ids.WRONG_TYPE, f'expected a duration such as "30s", got {shown(value)}'
    message = f'expected a duration with its unit, such as "30s", got {shown(value)}'
    if not 0 <= value < 10 * _MILLISECONDS**2:
        return ids.UNKNOWN_KEY, message
    as_seconds = f'"{written(float(value))}"'
    if isinstance(value, int) and value >= _MILLISECONDS:
        return ids.UNKNOWN_KEY, f'{message}; did you mean "{value}ms" or {as_seconds}?'
    return ids.UNKNOWN_KEY, f"{message}; did you mean {as_seconds}?"


def _durations(key: Key, value: object) -> tuple[float, ...]:
    if type(value) is not list:
        raise UnfitError(ids.WRONG_TYPE, f'expected an array of durations such as ["1s", "5s"], got {shown(value)}')
    if not value:
        raise UnfitError(ids.OUT_OF_RANGE, "expected at least one duration, got none")
    # No array allows "none", the one duration that is read as None.
    return _elements(value, lambda _, each: _duration(key, each) or 0.0)


def _place(key: Key, value: object) -> AnswerPath:
    text = _text(key, value) if type(value) is str else ""
    found = http_places.place(text)
    if found is None:
        expected = 'where it stands in an answer, such as "json:error.code" or "header:x-request-id"'
        raise UnfitError(ids.WRONG_TYPE, f"expected {expected}, got {shown(value)}{http_places.place_hint(text)}")
    return found


def _template(key: Key, value: object) -> tuple[str, tuple[str, ...]]:
    text = _text(key, value) if type(value) is str else ""
    found = http_places.template(text)
    if found is None:
        expected = 'a method and a path, such as "POST /users/{user}"'
        raise UnfitError(ids.WRONG_TYPE, f"expected {expected}, got {shown(value)}{http_places.template_hint(text)}")
    return found


def _hosts(_key: Key, value: object) -> tuple[str, ...]:
    if type(value) is not list:
        hint = f"; write [{shown(value)}]" if type(value) is str and http_places.host(value) else ""
        raise UnfitError(
            ids.WRONG_TYPE, f'expected an array of hosts such as ["emqx.example.com:18083"], got {shown(value)}{hint}'
        )
    if not value:
        raise UnfitError(ids.OUT_OF_RANGE, "expected at least one host, got none; leave it out for any host")
    return _elements(value, lambda _, each: _host(each))


def _host(value: object) -> str:
    found = http_places.host(value) if type(value) is str else None
    if found is None:
        hint = (lookalike(value) or http_places.host_hint(value)) if type(value) is str else ""
        message = f'expected a host such as "emqx.example.com" or "emqx.example.com:18083", got {shown(value)}{hint}'
        raise UnfitError(ids.WRONG_TYPE, message)
    return found


def _fields(key: Key, value: object) -> tuple[str, ...]:
    example = 'an array of the names of fields such as ["InstanceId", "Name"]'
    if type(value) is not list:
        hint = f"; write [{shown(value)}]" if type(value) is str and _FIELD.fullmatch(value) else ""
        raise UnfitError(ids.WRONG_TYPE, f"expected {example}, got {shown(value)}{hint}")
    if len(value) < (key.least or 0):
        raise UnfitError(ids.OUT_OF_RANGE, "expected at least one field, got none; leave it out for none")
    first: dict[str, int] = {}

    def checked(index: int, each: object) -> str:
        hint = lookalike(each) if type(each) is str else ""
        if type(each) is not str or hint or not _FIELD.fullmatch(each):
            message = f"expected the name of a field, as the service spells it, got {shown(each)}{hint}"
            raise UnfitError(ids.WRONG_TYPE, message)
        if first.setdefault(each, index) != index:
            raise UnfitError(ids.OUT_OF_RANGE, f"{quoted(each)} is there twice; leave one out")
        return each

    return _elements(value, checked)


def _words(key: Key, value: object) -> tuple[str, ...]:
    if type(value) is not list:
        hint = (
            f"; write {shown(value.split())}" if type(value) is str and value.strip() and not is_secret(value) else ""
        )
        raise UnfitError(
            ids.WRONG_TYPE, f'expected an array such as ["vault", "read", "aws/creds"], got {shown(value)}{hint}'
        )
    if not value:
        raise UnfitError(ids.OUT_OF_RANGE, "expected the name of a program, got nothing")
    return tuple(_word(key, index, each) for index, each in enumerate(value))


def _word(key: Key, index: int, value: object) -> str:
    try:
        text = _text(key, value)
    except UnfitError as error:
        raise UnfitError(error.rule, str(error), index=index) from None
    if "\0" in text or (index == 0 and not text.strip()):
        raise UnfitError(ids.OUT_OF_RANGE, f"expected the name of a program, got {shown(value)}", index=index)
    return text


_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _variables(_key: Key, value: object) -> tuple[str, ...]:
    expected = 'expected the names of two environment variables, for id and secret, such as ["CI_KEY_ID", "CI_SECRET"]'
    if type(value) is not list or len(value) != 2:  # noqa: PLR2004  # id and secret
        raise UnfitError(ids.WRONG_TYPE, f"{expected}, got {shown(value)}")
    for index, each in enumerate(value):
        if type(each) is not str or _VARIABLE.fullmatch(each) is None:
            raise UnfitError(ids.WRONG_TYPE, f"{expected}, got {shown(each)}", index=index)
    return tuple(value)


def _expression(key: Key, value: object) -> str:
    text = _text(key, value)
    try:
        Pattern.of(text)
    except PatternError as error:
        raise UnfitError(ids.WRONG_TYPE, f"expected a regular expression, got {shown(value)}: {error}") from None
    return text


_READERS: Final[dict[str, Callable[[Key, object], object]]] = {
    "duration": _duration,
    "durations": _durations,
    "number": _number,
    "share": _share,
    "count": _count,
    "flag": _flag,
    "choice": _choice,
    "text": _text,
    "literal": _literal,
    "file": _file,
    "pattern": _text,
    "action": _name,
    "backoff": _name,
    "verb": _name,
    "place": _place,
    "template": _template,
    "hosts": _hosts,
    "fields": _fields,
    "expression": _expression,
    "words": _words,
    "variables": _variables,
}
