"""The parameters of a function as the columns of rows: which there are, and how a value becomes an argument."""

from __future__ import annotations

import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.fleet.rows.problems import a_text
from resilience.policyfile.messages.spelling import nearest_in_any_case

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_MOST_DIGITS: Final = 4000
"""Python refuses to read whole numbers with more than 4,300 digits."""

_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_KINDS: Final = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_OMITTED: Final = object()


class UnfitCellError(ValueError):
    """A value does not fit its parameter; the message does not show it."""


@frozen
class Parameter:
    """
    One parameter.

    Attributes:
        name: Its name, which is that of the column.
        kind: What its values are: str, int, float or bool; None for anything.
        takes_none: Whether None is a value.
        has_default: Whether a row need not have it.
        annotation: As a message shows it.
    """

    name: str
    kind: type | None
    takes_none: bool
    has_default: bool
    annotation: str

    def from_text(self, text: str) -> Any:
        """
        Return the argument that a text means; ``_OMITTED`` for an empty cell of a parameter with a default.

        Raises:
            UnfitCellError: It means none.
        """
        if not text:
            if self.has_default:
                return _OMITTED
            if self.takes_none:
                return None
            raise UnfitCellError(f"expected {self._expected}, found an empty cell")
        if self.kind is None and self.annotation:
            raise UnfitCellError(f"expected {self.annotation}, which a cell of CSV cannot hold; use JSON lines")
        stripped = text.strip()
        if self.kind is bool and stripped.lower() in _TRUTH:
            return _TRUTH[stripped.lower()]
        if self.kind is int and _WHOLE.fullmatch(stripped) and len(stripped) <= _MOST_DIGITS:
            return int(stripped)
        if self.kind is float and (number := _number(stripped)) is not None:
            return number
        if self.kind in {str, None}:
            return text
        raise UnfitCellError(f"expected {self._expected}, found {a_text(text)}")

    def from_value(self, value: Any) -> Any:
        """
        Return a value of JSON or Python as the argument.

        Raises:
            UnfitCellError: It is of another type than the parameter.
        """
        if self.kind is None or (value is None and self.takes_none):
            return value
        is_bool = isinstance(value, bool)
        if is_bool is (self.kind is bool) and isinstance(value, (int, float) if self.kind is float else self.kind):
            return value
        raise UnfitCellError(f"expected {self._expected}, found {_found(value)}")

    @property
    def _expected(self) -> str:
        return _KINDS.get(self.kind or str, "a text") if not self.annotation else self.annotation


def _number(text: str) -> float | None:
    try:
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _found(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return a_text(value) if value else "an empty text"
    names = {int: "a whole number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


class Parameters:
    """
    The parameters of one function.

    Raises:
        TypeError: The function has a parameter without a default that has no name.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._signature = inspect.signature(function)
        self.function: str = getattr(function, "__name__", type(function).__name__)
        hints = _hints(function)
        self._known: dict[str, Parameter] = {}
        self._takes_others = False
        for name, each in self._signature.parameters.items():
            if each.kind is each.VAR_KEYWORD:
                self._takes_others = True
            elif each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY}:
                kind, takes_none, annotation = _kind(hints.get(name, each.annotation))
                has_default = each.default is not each.empty
                self._known[name] = Parameter(name, kind, takes_none, has_default, annotation)
            elif each.kind is each.POSITIONAL_ONLY and each.default is each.empty:
                raise TypeError(
                    f"{self.function}: the column of a row gives the parameter of its name, and {name} has no name "
                    "for callers; take the / out of the parameters"
                )

    @property
    def needed(self) -> tuple[str, ...]:
        """The parameters without a default."""
        return tuple(name for name, each in self._known.items() if not each.has_default)

    def call(self, arguments: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what to call the function with; by position where possible: a verifier may have names of its own."""
        bound = self._signature.bind(**arguments)
        return bound.args, bound.kwargs

    def unknown(self, column: str) -> str | None:
        """Return what is said of a column that is no parameter, in the words after its name; None if it is one."""
        if column in self._known or (self._takes_others and column):
            return None
        near = nearest_in_any_case(column, tuple(self._known))
        names = ", ".join(self._known) or "none"
        hint = f'; did you mean "{near}"?' if near else f"; its parameters are {names}"
        return f"expected a parameter of {self.function}{hint}"

    def arguments(
        self, values: Mapping[str, Any], *, is_text: bool, report: Callable[[str, str], object]
    ) -> dict[str, Any]:
        """
        Return the arguments of a row.

        Args:
            values: By column.
            is_text: Whether the values are texts, to be converted as the parameter's annotation says.
            report: Is called with the column and the words of each problem.
        """
        found = {}
        for column, value in values.items():
            parameter = self._known.get(column)
            try:
                if parameter is None:
                    argument = value
                else:
                    argument = parameter.from_text(value) if is_text else parameter.from_value(value)
            except UnfitCellError as unfit:
                report(column, str(unfit))
                continue
            if argument is not _OMITTED:
                found[column] = argument
        return found


def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # noqa: BLE001  # annotations of users may raise anything when evaluated
        return {}


def _kind(annotation: Any) -> tuple[type | None, bool, str]:
    """Return the type of a parameter's values, whether None is one, and what messages call an unknown type."""
    if annotation in {inspect.Parameter.empty, Any, object}:
        return None, False, ""
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        kinds = [each for each in typing.get_args(annotation) if each is not type(None)]
        takes_none = len(kinds) < len(typing.get_args(annotation))
        if len(kinds) == 1:
            return _kind(kinds[0])[0], takes_none, _kind(kinds[0])[2]
        return None, takes_none, _written(annotation)
    if annotation in _KINDS:
        return annotation, False, ""
    return None, False, _written(annotation)


def _written(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
