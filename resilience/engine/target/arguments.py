"""Read and replace request fields in the arguments of a wrapped function."""

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
from resilience.clients.common.calls import Arguments

_SCALARS = (str, bytes, int, float, bool, type(None))
_UNKNOWN = (inspect.Parameter.empty, Any, object)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class LazyArguments(Mapping[str, Any]):
    """The arguments of a call by parameter name; they are bound at the first use."""

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
    """Reads and replaces request fields in the arguments of a function."""

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name; an empty dictionary if they do not fit the function."""
        ...

    def can_hold(self, field: str, /) -> bool:
        """Tell whether a call may have this field."""
        ...

    def may_name(self) -> tuple[str, ...]:
        """Return the fields that may name what a call makes, as far as they are known before a call."""
        ...

    def get(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field; None if it is missing or no string."""
        ...

    def text(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field of any type as text for a ledger's key; None if it is missing or has no text."""
        ...

    def replace(self, field: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Arguments:
        """
        Return the arguments with another value for a field; a request object is copied, not changed.

        Raises:
            LookupError: The arguments do not have the field, or have it in an object that cannot be changed.
        """
        ...


def snake_case(name: str) -> str:
    """Return a wire name in snake case: ``GroupId`` becomes ``group_id``."""
    return _WORD_START.sub("_", name).lower()


@frozen(slots=False)
class Signature:
    """
    Reads and replaces request fields in the arguments of a wrapped function.

    Attributes:
        function: The function.
        names: The user's names for fields (``key=`` of ``wrap``): field to parameter or attribute.
    """

    function: Callable[..., Any]
    names: Mapping[str, str]

    @cached_property
    def _signature(self) -> inspect.Signature:
        try:
            return inspect.signature(self.function)
        except (TypeError, ValueError):
            # Some callables of C extensions have no signature; they may take anything.
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
        """Return the arguments by parameter name; an empty dictionary if they do not fit the function."""
        try:
            return dict(self._signature.bind(*args, **kwargs).arguments)
        except TypeError:
            return {}

    def can_hold(self, field: str) -> bool:
        """
        Tell whether a call may have this field: in a parameter of that name, or in a request object.

        A parameter of an unknown type may be a request object; a string or a number is none.
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
        """Return the value of a field; None if it is missing or no string."""
        value = self.value(field, args, kwargs, str)
        return value if isinstance(value, str) else None

    def text(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return the value of a field of any type as text for a ledger's key; None if it is missing or has no text."""
        return naming.text_of(naming.found(field, lambda name: self.value(name, args, kwargs, object)))

    def value(self, field: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], kind: type = object) -> Any:
        """Return the value of a field; None if it is missing."""
        found = self._find(field, args, kwargs, kind)
        if found is None:
            return None
        holder, attribute = found
        value = self._argument(args, kwargs, holder)
        return value if attribute is None else _read(value, attribute)

    def replace(self, field: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """
        Return the arguments with another value for a request field; a request object is copied, not changed.

        Raises:
            LookupError: The arguments do not have the field, or have it in an object that cannot be changed.
        """
        found = self._find(field, args, kwargs)
        if found is None:
            raise LookupError(field)
        holder, attribute = found
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
        """Return the parameter for a field itself, and not for a request object with it; None if there is none."""
        return next((name for name in self._spellings(field) if name in self._parameters), None)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The parameters without a default."""
        return tuple(
            name
            for name, parameter in self._parameters.items()
            if parameter.default is parameter.empty and parameter.kind in _NAMED
        )

    def may_name(self) -> tuple[str, ...]:
        """Return the parameters that may name the function's resource: those that take a text."""
        hints = self._hints()
        return tuple(
            name
            for name, parameter in self._parameters.items()
            if parameter.kind in _NAMED
            and hints.get(name, parameter.annotation) in {str, inspect.Parameter.empty}
            and name not in {"self", "cls"}
        )

    @cached_property
    def _known_parameters(self) -> dict[str, tuple[tuple[str, ...], Mapping[str, int], Sequence[str]]]:
        return {}

    def _parameters_of(self, field: str) -> tuple[tuple[str, ...], Mapping[str, int], Sequence[str]]:
        """Return the spellings of a field, the positions of parameters with such names, and those with defaults."""
        known = self._known_parameters.get(field)
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
            known = self._known_parameters[field] = spellings, positions, defaults
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
        """Return the argument that has the field, and the attribute in it; None for the argument itself."""
        spellings, positions, defaults = self._parameters_of(field)
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
