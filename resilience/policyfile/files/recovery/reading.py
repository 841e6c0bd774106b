"""Reads a text that is not TOML with probable repairs, so that one check reports all other problems too."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, Final

import tomli
from attrs import evolve, field, frozen

from resilience.policyfile.files.positions import Positions, TextSpan, scan
from resilience.policyfile.files.recovery.cure import Cure
from resilience.policyfile.files.recovery.cures import cures, last_cures, words_in
from resilience.policyfile.files.recovery.doubles import LOST, doubles, tidy
from resilience.policyfile.files.recovery.edits import Draft, Edit, Rebuilt, SyntaxMistake, applied
from resilience.policyfile.files.recovery.lost import Lost
from resilience.policyfile.files.recovery.phrases import message_of
from resilience.policyfile.files.recovery.statements import Cutter, ParseFailure, Statement, failure_of
from resilience.policyfile.messages.lookalikes import lookalike, plain
from resilience.policyfile.messages.wording import has_secret

_FEWEST_ROUNDS: Final = 2
_MOST_ROUNDS: Final = 80
_READ_AT_MOST: Final = 200_000
"""The most characters to parse in the search for the cures of one statement."""


@frozen
class Reading:
    """
    The result of repairs to a text that is not TOML.

    Attributes:
        mistakes: The mistakes in the order of the text; at least one.
        data: The tables of the repaired text; None if it is still not TOML.
        rebuilt: The repaired text, which maps its places to the original.
        lost: The statements that could not be repaired.
    """

    mistakes: tuple[SyntaxMistake, ...]
    data: dict[str, Any] | None
    rebuilt: Rebuilt
    lost: Lost = field(factory=Lost)

    def positions(self, depth: int) -> Positions:
        """Return the positions of keys and values in the original text."""
        found, before = scan(self.rebuilt.text, depth=depth), self.rebuilt.before

        def end(position: int) -> int:
            return before(position - 1) + 1

        spans = {
            path: TextSpan(before(span.key), end(span.key_end), before(span.value), end(span.value_end))
            for path, span in found.spans.items()
        }
        return Positions(spans, tuple(evolve(each, offset=before(each.offset)) for each in found.novelties))


_JSON = re.compile(r"\s*\{\s*[\"'}]")


def read_on(text: str, bad: Sequence[int] = ()) -> Reading:
    r"""
    Find every mistake of a text that tomli refuses, and read the rest of it.

    Args:
        text: The text, with ``\\n`` at the ends of lines and no byte-order mark.
        bad: The offsets of undecodable characters, in order; the caller reports them.
    """
    if _JSON.match(text):
        offset = len(text) - len(text.lstrip())
        return Reading(
            (SyntaxMistake(offset, offset + 1, message_of(text, ParseFailure("Invalid statement", offset))),),
            None,
            Rebuilt(),
        )
    reader = _Reader(text, bad)
    reader.read()
    return reader.reading()


class _Reader:
    def __init__(self, text: str, bad: Sequence[int]) -> None:
        self._bad = bad
        letters = tuple(_lookalikes(text))
        self.text = applied(text, [edit for edit, _ in letters])
        self.mistakes = [mistake for _, mistake in letters]
        self.rebuilt = Rebuilt()
        self.lost = Lost()
        self._header: str | None = ""
        self._kept = 0
        self._side = (-1, -1)
        self._has_ends = True

    def read(self) -> None:
        """Repair one statement after the other."""
        for statement in Cutter(self.text).statements():
            if self._side[0] <= statement.start < self._side[1]:
                self._drop(*self._side)
                continue
            text = self.text[statement.start : statement.end]
            is_header = text.lstrip().startswith("[")
            is_bad = self._is_bad(statement)
            if statement.failure is None and not is_bad:
                if is_header:
                    self._header = text
                elif self._header is None:
                    # The keys of a table without a name are lost with the name.
                    self.lost.add(text, None)
                continue
            self.rebuilt.keep(self.text, self._kept, statement.start)
            self._kept = statement.end
            if statement.failure is None or is_bad:
                self._lose(statement, text, is_header=is_header)
            elif statement.failure.message == "Conflict":
                self._conflict(statement)
            else:
                self._mend(statement, text, statement.failure, is_header=is_header)
        self.rebuilt.keep(self.text, self._kept, len(self.text))

    def _conflict(self, statement: Statement) -> None:
        """Keep the first side of a conflict."""
        message = "a merge left its marks here; keep one side, and delete the lines <<<<<<<, ======= and >>>>>>>"
        self.mistakes.append(SyntaxMistake(statement.start, statement.start + 7, message))
        if self._has_ends:
            middle = self.text.find("\n=======", statement.end)
            end = self.text.find("\n>>>>>>>", middle) if middle >= 0 else -1
            self._has_ends = end >= 0
            if self._has_ends:
                self._side = (
                    middle + 1,
                    self.text.find("\n", end + 1) if "\n" in self.text[end + 1 :] else len(self.text),
                )

    def _drop(self, start: int, end: int) -> None:
        """Leave out the other side of a conflict."""
        if self._kept <= start:
            self.rebuilt.keep(self.text, self._kept, start)
            self._kept = end
            self.lost.add(self.text[start:end], self._header)

    def _mend(self, statement: Statement, text: str, failure: ParseFailure, *, is_header: bool) -> None:
        draft = Draft.of(self.text, statement.start, statement.end)
        mistakes, is_mended = mend(draft, failure)
        self.mistakes += mistakes
        if is_mended:
            self.rebuilt.add(draft)
            lines = draft.text.strip().split("\n")
            if is_header or lines[0].startswith("["):
                self._header = lines[0]
                # The name is a guess, so other names of this line must not be reported as unknown.
                self.lost.add_names(text)
            return
        self._lose(statement, text, is_header=is_header)

    def _is_bad(self, statement: Statement) -> bool:
        """Tell whether an undecodable character stands in a statement, outside of its comments."""
        index = bisect_left(self._bad, statement.start)
        if index >= len(self._bad) or self._bad[index] >= statement.end:
            return False
        before = self.text[statement.start : self._bad[index]]
        return "#" not in before or failure_of(before.rpartition("#")[0]) is not None

    def _lose(self, statement: Statement, text: str, *, is_header: bool) -> None:
        if is_header:
            self._header = None
            name = f"[{LOST.format(statement.start)}]"
            self.rebuilt.add(Draft(name, [statement.start] * (len(name) + 1)))
        self.lost.add(text, self._header)

    def reading(self) -> Reading:
        """Return the result."""
        text = self.rebuilt.text
        edits, found = doubles(text)
        before = self.rebuilt.before
        self.mistakes += [SyntaxMistake(before(each.offset), before(each.end - 1) + 1, each.message) for each in found]
        data: dict[str, Any] | None = None
        try:
            data = tomli.loads(applied(text, edits).replace("\r", "\x0b"))
        except tomli.TOMLDecodeError as error:
            if not self.mistakes:
                self.mistakes.append(SyntaxMistake(before(error.pos), before(error.pos) + 1, error.msg.lower()))
        else:
            tidy(data)
        mistakes = {(each.offset, each.message): each for each in self.mistakes}
        return Reading(tuple(sorted(mistakes.values(), key=lambda each: each.offset)), data, self.rebuilt, self.lost)


def mend(draft: Draft, failure: ParseFailure) -> tuple[list[SyntaxMistake], bool]:
    """
    Repair a statement.

    Returns:
        The mistakes, and whether the statement is TOML now.
    """
    words = list(words_in(draft.text))
    mistakes = [_mistake(draft, failure, cure, what="invalid value") for cure in words]
    draft.change([edit for cure in words for edit in cure.edits])
    now = failure_of(draft.text) if words else failure
    rounds = max(_FEWEST_ROUNDS, min(_MOST_ROUNDS, _READ_AT_MOST // max(len(draft.text), 1)))
    for _ in range(rounds):
        if now is None:
            return mistakes, True
        found = _best(draft.text, now)
        mistakes.append(_mistake(draft, now, None if found is None else found[0]))
        if found is None:
            return mistakes, False
        draft.change(found[0].edits)
        now = found[1]
    return mistakes, now is None


def _best(text: str, failure: ParseFailure) -> tuple[Cure, ParseFailure | None] | None:
    """Return the first cure that leads to TOML, or else to a later failure, and that failure."""
    best: tuple[Cure, ParseFailure | None] | None = None
    for find in (cures, last_cures):
        for cure in find(text, failure.message, failure.position):
            tried = applied(text, cure.edits)
            after = failure_of(tried)
            if after is None:
                return cure, None
            grown = len(tried) - len(text)
            is_end = failure.position >= len(text.rstrip())
            if best is None and (
                after.position - grown > failure.position or (is_end and after.position - grown == failure.position)
            ):
                best = cure, after
        if best is not None:
            return best
    return None


def _mistake(draft: Draft, failure: ParseFailure, cure: Cure | None, *, what: str = "") -> SyntaxMistake:
    start, end = (failure.position, failure.position + 1) if cure is None or cure.at is None else cure.at
    start = min(start, len(draft.text))
    offset = draft.origins[start]
    line_start, line_end = draft.text.rfind("\n", 0, start) + 1, draft.text.find("\n", start)
    line = draft.text[line_start : line_end if line_end >= 0 else len(draft.text)]
    if what and cure is not None:
        advice = "" if has_secret(line) else f"; {cure.advice}"
        message = what + advice
    else:
        message = message_of(draft.text, failure, None if cure is None else cure.advice)
    return SyntaxMistake(
        offset, max(offset + 1, draft.origins[min(end, len(draft.text)) - 1] + 1 if end else 0), message
    )


_SKIPPED: Final = (
    r"(?s:\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5})|\"[^\"\\\n]*(?:\\[^\n][^\"\\\n]*)*\"|'[^'\n]*'|#[^\n]*"
)
_FOREIGN_WORD = re.compile(rf"{_SKIPPED}|([A-Za-z0-9_-]*[^\x00-\x7f][^\s=.\[\]{{}},\"'#]*)")


def _lookalikes(text: str) -> Iterator[tuple[Edit, SyntaxMistake]]:
    """Find look-alike letters outside of quotes, where TOML does not allow them."""
    for match in () if text.isascii() else _FOREIGN_WORD.finditer(text):
        word = match[1]
        if word is not None and (hint := lookalike(word)):
            instead = "".join(plain(char) or " " for char in word)
            yield Edit(*match.span(1), instead), SyntaxMistake(*match.span(1), f"letters that TOML does not know{hint}")
