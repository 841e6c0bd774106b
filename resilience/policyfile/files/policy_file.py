"""One file of a policy: found, read and parsed; its text is scanned for positions only when one is asked for."""

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
from resilience.policyfile.files.positions import MAX_DEPTH, Positions, TextSpan, scan
from resilience.policyfile.files.positions import Path as KeyPath
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.problems import Lines, Problem, Severity, problem_at
from resilience.policyfile.messages.wording import quoted

if TYPE_CHECKING:
    from resilience.policyfile.files.recovery.reading import Reading

BUILTIN: Final = "builtin:"

MAX_BYTES: Final = 4 * 1024 * 1024
"""Far over any policy (10,000 rules are 1.7 MB), and small enough to notice a wrong file at once."""

_PIECE_BYTES: Final = 64 * 1024


class UnreadableError(Exception):
    """
    A file cannot be read; the message says why and what to do, and the caller says who asked for it.

    Attributes:
        place: The line and the column in the file itself, where it is known.
    """

    def __init__(self, message: str, place: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.place = place


@define(eq=False)
class PolicyFile:
    r"""
    One file, or one text.

    Attributes:
        name: What messages call it: the path as given, or ``builtin:NAME``.
        text: Its text, with ``\\n`` at the ends of lines.
        data: What tomli made of it; empty where it is not TOML.
        is_toml: Whether it could be read.
        base: The directory that its ``extends`` starts from; None for a file of the package.
        reading: What could be read of a text that is not TOML; None for one that is.
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
        """The positions of everything in the text; scanned for once, when first asked."""
        if self._positions is None:
            reading = self.reading
            self._positions = reading.positions(MAX_DEPTH) if reading else scan(self.text, depth=MAX_DEPTH)
        return self._positions

    @property
    def lines(self) -> Lines:
        """The lines of the text; found once, when first asked."""
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    def copied(self) -> PolicyFile:
        """Return the same file with data that can be changed."""
        copy = PolicyFile(self.name, self.text, _copied(self.data), self.base, is_toml=self.is_toml)
        copy.reading = self.reading
        copy._positions, copy._lines = self._positions, self._lines
        return copy

    def span(self, path: KeyPath) -> TextSpan:
        """Return where a path stands, or else the nearest thing around it."""
        spans = self.positions.spans
        while path and path not in spans:
            path = path[:-1]
        return spans[path] if path else TextSpan(0, 0, 0, 0)

    def origin(self, path: KeyPath) -> Origin:
        """Return where the value of a path stands."""
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
        """Return what is right for us and wrong for other readers of TOML; each kind once, where it first stands."""
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
    """Return a copy of tables and arrays, however deep they are nested."""
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
    """Parse a text; where it is not TOML the problems say why, and the source has what can be read all the same."""
    raw = text.removeprefix("\ufeff")
    text = raw.replace("\r\n", "\n") if "\r" in raw else raw
    if not text.isascii() and _ESCAPED.search(text):
        return _read_bytes(text, name, base)
    try:
        # tomli replaces ends of lines itself. Done twice, it would take "\r\r\n" for one of them.
        return PolicyFile(name, text, tomli.loads(raw), base), ()
    except (ValueError, RecursionError):
        # Not TOML, a number with too many digits, or brackets that are nested too deeply.
        return _read_on(text, name, base)


_ESCAPED: Final = re.compile("[\udc80-\udcff]")
"""What stands for a byte that is not UTF-8."""


def _read_bytes(text: str, name: str, base: str | None) -> tuple[PolicyFile, tuple[Problem, ...]]:
    """Read a text with bytes that are not UTF-8; what they stand in says nothing."""
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
        # The operating system's own calls: a file object costs three times as much as reading a policy.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            # In pieces: a pipe gives what it has, and room for MAX_BYTES would cost more than reading.
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
    """Return the text of what is open already, such as standard input; raises :class:`UnreadableError`."""
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
        # Where it is not, is told together with all else that is wrong.
        return content.decode(errors="surrogateescape")


@functools.cache
def builtin(name: str) -> tuple[PolicyFile, tuple[Problem, ...]]:
    """
    Return a policy that comes with the package, as :func:`parse` does; parsed once in a process.

    Raises:
        UnreadableError: There is no such policy.
    """
    names = builtin_names()
    if name not in names:
        there_are = ", ".join(BUILTIN + each for each in names)
        raise UnreadableError(f"there is no {quoted(BUILTIN + name)}; there are {there_are}")
    return parse(read_path(_builtin_files()[name]), name=BUILTIN + name, base=None)


def builtin_names() -> tuple[str, ...]:
    """Return the names of the policies that come with this package or with a provider's, without ``builtin:``."""
    return tuple(sorted(_builtin_files()))


def _builtin_files() -> dict[str, Path]:
    return {**plugins.files("policies"), **{path.stem: path for path in _builtin_folder().glob("*.toml")}}


def _builtin_folder() -> Path:
    # A path, and not importlib.resources: importing that takes longer than checking a policy.
    package = Path(__file__).parents[2]
    folder = package / "policies"
    # An editable install and an unpacked source archive have them beside the package.
    return folder if folder.is_dir() else package.parent / "policies"


def display_name(base: str, entry: str) -> str:
    """Return what to call a file that another one extends: shortened where that leads to the same file."""
    joined = os.path.join(base, entry)  # noqa: PTH118 - see read_path: pathlib costs more than reading
    # A link to a directory makes "link/../x" another file than "x".
    short = os.path.normpath(joined)
    if ".." not in joined:
        return short
    try:
        return short if os.path.realpath(short) == os.path.realpath(joined) else joined
    except ValueError:
        raise UnreadableError("this is not the name of a file") from None
