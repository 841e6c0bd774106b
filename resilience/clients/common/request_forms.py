"""A request's fields, by their names on the wire, whatever form the request has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.clients.common import naming
from resilience.clients.common.calls import Arguments
from resilience.clients.common.renaming import NamePlaces, Renaming, renamed_fields

# The SDKs' own names for the parameter that takes the request.
_PARAMETERS: Final = ("request", "params", "acs_request")


@frozen
class RequestForm:
    """
    One form of a request.

    Attributes:
        fits: Tells whether a value has this form.
        read: Returns its fields.
        write: Returns a copy with other values for some fields.
    """

    fits: Callable[[Any], bool]
    read: Callable[[Any], Mapping[str, Any]]
    write: Callable[[Any, Mapping[str, Any]], Any]


Forms = tuple[RequestForm, ...]
"""The forms that requests of an SDK have; the first that fits counts."""


def fields_of(forms: Forms, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return the fields of the request among these arguments that are set; empty where there is none to read.

    Args:
        forms: The forms that it may have.
        args: The arguments of an SDK's method, without the client.
        kwargs: The arguments by name.
    """
    place = _place(forms, args, kwargs)
    if place is None:
        return {}
    holder, form = place
    try:
        fields = form.read(_argument(args, kwargs, holder))
    except Exception:  # noqa: BLE001  # a request that the SDK itself cannot read either; it will say so, in its words
        return {}
    return {name: value for name, value in fields.items() if value is not None}


def with_fields(
    forms: Forms, args: tuple[Any, ...], kwargs: Mapping[str, Any], changes: Mapping[str, Any]
) -> Arguments:
    """
    Return the arguments with other values for some fields of the request, in a copy; the script's own stays as it is.

    Args:
        forms: The forms that it may have.
        args: The arguments of an SDK's method, without the client.
        kwargs: The arguments by name.
        changes: The new values, by wire name.

    Raises:
        LookupError: There is no request, or it has no such field.
    """
    if not changes:
        return args, dict(kwargs)
    place = _place(forms, args, kwargs)
    if place is None:
        raise LookupError(", ".join(changes))
    holder, form = place
    fresh = form.write(_argument(args, kwargs, holder), changes)
    written = form.read(fresh)
    missing = [name for name, value in changes.items() if written.get(name) != value]
    if missing:
        raise LookupError(", ".join(missing))
    if isinstance(holder, int):
        return (*args[:holder], fresh, *args[holder + 1 :]), dict(kwargs)
    return args, {**kwargs, holder: fresh}


def request_in(forms: Forms, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the request among the arguments of an SDK's method; the first argument where there is none to read."""
    place = _place(forms, args, kwargs)
    return next(iter((*args, *kwargs.values())), None) if place is None else _argument(args, kwargs, place[0])


def _place(forms: Forms, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[int | str, RequestForm] | None:
    """Return which argument is the request, and its form; headers and options are mappings as well, and come later."""
    holders = [*(name for name in _PARAMETERS if name in kwargs), *range(len(args))]
    for holder in holders:
        value = _argument(args, kwargs, holder)
        for form in forms:
            if form.fits(value):
                return holder, form
    return None


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], holder: int | str) -> Any:
    return args[holder] if isinstance(holder, int) else kwargs[holder]


@frozen
class RequestFields:
    """
    Finds request fields in the arguments of an SDK's method, whatever form its request has.

    Attributes:
        provider: The provider of the method.
        forms: The forms that its requests have.
        places: Where requests to the provider name resources.
    """

    provider: str
    forms: Forms
    places: NamePlaces

    def can_hold(self, _: str, /) -> bool:
        """Return whether a call may carry a field: any request may."""
        return True

    def may_name(self) -> tuple[str, ...]:
        """Return no field: which ones a request has is seen in a call."""
        return ()

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request."""
        return dict(fields_of(self.forms, args, kwargs))

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field, or None if it is not there or no string."""
        value = fields_of(self.forms, args, kwargs).get(field_name)
        return value if isinstance(value, str) else None

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return what a field says, whatever its type, as a ledger's key has it; None if it says nothing."""
        return naming.text_of(naming.at(fields_of(self.forms, args, kwargs), field_name))

    def replace(self, field_name: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Arguments:
        """
        Return the arguments with another value for a field; the request is copied, not changed.

        Raises:
            LookupError: The request has no such field.
        """
        if self.get(field_name, args, kwargs) is None:
            raise LookupError(field_name)
        return with_fields(self.forms, args, kwargs, {field_name: value})

    def under_new_names(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], changes: Mapping[Renaming, str], created: str | None
    ) -> Arguments:
        """Return the arguments with the new names of what this run has renamed."""
        changed = renamed_fields(self.places, self.provider, fields_of(self.forms, args, kwargs), changes)
        # What creates it keeps the name that the script knows, until the call begins.
        changed.pop(created or "", None)
        return with_fields(self.forms, args, kwargs, changed) if changed else (args, kwargs)
