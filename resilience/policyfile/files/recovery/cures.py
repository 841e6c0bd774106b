"""Cures for the place where the parser stopped, the likeliest first; the first one that leads to TOML is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from resilience.core.grammar.durations import meant
from resilience.policyfile.files.recovery.cure import COMMENT_MARK, Cure, Place, replaced, wrapped
from resilience.policyfile.files.recovery.edits import Edit
from resilience.policyfile.files.recovery.keys import header_cures, key_cures
from resilience.policyfile.files.recovery.texts import control_cures, escape_cures, open_text_cures, quote_cures
from resilience.policyfile.files.recovery.words import is_nothing, value_advice, written_instead

_COMMENT = re.compile(COMMENT_MARK)
_CLOSERS: Final = {"[": "]", "{": "}"}
_NAMES: Final = {"[": "array", "{": "inline table"}
_BRACKETS = re.compile(r"\"[^\"\\\n]*(?:\\[^\n][^\"\\\n]*)*\"|'[^'\n]*'|#[^\n]*|[\[\]{}]")
_VALUES = re.compile(r"(?:\"[^\"\n]*\"|'[^'\n]*'|[0-9.]+)(?:\s*,\s*(?:\"[^\"\n]*\"|'[^'\n]*'|[0-9.]+))+")


def cures(text: str, message: str, position: int) -> Iterator[Cure]:
    """Yield possible cures of a statement, the likeliest first."""
    place = Place(text, message, position)
    for start, find in _HEADER_CURES if text.lstrip().startswith("[") else _CURES:
        if message.startswith(start):
            yield from find(place)


def last_cures(text: str, message: str, position: int) -> Iterator[Cure]:
    """Yield the last resort: to make a comment of the rest of the line."""
    place = Place(text, message, position)
    # A comment has a blank before it.
    if message.startswith("Expected newline") and place.rest.strip() and text[position - 1] in " \t]":
        yield replaced(position, position, " # ", "only a comment may follow here, and it begins with #")


def words_in(text: str) -> Iterator[Cure]:
    """Yield a cure for each value of a statement that lacks its quotes."""
    for match in () if text.lstrip().startswith("[") else _BARE_WORD.finditer(text):
        word = (match[1] or "").rstrip(";")
        # A word in such signs lacks more than its quotes.
        instead = None if not word or word[0] in "`(<" or word[-1] == ")" or is_nothing(word) else written_instead(word)
        if instead is not None:
            yield _word(word, instead, match.start(1), match.start(1) + len(word))


_STRING: Final = (
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\n]*'"
)
_BARE_WORD = re.compile(rf"(?s:{_STRING})|#[^\n]*|[=\[,][ \t\n]*([^\s\"'\[\]{{}},=#]+)(?=[ \t]*(?:[,\]}}#\n]|\Z))")


def _word(word: str, instead: str, start: int, end: int) -> Cure:
    if instead == f'"{word}"':
        return wrapped(start, end, '""', value_advice(word), (start, end))
    return replaced(start, end, instead, value_advice(word), (start, end))


def _value_cures(place: Place) -> Iterator[Cure]:
    """No value begins here."""
    rest, at = place.rest, place.at
    yield from _mark_cures(place)
    yield from _close_cures(place)
    yield from _comment_cures(place)
    for pattern in (r"[^\s\"'\[\]{},=#]+(?=[\s,\]}#]|$)", r"[^\"'\[\]{},=#\n]+(?=[,\]}#\n]|$)"):
        match = re.match(pattern, rest)
        word = match.group().rstrip() if match else ""
        instead = None if not word or is_nothing(word) else written_instead(word)
        if instead is not None:
            yield _word(word, instead, at, at + len(word))
    found, last = _opened(place.text, at), _closed(place.text, at)
    if found and found[1] == "[" and last is not None and re.match(r"[\w-]+\s*=", rest):
        marks = (Edit(found[0], found[0] + 1, "{"), Edit(last, last + 1, "}"))
        yield Cure(marks, "keys and values together stand in {...}")


def _mark_cures(place: Place) -> Iterator[Cure]:
    """A mark stands where a value should begin."""
    rest, at, char = place.rest, place.at, place.char
    if match := re.match(r"([^\s\"'\[\]{},=#]+)([\"'])(?=[ \t]*(?:[,\]}#]|$))", rest):
        yield replaced(at, at, match[2], "write a quotation mark before this text as well", (at, at + match.end()))
    if char == ",":
        yield replaced(at, at + 1, "", "leave one comma out")
    if char and char in "=>:":
        yield replaced(at, at + 1, "", "write one =")
    for marks, instead, advice in (
        ("``", '""', "a text stands in \"...\" or '...'"),
        ("()", "[]", "an array stands in [...]"),
    ):
        end = rest.rfind(marks[1])
        if char == marks[0] and end > 0:
            yield Cure((Edit(at, at + 1, instead[0]), Edit(at + end, at + end + 1, instead[1])), advice)
    if char == "}" and _innermost(place.text, at) == "[":
        yield replaced(at, at + 1, "]", "an array ends with ]")


def _after_header_cures(place: Place) -> Iterator[Cure]:
    """A header is over, and something else follows in its line."""
    rest, at = place.rest, place.at
    yield from _after_cures(place)
    if re.match(r"[=:][ \t]*\{?[ \t]*(?:#.*)?$", rest):
        advice = f"leave {rest[0]} out: what belongs to a table stands in the next lines"
        yield replaced(at, at + len(rest), "", advice)


def _after_value_cures(place: Place) -> Iterator[Cure]:
    """A value is over, and something else follows in its line."""
    yield from _number_cures(place)
    yield from _opener_cures(place)
    yield from _after_cures(place)
    yield from quote_cures(place, place.value)
    if re.match(r"(?:\"[^\"\n]*\"|'[^'\n]*'|[\w.-]+)[ \t]*=", place.rest) or place.rest.startswith("["):
        yield replaced(place.at, place.at, "\n", "write it in a line of its own")


def _number_cures(place: Place) -> Iterator[Cure]:
    """A value begins like a number, or is a number that is written in another way."""
    text, value = place.text, place.value
    if match := re.match(r"([0-9]+),([0-9]+)[ \t]*(?:#|$)", text[value : place.line[1]]):
        number = f"{match[1]}.{match[2]}"
        yield replaced(value, value + match.end(2), number, f"write a point in a number: {number}")
    word = re.match(r"[^\s\"'\[\]{},=#;]+", text[value:])
    instead = written_instead(word.group()) if word else None
    if word and instead:
        end = value + word.end()
        if text[end : end + 1] in {'"', "'"}:
            mark = text[end]
            yield replaced(value, value, mark, "write a quotation mark before this text as well", (value, value + 1))
        if end > place.at:
            yield _word(word.group(), instead, value, end)
    several = re.match(r"[^\"'#\[\]{},=\n]*", text[value:])
    words = several.group().rstrip() if several else ""
    if near := meant(words):
        yield replaced(value, value + len(words), f'"{near}"', f'a duration needs quotes: "{near}"')


def _opener_cures(place: Place) -> Iterator[Cure]:
    """The opening bracket of an array or a table is missing."""
    text, value, end = place.text, place.value, len(place.text.rstrip())
    if match := _VALUES.match(text, value):
        advice = "several values are an array, which stands in [...]"
        if re.match(r"\s*,?\s*\]", text[match.end() :]):
            yield replaced(value, value, "[", advice)
        yield wrapped(value, match.end(), "[]", advice)
    is_of_texts = place.char == "]" and text[value : value + 1] in {'"', "'"}
    if is_of_texts or (place.char == "," and text[:end].endswith("]")):
        yield replaced(value, value, "[", "an array begins with [")
    if place.char == "}" or text[:end].endswith("}"):
        yield replaced(value, value, "{", "an inline table begins with {")


def _after_cures(place: Place) -> Iterator[Cure]:
    """The line goes on without a comment."""
    rest, at = place.rest, place.at
    if match := re.match(r"[,;][ \t]*(?=(?:\"[^\"\n]*\"|'[^'\n]*'|[\w.-]+)[ \t]*=)", rest):
        advice = "leave it out, and write what follows in a line of its own"
        yield replaced(at, at + match.end(), "\n", advice)
    if re.fullmatch(r"[ \t]*[;,.][ \t]*(?:#.*)?", rest):
        name = {";": "semicolon", ",": "comma", ".": "dot"}[rest.strip()[0]]
        yield replaced(at, at + 1, "", f"leave the {name} out")
    yield from _comment_cures(place)
    if match := re.match(r"[\]})]+", rest):
        yield replaced(at, at + match.end(), "", f"leave {match.group()} out: nothing is open that it could end")


def _comment_cures(place: Place) -> Iterator[Cure]:
    if match := _COMMENT.match(place.rest):
        yield replaced(place.at, place.at + match.end(), "#", "a comment begins with #")


def _close_cures(place: Place) -> Iterator[Cure]:
    """The statement ends within an array or a table."""
    if found := _opened(place.text, place.at):
        mark, end = found[1], place.before
        if place.at >= len(place.text.rstrip()):
            advice = f"this {_NAMES[mark]} has no end; write {_CLOSERS[mark]} behind it"
            yield replaced(end, end, _CLOSERS[mark], advice, (found[0], found[0] + 1))


def _open_cures(place: Place) -> Iterator[Cure]:
    """A value in an array, or an entry of an inline table, is over, and neither a comma nor an end follows."""
    found = _opened(place.text, place.at)
    if found is None:
        return
    mark = found[1]
    yield from _close_cures(place)
    if place.char and place.char in "]})":
        advice = f"the {_NAMES[mark]} ends with {_CLOSERS[mark]}"
        yield replaced(place.at, place.at + 1, _CLOSERS[mark], advice)
        yield replaced(place.at, place.at, _CLOSERS[mark], advice)
    if place.char == ";":
        yield replaced(place.at, place.at + 1, ",", "write a comma between them")
    yield from _comment_cures(place)
    if match := re.match(r"[A-Za-z]+(?=[ \t]*[,\]}])", place.rest):
        word = re.search(r"[\[,{=][ \t]*([0-9.]+[ \t]*)$", place.text[: place.at])
        start = word.start(1) if word else place.at
        words = place.text[start : place.at + match.end()]
        if near := meant(words):
            yield replaced(start, start + len(words), f'"{near}"', f'a duration needs quotes: "{near}"')
    if place.char not in "\"'" or place.before == place.at:
        yield from quote_cures(place, _value_before(place))
    yield replaced(place.before, place.before, ",", "write a comma between them")


def _value_before(place: Place) -> int:
    match = re.search(r"[\[,{=][ \t]*(?=[\"'][^\[,{=]*$)", place.text[place.line[0] : place.at])
    return len(place.text) if match is None else place.line[0] + match.end()


def _statement_cures(place: Place) -> Iterator[Cure]:
    """No statement begins here."""
    yield from _comment_cures(place)
    if match := re.match(r"[\]})]+[ \t]*,?", place.rest):
        yield replaced(place.at, place.at + match.end(), "", f"leave {match.group()} out: nothing is open here")
    if place.char == ",":
        yield replaced(place.at, place.at + 1, "", "leave the comma out")
    if match := re.match(r"[({<]([\w.-]+)[)}>][ \t]*(?:#.*)?$", place.rest):
        edits = (Edit(place.at, place.at + 1, "["), Edit(place.at + match.end(1), place.at + match.end(1) + 1, "]"))
        yield Cure(edits, "the name of a table stands in brackets, as in [limits]")
    yield from key_cures(place)


def _key_part_cures(place: Place) -> Iterator[Cure]:
    """No part of a key begins here."""
    if place.char == ",":
        yield replaced(place.at, place.at + 1, "", "leave one comma out")
    yield from _close_cures(place)
    if place.char == "]":
        yield from _open_cures(place)
    yield from _statement_cures(place)


def _equals_cures(place: Place) -> Iterator[Cure]:
    """A key is over, and no = follows."""
    rest, at = place.rest, place.at
    line = place.text[slice(*place.line)]
    if re.fullmatch(r"[ \t]*[\w.-]+\]+[ \t]*(?:#.*)?", line) and not _opened(place.text, at):
        start = place.line[0] + len(line) - len(line.lstrip())
        advice = "the name of a table begins with ["
        yield Cure((Edit(start, start, "[" * rest.count("]")),), advice, (start, start + 1))
    start = place.line[0] + len(line) - len(line.lstrip())
    if match := _COMMENT.match(place.text, start):
        yield replaced(start, match.end(), "#", "a comment begins with #", (start, match.end()))
    if match := re.match(r"(:=|=>|->|<-|:)(?=[\s\"'\[{]|$)[ \t]*", rest):
        yield replaced(at, at + match.end(), "= ", "write = between a key and its value", (at, at + len(match[1])))
    if re.match(r"[\"'][ \t]*=", rest) and (match := re.search(r"[\w./*-]+$", place.text[:at])):
        yield replaced(
            match.start(), match.start(), rest[0], "write a quotation mark before this key as well", match.span()
        )
    yield from key_cures(place)
    if re.match(r"[\"'\[{0-9+-]|true\b|false\b|[^\s=]+[ \t]*(?:#.*)?$", rest):
        yield replaced(at, at, "= ", "write = between a key and its value")


def _innermost(text: str, at: int) -> str:
    found = _opened(text, at)
    return found[1] if found else ""


def _opened(text: str, at: int) -> tuple[int, str] | None:
    """Return the offset of the innermost open bracket, and the bracket."""
    stack: list[tuple[int, str]] = []
    for match in _BRACKETS.finditer(text, 0, at):
        if match.group() in "[{":
            stack.append((match.start(), match.group()))
        elif match.group() in "]}" and stack:
            stack.pop()
    return stack[-1] if stack else None


def _closed(text: str, at: int) -> int | None:
    """Return the offset of the innermost open bracket's end."""
    depth = 0
    for match in _BRACKETS.finditer(text, at):
        depth += match.group() in "[{"
        if match.group() in "]}":
            if depth == 0:
                return match.start()
            depth -= 1
    return None


