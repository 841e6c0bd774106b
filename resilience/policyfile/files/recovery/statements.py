"""
Cuts a text that is not TOML into statements: headers, and keys with their values.

If a bracket or a quotation mark is not closed, the next line that looks like a statement ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import tomli
from attrs import define, frozen

_MULTI_LINE: Final = r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}'
_TOKEN = re.compile(rf"{_MULTI_LINE}|\"[^\"\\\n]*(?:\\[^\n][^\"\\\n]*)*\"|'[^'\n]*'|#[^\n]*|[\[\]{{}}\n\"']", re.DOTALL)
_NAME: Final = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'=:#,\[\]{}()]|:(?=\S))"
_ENTRY = re.compile(rf"[ \t]*(?:{_NAME}[ \t]*)+(?:=|:[ \t\n])")
_HEADER = re.compile(r"[ \t]*\[{1,2}[ \t]*(?!(?:true|false|inf|nan)\b)[A-Za-z_][\w-]*[ \t]*(?:[.\]\n]|\Z)")
_REST = re.compile(
    # The rest of an array or a table after a wrong guess of its end: elements with commas, and the closing bracket.
    r"[ \t]*(?:(?:\"[^\"\n]*\"|'[^'\n]*'|\{[^{}\n]*\}|[0-9.]+)[ \t]*(?:,[ \t]*|(?=[\]}])))*"
    r"[\]}]*,?[ \t]*(?:#[^\n]*)?(?:\n|\Z)"
)
_INDENT = re.compile(r"[ \t]*")
_NEXT = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")
_CONFLICT = re.compile(r"<{7}(?: [^\n]*)?(?:\n|\Z)")

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_MANY: Final = 12
"""After so many lines that look like statements, an inline table counts as not closed."""


@frozen
class ParseFailure:
    """The reason why a statement is not TOML: tomli's message, and the offset in the statement."""

    message: str
    position: int


_OF_SEVERAL: Final = ("Cannot ", "Duplicate ")
"""The beginnings of tomli's messages about second definitions."""


def failure_of(text: str) -> ParseFailure | None:
    """Return the reason why a single statement is not TOML; None if it is TOML."""
    try:
        # A lone carriage return is an error, but tomli takes some for ends of lines.
        tomli.loads(text.replace("\r", "\x0b") if "\r" in text else text)
    except tomli.TOMLDecodeError as error:
        return None if error.msg.startswith(_OF_SEVERAL) else ParseFailure(error.msg, error.pos)
    except RecursionError:
        return ParseFailure("Nested too deeply to be read", 0)
    except ValueError:
        digits = _DIGITS.search(text)
        return ParseFailure("A number has too many digits to be read", 0 if digits is None else digits.start())
    return None


_DIGITS = re.compile(r"[0-9A-Fa-fxob_]{1000,}")


@frozen
class Statement:
    """A piece of a text, and the reason why it is not TOML by itself."""

    start: int
    end: int
    failure: ParseFailure | None


@define
class Cutter:
    r"""
    Cuts a text into statements.

    Attributes:
        text: The text, with ``\\n`` at the ends of lines.
    """

    text: str
    _bad: int = -1

    def statements(self) -> Iterator[Statement]:
        """Yield the statements in order, without blanks and valid comments."""
        at = 0
        while at < len(self.text):
            start = self._line_start(at)
            if start >= len(self.text):
                return
            found = self._statement(start)
            yield found
            at = max(found.end, start + 1)

    def _line_start(self, at: int) -> int:
        """Return the start of the next line that is neither empty nor a comment."""
        if self._bad < at:
            found = _CONTROL.search(self.text, at)
            self._bad = len(self.text) if found is None else found.start()
        # A comment with a forbidden character is a statement of its own.
        match = _NEXT.match(self.text, at, max(at, self.text.rfind("\n", 0, self._bad) + 1))
        return match.end() if match else at

    def _line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found

    def _statement(self, start: int) -> Statement:
        if self.text.startswith("<<<<<<<", start) and _CONFLICT.match(self.text, start):
            return Statement(start, self._line_end(start), ParseFailure("Conflict", 0))
        end = self._end(start, is_strict=False)
        failure = failure_of(self.text[start:end])
        if failure is None:
            return Statement(start, end, None)
        if "\n" in self.text[start:end]:
            end = self._end(start, is_strict=True)
            failure = failure_of(self.text[start:end])
        rest = self._with_rest(end) if failure else end
        if rest != end:
            end, failure = rest, failure_of(self.text[start:rest])
        return Statement(start, end, failure)

    def _with_rest(self, end: int) -> int:
        """Return the end of a broken statement with its rest in the next lines."""
        last = self.text[self.text.rfind("\n", 0, end) + 1 : end].partition("#")[0].rstrip()[-1:]
        at = end
        while last in ",[{" and last and (match := _REST.match(self.text, at + 1)) and match.group().strip():
            at = match.end() - (1 if match.group().endswith("\n") else 0)
            last = match.group().partition("#")[0].rstrip()[-1:]
        return at

    def _end(self, start: int, *, is_strict: bool) -> int:  # noqa: C901 - one branch for each kind of token
        """
        Return the end of the statement at ``start``.

        Args:
            start: The beginning of its line.
            is_strict: Whether each line that looks like a statement ends the one before it.
        """
        indent = self._indent(start)
        if _HEADER.match(self.text, start):
            return self._line_end(start)
        opened: list[str] = []
        last, at, many = "", start, 0
        while (match := _TOKEN.search(self.text, at)) is not None:
            piece, here = match.group(), match.start()
            last = self.text[at:here].rstrip()[-1:] or last
            at = match.end()
            if piece == "\n":
                if not opened or _HEADER.match(self.text, line := self._next_line(at)):
                    return here
                if _ENTRY.match(self.text, line) and self._indent(line) <= indent:
                    many += 1
                    if is_strict or opened[-1] == "[" or last not in ",{" or many > _MANY:
                        return here
            elif piece in {'""', "''"} and self.text.startswith(piece[0], at):
                # A text of several lines without an end.
                at = self._next_statement(at, len(self.text))
            elif piece in "\"'":
                at = self._line_end(here)
            elif is_strict and "\n" in piece:
                at = self._next_statement(here, at)
            elif piece in "[{":
                opened.append(piece)
            elif piece in "]}" and opened:
                opened.pop()
            last = last if piece[0] in "#\n" else piece[-1]
        return len(self.text)

    def _next_line(self, at: int) -> int:
        """Return the start of the next line that is no comment."""
        match = _NEXT.match(self.text, at)
        return match.end() if match else at

    def _indent(self, start: int) -> int:
        match = _INDENT.match(self.text, start)
        return 0 if match is None else match.end() - start

    def _next_statement(self, start: int, end: int) -> int:
        """Return the end of the line before the next one that looks like a statement; ``end`` if there is none."""
        at = self.text.find("\n", start, end)
        while at >= 0:
            if _HEADER.match(self.text, at + 1) or _ENTRY.match(self.text, at + 1):
                return at
            at = self.text.find("\n", at + 1, end)
        return end
