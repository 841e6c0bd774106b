"""Reads the values of a test file's tables, and collects what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from resilience.core.grammar.durations import seconds
from resilience.policyfile import Problem
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.spelling import nearest
from resilience.scenarios.model import Exactly

_ROUNDING: Final = 1e-9
_OF_A_MILLISECOND: Final = 0.0005


class UnusableError(Exception):
    """A scenario cannot be used; what is wrong stands among the problems of its file."""


@define
class FileTable:
    """
    One table of a test file, with its place.

    Attributes:
        file: The file.
        path: The place of the table.
        data: Its keys and values.
        problems: What is wrong in the file so far.
    """

    file: PolicyFile
    path: KeyPath
    data: Mapping[str, Any]
    problems: list[Problem] = field(factory=list)

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def refuse(self, key: str | int, rule: str, message: str, *, is_key: bool = False) -> UnusableError:
        """Note a problem with the value of a key; return what ends the reading of the scenario."""
        self.problems.append(self.file.problem((*self.path, key), rule, message, at="key" if is_key else "value"))
        return UnusableError(message)

    def known(self, keys: Collection[str], where: str) -> None:
        """Refuse keys that nothing reads: a test that says more than is checked is no test."""
        unknown = [key for key in self.data if key not in keys]
        for key in unknown:
            near = nearest(key, keys)
            hint = f'; did you mean "{near}"?' if near else f"; expected one of {', '.join(sorted(keys))}"
            self.refuse(key, ids.UNKNOWN_KEY, f'unknown key "{key}" in {where}{hint}', is_key=True)
        if unknown:
            raise UnusableError

    def table(self, key: str) -> FileTable:
        """Return a table in this one; an empty one if there is none."""
        value = self.data.get(key, {})
        if not isinstance(value, Mapping):
            raise self._wrong(key, "a table")
        return FileTable(self.file, (*self.path, key), value, self.problems)

    def tables(self, key: str) -> Sequence[FileTable]:
        """Return the tables of an array of tables."""
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            raise self._wrong(key, "an array of tables")
        return [FileTable(self.file, (*self.path, key, index), each, self.problems) for index, each in enumerate(value)]

    def require(self, key: str, what: str) -> None:
        """Refuse a table without a key."""
        if key not in self.data:
            self.problems.append(self.file.problem(self.path, ids.MISSING, f'"{key}" is missing: {what}', at="key"))
            raise UnusableError

    def text(self, key: str, default: str | None = None) -> str | None:
        """Return a text."""
        value = self.data.get(key, default)
        if value is not None and not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        """Return a text that is one of some."""
        value = self.text(key)
        if value is not None and value not in choices:
            near = nearest(value, choices)
            hint = f'; did you mean "{near}"?' if near else ""
            raise self.refuse(key, ids.WRONG_TYPE, f'expected {_any_of(choices)}, got "{value}"{hint}')
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def count(self, key: str) -> int | None:
        """Return a whole number that is not negative."""
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(key, "a whole number, 0 or more")
        return value

    def texts(self, key: str, choices: Collection[str] | None = None) -> tuple[str, ...]:
        """Return an array of texts, or one text as such an array."""
        value = self.data.get(key, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self._wrong(key, "an array of texts")
        wrong = [each for each in found if choices is not None and each not in choices]
        if wrong and choices is not None:
            near = nearest(wrong[0], choices)
            hint = f'; did you mean "{near}"?' if near else ""
            raise self.refuse(key, ids.WRONG_TYPE, f'expected {_any_of(choices)}, got "{wrong[0]}"{hint}')
        return tuple(found)

    def seconds(self, key: str, default: float | None = None) -> float | None:
        """Return a length of time in seconds: a duration such as ``"1m30s"``, or a number of seconds."""
        if key not in self.data:
            return default
        return self._exactly(key, self.data[key]).seconds

    def exactly(self, key: str) -> Exactly:
        """Return an expected length of time."""
        return self._exactly(key, self.data[key])

    def all_exactly(self, key: str) -> tuple[Exactly, ...]:
        """Return expected lengths of time."""
        value = self.data[key]
        if not isinstance(value, list):
            raise self._wrong(key, 'an array of durations, such as ["1s", "2s"]')
        return tuple(self._exactly(key, each) for each in value)

    def draws(self, key: str, default: float) -> tuple[float, ...]:
        """Return a number in [0, 1), or several."""
        value = self.data.get(key, default)
        found = value if isinstance(value, list) else [value]
        is_good = all(isinstance(each, int | float) and not isinstance(each, bool) and 0 <= each < 1 for each in found)
        if not found or not is_good:
            raise self._wrong(key, "a number from 0 to below 1, or an array of such numbers")
        return tuple(float(each) for each in found)

    def _exactly(self, key: str, value: Any) -> Exactly:
        if isinstance(value, str) and (length := seconds(value)) is not None:
            return Exactly(length, _OF_A_MILLISECOND)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return Exactly(float(value), _ROUNDING)
        raise self._wrong(key, 'a duration such as "1m30s", or a number of seconds')

    def _wrong(self, key: str, expected: str) -> UnusableError:
        value = self.data[key]
        found = f'"{value}"' if isinstance(value, str) else _KINDS.get(type(value), "a value of another type")
        return self.refuse(key, ids.WRONG_TYPE, f"expected {expected}, got {found}")


_KINDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "a table",
}


def _any_of(choices: Collection[str]) -> str:
    *most, last = (f'"{each}"' for each in choices)
    return f"{', '.join(most)} or {last}" if most else last