_CURES: Final[tuple[tuple[str, Callable[[Place], Iterator[Cure]]], ...]] = (
    ("Unterminated string", open_text_cures),
    ("Illegal character '\\n'", open_text_cures),
    ("Found invalid character '\\n'", open_text_cures),
    ("Expected \"'", open_text_cures),
    ("Unescaped", escape_cures),
    ("Invalid hex", escape_cures),
    ("Escaped character", escape_cures),
    ("Illegal character", control_cures),
    ("Found invalid character", control_cures),
    ("Invalid initial character", _key_part_cures),
    ("Invalid statement", control_cures),
    ("Invalid statement", _statement_cures),
    ("Expected '='", control_cures),
    ("Expected '='", _equals_cures),
    ("Expected newline", control_cures),
    ("Expected newline", _after_value_cures),
    ("Unclosed", control_cures),
    ("Unclosed", _open_cures),
    ("Invalid value", control_cures),
    ("Invalid value", _value_cures),
)
"""The finders of cures, by the beginning of the parser's message."""

_HEADER_CURES: Final[tuple[tuple[str, Callable[[Place], Iterator[Cure]]], ...]] = (
    ("Found invalid character", control_cures),
    ("Expected", control_cures),
    ("Expected newline", _after_header_cures),
    ("Expected ']", header_cures),
    ("Invalid", header_cures),
    ("Unterminated", header_cures),
    ("Expected \"'", header_cures),
)
"""The same for the header of a table."""
