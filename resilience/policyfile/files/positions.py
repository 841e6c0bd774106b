"""
Finds the positions of keys and values in a TOML text that tomli has accepted.

tomli judges the text and reads its values. The scanner only walks over keys, brackets and strings. It takes about as
long as parsing, so it runs only when a message needs a position.
"""

from __future__ import annotations

import re
from typing import Final

import tomli
from attrs import define, field, frozen

KeyPath = tuple[str | int, ...]
"""Keys and array indexes from the top of a document to a value."""

_BLANK = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"[^"\\]*(?:\\.[^"\\]*)*"'
    r"|'[^']*'",
    re.DOTALL,
)
# The blank between a date and a time is the only blank inside a bare value.
_BARE_VALUE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[^\s,\]}#]*|[^\s,\]}#]+")

_NEW_ESCAPE = re.compile(r"(?:[^\\]|\\[^ex])*?(\\[ex])", re.DOTALL)
_SHORT_TIME = re.compile(r"(?:.*[Tt ])?[0-9]{2}:[0-9]{2}(?:[Zz+-].*)?")


@frozen
class TextSpan:
    """Offsets of a key and its value; for a table with a header, both are the name in the header."""

    key: int
    key_end: int
    value: int
    value_end: int


@frozen
class Novelty:
    """A piece of syntax that TOML 1.0 does not have, and its offset."""

    offset: int
    what: str


@frozen
class Positions:
    """The result of a scan: a span for each path, and the syntax of TOML 1.1."""

    spans: dict[KeyPath, TextSpan]
    novelties: tuple[Novelty, ...]


def scan(text: str, *, depth: int | None = None) -> Positions:
    r"""
    Find every key and value of a TOML text.

    Args:
        text: A text that tomli has accepted, with ``\\n`` at the ends of lines and no byte-order mark.
        depth: The longest path to return; None for no limit. A dotted key with thousands of
            parts has as many paths.
    """
    scanner = Scanner(text=text, depth=depth)
    scanner.document()
    return Positions(scanner.spans, tuple(scanner.novelties))


@define
class _Open:
    """An array or inline table before its end."""

    path: KeyPath
    key: tuple[int, int]
    start: int
    index: int | None


