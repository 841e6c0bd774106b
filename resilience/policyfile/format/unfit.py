"""The error for a value that does not fit its row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


class UnfitError(Exception):
    """
    A value does not fit; the message has what was expected and what was found.

    Attributes:
        rule: The id of the problem.
        index: The index of the wrong element in an array; None for the whole value.
        all: This error and the errors of other elements of the same array.
    """

    def __init__(self, rule: str, message: str, *, index: int | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.index = index
        self.all: tuple[UnfitError, ...] = (self,)


def elements(values: list[Any], check: Callable[[int, Any], _T]) -> tuple[_T, ...]:
    """Return the meaning of every element; one error reports all wrong elements."""
    read_ones, wrong = [], []
    for index, each in enumerate(values):
        try:
            read_ones.append(check(index, each))
        except UnfitError as error:
            error.index = index
            wrong.append(error)
    if wrong:
        wrong[0].all = tuple(wrong)
        raise wrong[0]
    return tuple(read_ones)
