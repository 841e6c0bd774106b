"""A problem of a policy, its form as text, and the exception with all problems."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal

from attrs import field, frozen

from resilience.policyfile.messages.secrecy import hidden_in, masked
from resilience.policyfile.messages.wording import has_secret, printable, secret_values, without_secrets

Severity = Literal["error", "warning", "info"]

_WIDEST_LINE = 160
_LEAD = 40
_LOOKED_AT = 4000


@frozen(kw_only=True)
class Problem:
    """
    One error or warning about a policy file.

    Attributes:
        file: The file's name, as the user wrote it.
        line: The line, counted from 1.
        column: The column, in characters counted from 1.
        rule: The stable id, such as ``RP040``; its title is in ``TITLES``.
        severity: ``error`` (the policy cannot work), ``warning`` (it may surprise) or ``info``
            (good to know; it never fails a check).
        message: What was expected, what was found and what to do. Stars replace texts that look like secrets.
        source: The line, with stars in place of texts that do not read like words; None if there is no line, or if
            it may hold a secret.
        length: The number of wrong characters in that line; at least 1.
    """

    file: str
    line: int
    column: int
    rule: str
    severity: Severity = "error"
    message: str = field(converter=without_secrets)
    source: str | None = None
    length: int = 1

    def __str__(self) -> str:
        """Return the problem in the form of ``resilience check``: place and message, then the line with carets."""
        head = f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.rule}] {self.message}"
        if self.source is None:
            return head
        before, marked, after = self._window()
        number = str(self.line)
        margin = " " * len(number)
        # A tab stays a tab, so that the carets have the right place in any terminal.
        indent = "".join("\t" if char == "\t" else " " * _columns(char) for char in before)
        carets = "^" * max(sum(map(_columns, marked)), 1)
        return f"{head}\n  {number} | {printable(before + marked + after).rstrip()}\n  {margin} | {indent}{carets}"

    def _window(self) -> tuple[str, str, str]:
        """Cut the line into the parts before, above and after the carets, and shorten long parts."""
        line = self.source or ""
        start = min(self.column - 1, len(line))
        if len(line) <= _WIDEST_LINE:
            return line[:start], line[start : start + self.length], line[start + self.length :]
        before = line[:start] if start <= _LEAD else "..." + line[start - _LEAD : start]
        room = _WIDEST_LINE - len(before)
        marked = line[start : start + min(self.length, room)]
        end, room = start + len(marked), room - len(marked)
        return before, marked, line[end : end + room] + ("..." if end + room < len(line) else "") if room else ""


def _columns(char: str) -> int:
    """Return the width of a character in columns of a terminal: 2 for Chinese characters."""
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Lines:
    r"""
    The lines of a text, with an index from offsets to lines and columns.

    Args:
        text: The whole file, with ``\\n`` at the ends of lines.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._shown: dict[int, str | None] = {}
        self._secret_lines: set[int] | None = None
        self._hidden: dict[int, tuple[str, ...]] = {}

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and the column of an offset, both counted from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def length(self, line: int) -> int:
        """Return the number of characters in a line, without its end."""
        return self._end(line) - self._starts[line - 1]

    def shown(self, line: int) -> str | None:
        """Return a line with stars for possible secrets; None for a line with a probable secret."""
        if line not in self._shown:
            source = self._text[self._starts[line - 1] : self._end(line)]
            is_hidden = not self._text or has_secret(source) or self._is_in_secret(line)
            self._shown[line] = None if is_hidden else masked(source)
        return self._shown[line]

    def _is_in_secret(self, line: int) -> bool:
        """Tell whether a line belongs to the value of a key with a secret's name, over several lines."""
        if self._secret_lines is None:
            self._secret_lines = set()
            for start, end in secret_values(self._text):
                self._secret_lines.update(range(self.place(start)[0], self.place(end)[0] + 1))
        return line in self._secret_lines

    def without_hidden(self, line: int, message: str) -> str:
        """Return a message about a line, with stars in place of the line's hidden texts."""
        if line not in self._hidden:
            self._hidden[line] = hidden_in(self._text[self._starts[line - 1] : self._end(line)][:_LOOKED_AT])
        for text in self._hidden[line]:
            message = message.replace(text, "***")
        return message

    def _end(self, line: int) -> int:
        return self._starts[line] - 1 if line < len(self._starts) else len(self._text)


def problem_at(  # noqa: PLR0913 - one argument for each thing that a problem says
    lines: Lines,
    offset: int,
    end: int,
    *,
    file: str,
    rule: str,
    message: str,
    severity: Severity = "error",
    hide: bool = False,
) -> Problem:
    """
    Return a problem for the characters from ``offset`` to ``end`` of a text.

    Args:
        lines: The lines of the file.
        offset: The first wrong character, counted from 0.
        end: The end of the wrong characters; carets mark only those on the first line.
        file: The file's name, as the user wrote it.
        rule: The id.
        message: The message.
        severity: The severity.
        hide: Whether to hide the line, because the caller knows that it holds a secret.
    """
    line, column = lines.place(offset)
    return Problem(
        file=file,
        line=line,
        column=column,
        rule=rule,
        severity=severity,
        message=lines.without_hidden(line, message),
        source=None if hide else lines.shown(line),
        length=max(1, min(end - offset, lines.length(line) - column + 1)),
    )


class PolicyError(Exception):
    """
    A policy cannot be used.

    Attributes:
        problems: All errors of all files, in the order of merging, and from top to bottom in each file. At least
            one. Warnings are left out.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return all problems as text, each with its line of the file."""
        return "\n".join(str(problem) for problem in self.problems)
