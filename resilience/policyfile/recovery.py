"""Reads on behind what is not TOML, where it is plain what was meant, so that all other findings are told as well."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import tomli
from attrs import define, field, frozen

from resilience.policyfile.lookalikes import lookalike, plain
from resilience.policyfile.positions import MAX_DEPTH, Path, Scanner
from resilience.policyfile.syntax import start_of_text, syntax_message, value_hint, written_instead
from resilience.policyfile.wording import dotted, has_secret


@frozen
class Mistake:
    """A piece of a text that is not TOML, from ``offset`` to ``end``, and what is wrong with it."""

    offset: int
    end: int
    message: str


@frozen
class Reading:
    """
    What could be read of a text that is not TOML.

    Attributes:
        mistakes: What is wrong with it, in its order; at least one.
        data: What it says otherwise; None where that is not plain.
        scanned: The text with look-alike letters replaced: of the same length, so places in it are those of the text.
    """

    mistakes: tuple[Mistake, ...]
    data: dict[str, Any] | None
    scanned: str


@frozen
class _Edit:
    start: int
    end: int
    instead: str
    mistake: Mistake


def read_on(text: str) -> Reading:
    r"""
    Find every mistake of a text that tomli refuses, and read what it says otherwise.

    Args:
        text: The text, with ``\\n`` at the ends of lines and no byte-order mark.

    Raises:
        RecursionError: It is nested too deeply.
        ValueError: A number in it has too many digits.
    """
    letters = tuple(_lookalikes(text))
    scanned = _applied(text, letters)
    edits = sorted((*_words(scanned), *_doubles(scanned)), key=lambda edit: edit.start)
    mistakes = [edit.mistake for edit in (*letters, *edits)]
    data: dict[str, Any] | None = None
    try:
        # What is left of carriage returns is wrong, and tomli would take some of them for ends of lines.
        data = tomli.loads(_applied(scanned, edits).replace("\r", "\x0b"))
    except tomli.TOMLDecodeError as error:
        stopped = _before(edits, error.pos, len(text))
        offset = start_of_text(error.msg, text, stopped)
        # What stands behind it may be read in a wrong way.
        mistakes = [each for each in mistakes if each.offset <= offset]
        if not any(each.offset <= offset < each.end for each in mistakes):
            mistakes.append(Mistake(offset, offset + 1, syntax_message(error.msg, text, stopped)))
    else:
        _tidy(data)
    return Reading(tuple(sorted(mistakes, key=lambda each: each.offset)), data, scanned)


def _applied(text: str, edits: Sequence[_Edit]) -> str:
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.instead]
        at = edit.end
    return "".join((*pieces, text[at:]))


def _before(edits: Sequence[_Edit], position: int, length: int) -> int:
    """Return where a place in the text with the edits is in the text without them."""
    starts, shifts, shift = [], [], 0
    for edit in edits:
        starts.append(edit.start + shift)
        shift += len(edit.instead) - (edit.end - edit.start)
        shifts.append(shift)
    index = bisect_right(starts, position) - 1
    return min(max(position - shifts[index], edits[index].start) if index >= 0 else position, length)


_STRING: Final = (
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\n]*'"
)
_SKIPPED: Final = rf"(?s:{_STRING})|#[^\n]*"
_HEADER: Final = r"^[ \t]*\[+[^\n\"'\[\],={}#]*\]*[ \t]*(?:#[^\n]*)?$"
_FOREIGN_WORD = re.compile(rf"{_SKIPPED}|([A-Za-z0-9_-]*[^\x00-\x7f][^\s=.\[\]{{}},\"'#]*)")
_BARE_WORD = re.compile(
    rf"{_HEADER}|{_SKIPPED}|[=\[,][ \t\n]*([^\s\"'\[\]{{}},=#]+)(?=[ \t]*(?:[,\]}}#\n]|\Z))", re.MULTILINE
)


def _lookalikes(text: str) -> Iterator[_Edit]:
    """Find letters outside of quotes that look like others; TOML knows none of them there."""
    for match in () if text.isascii() else _FOREIGN_WORD.finditer(text):
        word = match[1]
        if word is not None and (hint := lookalike(word)):
            instead = "".join(plain(char) or " " for char in word)
            yield _Edit(*match.span(1), instead, Mistake(*match.span(1), f"letters that TOML does not know{hint}"))


def _words(text: str) -> Iterator[_Edit]:
    """Find values without quotes that are neither a number nor anything else that needs none."""
    for match in _BARE_WORD.finditer(text):
        word = match[1]
        instead = None if word is None else written_instead(word)
        if instead is not None:
            start, end = match.span(1)
            line = text[text.rfind("\n", 0, start) + 1 : end]
            hint = "" if has_secret(line) else value_hint(word)
            yield _Edit(start, end, instead, Mistake(start, end, "invalid value" + hint))


_MARK: Final = "\x00"
_MARKED: Final = '"\\u0000{}"'


def _doubles(text: str) -> list[_Edit]:
    """Find keys and tables that are there already."""
    scanner = _Doubles(text=text, depth=MAX_DEPTH)
    # What follows may be no TOML at all.
    with suppress(ValueError, IndexError):
        scanner.document()
    return scanner.edits


@define
class _Doubles(Scanner):
    """
    Walks over a text, and remembers how each path came to be.

    Attributes:
        edits: What makes TOML of it: the second one of two keys or tables gets a name that is marked.
    """

    edits: list[_Edit] = field(factory=list)
    _kinds: dict[Path, str] = field(factory=dict)
    _parts: list[tuple[str, int, int]] = field(factory=list)
    _line_ends: list[int] = field(factory=list)

    def parts(self) -> list[tuple[str, int, int]]:
        self._parts = Scanner.parts(self)
        return self._parts

    def header(self) -> Path:
        start = self.position
        path = Scanner.header(self)
        names = tuple(name for name in path if isinstance(name, str))
        is_array = self.text.startswith("[[", start)
        for length in range(1, len(names)):
            if self._kinds.setdefault(names[:length], "implicit") == "value":
                self._second_table(names[:length], start)
                return path
        kind = self._kinds.get(names)
        if is_array and kind in {None, "array"}:
            self._kinds[names] = "array"
        elif not is_array and (kind in {None, "implicit"} or len(names) != len(path)):
            self._kinds[names] = "header"
        else:
            self._second_table(names, start)
        return path

    def key(self, table: Path) -> tuple[Path, tuple[int, int]]:
        path, key = Scanner.key(self, table)
        for length in range(len(table) + 1, len(path)):
            if self._kinds.setdefault(path[:length], "dotted") in {"value", "header"}:
                self._second_key(path[:length], key, cure="put both together")
                return path, key
        if path in self._kinds:
            self._second_key(path, key)
        else:
            self._kinds[path] = "value"
        return path, key

    def _second_key(self, path: Path, key: tuple[int, int], *, cure: str = "keep one of them") -> None:
        message = f"{dotted(path)} is defined twice; {cure}{self._first(path)}"
        start = self._parts[0][1]
        self.edits.append(_Edit(start, key[1], _MARKED.format(len(self.edits)), Mistake(*key, message)))

    def _second_table(self, path: Path, start: int) -> None:
        name, marked = dotted(path), _MARKED.format(len(self.edits))
        _, last, end = self._parts[-1]
        is_array, is_value = self.text.startswith("[[", start), self._kinds[path] == "value"
        if is_value:
            message = f"{name} has a value already, so it cannot be a table as well"
        elif is_array:
            message = f"{name} is a table already; write [{name}], with one pair of brackets"
        else:
            message = f"{name} is defined twice; put both together"
        at = start + (2 if is_array else 1)
        edit = (at, end, marked) if is_array or is_value else (at, at, marked + ".")
        self.edits.append(_Edit(*edit, Mistake(last, end, message + self._first(path))))

    def _first(self, path: Path) -> str:
        span = self.spans.get(path)
        if span is None:
            return ""
        if not self._line_ends:
            self._line_ends += [match.start() for match in re.finditer("\n", self.text)]
        return f"; the first one is in line {bisect_right(self._line_ends, span.key) + 1}"


def _tidy(data: dict[str, Any]) -> None:
    """Put tables together that were defined twice, and drop the second one of two values."""
    for key in [key for key in data if key.startswith(_MARK)]:
        again = data.pop(key)
        if isinstance(again, dict):
            _merge(data, again)
    left: list[Any] = [data]
    while left:
        holder = left.pop()
        if isinstance(holder, dict):
            for key in [key for key in holder if key.startswith(_MARK)]:
                del holder[key]
            left += holder.values()
        elif isinstance(holder, list):
            left += holder


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        known = into.setdefault(key, value)
        if known is not value and isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
