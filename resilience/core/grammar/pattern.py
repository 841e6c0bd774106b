"""
Match the regular expressions of policies in a time that is proportional to the length of the name.

Python's own engine tries one way after the other, and some short expressions make it try for years. This module follows
all ways at once. It refuses features that would need more (look-around, references to groups) when the policy is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from attrs import define, field, frozen

_COUNT: Final = re.compile(r"\{(\d*)(,?)(\d*)\}")
_ESCAPE: Final = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDwWsSnrtfv]|[^A-Za-z0-9])")
_GROUP: Final = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
_SIGNS: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}

# Far more than a rule for names needs, and still quick to follow for each character.
_MOST_STEPS: Final = 2_000

_Fits = Callable[[str], bool]


class PatternError(ValueError):
    """An expression cannot be used; the message says why, and what to write instead."""


@define(eq=False)
class _Step:
    """A state of the matcher: the characters that lead on (None: no character is needed), and the next states."""

    fits: _Fits | None = None
    following: list[_Step] = field(factory=list)


@frozen
class Pattern:
    """
    An expression that is ready to match.

    Attributes:
        text: The expression.
    """

    text: str
    _first: _Step = field(eq=False, repr=False)
    _last: _Step = field(eq=False, repr=False)

    @classmethod
    def of(cls, text: str) -> Pattern:
        """
        Read an expression.

        Raises:
            PatternError: The text is no expression, or uses a feature that is not supported.
        """
        try:
            re.compile(text)
            whole = _Reader(text.removeprefix("^")).choice()
            first = _Step()
            return cls(text, first, _Builder().build(whole, first))
        except re.error as error:
            raise PatternError(error.msg) from None
        except (OverflowError, RecursionError):
            raise PatternError("it is too large, or its groups are nested too deeply") from None

    def matches(self, name: str) -> bool:
        """Tell whether the expression matches a whole name."""
        here = _reached([self._first])
        for character in name:
            here = _reached(
                following
                for step in here
                if step.fits is not None and step.fits(character)
                for following in step.following
            )
        return self._last in here


def _reached(steps: Iterable[_Step]) -> set[_Step]:
    """Return these steps, and all steps that follow them without a character."""
    found: set[_Step] = set()
    waiting = list(steps)
    while waiting:
        step = waiting.pop()
        if step not in found:
            found.add(step)
            if step.fits is None:
                waiting.extend(step.following)
    return found


@frozen
class _Choice:
    """Alternative sequences; one of them has to match."""

    sequences: Sequence[Sequence[_Part]]


@frozen
class _Part:
    """A character or a group, and how many times it repeats; ``most`` is None for no limit."""

    what: str | _Choice
    least: int
    most: int | None


@define
class _Reader:
    """Reads an expression that Python can compile, from left to right."""

    text: str
    at: int = 0

    def choice(self) -> _Choice:
        sequences = [self._sequence()]
        while self._takes("|"):
            sequences.append(self._sequence())
        return _Choice(sequences)

    def _sequence(self) -> list[_Part]:
        parts = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if self.text[self.at :] == "$":
                self.at += 1
                break
            what = self._group() if self.text[self.at] == "(" else self._character()
            parts.append(_Part(what, *self._counts()))
        return parts

    def _group(self) -> _Choice:
        found = _GROUP.match(self.text, self.at)
        if found is None:
            raise PatternError("look-around, flags and conditions, (?...), are not supported; write it without")
        self.at = found.end()
        inner = self.choice()
        self.at += 1  # its closing parenthesis
        return inner

    def _character(self) -> str:
        """Return the text of the next character, or of the next set of characters."""
        first, begin = self.text[self.at], self.at
        if first in "^$":
            raise PatternError(f"{first} stands within it; the whole name is compared, so leave it out")
        if first == "\\":
            found = _ESCAPE.match(self.text, begin)
            if found is None:
                raise PatternError(f"{self.text[begin : begin + 2]} is not supported; write it without")
            self.at = found.end()
        elif first == "[":
            end = begin + 1 + self.text.startswith("^", begin + 1)
            end += self.text.startswith("]", end)
            while self.text[end] != "]":
                end += 1 + (self.text[end] == "\\")
            self.at = end + 1
        else:
            self.at += 1
        return self.text[begin : self.at]

    def _counts(self) -> tuple[int, int | None]:
        counted = _COUNT.match(self.text, self.at)
        sign = self.text[self.at : self.at + 1]
        if sign in _SIGNS:
            self.at += 1
            counts = _SIGNS[sign]
        elif counted is not None and (counted[1] or counted[3]):
            self.at = counted.end()
            least = int(counted[1] or 0)
            counts = (least, None if counted[2] and not counted[3] else int(counted[3] or least))
        else:
            return (1, 1)
        # Lazy repetition matches the same names; possessive repetition does not.
        if self._takes("+"):
            raise PatternError("possessive repetition, such as a*+, is not supported; leave out the last +")
        self._takes("?")
        return counts

    def _takes(self, character: str) -> bool:
        found = self.text.startswith(character, self.at)
        self.at += found
        return found


@define
class _Builder:
    """Makes the steps of an expression."""

    made: int = 0

    def build(self, choice: _Choice, start: _Step) -> _Step:
        """Add the alternatives of a choice after a step, and return the step in which they end."""
        end = self._step()
        for sequence in choice.sequences:
            here = start
            for part in sequence:
                here = self._part(part, here)
            here.following.append(end)
        return end

    def _part(self, part: _Part, here: _Step) -> _Step:
        for _ in range(part.least):
            here = self._once(part.what, here)
        end = self._step()
        if part.most is None:
            again = self._step()
            here.following.append(again)
            self._once(part.what, again).following.append(again)
            here = again
        else:
            for _ in range(part.most - part.least):
                here.following.append(end)
                here = self._once(part.what, here)
        here.following.append(end)
        return end

    def _once(self, what: str | _Choice, here: _Step) -> _Step:
        before = self._step()
        here.following.append(before)
        if isinstance(what, _Choice):
            return self.build(what, before)
        # Python's own engine matches one character, which is quick.
        compiled = re.compile(what)
        end = self._step()
        before.fits, before.following = lambda character: compiled.fullmatch(character) is not None, [end]
        return end

    def _step(self) -> _Step:
        self.made += 1
        if self.made > _MOST_STEPS:
            raise PatternError("it is too large; let fewer parts come a counted number of times")
        return _Step()
