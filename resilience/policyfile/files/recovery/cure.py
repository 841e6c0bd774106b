"""A change that may turn a statement into TOML, with the advice to make it."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from resilience.policyfile.files.recovery.edits import Edit

COMMENT_MARK: Final = r"//+|--+|;+|/\*+|<!--"
"""The beginnings of comments in other languages."""

_VALUE = re.compile(r"[ \t]*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'=#])(?:\"[^\"\n]*\"|'[^'\n]*'|[^\"'=#\n])*=[ \t]*")


@frozen
class Cure:
    """
    A possible correction.

    Attributes:
        edits: The changes to the statement, in order.
        advice: The part of the message after the semicolon: what to write.
        at: Start and end of the mistake; None for the place where the parser stopped.
    """

    edits: tuple[Edit, ...]
    advice: str
    at: tuple[int, int] | None = None


@frozen
class Place:
    """
    A statement in which the parser stopped.

    Attributes:
        text: The statement.
        message: The parser's message.
        at: The offset at which the parser stopped.
    """

    text: str
    message: str
    at: int

    @property
    def char(self) -> str:
        """The character at the offset; empty at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def line(self) -> tuple[int, int]:
        """Start and end of the line."""
        start, end = self.text.rfind("\n", 0, self.at) + 1, self.text.find("\n", self.at)
        return start, len(self.text) if end < 0 else end

    @property
    def rest(self) -> str:
        """The line from the offset on."""
        return self.text[self.at : self.line[1]]

    @property
    def value(self) -> int:
        """The start of the statement's value; the end of a statement without one."""
        match = _VALUE.match(self.text)
        return len(self.text) if match is None else match.end()

    @property
    def before(self) -> int:
        """The end of the text before the offset, without blanks and comments."""
        at, text = self.at, self.text
        while True:
            kept = text[:at].rstrip()
            start = kept.rfind("\n") + 1
            hash_at = kept.find("#", start)
            # The # may belong to a text. A wrong guess does no harm, because the parser then refuses the cure.
            if hash_at < 0 or kept[start:hash_at].count('"') % 2:
                return len(kept)
            at = hash_at


def replaced(start: int, end: int, instead: str, advice: str, at: tuple[int, int] | None = None) -> Cure:
    """Return the cure that replaces characters."""
    return Cure((Edit(start, end, instead),), advice, at)


def wrapped(start: int, end: int, marks: str, advice: str, at: tuple[int, int] | None = None) -> Cure:
    """Return the cure that puts one mark before some characters, and one after them."""
    return Cure((Edit(start, start, marks[0]), Edit(end, end, marks[1])), advice, at)


def behind(text: str) -> int:
    """Return the end of the last value in the rest of a line: before closing brackets and a comment."""
    return len(text.partition(" #")[0].rstrip(" \t]},;"))
