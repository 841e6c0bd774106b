"""The documents of an editor: their texts, what stands at a position, and the policies that they are."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from resilience.cli.check.command import TEST_SUFFIX
from resilience.policyfile import Policy, PolicyError, Problem
from resilience.policyfile.files.policy_file import BUILTIN, PolicyFile, builtin, display_name, parse
from resilience.policyfile.files.positions import KeyPath, TextSpan
from resilience.policyfile.lint import inspect
from resilience.scenarios import read_text


@frozen(kw_only=True)
class TextRange:
    """A part of a document: lines and columns from 0, columns in the units of UTF-16 that the protocol counts."""

    start_line: int
    start: int
    end_line: int
    end: int


@frozen(kw_only=True)
class Spot:
    """
    What stands at a position.

    Attributes:
        path: The keys that lead to it.
        is_key: Whether it is the key itself, and not its value.
        range: Its place.
    """

    path: KeyPath
    is_key: bool
    range: TextRange

    @property
    def env(self) -> str | None:
        """The environment whose table it is in; None for the plain values."""
        return str(self.path[1]) if len(self.path) > 1 and self.path[0] == "env" else None

    @property
    def plain(self) -> KeyPath:
        """The path without ``env`` and its name."""
        return self.path[2:] if self.env is not None else self.path


@define
class Document:
    """
    One text, as the editor has it.

    Attributes:
        name: The absolute name of its file, or ``builtin:NAME``.
        text: The text.
    """

    name: str
    text: str
    _file: PolicyFile | None = field(default=None, init=False)
    _starts: list[int] | None = field(default=None, init=False)

    @property
    def file(self) -> PolicyFile:
        """The parsed text; what is no TOML is repaired as far as possible."""
        if self._file is None:
            self._file = parse(self.text, name=self.name, base=os.path.dirname(self.name))[0]  # noqa: PTH120 - as files
        return self._file

    @property
    def is_test(self) -> bool:
        """Whether it is a test file."""
        return self.name.endswith(TEST_SUFFIX)

    @property
    def starts(self) -> list[int]:
        """The offset of each line."""
        if self._starts is None:
            text = self.file.text
            self._starts = [0, *(index + 1 for index, char in enumerate(text) if char == "\n")]
        return self._starts

    def line(self, number: int) -> str:
        """Return a line without its end; an empty text beyond the last one."""
        if not 0 <= number < len(self.starts):
            return ""
        end = self.starts[number + 1] - 1 if number + 1 < len(self.starts) else len(self.file.text)
        return self.file.text[self.starts[number] : end]

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a position; a column beyond the end of its line is that end."""
        text = self.line(line)
        units = 0
        for index, char in enumerate(text):
            if units >= column:
                return self.starts[line] + index
            units += 2 if ord(char) > _BASIC else 1
        return (self.starts[line] if line < len(self.starts) else len(self.file.text)) + len(text)

    def range(self, start: int, end: int) -> TextRange:
        """Return the range between two offsets."""
        (first, column), (last, until) = self._position(start), self._position(end)
        return TextRange(start_line=first, start=column, end_line=last, end=until)

    def _position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.starts, offset) - 1
        before = self.file.text[self.starts[line] : offset]
        return line, len(before) + sum(ord(char) > _BASIC for char in before)

    def range_of(self, problem: Problem) -> TextRange:
        """Return the range of a problem, whose columns count characters from 1."""
        line = min(problem.line - 1, len(self.starts) - 1)
        start = self.starts[line] + problem.column - 1
        return self.range(start, start + problem.length)

    def spot(self, line: int, column: int) -> Spot | None:
        """Return the key or the value at a position: of several the innermost; None for anything else."""
        offset = self.offset(line, column)
        best: tuple[int, Spot] | None = None
        for path, span in self.file.positions.spans.items():
            for start, end, is_key in (
                (span.key, span.key_end, True),
                (span.value, span.value_end, False),
            ):
                if is_key and isinstance(path[-1], int):
                    continue  # an entry of an array has no key
                if start <= offset <= end and (best is None or end - start < best[0]):
                    best = end - start, Spot(path=path, is_key=is_key, range=self.range(start, end))
        return None if best is None else best[1]

    def spans(self) -> Mapping[KeyPath, TextSpan]:
        """Return the places of all keys and values."""
        return self.file.positions.spans

    def value(self, path: KeyPath) -> Any:
        """Return the value of a path, as the text has it; None if there is none."""
        found: Any = self.file.data
        for key in path:
            is_there = key in found if isinstance(found, dict) else isinstance(found, list) and key in range(len(found))
            if not is_there:
                return None
            found = found[key]
        return found


