"""One file of a policy: finds, reads and parses it, and scans it for positions when a message needs one."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal

import tomli
from attrs import define, field

from resilience.catalog import plugins
from resilience.core.fault import Origin
from resilience.policyfile.files.positions import MAX_DEPTH, KeyPath, Positions, TextSpan, scan
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.problems import Lines, Problem, Severity, problem_at
from resilience.policyfile.messages.wording import quoted

if TYPE_CHECKING:
    from resilience.policyfile.files.recovery.reading import Reading

BUILTIN: Final = "builtin:"

MAX_BYTES: Final = 4 * 1024 * 1024
"""The largest file: 10,000 rules are 1.7 MB, and a larger file is probably no policy."""

_PIECE_BYTES: Final = 64 * 1024


class UnreadableError(Exception):
    """
    A file cannot be read; the message gives the reason and the remedy, without the file's name.

    Attributes:
        place: Line and column in the file, or None.
    """

    def __init__(self, message: str, place: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.place = place


@define(eq=False)
class PolicyFile:
    r"""
    One file, or one text.

    Attributes:
        name: The name in messages: the path as the user wrote it, or ``builtin:NAME``.
        text: The text, with ``\\n`` at the ends of lines.
        data: The tables from tomli; of a text that is not TOML, the readable ones.
        base: The directory of relative paths in ``extends``; None for a file of the package.
        is_toml: Whether tomli read the text, or most of it after repairs.
        reading: The repairs of a text that is not TOML; None for TOML.
    """

    name: str
    text: str
    data: dict[str, Any]
    base: str | None
    is_toml: bool = True
    reading: Reading | None = field(default=None, init=False)
    _positions: Positions | None = field(default=None, init=False)
    _lines: Lines | None = field(default=None, init=False)

    @property
    def positions(self) -> Positions:
        """The positions of all keys and values; the first use scans the text."""
        if self._positions is None:
            reading = self.reading
            self._positions = reading.positions(MAX_DEPTH) if reading else scan(self.text, depth=MAX_DEPTH)
        return self._positions

    @property
    def lines(self) -> Lines:
        """The lines of the text; the first use finds them."""
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    def copied(self) -> PolicyFile:
        """Return a copy of the file with data that can be changed."""
        copy = PolicyFile(self.name, self.text, _copied(self.data), self.base, is_toml=self.is_toml)
        copy.reading = self.reading
        copy._positions, copy._lines = self._positions, self._lines
        return copy

    def span(self, path: KeyPath) -> TextSpan:
        """Return the position of a path, or of the nearest table around it."""
        spans = self.positions.spans
        while path and path not in spans:
            path = path[:-1]
        return spans[path] if path else TextSpan(0, 0, 0, 0)

    def origin(self, path: KeyPath) -> Origin:
        """Return the place of a path's value."""
        return Origin(self.name, *self.lines.place(self.span(path).value))

    def problem(  # noqa: PLR0913 - one argument for each thing that a problem says
        self,
        path: KeyPath,
        rule: str,
        message: str,
        *,
        at: Literal["key", "value"] = "value",
        severity: Severity = "error",
        hide: bool = False,
    ) -> Problem:
        """Return a problem with the value, or with the key, of a path."""
        span = self.span(path)
        start, end = (span.key, span.key_end) if at == "key" else (span.value, span.value_end)
        return problem_at(
            self.lines, start, end, file=self.name, rule=rule, message=message, severity=severity, hide=hide
        )

    def warnings(self) -> tuple[Problem, ...]:
        """Return a warning for each kind of TOML 1.1 syntax, at its first place: other readers may refuse it."""
        found: dict[str, Problem] = {}
        for novelty in self.positions.novelties if self.is_toml else ():
            if novelty.what not in found:
                message = f"only TOML 1.1 knows {novelty.what}; editors and other readers may refuse the file"
                found[novelty.what] = problem_at(
                    self.lines,
                    novelty.offset,
                    novelty.offset + 1,
                    file=self.name,
                    rule=ids.NEW_SYNTAX,
                    message=message,
                    severity="warning",
                )
        return tuple(found.values())


def _copied(data: dict[str, Any]) -> dict[str, Any]:
    """Return a deep copy of tables and arrays, without recursion."""
    copy = dict(data)
    left: list[dict[str, Any] | list[Any]] = [copy]
    while left:
        holder = left.pop()
        items: Iterable[tuple[Any, Any]] = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in list(items):
            if isinstance(value, dict | list):
                inner: Any = value.copy()
                holder[key] = inner
                left.append(inner)
    return copy


def parse(text: str, *, name: str, base: str | None) -> tuple[PolicyFile, tuple[Problem, ...]]:
    """Parse a text; of a text that is not TOML, return the readable tables and the problems."""
    raw = text.removeprefix("\ufeff")
    text = raw.replace("\r\n", "\n") if "\r" in raw else raw
    if not text.isascii() and _ESCAPED.search(text):
        return _read_bytes(text, name, base)
    try:
        # tomli gets the raw text, because it replaces ends of lines itself. Twice replaced, "\r\r\n" would be valid.
        return PolicyFile(name, text, tomli.loads(raw), base), ()
    except (ValueError, RecursionError):
        # Not TOML, a number with too many digits, or brackets that are nested too deeply.
        return _read_on(text, name, base)


