"""
The grammar of fault scripts, for sandbox and simulation: entries with commas between them, one for each attempt.

An entry is ``[applied|late] WORD[("MESSAGE")] [DELAY][*N]``: ``applied lost``, ``slow 250ms*3``, ``SystemOverFlow*``,
``OperationDenied("role cannot be assumed")*3``. The player of the script defines the words, and what an effect or a
delay means with them. A message is in double or single quotes; a backslash escapes the next character.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from attrs import frozen

WhenApplied = Literal["applied", "late"]
"""When the request is carried out although its answer is bad: before the answer, or after it."""

_DELAY: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_REPEAT: Final = re.compile(r"\*(\d*)$")
_MESSAGE: Final = re.compile(r"""\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*\)""", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_STATUS: Final = re.compile(r"(?:http-)?([2-5]\d\d)")
# In lower case a code has several parts, since a single word may be a misspelled word of the language. A number of
# three digits is a status.
_CODE: Final = re.compile(r"[A-Z][A-Za-z0-9]*([._][A-Za-z0-9%]+)*|[a-z][A-Za-z0-9]*([._][A-Za-z0-9%]+)+|\d{4,}")


@frozen(kw_only=True)
class ScriptEntry:
    """
    One entry of a script.

    Attributes:
        text: The text of the entry, without spaces around it, and with dots for its message.
        word: The fault of the attempt.
        message: The service's message; None if the entry has none.
        applied: Whether the request takes effect in spite of the fault; None if the entry does not say it.
        delay: The delay in seconds; None if the entry has none.
        times: The number of attempts with this fault, at least 1; None for every attempt from here on.
    """

    text: str
    word: str
    message: str | None = None
    applied: WhenApplied | None = None
    delay: float | None = None
    times: int | None = 1

    @property
    def status(self) -> int | None:
        """The HTTP status in the word (``503``, ``http-503``); None if it is no status."""
        match = _STATUS.fullmatch(self.word)
        return None if match is None else int(match[1])

    @property
    def is_code(self) -> bool:
        """Whether the word has the form of a service's code."""
        return _CODE.fullmatch(self.word) is not None


def parse_entry(text: str) -> ScriptEntry:
    """
    Read one entry.

    Raises:
        ValueError: The entry does not have that form; the message shows it.
    """
    found = _MESSAGE.search(text)
    plain = text if found is None else text[: found.start()] + text[found.end() :]
    message = None if found is None else _ESCAPED.sub(r"\1", found[1] if found[2] is None else found[2])
    text = without_messages(text).strip()
    words = plain.split()
    applied: WhenApplied | None = None
    if words and words[0] in {"applied", "late"}:
        applied = "late" if words.pop(0) == "late" else "applied"
    times: int | None = 1
    if words and (repeat := _REPEAT.search(words[-1])):
        times = int(repeat[1]) if repeat[1] else None
        words[-1] = words[-1][: repeat.start()]
    delay: float | None = None
    if len(words) == 2 and (length := _DELAY.fullmatch(words[1])):  # noqa: PLR2004  # a word and its delay
        delay = float(length[1]) / (1000 if length[2] == "ms" else 1)
        words.pop()
    if len(words) != 1 or not words[0] or '"' in plain:
        form, samples = '[applied|late] WORD[("MESSAGE")] [DELAY][*N]', "'applied lost' or 'slow 250ms*3'"
        raise ValueError(f"{text!r}: expected {form}, such as {samples}")
    if times == 0:
        raise ValueError(f"{text!r}: expected times >= 1 after *")
    return ScriptEntry(text=text, word=words[0], message=message, applied=applied, delay=delay, times=times)


def parse_script(script: str) -> tuple[ScriptEntry, ...]:
    """
    Read a script.

    Raises:
        ValueError: An entry does not have the form above; the message shows it.
    """
    return tuple(map(parse_entry, split_script(script)))


def split_script(script: str) -> list[str]:
    """Return the texts of a script's entries; commas in messages do not separate entries."""
    messages = [match.span() for match in _MESSAGE.finditer(script)]
    commas = [at for at, char in enumerate(script) if char == ","]
    ends = [at for at in commas if not any(start < at < end for start, end in messages)]
    return [script[start:end] for start, end in zip([0, *(at + 1 for at in ends)], [*ends, len(script)], strict=True)]


def without_messages(script: str) -> str:
    """Return a script, or an entry of one, with dots for its messages, for outputs."""
    return _MESSAGE.sub('("...")', script)