@define
class Scanner:
    """Walks over a TOML text, and notes the positions of keys and values."""

    text: str
    depth: int | None
    position: int = 0
    spans: dict[KeyPath, TextSpan] = field(factory=dict)
    novelties: list[Novelty] = field(factory=list)
    counts: dict[KeyPath, int] = field(factory=dict)

    def document(self) -> None:
        """Walk over the whole text."""
        table: KeyPath = ()
        self.blank()
        while self.position < len(self.text):
            if self.text[self.position] == "[":
                table = self.header()
            else:
                path, key = self.key(table)
                self.value(path, key)
            self.blank()

    def blank(self) -> None:
        """Skip blanks, ends of lines and comments."""
        match = _BLANK.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def note(self, path: KeyPath, span: TextSpan) -> None:
        """Note the position of a path."""
        if self.depth is not None and len(path) > self.depth:
            return
        # The first position stays, which is the header of a table.
        self.spans.setdefault(path, span)

    def header(self) -> KeyPath:
        """Read ``[a.b]`` or ``[[a.b]]``; return its path, with the index of an array's new element."""
        is_array = self.text.startswith("[[", self.position)
        self.position += 2 if is_array else 1
        path: KeyPath = ()
        parts = self.parts()
        for number, (name, start, end) in enumerate(parts, start=1):
            path = (*path, name)
            here = TextSpan(start, end, start, end)
            self.note(path, here)
            if is_array and number == len(parts):
                self.counts[path] = self.counts.get(path, -1) + 1
            if path in self.counts:
                path = (*path, self.counts[path])
                self.note(path, here)
        self.position += 2 if is_array else 1
        return path

    def parts(self) -> list[tuple[str, int, int]]:
        """Read a dotted key up to the character after it: each part with its offsets."""
        found = []
        while True:
            self.blank()
            start = self.position
            quote = self.text[start] in "\"'"
            match = (_STRING if quote else _BARE_KEY).match(self.text, start)
            if match is None:  # pragma: no cover - tomli has accepted this text
                raise ValueError(start)
            raw = match.group()
            if not quote:
                name = raw
            elif "\\" in raw and raw[0] == '"':
                name = tomli.loads("k = " + raw)["k"]
                self.escapes(start, raw)
            else:
                name = raw[1:-1]
            found.append((name, start, match.end()))
            self.position = match.end()
            self.blank()
            if self.text[self.position] != ".":
                return found
            self.position += 1

    def key(self, table: KeyPath) -> tuple[KeyPath, tuple[int, int]]:
        """Read ``a.b =`` up to the value."""
        path = table
        parts = self.parts()
        for name, start, end in parts[:-1]:
            path = (*path, name)
            self.note(path, TextSpan(start, end, start, end))
        name, start, end = parts[-1]
        self.position += 1
        self.blank()
        return (*path, name), (start, end)

    def value(self, path: KeyPath, key: tuple[int, int]) -> None:
        """Read one value with everything in it, without recursion, because nesting has no limit here."""
        stack: list[_Open] = []
        while True:
            start = self.position
            char = self.text[start]
            if char in "[{":
                stack.append(_Open(path, key, start, 0 if char == "[" else None))
                self.note(path, TextSpan(*key, start, start + 1))
                self.position += 1
                self.gap(stack[-1])
                if self.text[self.position] not in "]}":
                    path, key = self.element(stack[-1])
                    continue
            else:
                self.scalar()
                self.note(path, TextSpan(*self.own(path, key, start), start, self.position))
            following = self.after(stack)
            if following is None:
                return
            path, key = following

    def own(self, path: KeyPath, key: tuple[int, int], start: int) -> tuple[int, int]:
        """Return the key's offsets; an element of an array is its own key."""
        return (start, self.position) if isinstance(path[-1], int) else key

    def after(self, stack: list[_Open]) -> tuple[KeyPath, tuple[int, int]] | None:
        """Go on after a value: to the next element of the innermost array or table, or out of it."""
        while stack:
            top = stack[-1]
            self.gap(top)
            if self.text[self.position] == ",":
                comma = self.position
                self.position += 1
                self.gap(top)
                if self.text[self.position] not in "]}":
                    if top.index is not None:
                        top.index += 1
                    return self.element(top)
                if top.index is None:
                    self.novelties.append(Novelty(comma, "a comma after the last entry of an inline table"))
            self.position += 1
            stack.pop()
            if top.path in self.spans and self.spans[top.path].key == top.key[0]:
                self.spans[top.path] = TextSpan(*top.key, top.start, self.position)
        return None

    def element(self, top: _Open) -> tuple[KeyPath, tuple[int, int]]:
        """Begin the next element of an array or table; return its path, and its key."""
        if top.index is None:
            return self.key(top.path)
        return (*top.path, top.index), (self.position, self.position + 1)

    def gap(self, top: _Open) -> None:
        """Skip blanks inside brackets; only TOML 1.1 allows an inline table on several lines."""
        start = self.position
        self.blank()
        line_end = self.text.find("\n", start, self.position) if top.index is None else -1
        if line_end >= 0:
            self.novelties.append(Novelty(top.start, "an inline table on more than one line"))

    def scalar(self) -> None:
        """Skip a plain value."""
        start = self.position
        is_string = self.text[start] in "\"'"
        match = (_STRING if is_string else _BARE_VALUE).match(self.text, start)
        if match is None:  # pragma: no cover - tomli has accepted this text
            raise ValueError(start)
        self.position = match.end()
        if is_string:
            self.escapes(start, match.group())
        elif ":" in match.group() and _SHORT_TIME.fullmatch(match.group()):
            self.novelties.append(Novelty(start, "a time without seconds"))

    def escapes(self, start: int, raw: str) -> None:
        """Note an escape of TOML 1.1."""
        if raw[0] == '"' and "\\" in raw:
            match = _NEW_ESCAPE.match(raw)
            if match:
                self.novelties.append(Novelty(start, f"the escape {match.group(1)}"))


MAX_DEPTH: Final = 12
"""The longest path of a policy, with some room for mistakes in nesting."""
