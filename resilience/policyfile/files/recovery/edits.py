"""Changes to a text that map each place of the changed text to its place in the original."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from attrs import define, field, frozen


@frozen
class Edit:
    """Replaces the characters from ``start`` to ``end``; both are equal for an insertion."""

    start: int
    end: int
    instead: str


@frozen
class SyntaxMistake:
    """A mistake in a text, from ``offset`` to ``end``, with its message."""

    offset: int
    end: int
    message: str


def applied(text: str, edits: Sequence[Edit]) -> str:
    """Return a text after edits, which are in order and do not overlap."""
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.instead]
        at = edit.end
    return "".join((*pieces, text[at:]))


@define
class Draft:
    """
    A statement under repair.

    Attributes:
        text: The statement after the edits so far.
        origins: The offset of each character, and of the end, in the whole text.
    """

    text: str
    origins: list[int]

    @classmethod
    def of(cls, text: str, start: int, end: int) -> Draft:
        """Return the draft of a piece of a text."""
        return cls(text[start:end], list(range(start, end + 1)))

    def change(self, edits: Sequence[Edit]) -> None:
        """Make edits, which are in order and do not overlap."""
        origins, at = [], 0
        for edit in edits:
            origins += self.origins[at : edit.start]
            origins += [self.origins[edit.start]] * len(edit.instead)
            at = edit.end
        self.text, self.origins = applied(self.text, edits), [*origins, *self.origins[at:]]


@define
class Rebuilt:
    """A whole text of pieces of the original and of drafts."""

    pieces: list[str] = field(factory=list)
    length: int = 0
    _starts: list[int] = field(factory=list)
    _origins: list[int] = field(factory=list)

    @property
    def text(self) -> str:
        """The text."""
        return "".join(self.pieces)

    def keep(self, text: str, start: int, end: int) -> None:
        """Add a piece of the original."""
        self._add(text[start:end], start)

    def add(self, draft: Draft) -> None:
        """Add a draft."""
        begin = 0
        for at in range(1, len(draft.text) + 1):
            if at == len(draft.text) or draft.origins[at] != draft.origins[at - 1] + 1:
                self._add(draft.text[begin:at], draft.origins[begin])
                begin = at

    def _add(self, piece: str, origin: int) -> None:
        if piece:
            self._starts.append(self.length)
            self._origins.append(origin)
            self.pieces.append(piece)
            self.length += len(piece)

    def before(self, position: int) -> int:
        """Return the offset in the original for an offset in this text."""
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return 0
        # The end of a piece belongs to that piece.
        return self._origins[index] + min(position - self._starts[index], len(self.pieces[index]))
