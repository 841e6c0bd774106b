"""Changes to a text, with which each place of the changed text is found in the first one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from attrs import define, field, frozen


@frozen
class Edit:
    """Characters to replace, from ``start`` to ``end``; equal where something is only put in."""

    start: int
    end: int
    instead: str


@frozen
class SyntaxMistake:
    """A piece of a text that is not TOML, from ``offset`` to ``end``, and what is wrong with it."""

    offset: int
    end: int
    message: str


def applied(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with edits, which stand in their order and do not overlap."""
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
        text: It as it is now.
        origins: Where each character, and the end, stood in the whole text.
    """

    text: str
    origins: list[int]

    @classmethod
    def of(cls, text: str, start: int, end: int) -> Draft:
        """Return the draft of a piece of a text."""
        return cls(text[start:end], list(range(start, end + 1)))

    def change(self, edits: Sequence[Edit]) -> None:
        """Make edits, which stand in their order and do not overlap."""
        origins, at = [], 0
        for edit in edits:
            origins += self.origins[at : edit.start]
            origins += [self.origins[edit.start]] * len(edit.instead)
            at = edit.end
        self.text, self.origins = applied(self.text, edits), [*origins, *self.origins[at:]]


@define
class Rebuilt:
    """A whole text, put together from pieces of another one and from drafts."""

    pieces: list[str] = field(factory=list)
    length: int = 0
    _starts: list[int] = field(factory=list)
    _origins: list[int] = field(factory=list)

    @property
    def text(self) -> str:
        """The text."""
        return "".join(self.pieces)

    def keep(self, text: str, start: int, end: int) -> None:
        """Add a piece of the first text as it is."""
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
        """Return where a place of this text stood in the first one."""
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return 0
        # An end belongs to what stands before it.
        return self._origins[index] + min(position - self._starts[index], len(self.pieces[index]))
