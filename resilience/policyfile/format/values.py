"""Checks a value of a policy against its row in the tables, and reads the value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from resilience.core.grammar.pattern import Pattern, PatternError
from resilience.core.operations.apis import AnswerPath
from resilience.core.settings.state import STORE_SCHEMES
from resilience.policyfile.format import http_places, numbers
from resilience.policyfile.format.rows import Key
from resilience.policyfile.format.unfit import UnfitError, elements
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.lookalikes import lookalike
from resilience.policyfile.messages.wording import is_secret, quoted, shown, suggestion

# What stands before the host of a url, and is no variable.
_PASSWORD: Final = re.compile(r"[^/@:]*:[^$/@][^/@]*@")
_EXPANDED: Final = re.compile(r"\$(?:\w+|\{[^}]*\})")
_FIELD: Final = re.compile(r"[^\s\[\]{}\"']+")


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


def _store(key: Key, value: object) -> str:
    # A variable in the place of a password is none.
    _text(key, _EXPANDED.sub("", value) if isinstance(value, str) else value)
    where = str(value)
    scheme, is_url, rest = where.partition("://")
    if not where.strip() or "\0" in where or (is_url and not is_store(where)):
        expected = 'a url such as "redis://host:6379/0", or the path of a file'
        raise UnfitError(ids.OUT_OF_RANGE, f"expected {expected}, got {shown(value)}")
    if is_url and _PASSWORD.match(rest):
        message = (
            f"a policy never holds a password; write {scheme}://:${{REDIS_PASSWORD}}@..., or a variable for all of it"
        )
        raise UnfitError(ids.SECRET, message)
    return where


def is_store(where: str) -> bool:
    """Tell whether a text is the url of a store, or the path of one."""
    scheme, is_url, rest = where.partition("://")
    return not is_url or (scheme in STORE_SCHEMES and rest.strip("/ ") != "")


def _server(key: Key, value: object) -> str:
    if type(value) is str and is_secret(_EXPANDED.sub("", value)):
        raise UnfitError(
            ids.SECRET, "this looks like a secret, which a policy never holds; write the password as ${VARIABLE}"
        )
    # What is left of a secret is the name of a variable.
    text = value if type(value) is str else _text(key, value)
    if "\0" in text or not text.startswith((*(f"{scheme}://" for scheme in key.choices), "$")):
        raise UnfitError(ids.OUT_OF_RANGE, server_expected(key, f", got {shown(value)}"))
    return text


def server_expected(key: Key, got: str) -> str:
    """Return what is said of a value that is no url of a server."""
    return f"expected a url that begins with {' or '.join(f'{scheme}://' for scheme in key.choices)}{got}"


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
            ids.WRONG_TYPE, f'expected an array of hosts such as ["broker.example.com:18083"], got {shown(value)}{hint}'
        )
    if not value:
        raise UnfitError(ids.OUT_OF_RANGE, "expected at least one host, got none; leave it out for any host")
    return elements(value, lambda _, each: _host(each))


def _host(value: object) -> str:
    found = http_places.host(value) if type(value) is str else None
    if found is None:
        hint = (lookalike(value) or http_places.host_hint(value)) if type(value) is str else ""
        message = (
            f'expected a host such as "broker.example.com" or "broker.example.com:18083", got {shown(value)}{hint}'
        )
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

    return elements(value, checked)


def _words(key: Key, value: object) -> tuple[str, ...]:
    if type(value) is not list:
        hint = (
            f"; write {shown(value.split())}" if type(value) is str and value.strip() and not is_secret(value) else ""
        )
        raise UnfitError(
            ids.WRONG_TYPE, f'expected an array such as ["vault", "read", "mqtt/creds"], got {shown(value)}{hint}'
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
    "duration": numbers.read_duration,
    "durations": numbers.read_durations,
    "number": numbers.read_number,
    "share": numbers.read_share,
    "count": numbers.read_count,
    "flag": _flag,
    "choice": _choice,
    "text": _text,
    "literal": _literal,
    "file": _file,
    "store": _store,
    "server": _server,
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
    "rate": numbers.read_rate,
    "amount": numbers.read_amount,
    "window": numbers.read_window,
}
