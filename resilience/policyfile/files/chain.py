"""The chain of files that a policy extends, in the order in which they are merged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from resilience.catalog import providers
from resilience.policyfile.files.policy_file import (
    BUILTIN,
    PolicyFile,
    UnreadableError,
    builtin,
    builtin_names,
    display_name,
    parse,
    read_path,
)
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.lookalikes import plain
from resilience.policyfile.messages.problems import Problem
from resilience.policyfile.messages.spelling import nearest
from resilience.policyfile.messages.wording import quoted, shown, suggestion

if TYPE_CHECKING:
    from resilience.policyfile.files.recovery.lost import Lost

_LIKE_A_FILE: Final = 0.75

MAX_CHAIN: Final = 32
"""The most files in a chain; only a faulty generator would write more."""


@define
class Chain:
    """
    The files of one policy.

    Attributes:
        sources: The readable files, in the order of merging.
        problems: The problems of reading the files.
        is_complete: Whether every file was found and is TOML. If not, a missing file may define an unknown name.
        lost: The unreadable statements of files that are not TOML; None if there are none.
        bases: The files that each source extends, by the source's identity: the index in ``extends``, and the file.
        texts: The texts of files by their names, which are not read from the disk.
    """

    sources: list[PolicyFile] = field(factory=list)
    problems: list[Problem] = field(factory=list)
    is_complete: bool = True
    lost: Lost | None = None
    bases: dict[int, list[tuple[int, PolicyFile]]] = field(factory=dict)
    texts: Mapping[str, str] = field(factory=dict)
    _seen: set[str] = field(factory=set)
    _added: dict[str, PolicyFile] = field(factory=dict)

    def add_text(self, text: str, *, name: str, base: str | os.PathLike[str]) -> None:
        """Add a text and everything that it extends."""
        self._add(*parse(text, name=name, base=os.fspath(base)), identity=f"text:{name}", above=[])

    def add_root(self, name: str) -> None:
        """Add a file, or ``builtin:NAME``, and everything that it extends."""
        try:
            source, problems = _read(name)
        except UnreadableError as error:
            self._lose(_unreadable(name, error))
            return
        # A file without "extends" needs no identity, because no circle can lead through it.
        identity = _identify(name) if "extends" in source.data else name
        self._add(source, problems, identity=identity, above=[])

    def _lose(self, problem: Problem) -> None:
        self.problems.append(problem)
        self.is_complete = False

    def _lose_part(self, lost: Lost) -> None:
        # After a damaged "extends", an unknown name may stand in the file that it would name.
        self.is_complete = self.is_complete and not lost.may_say(["extends"])
        if self.lost is None:
            self.lost = lost
        else:
            self.lost.add_all(lost)

    def _add(
        self, source: PolicyFile, problems: tuple[Problem, ...], *, identity: str, above: list[tuple[str, str]]
    ) -> None:
        """Add a file after all files that it extends."""
        self._seen.add(identity)
        self.problems += problems
        self.is_complete = self.is_complete and source.is_toml
        if source.reading is not None and source.reading.lost:
            self._lose_part(source.reading.lost)
        entries: Any = source.data.get("extends", [])
        if not isinstance(entries, list):
            hint = f"; write [{quoted(entries)}]" if isinstance(entries, str) else ""
            message = f"extends: expected an array of files, got {shown(entries)}{hint}"
            self._lose(source.problem(("extends",), ids.WRONG_TYPE, message))
            entries = []
        here = [*above, (identity, source.name)]
        for index, entry in enumerate(entries):
            try:
                base = self._follow(source, entry, here)
                if base is not None:
                    self.bases.setdefault(id(source), []).append((index, base))
            except _BadEntryError as error:
                self._lose(source.problem(("extends", index), error.rule, str(error)))
        self.sources.append(source)
        self._added[identity] = source

    def _follow(self, source: PolicyFile, entry: object, above: list[tuple[str, str]]) -> PolicyFile | None:
        """Add the file of one entry of ``extends``, if it is new; return the file, or None for an unreadable one."""
        if not isinstance(entry, str) or not entry:
            raise _BadEntryError(f"extends: expected the name of a file, got {shown(entry)}", ids.WRONG_TYPE)
        try:
            name = _resolve(source, entry)
            identity = name if name in self.texts else _identify(name)
            if not self._is_new(identity, above):
                return self._added.get(identity)
            found, problems = _read(name, self.texts.get(name))
        except UnreadableError as error:
            if error.place is not None:
                self._lose(_unreadable(_resolve(source, entry), error))
                return None
            raise _BadEntryError(f"{quoted(entry)}: {error}{_near(source, entry)}", ids.UNREADABLE) from None
        self._add(found, problems, identity=identity, above=above)
        return found

    def _is_new(self, identity: str, above: list[tuple[str, str]]) -> bool:
        """Tell whether a file is new; raises an error for a circle."""
        names = [name for _, name in above]
        for number, (known, _) in enumerate(above):
            if known == identity:
                circle = " -> ".join([*names[number:], names[number]])
                raise _BadEntryError(f"the files extend each other in a circle: {circle}", ids.BAD_EXTENDS)
        if len(above) >= MAX_CHAIN:
            raise _BadEntryError(f"more than {MAX_CHAIN} files extend one another", ids.BAD_EXTENDS)
        return identity not in self._seen


def chain_of(source: str | os.PathLike[str], texts: Mapping[str, str] = MappingProxyType({})) -> Chain:
    """
    Return the files of a policy.

    Args:
        source: A path, or ``builtin:NAME``.
        texts: By their names, the texts of files that are not read from the disk.
    """
    name = os.fspath(source)
    chain = Chain(texts=texts)
    if name in texts:
        chain.add_text(texts[name], name=name, base=os.path.dirname(name))  # noqa: PTH120 - as for files
    else:
        chain.add_root(name)
    return chain


def _unreadable(name: str, error: UnreadableError) -> Problem:
    line, column = error.place or (1, 1)
    return Problem(file=name, line=line, column=column, rule=ids.UNREADABLE, message=str(error))


def _near(source: PolicyFile, entry: str) -> str:
    """Return a hint for an entry of ``extends`` without a file: a similar name; empty if there is none."""
    if plain(entry).startswith(BUILTIN):
        return suggestion(entry, [BUILTIN + name for name in builtin_names()])
    if entry.removesuffix(".toml").removesuffix("-mqtt") in {*providers(), *builtin_names()}:
        name = entry.removesuffix(".toml")
        return suggestion(BUILTIN + name, [BUILTIN + each for each in builtin_names()])
    if source.base is None:
        return ""
    wanted = Path(source.base, entry)
    try:
        names = [each.stem for each in wanted.parent.glob("*.toml") if each.name != Path(source.name).name]
    except (OSError, ValueError):
        return ""
    near = nearest(wanted.stem, sorted(names), cutoff=_LIKE_A_FILE)
    return "" if near is None else f'; did you mean "{Path(entry).with_name(near + ".toml").as_posix()}"?'


class _BadEntryError(Exception):
    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


def _identify(name: str) -> str:
    """Return the identity of a file, which is equal for all paths to it; for a missing file, the name."""
    if name.startswith(BUILTIN):
        return name
    try:
        status = os.stat(name)  # noqa: PTH116 - the same
    except OSError:
        return name
    except ValueError:
        raise UnreadableError("this is not the name of a file") from None
    return f"{status.st_dev}:{status.st_ino}"


def _read(name: str, text: str | None = None) -> tuple[PolicyFile, tuple[Problem, ...]]:
    """Read a file, or take the text that is known."""
    if name.startswith(BUILTIN):
        return builtin(name.removeprefix(BUILTIN))
    return parse(read_path(name or ".") if text is None else text, name=name, base=os.path.dirname(name))  # noqa: PTH120 - pathlib costs more than reading


def _resolve(source: PolicyFile, entry: str) -> str:
    """Return the name of the file that an entry means."""
    if entry.startswith(BUILTIN):
        return entry
    if entry.startswith(("/", "\\", "~")) or os.path.isabs(entry) or entry[1:3] in {":\\", ":/"}:  # noqa: PTH117
        raise _BadEntryError(
            f"{quoted(entry)} is an absolute path; write it relative to this file, so that the files can move together",
            ids.BAD_EXTENDS,
        )
    if source.base is None:
        return BUILTIN + entry.removesuffix(".toml")
    return display_name(source.base, entry)