_ESCAPED: Final = re.compile("[\udc80-\udcff]")
"""Stands for a byte that is not UTF-8."""


def _read_bytes(text: str, name: str, base: str | None) -> tuple[PolicyFile, tuple[Problem, ...]]:
    """Read a text with bytes that are not UTF-8; the statements around these bytes are lost."""
    bad = tuple(match.start() for match in _ESCAPED.finditer(text))
    source, problems = _read_on(_ESCAPED.sub("\N{REPLACEMENT CHARACTER}", text), name, base, bad)
    first: dict[int, Problem] = {}
    for offset in bad:
        line, _ = source.lines.place(offset)
        if line not in first:
            message = f"line {line} is not UTF-8; save the file as UTF-8"
            first[line] = problem_at(source.lines, offset, offset + 1, file=name, rule=ids.UNREADABLE, message=message)
    return source, (*first.values(), *problems)


def _read_on(
    text: str, name: str, base: str | None, bad: tuple[int, ...] = ()
) -> tuple[PolicyFile, tuple[Problem, ...]]:
    from resilience.policyfile.files.recovery.reading import read_on  # noqa: PLC0415 - only a mistake needs it

    if "\r" in text and "\n" not in text:
        source, problems = _read_on(text.replace("\r", "\n"), name, base, bad)
        message = "the lines of this file end with carriage returns only; save it with line feeds"
        end = text.index("\r")
        return source, (problem_at(source.lines, end, end + 1, file=name, rule=ids.SYNTAX, message=message), *problems)
    reading = read_on(text, bad)
    source = PolicyFile(name, text, reading.data or {}, base, is_toml=reading.data is not None)
    source.reading = reading
    return source, tuple(
        problem_at(source.lines, each.offset, each.end, file=name, rule=ids.SYNTAX, message=f"not TOML: {each.message}")
        for each in reading.mistakes
    )


def read_path(path: str | os.PathLike[str]) -> str:
    """Return the text of a file; raises :class:`UnreadableError`."""
    content = b""
    try:
        # The operating system's calls, because a file object takes three times as long as reading a policy.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            # In pieces, because a pipe returns only what it has, and a buffer of MAX_BYTES takes longer than reading.
            while len(content) <= MAX_BYTES and (piece := os.read(descriptor, _PIECE_BYTES)):
                content += piece
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise UnreadableError("there is no such file") from None
    except IsADirectoryError:
        raise UnreadableError("this is a directory; name a file in it") from None
    except OSError as error:
        raise UnreadableError(f"the file cannot be read: {(error.strerror or type(error).__name__).lower()}") from None
    except ValueError:
        raise UnreadableError("this is not the name of a file") from None
    return _decoded(content)


def read_stream(stream: IO[bytes]) -> str:
    """Return the text of an open stream, such as standard input; raises :class:`UnreadableError`."""
    try:
        return _decoded(stream.read(MAX_BYTES + 1))
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {(error.strerror or type(error).__name__).lower()}") from None


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB; this cannot be a policy")
    try:
        return content.decode()
    except UnicodeDecodeError:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableError("this is UTF-16; save the file as UTF-8", (1, 1)) from None
        # The parser reports these bytes together with all other problems.
        return content.decode(errors="surrogateescape")


@functools.cache
def builtin(name: str) -> tuple[PolicyFile, tuple[Problem, ...]]:
    """
    Return a policy of the package, in the form of :func:`parse`; a process parses it once.

    Raises:
        UnreadableError: There is no such policy.
    """
    names = builtin_names()
    if name not in names:
        there_are = ", ".join(BUILTIN + each for each in names)
        raise UnreadableError(f"there is no {quoted(BUILTIN + name)}; there are {there_are}")
    return parse(read_path(_builtin_files()[name]), name=BUILTIN + name, base=None)


def builtin_path(name: str) -> Path:
    """Return the file of a policy of the package; ``name`` is without ``builtin:``."""
    return _builtin_files()[name]


def builtin_names() -> tuple[str, ...]:
    """Return the names of the policies in this package and in the packages of providers, without ``builtin:``."""
    return tuple(sorted(_builtin_files()))


def _builtin_files() -> dict[str, Path]:
    found = {**plugins.files("policies"), **{path.stem: path for path in _builtin_folder().glob("*.toml")}}
    # Beside a policy stand its tests: policies/emqx.test.toml.
    return {name: path for name, path in found.items() if not name.endswith(".test")}


def _builtin_folder() -> Path:
    # A path, because importing importlib.resources takes longer than checking a policy.
    package = Path(__file__).parents[2]
    folder = package / "policies"
    # In an editable install and an unpacked source archive they stand beside the package.
    return folder if folder.is_dir() else package.parent / "policies"


def display_name(base: str, entry: str) -> str:
    """Return the name of a file that another one extends, without ``..`` if that leads to the same file."""
    joined = os.path.join(base, entry)  # noqa: PTH118 - see read_path: pathlib costs more than reading
    # If "link" leads to another directory, "link/../x" is another file than "x".
    short = os.path.normpath(joined)
    if ".." not in joined:
        return short
    try:
        return short if os.path.realpath(short) == os.path.realpath(joined) else joined
    except ValueError:
        raise UnreadableError("this is not the name of a file") from None
