"""Finds a request field among the arguments of a wrapped function, and sends another value instead."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import attrs
from attrs import frozen

from resilience.clients.common import naming

_SCALARS = (str, bytes, int, float, bool, type(None))
_UNKNOWN = (inspect.Parameter.empty, Any, object)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class LazyArguments(Mapping[str, Any]):
    """The arguments of a call by parameter name, put together when they are first read."""

    def __init__(self, fields: ArgumentFields, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._sent = fields, args, kwargs

    @cached_property
    def _bound(self) -> Mapping[str, Any]:
        fields, args, kwargs = self._sent
        return fields.bound(args, kwargs)

    def __getitem__(self, name: str) -> Any:
        return self._bound[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bound)

    def __len__(self) -> int:
        return len(self._bound)


class ArgumentFields(Protocol):
    """Where the request's fields are among the arguments of a function."""

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name; empty where they do not fit."""
        ...

    def can_hold(self, field: str, /) -> bool:
        """Return whether a call may carry this field."""
        ...

    def may_name(self) -> tuple[str, ...]:
        """Return the fields that may name what a call makes, as far as that can be told before a call."""
        ...

    def get(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field, or None if it is not there or no string."""
        ...

    def text(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return what a field says, whatever its type, as a ledger's key has it; None if it says nothing."""
        ...

    def replace(self, field: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Arguments:
        """
        Return the arguments with another value for a field; a request object is copied, not changed.

        Raises:
            LookupError: The field is not among these arguments, or in an object that cannot be changed.
        """
        ...


def snake_case(name: str) -> str:
    """Return a wire name as Python spells it: ``GroupId`` becomes ``group_id``."""
    return _WORD_START.sub("_", name).lower()


@frozen(slots=False)
class Signature:
    """
    The parameters of a wrapped function, as far as request fields are to be found in them.

    Attributes:
        names: What the user calls a field (``key=`` of ``wrap``): field to parameter or attribute.
    """

    function: Callable[..., Any]
    names: Mapping[str, str]

    @cached_property
    def _signature(self) -> inspect.Signature:
        try:
            return inspect.signature(self.function)
        except (TypeError, ValueError):
            # Some callables of C extensions do not tell; they may take anything.
            return inspect.Signature(
                [
                    inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
                    inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
                ]
            )

    @property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return self._signature.parameters

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by parameter name; empty where they do not fit."""
        try:
            return dict(self._signature.bind(*args, **kwargs).arguments)
        except TypeError:
            return {}

    def can_hold(self, field: str) -> bool:
        """
        Return whether a call may carry this field: in a parameter of that name, or in a request object.

        A parameter whose type is unknown may be a request object; a string or a number is none.
        """
        spellings = self._spellings(field)
        parameters = self._parameters
        if any(name in parameters for name in spellings):
            return True
        hints = self._hints()
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            return True
        return any(
            _may_have(hints.get(name, parameter.annotation), spellings) for name, parameter in parameters.items()
        )

    def get(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return the value of a request field in this call, or None if it is not there or no string."""
        value = self.value(field, args, kwargs, str)
        return value if isinstance(value, str) else None

    def text(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return what a field says, whatever its type, as a ledger's key has it; None if it says nothing."""
        return naming.text_of(naming.found(field, lambda name: self.value(name, args, kwargs, object)))

    def value(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], kind: type = object) -> Any:
        """Return what a field is in this call; None if it is not there."""
        place = self._find(field, args, kwargs, kind)
        if place is None:
            return None
        holder, attribute = place
        value = self._argument(args, kwargs, holder)
        return value if attribute is None else _read(value, attribute)

    def replace(self, field: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """
        Return the arguments with another value for a request field; a request object is copied, not changed.

        Raises:
            LookupError: The field is not among these arguments, or in an object that cannot be changed.
        """
        place = self._find(field, args, kwargs)
        if place is None:
            raise LookupError(field)
        holder, attribute = place
        fresh: Any = value
        if attribute is not None:
            try:
                fresh = _copy_with(self._argument(args, kwargs, holder), attribute, value)
            except Exception as error:
                raise LookupError(field) from error
        if isinstance(holder, int):
            return (*args[:holder], fresh, *args[holder + 1 :]), dict(kwargs)
        return args, {**kwargs, holder: fresh}

    def parameter_of(self, field: str) -> str | None:
        """Return the parameter that is a field itself, and no request object that holds it; None if there is none."""
        return next((name for name in self._spellings(field) if name in self._parameters), None)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The parameters that every call has to give."""
        return tuple(
            name
            for name, parameter in self._parameters.items()
            if parameter.default is parameter.empty and parameter.kind in _NAMED
        )

    def may_name(self) -> tuple[str, ...]:
        """Return the parameters that may name what the function makes: those that take a text."""
        hints = self._hints()
        return tuple(
            name
            for name, parameter in self._parameters.items()
            if parameter.kind in _NAMED
            and hints.get(name, parameter.annotation) in {str, inspect.Parameter.empty}
            and name not in {"self", "cls"}
        )

    @cached_property
    def _known_places(self) -> dict[str, tuple[tuple[str, ...], Mapping[str, int], Sequence[str]]]:
        return {}

    def _places(self, field: str) -> tuple[tuple[str, ...], Mapping[str, int], Sequence[str]]:
        """Return how a field may be spelled, where parameters of such names are, and which of them may be left out."""
        known = self._known_places.get(field)
        if known is None:
            spellings, parameters = self._spellings(field), self._parameters
            positions = {name: at for at, name in enumerate(parameters) if name in spellings}
            defaults = [
                name
                for name in spellings
                if name in parameters
                and isinstance(parameters[name].default, str | int)
                and parameters[name].default != ""
                and parameters[name].kind is not inspect.Parameter.POSITIONAL_ONLY
            ]
            known = self._known_places[field] = spellings, positions, defaults
        return known

    def _argument(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], holder: int | str) -> Any:
        if isinstance(holder, int):
            return args[holder]
        return kwargs[holder] if holder in kwargs else self._parameters[holder].default

    def _spellings(self, field: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.names.get(field, field), snake_case(field), field)))

    def _hints(self) -> Mapping[str, Any]:
        try:
            return typing.get_type_hints(self.function)
        except Exception:  # noqa: BLE001  # annotations of users may raise anything when evaluated
            return {}

    def _find(
        self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], kind: type = str
    ) -> tuple[int | str, str | None] | None:
        """Return where the field is: which argument, and which attribute of it (None for the argument itself)."""
        spellings, positions, defaults = self._places(field)
        for name in spellings:
            if name in kwargs:
                return name, None
        for name in spellings:
            at = positions.get(name)
            if at is not None and at < len(args):
                return at, None
        holders: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
        for holder, value in holders:
            is_self = holder == 0 and next(iter(self._parameters), "") == "self"
            if is_self or isinstance(value, _SCALARS) or callable(value):
                continue
            for name in spellings:
                found = _read(value, name)
                if found is not None and isinstance(found, kind) and not callable(found):
                    return holder, name
        return (defaults[0], None) if defaults else None


def _read(request: Any, attribute: str) -> Any:
    return request.get(attribute) if isinstance(request, Mapping) else getattr(request, attribute, None)


def _copy_with(request: Any, attribute: str, value: str) -> Any:
    if isinstance(request, Mapping):
        return {**request, attribute: value}
    if dataclasses.is_dataclass(request) and not isinstance(request, type):
        return dataclasses.replace(request, **{attribute: value})
    if attrs.has(type(request)):
        return attrs.evolve(request, **{attribute: value})
    if isinstance(request, tuple) and hasattr(request, "_replace"):
        return request._replace(**{attribute: value})
    fresh = copy.copy(request)
    setattr(fresh, attribute, value)
    return fresh


def _may_have(annotation: Any, spellings: tuple[str, ...]) -> bool:
    if annotation in _SCALARS:
        return False
    if annotation in _UNKNOWN or not isinstance(annotation, type) or issubclass(annotation, Mapping):
        return True
    try:
        fields = {*inspect.signature(annotation).parameters, *typing.get_type_hints(annotation)}
    except Exception:  # noqa: BLE001  # a class without a readable signature may be anything
        return True
    return any(name in fields or hasattr(annotation, name) for name in spellings)