_BASIC: Final = 0xFFFF


@define
class Documents:
    """
    The open documents of an editor, on top of the files on the disk.

    Attributes:
        open: The open documents, by their absolute names.
    """

    open: dict[str, Document] = field(factory=dict)
    _policies: dict[tuple[str, str | None], Policy | None] = field(factory=dict, init=False)

    def put(self, name: str, text: str) -> Document:
        """Take the text of a document."""
        self._policies.clear()
        document = self.open[name] = Document(name, text)
        return document

    def drop(self, name: str) -> None:
        """Forget a document that was closed: its file counts again."""
        self._policies.clear()
        self.open.pop(name, None)

    def get(self, name: str) -> Document | None:
        """Return an open document, or the file of that name; None if there is neither."""
        if name in self.open:
            return self.open[name]
        try:
            if name.startswith(BUILTIN):
                return Document(name, builtin(name.removeprefix(BUILTIN))[0].text)
            with open(name, encoding="utf-8") as file:  # noqa: PTH123 - names as they are
                return Document(name, file.read())
        except (OSError, ValueError):
            return None

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts of the open documents, by their names."""
        return {name: each.text for name, each in self.open.items()}

    def problems(self, document: Document) -> tuple[Problem, ...]:
        """Return the findings about a document, in all of its environments."""
        if document.is_test:
            found = read_text(document.text, name=document.name, base=os.path.dirname(document.name))  # noqa: PTH120
            problems = found.problems
        else:
            problems = inspect(document.name, texts=self.texts)
        return tuple(each for each in problems if each.file == document.name)

    def policy(self, document: Document, env: str | None) -> Policy | None:
        """Return a document as a policy in an environment; None if it cannot be used."""
        key = document.name, env
        if key not in self._policies:
            try:
                self._policies[key] = Policy.in_env(document.name, env, texts=self.texts)
            except PolicyError:
                self._policies[key] = None
        return self._policies[key]

    def policies(self, document: Document) -> Iterator[Policy]:
        """Yield a document as a policy, in each of its environments."""
        plain = self.policy(document, None)
        if plain is not None:
            yield plain
            for env in plain.environments:
                policy = self.policy(document, env)
                if policy is not None:
                    yield policy

    def chain(self, document: Document) -> Iterator[Document]:
        """Yield a document and all that it extends, each once, itself first."""
        seen: set[str] = set()
        left = [document]
        while left:
            each = left.pop(0)
            if each.name in seen:
                continue
            seen.add(each.name)
            yield each
            for entry in each.file.data.get("extends", []) if isinstance(each.file.data.get("extends"), list) else ():
                name = self.extended(each, entry)
                base = None if name is None else self.get(name)
                if base is not None:
                    left.append(base)

    def extended(self, document: Document, entry: object) -> str | None:
        """Return the name of the file that an entry of ``extends`` means."""
        if not isinstance(entry, str):
            return None
        if entry.startswith(BUILTIN) or document.name.startswith(BUILTIN):
            return entry
        return display_name(os.path.dirname(document.name), entry)  # noqa: PTH120 - as for files

    def users(self, document: Document) -> Iterator[Document]:
        """Yield the open documents whose chain has a document in it."""
        for each in list(self.open.values()):
            if any(other.name == document.name for other in self.chain(each)):
                yield each
