"""Cures for texts: missing and extra quotation marks, backslashes, invisible characters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from resilience.policyfile.files.recovery.cure import Cure, Place, behind, replaced
from resilience.policyfile.files.recovery.edits import Edit

NO_END = "this text has no end; write a quotation mark behind it"


def start_of_text(message: str, text: str, offset: int) -> int:
    """Return the start of the text without an end."""
    mark = '"""' if message.startswith("Unterminated") else "'''" if "'''" in message else ""
    if mark and (found := text.rfind(mark, 0, offset)) >= 0:
        return found
    before = text[:offset].rstrip("\n")
    line = before.rfind("\n") + 1
    at, start = line, -1
    # The last open mark has no end. Inside of it, a mark of the other kind is a plain letter.
    while at < len(before):
        if before[at] in "\"'":
            end = before.find(before[at], at + 1)
            if end < 0:
                return at
            start, at = at, end
        at += 1
    return start if start >= 0 else offset


def open_text_cures(place: Place) -> Iterator[Cure]:
    """Yield possible ends of a text without an end."""
    text = place.text
    start = start_of_text(place.message, text, place.at)
    mark = text[start : start + 3] if text[start : start + 3] in {'"""', "'''"} else text[start : start + 1]
    at = (start, start + len(mark))
    if len(mark) == 3:  # noqa: PLR2004  # the marks of a text of several lines
        end = len(text.rstrip())
        yield replaced(end, end, mark, f"this text has no end; write {mark} behind it", at)
        return
    if mark not in {'"', "'"}:
        return
    found = text.find("\n", start)
    inner = text[start + 1 : len(text) if found < 0 else found]
    if (match := re.match(r"[^\"'\n]*?([\"'])(?=[ \t]*(?:[,\]}#=.:]|$))", inner)) and match[1] != mark:
        wrong = start + 1 + match.start(1)
        yield replaced(wrong, wrong + 1, mark, f"this text begins with {mark}, so it ends with {mark} as well", at)
    for match in re.finditer(r"(?<=[^\s,\]}])(?=[ \t]*(?:[,\]}#=]|$))", inner):
        end = start + 1 + match.start()
        yield replaced(end, end, mark, NO_END, at)
        break
    for length in dict.fromkeys((behind(inner), len(inner.rstrip()))):
        yield replaced(start + 1 + length, start + 1 + length, mark, NO_END, at)
    if inner.strip(" \t,]};") == "":
        yield replaced(start, start + 1, "", "leave the quotation mark out", at)


def quote_cures(place: Place, value: int) -> Iterator[Cure]:
    """Yield cures for a text that goes on after its closing mark."""
    text, at = place.text, place.at
    mark = text[value : value + 1]
    if text[at : at + 1] in {'"', "'"} and re.match(r"[\"']+[ \t]*(?:[,\]}#]|$)", place.rest):
        end = at + len(place.rest) - len(place.rest.lstrip("\"'"))
        yield replaced(at, end, "", "leave this quotation mark out", (at, end))
    if mark not in {'"', "'"}:
        return
    line_end = place.line[1]
    last = text.rfind(mark, at, line_end)
    other = "'" if mark == '"' else '"'
    if last > at and other not in text[value:last] and "," not in text[value:last]:
        advice = f"a text with {mark} in it stands between {other} and {other}"
        yield Cure((Edit(value, value + 1, other), Edit(last, last + 1, other)), advice, (value, last + 1))


def escape_cures(place: Place) -> Iterator[Cure]:
    r"""Yield the cure for a backslash in a text: ``\\``."""
    found = place.text.rfind("\\", 0, place.at + 1)
    if place.text[place.at - 2 : place.at - 1] == "\\" and found == place.at - 1:
        found = place.at - 2
    if found < 0:
        return
    advice = "write the text in '...', or each \\ as \\\\"
    # The other backslashes of the same text have the same mistake.
    rest = re.match(r"[^\"\n]*", place.text[found + 1 :])
    end = found + 1 + (rest.end() if rest else 0)
    others = [match.start() + found + 1 for match in re.finditer(r"\\", place.text[found + 1 : end])]
    yield Cure(tuple(Edit(at, at, "\\") for at in (found, *others)), advice, (found, found + 2))
    yield replaced(found, found, "\\", advice, (found, found + 2))


def control_cures(place: Place) -> Iterator[Cure]:
    """Yield the cure for an invisible character: to leave it out."""
    char = place.char
    if char and char not in "\t\n" and not char.isprintable():
        end = place.at + len(place.rest) - len(place.rest.lstrip(char))
        what = "a carriage return" if char == "\r" else f"the character U+{ord(char):04X}, which is invisible"
        yield replaced(place.at, end, "", f"leave {what}, out" if char != "\r" else f"leave {what} out")
