"""A change that may make TOML of a statement, and the advice to make it."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from resilience.policyfile.files.recovery.edits import Edit

COMMENT_MARK: Final = r"//+|--+|;+|/\*+|<!--"
"""How comments begin elsewhere."""

_VALUE = re.compile(r"[ \t]*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'=#])(?:\"[^\"\n]*\"|'[^'\n]*'|[^\"'=#\n])*=[ \t]*")


@frozen
class Cure:
    """
    What may have been meant.

    Attributes:
        edits: What makes TOML of the statement, in their order.
        advice: What to write, after a semicolon.
        at: Where the mistake is, from and to; None for where the parser stopped.
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
        message: Why it stopped there.
        at: Where.
    """

    text: str
    message: str
    at: int

    @property
    def char(self) -> str:
        """The character there; empty at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def line(self) -> tuple[int, int]:
        """Where the line begins and ends."""
        start, end = self.text.rfind("\n", 0, self.at) + 1, self.text.find("\n", self.at)
        return start, len(self.text) if end < 0 else end

    @property
    def rest(self) -> str:
        """What stands in the line from there on."""
        return self.text[self.at : self.line[1]]

    @property
    def value(self) -> int:
        """Where the value of the statement begins; its end where it has none."""
        match = _VALUE.match(self.text)
        return len(self.text) if match is None else match.end()

    @property
    def before(self) -> int:
        """Where what stands before it ends, without blanks and comments."""
        at, text = self.at, self.text
        while True:
            kept = text[:at].rstrip()
            start = kept.rfind("\n") + 1
            hash_at = kept.find("#", start)
            # A # inside of a text may be meant; what is put in there is tried, and fails.
            if hash_at < 0 or kept[start:hash_at].count('"') % 2:
                return len(kept)
            at = hash_at


def replaced(start: int, end: int, instead: str, advice: str, at: tuple[int, int] | None = None) -> Cure:
    """Return the cure that replaces characters."""
    return Cure((Edit(start, end, instead),), advice, at)


def wrapped(start: int, end: int, marks: str, advice: str, at: tuple[int, int] | None = None) -> Cure:
    """Return the cure that puts a mark before some characters, and one behind them."""
    return Cure((Edit(start, start, marks[0]), Edit(end, end, marks[1])), advice, at)


def behind(text: str) -> int:
    """Return where in the rest of a line its last value ends: before brackets that close, and before a comment."""
    return len(text.partition(" #")[0].rstrip(" \t]},;"))
