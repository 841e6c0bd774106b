"""What is wrong with rows, all of it at once: where, what was expected, what was found, and what to do."""

from __future__ import annotations

from typing import Final

from resilience.policyfile.messages.secrecy import is_word

_SHOWN: Final = 20
"""How many problems a message shows: a screen. One mistake often makes a problem in every row."""


class RowsError(ValueError):
    """
    The rows cannot be used.

    Attributes:
        source: The name of the file.
        problems: The first problems, without values of rows.
        count: How many problems there are.
        is_late: Whether rows were checked before and have changed since, so that calls may have been made.
    """

    def __init__(self, source: str, problems: tuple[str, ...], count: int, *, is_late: bool = False) -> None:
        super().__init__(source, problems, count)
        self.is_late = is_late
        self.source = source
        self.problems = problems
        self.count = count

    def __str__(self) -> str:
        """Return a line for each problem that is shown."""
        problems = "1 problem" if self.count == 1 else f"{self.count:,} problems"
        more = self.count - len(self.problems)
        why = "it has changed since it was checked" if self.is_late else "nothing has been sent"
        return "\n  ".join(
            [
                f"{self.source}: {problems}; {why}",
                *self.problems,
                *([f"and {more:,} more"] if more else []),
            ]
        )


class Problems:
    """Collects problems; the memory does not grow with their number."""

    def __init__(self, source: str, *, is_late: bool = False) -> None:
        self._source = source
        self._is_late = is_late
        self._first: list[tuple[int, str]] = []
        self.count = 0

    def add(self, line: int, message: str, column: str | None = None) -> None:
        """Note a problem of a line, and of a column in it."""
        self.count += 1
        if len(self._first) < _SHOWN:
            where = "" if column is None else f"{shown(column)}: "
            self._first.append((line, f"{self._source}:{line}: {where}{message}"))

    def check(self) -> None:
        """
        Raise what has been found.

        Raises:
            RowsError: There is a problem.
        """
        if self.count:
            by_line = sorted(self._first, key=lambda each: each[0])
            raise RowsError(self._source, tuple(text for _, text in by_line), self.count, is_late=self._is_late)


def shown(column: str) -> str:
    """Return the name of a column, which may be a value where a file has no names of columns."""
    return column if is_word(column) else f"a column with a name of {len(column)} characters"


def a_text(value: str) -> str:
    """Describe a value of a row without showing it: it may be a secret."""
    if not value:
        return "an empty cell"
    return f"a text of {len(value):,} character{'' if len(value) == 1 else 's'}"
